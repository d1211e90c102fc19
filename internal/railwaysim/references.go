// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"regexp"
	"strings"
)

// References between variables, and the variables that Railway provides (railway-api.md, "Variables").

var reference = regexp.MustCompile(`\$\{\{\s*([^}]+?)\s*\}\}`)

// rendered are a service's variables with references resolved (railway-api.md, "Variables").
func (w *world) rendered(e *environment, serviceID string) map[string]string {
	return w.renderedTo(e, serviceID, 0)
}

// maxDepth ends references that go round in a circle.
const maxDepth = 8

func (w *world) renderedTo(e *environment, serviceID string, depth int) map[string]string {
	own := values(sub(e.Config, "services", serviceID, "variables"))
	system := w.system(e, serviceID)
	var render func(value string, depth int) string
	render = func(value string, depth int) string {
		if depth > maxDepth {
			return ""
		}
		return reference.ReplaceAllStringFunc(value, func(match string) string {
			name := reference.FindStringSubmatch(match)[1]
			if scope, variable, ok := strings.Cut(name, "."); ok {
				return w.lookup(e, scope, variable, depth+1)
			}
			if raw, ok := own[name]; ok {
				return render(raw, depth+1)
			}
			return system[name]
		})
	}
	result := map[string]string{}
	for name, value := range own {
		result[name] = render(value, depth)
	}
	return result
}

func (w *world) lookup(e *environment, scope, name string, depth int) string {
	if scope == "shared" {
		return values(sub(e.Config, "sharedVariables"))[name]
	}
	if depth > maxDepth {
		return ""
	}
	for _, s := range w.servicesOf(e.ProjectID) {
		if s.Name == scope && e.live(s.ID) {
			if value, ok := w.renderedTo(e, s.ID, depth+1)[name]; ok {
				return value
			}
			return w.system(e, s.ID)[name]
		}
	}
	return ""
}

// system are the variables that Railway provides (railway-api.md, "Variables").
func (w *world) system(e *environment, serviceID string) map[string]string {
	provided := map[string]string{
		"RAILWAY_ENVIRONMENT_NAME": e.Name, "RAILWAY_ENVIRONMENT_ID": e.ID, "RAILWAY_ENVIRONMENT": e.Name,
		"RAILWAY_PROJECT_ID": e.ProjectID, "RAILWAY_SERVICE_ID": serviceID,
	}
	if p := w.Projects[e.ProjectID]; p != nil {
		provided["RAILWAY_PROJECT_NAME"] = p.Name
	}
	if s := w.Services[serviceID]; s != nil {
		provided["RAILWAY_SERVICE_NAME"] = s.Name
		provided["RAILWAY_PRIVATE_DOMAIN"] = strings.ToLower(s.Name) + ".railway.internal"
	}
	if domains := w.domainsOf(e.ID, serviceID, false); len(domains) > 0 {
		provided["RAILWAY_PUBLIC_DOMAIN"] = domains[0].Host
	}
	return provided
}

// values are a scope's unrendered variables.
func values(variables map[string]any) map[string]string {
	result := map[string]string{}
	for name, raw := range variables {
		if variable, ok := raw.(map[string]any); ok {
			value, _ := variable["value"].(string)
			result[name] = value
		}
	}
	return result
}
