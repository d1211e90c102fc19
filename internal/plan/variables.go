// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// appendVariables appends the leaves of a service's variables, or of the shared ones.
func appendVariables(list []leaf, observed *model.Environment, service, serviceID string, variables []desired.Variable) []leaf {
	for _, v := range variables {
		l := leaf{
			path: variablePath(service, v.Name), service: service, keys: variableKeys(serviceID, v.Name),
			want: v.Value, secret: v.Secret, seal: v.Sealed, deploys: true, variable: true,
		}
		l.have, l.present, l.sealed = observedVariable(observed, serviceID, v.Name)
		l.unreadable = l.present && l.have == nil
		l.occupied = l.present
		list = append(list, l)
	}
	return list
}

// variablePatch is what a patch carries of a variable.
func variablePatch(l leaf) map[string]any {
	patch := map[string]any{"value": l.want}
	if l.seal {
		patch["isSealed"] = true
	}
	return patch
}

// observedVariable returns a variable's unrendered value, nil when Railway does not show it
// (railway-api.md, "EnvironmentConfig", "Variables").
func observedVariable(observed *model.Environment, serviceID, name string) (value any, present, sealed bool) {
	variable, isObject := any(nil), false
	if raw, ok := observed.Config.Get(variableKeys(serviceID, name)...); ok {
		variable, isObject = raw.(map[string]any)
	}
	sealed = observed.Sealed[model.VariableRef{ServiceID: serviceID, Name: name}]
	if !isObject {
		return nil, sealed, sealed // some reads leave sealed variables out of the config
	}
	fields := variable.(map[string]any)
	if mark, _ := fields["isSealed"].(bool); mark {
		sealed = true
	}
	if sealed {
		return nil, true, true
	}
	return fields["value"], true, false
}

func variablePath(service, name string) string {
	if service == "" {
		return "shared." + name
	}
	return service + ".variables." + name
}

func variableKeys(serviceID, name string) []string {
	if serviceID == "" {
		return []string{"sharedVariables", name}
	}
	return []string{"services", serviceID, "variables", name}
}
