// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"fmt"
	"strings"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// maxVariables bounds the record of what was written, which stands in the object's status.
const maxVariables = 2000

// maxSecretSize is how many bytes of values the API server takes in one Secret.
const maxSecretSize = 1 << 20

func (e *Environment) checkCount() error {
	n := len(e.Shared)
	for _, service := range e.Services {
		n += len(service.Variables)
	}
	if n <= maxVariables {
		return nil
	}
	return &Error{Reason: v1alpha1.ReasonInvalidVariable, Message: fmt.Sprintf(
		"the spec and the objects it names declare %d variables: at most %d can be kept track of", n, maxVariables)}
}

// checkSize refuses a Local tier whose variables do not fit into the one Secret that holds them.
func (e *Environment) checkSize(tier v1alpha1.Tier) error {
	if tier != v1alpha1.TierLocal {
		return nil
	}
	size := 0
	for _, value := range e.Services[0].Env(e.Shared) {
		size += len(value)
	}
	if size <= maxSecretSize {
		return nil
	}
	return &Error{Reason: v1alpha1.ReasonInvalidVariable, Message: fmt.Sprintf(
		"the engine's variables have %d bytes, and a Secret holds at most %d: take large values out of spec.engine and what it names", size, maxSecretSize)}
}

// checkNames refuses services whose names differ in case only: people and Railway's references would mix them up.
func checkNames(spec *v1alpha1.EngineEnvironmentSpec) error {
	seen := map[string]string{strings.ToLower(spec.Engine.Name): spec.Engine.Name}
	for i := range spec.Services {
		name := spec.Services[i].Name
		lower := strings.ToLower(name)
		if other, taken := seen[lower]; taken {
			return &Error{Reason: v1alpha1.ReasonInvalidSpec, Message: fmt.Sprintf(
				"the services %q and %q have the same name but for upper and lower case: rename one of them", other, name)}
		}
		seen[lower] = name
	}
	return nil
}
