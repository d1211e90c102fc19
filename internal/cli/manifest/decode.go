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
		return misfit(document, err)
	case len(strict) > 0:
		return strict[0]
	}
	var object map[string]any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(document, &object); err != nil {
		return err
	}
	delete(object, "status")  // the API server drops it, too
	admission.Default(object) // the definition has none for a spec, but nulls are left out
	return admission.Explain(admission.Check(ctx, object, nil))
}

// misfit names the value that cannot be decoded. Errors of types such as quantities do not say where they come from: it is the value
// that is enough to get the same error.
func misfit(document []byte, problem error) error {
	var root any
	if json.Unmarshal(document, &root) != nil {
		return problem
	}
	path, value := blame(root, "", func(part any) bool {
		text, err := json.Marshal(part)
		return err == nil && fmt.Sprint(kjson.UnmarshalCaseSensitivePreserveInts(text, &v1alpha1.EngineEnvironment{})) == problem.Error()
	})
	return fmt.Errorf("%s: %s %s", strings.TrimPrefix(path, "."), written(path, value, problem.Error()), advice(problem.Error()))
}

// blame returns the innermost part of the node that fails alone, and its path. Parts are tried without the others: that takes no longer
// the more of them there are.
func blame(node any, path string, fails func(part any) bool) (at string, value any) {
	try := func(child any, path string, within func(any) any) bool {
		if alone := func(part any) bool { return fails(within(part)) }; alone(child) {
			at, value = blame(child, path, alone)
			return true
		}
		return false
	}
	switch node := node.(type) {
	case map[string]any:
		if fails(map[string]any{}) { // nothing fits here that is an object
			break
		}
		for _, key := range slices.Sorted(maps.Keys(node)) {
			if try(node[key], path+"."+key, func(v any) any { return map[string]any{key: v} }) {
				return at, value
			}
		}
	case []any:
		if fails([]any{}) {
			break
		}
		for i := range node {
			if try(node[i], fmt.Sprintf("%s[%d]", path, i), func(v any) any { return []any{v} }) {
				return at, value
			}
		}
	}
	return path, node
}

// written is the value in a message. It is left out where it may be a secret: a value of a variable in whatever shape, or a text in
// place of an object, such as a token in place of the reference to its Secret.
func written(path string, value any, problem string) string {
	switch value.(type) {
	case map[string]any, []any:
		return "the value"
	}
	if admission.Secret(path) || strings.Contains(problem, "cannot unmarshal string into") {
		return "the value"
	}
	text, _ := json.Marshal(value) // it was decoded from JSON
	return string(text)
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
	case strings.Contains(problem, "of type int"):
		return "is no whole number, or one that is too large: write one such as 5, without quotes"
	case strings.Contains(problem, "of type bool"):
		return "is neither true nor false: write one of them, without quotes"
	}
	if _, after, ok := strings.Cut(problem, "cannot unmarshal "); ok { // the rest is about Go's types
		kind, _, _ := strings.Cut(after, " ")
		return "does not fit: the field takes no " + kind
	}
	return "does not fit: " + problem
}
