// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

// Variables (railway-api.md, "Mutations of one field", "Variables").

var variableQueries = map[string]query{
	"variables": func(c call, args map[string]any) (any, error) {
		e, err := c.within(c.view.w, argText(args, "projectId"), argText(args, "environmentId"))
		if err != nil {
			return nil, err
		}
		serviceID := argText(args, "serviceId")
		scope := sub(e.Config, "sharedVariables")
		if serviceID != "" {
			if _, _, err := c.at(c.view.w, e.ID, serviceID); err != nil {
				return nil, err
			}
			scope = sub(e.Config, "services", serviceID, "variables")
		}
		all := values(scope)
		if args["unrendered"] != true && serviceID != "" {
			all = c.view.w.readable(e, serviceID)
		}
		return withoutSealed(all, scope), nil
	},
	"variablesForServiceDeployment": func(c call, args map[string]any) (any, error) {
		e, s, err := c.inside(c.view.w, args)
		if err != nil {
			return nil, err
		}
		all := c.view.w.readable(e, s.ID)
		for name, value := range c.view.w.system(e, s.ID) {
			all[name] = value
		}
		return all, nil
	},
}

var variableMutations = map[string]mutation{
	"variableUpsert": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		change := map[string]any{argText(input, "name"): map[string]any{"value": argText(input, "value")}}
		return c.s.editVariables(c, input, change, input["skipDeploys"] == true)
	},
	"variableDelete": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		return c.s.editVariables(c, input, map[string]any{argText(input, "name"): nil}, false)
	},
	"variableCollectionUpsert": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		change := map[string]any{}
		given, _ := deepCopy(input["variables"]).(map[string]any)
		e, err := c.within(c.w(), argText(input, "projectId"), argText(input, "environmentId"))
		if err != nil {
			return nil, err
		}
		if input["replace"] == true {
			for name := range scopeOf(e, argText(input, "serviceId")) {
				change[name] = nil
			}
		}
		for name, value := range given {
			change[name] = map[string]any{"value": value}
		}
		return c.s.editVariables(c, input, change, input["skipDeploys"] == true)
	},
	"sharedVariableConfigure": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		e, err := c.within(c.w(), argText(input, "projectId"), argText(input, "environmentId"))
		if err != nil {
			return nil, err
		}
		name := argText(input, "name")
		if _, ok := scopeOf(e, "")[name]; !ok {
			return nil, notFound("Variable")
		}
		services := map[string]any{}
		for _, id := range listOf(input["enabledServiceIds"]).([]any) {
			services[id.(string)] = map[string]any{"variables": map[string]any{name: map[string]any{"value": "${{shared." + name + "}}"}}}
		}
		for _, id := range listOf(input["disabledServiceIds"]).([]any) {
			services[id.(string)] = map[string]any{"variables": map[string]any{name: nil}}
		}
		if _, err := c.s.commit(e, map[string]any{"services": services}, "", c.token.UserID, false); err != nil {
			return nil, err
		}
		for _, n := range c.fresh().variables(e) {
			if n["name"] == name && n["serviceId"] == nil {
				return n, nil
			}
		}
		return nil, notFound("Variable")
	},
}

func scopeOf(e *environment, serviceID string) map[string]any {
	if serviceID == "" {
		return sub(e.Config, "sharedVariables")
	}
	return sub(e.Config, "services", serviceID, "variables")
}

// editVariables is what the per-variable mutations do: they apply at once, deploy once per call, and without a service they
// write shared variables (railway-api.md, "Mutations of one field").
func (s *Sim) editVariables(c call, input, change map[string]any, skipDeploys bool) (any, error) {
	e, err := c.within(s.world, argText(input, "projectId"), argText(input, "environmentId"))
	if err != nil {
		return nil, err
	}
	if _, nameless := change[""]; nameless {
		return nil, badInput("Variable name cannot be empty")
	}
	serviceID := argText(input, "serviceId")
	patch := map[string]any{"sharedVariables": change}
	if serviceID != "" {
		if _, _, err := c.at(s.world, e.ID, serviceID); err != nil {
			return nil, err
		}
		patch = map[string]any{"services": map[string]any{serviceID: map[string]any{"variables": change}}}
	}
	if _, err := s.commit(e, patch, "", c.token.UserID, skipDeploys); err != nil {
		return nil, err
	}
	return true, nil
}

// readable are a service's rendered variables as they may be read back.
func (w *world) readable(e *environment, serviceID string) map[string]string {
	return withoutSealed(w.rendered(e.open(), serviceID), sub(e.Config, "services", serviceID, "variables"))
}

func withoutSealed(all map[string]string, scope map[string]any) map[string]string {
	for name := range all {
		if variable, _ := scope[name].(map[string]any); variable["isSealed"] == true {
			delete(all, name)
		}
	}
	return all
}

// variables lists the variables of every scope, without values (railway-api.md, "Reading an environment").
func (v view) variables(e *environment) []node {
	list := []node{}
	add := func(serviceID string, variables map[string]any) {
		for _, name := range keys(variables) {
			variable, _ := variables[name].(map[string]any)
			list = append(list, node{
				"__typename": "Variable", "id": deterministic(e.ID, serviceID, name), "name": name, "serviceId": optional(serviceID),
				"environmentId": e.ID, "isSealed": variable["isSealed"] == true, "references": references(variable),
				"createdAt": stamp(e.CreatedAt), "updatedAt": stamp(e.UpdatedAt),
				"environment": lazy(func(map[string]any) (any, error) { return v.environment(e), nil }),
				"service": lazy(func(map[string]any) (any, error) {
					if s := v.w.Services[serviceID]; s != nil {
						return v.service(s), nil
					}
					return nil, nil // a shared variable has none, although the schema promises one
				}),
			})
		}
	}
	add("", sub(e.Config, "sharedVariables"))
	for _, id := range keys(sub(e.Config, "services")) {
		if e.live(id) {
			add(id, sub(e.Config, "services", id, "variables"))
		}
	}
	return list
}

func references(variable map[string]any) []any {
	list := []any{}
	value, _ := variable["value"].(string)
	for _, match := range reference.FindAllStringSubmatch(value, -1) {
		list = append(list, match[1])
	}
	return list
}
