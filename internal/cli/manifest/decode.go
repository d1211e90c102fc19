// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	kjson "sigs.k8s.io/json"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/admission"
)

// decode reads an EngineEnvironment strictly, and only when it fits the custom resource definition. Errors name the field, as the API
// server's do.
func decode(ctx context.Context, raw []byte, into *v1alpha1.EngineEnvironment) error {
	document, err := sigsyaml.YAMLToJSONStrict(raw)
	if err != nil {
		return errors.New(strings.Join(strings.Fields(err.Error()), " "))
	}
	strict, err := kjson.UnmarshalStrict(document, into)
	switch {
	case err != nil:
		return misfit(document, into, err)
	case len(strict) > 0:
		return strict[0]
	}
	var object map[string]any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(document, &object); err != nil {
		return err
	}
	delete(object, "status")  // the API server drops it, too
	admission.Default(object) // the definition has none for a spec, but nulls are left out
	if err := admission.Explain(admission.Check(ctx, object, nil)); err != nil {
		return err
	}
	return nil
}

// misfit names the value that cannot be decoded. Errors of types such as quantities do not say where they come from: it is the value
// without which they do not come.
func misfit(document []byte, into any, problem error) error {
	var root any
	if json.Unmarshal(document, &root) != nil {
		return problem
	}
	fits := func() bool {
		changed, err := json.Marshal(root)
		return err == nil && fmt.Sprint(kjson.UnmarshalCaseSensitivePreserveInts(changed, into)) != problem.Error()
	}
	path, value, found := search(root, "", fits)
	if !found {
		return problem
	}
	written, _ := json.Marshal(value) // it was decoded from JSON
	return fmt.Errorf("%s: %s %s", strings.TrimPrefix(path, "."), written, advice(problem.Error()))
}

// search finds the innermost value that fits when it is null.
func search(node any, path string, fits func() bool) (at string, value any, found bool) {
	try := func(child any, path string, set func(any)) bool {
		if at, value, found = search(child, path, fits); found {
			return true
		}
		set(nil)
		found = fits()
		set(child)
		at, value = path, child
		return found
	}
	switch node := node.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(node)) {
			if try(node[key], path+"."+key, func(v any) { node[key] = v }) {
				return at, value, true
			}
		}
	case []any:
		for i := range node {
			if try(node[i], fmt.Sprintf("%s[%d]", path, i), func(v any) { node[i] = v }) {
				return at, value, true
			}
		}
	}
	return "", nil, false
}

// advice says of a value what to write instead.
func advice(problem string) string {
	switch {
	case strings.Contains(problem, "quantities must match"), strings.Contains(problem, "unable to parse quantity"):
		return `is no quantity: write 4Gi, 512Mi, "2" or 500m, without a B`
	case strings.Contains(problem, "time: "):
		return "is no duration: write 30s, 5m or 1h"
	case strings.Contains(problem, "of type string"):
		return "is no text: put it between quotes"
	default:
		return "does not fit: " + problem
	}
}
