// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

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
		e, err := c.environment(c.w(), argText(input, "environmentId"))
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
		e, err := c.environment(c.w(), argText(input, "environmentId"))
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
// write shared variables (FACTS §4.4).
func (s *Sim) editVariables(c call, input, change map[string]any, skipDeploys bool) (any, error) {
	e, err := c.environment(s.world, argText(input, "environmentId"))
	if err != nil {
		return nil, err
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
