// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	kjson "sigs.k8s.io/json"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/admission"
)

// fields reads a document as kubectl does, nil when it is empty.
func fields(raw []byte) (map[string]any, error) {
	document, err := sigsyaml.YAMLToJSON(raw)
	if err != nil {
		return nil, errors.New("not the YAML of a Kubernetes object: " + malformed(err))
	}
	var object map[string]any
	if kjson.UnmarshalCaseSensitivePreserveInts(document, &object) != nil {
		return nil, errors.New("not the YAML of a Kubernetes object: it is no mapping of fields such as apiVersion and kind")
	}
	return object, nil
}

// malformed is what is wrong with the YAML. Some of the library's errors repeat what stands there, which may be the value of a Secret.
func malformed(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	switch {
	case strings.Contains(text, "unknown anchor"):
		return "a value begins with * and is no alias: put it between quotes"
	case strings.Contains(text, "map key"):
		return "a key is no text: put a value with braces, and a key, between quotes"
	case strings.Contains(text, "cannot decode"):
		return "a value does not fit its tag (!!)"
	default:
		return text
	}
}

// unambiguous refuses a document with a key that is there twice: kubectl takes the last, and nobody means that.
func unambiguous(raw []byte) error {
	var root yaml.Node
	if err := yaml.Unmarshal(raw, &root); err != nil {
		return errors.New(malformed(err))
	}
	return repeated(&root)
}

func repeated(node *yaml.Node) error {
	seen := map[string]bool{}
	for i, child := range node.Content {
		if err := repeated(child); err != nil {
			return err
		}
		switch {
		case node.Kind != yaml.MappingNode || i%2 != 0:
		case child.ShortTag() == mergeTag:
			for key := range merged(node.Content[i+1]) {
				if seen[key] {
					return fmt.Errorf("line %d: put the merge (<<) above key %q: below it, kubectl takes the merged value and YAML the key's", child.Line, key)
				}
			}
		case seen[child.Value]:
			return fmt.Errorf("line %d: key %q already set in map", child.Line, child.Value)
		default:
			seen[child.Value] = true
		}
	}
	return nil
}

// mergeTag is that of the key <<.
const mergeTag = "!!merge"

// merged are the keys that the value of a merge brings.
func merged(node *yaml.Node) map[string]bool {
	keys := map[string]bool{}
	switch node.Kind {
	case yaml.AliasNode:
		return merged(node.Alias)
	case yaml.SequenceNode:
		for _, item := range node.Content {
			maps.Copy(keys, merged(item))
		}
	case yaml.MappingNode:
		for i := 0; i < len(node.Content); i += 2 {
			if key := node.Content[i]; key.ShortTag() == mergeTag {
				maps.Copy(keys, merged(node.Content[i+1]))
			} else {
				keys[key.Value] = true
			}
		}
	default: // nothing else can be merged
	}
	return keys
}

// decodeTier reads an EngineEnvironment strictly, and only when it fits the custom resource definition. Errors name the field, as the
// API server's do.
func decodeTier(ctx context.Context, object map[string]any, into *v1alpha1.EngineEnvironment) error {
	delete(object, "status") // the API server drops it, too: it is the operator's
	if hasVastQuantity(object) {
		if err := admission.Explain(admission.Check(ctx, object, nil)); err != nil {
			return err
		}
	}
	if err := decode(object, into, admission.Secret, admission.FieldsBeside); err != nil {
		return err
	}
	admission.Default(object) // the definition has none for a spec, but nulls are left out
	return admission.Explain(admission.Check(ctx, object, nil))
}

// vast is a limit with an exponent of three digits and more, in JSON. Kubernetes reckons with as many digits as the exponent says when it
// decodes one, for hours; the definition's rules refuse it at once.
var vast = regexp.MustCompile(`"(cpu|memory)":"[^"]*[eE][+-]?0*[1-9][0-9]{2}`)

func hasVastQuantity(object map[string]any) bool {
	document, err := json.Marshal(object)
	return err == nil && vast.Match(document)
}

// noFields is of objects whose fields are Kubernetes' own.
func noFields(string) []string { return nil }

// decode reads an object strictly. hidden reports whether a value at that path may be secret, and beside names the fields that there are
// at the place of one that there is not.
func decode(object map[string]any, into any, hidden func(path string) bool, beside func(path string) []string) error {
	document, err := json.Marshal(object)
	if err != nil {
		return err
	}
	strict, err := kjson.UnmarshalStrict(document, into)
	switch {
	case err != nil:
		return misfit(document, into, hidden, beside, err)
	case len(strict) > 0:
		return unknown(strict, beside)
	default:
		return nil
	}
}

var unknownField = regexp.MustCompile(`^unknown field "(.*)"$`)

// unknown names the fields that there are not, and those that may be meant.
func unknown(strict []error, beside func(path string) []string) error {
	var all []string
	for _, problem := range strict {
		text := problem.Error()
		if m := unknownField.FindStringSubmatch(text); m != nil {
			if there := beside(m[1]); len(there) > 0 {
				text += ": there is " + strings.Join(there, ", ")
			}
		}
		all = append(all, text)
	}
	return errors.New(strings.Join(all, "; "))
}

// misfit names the value that cannot be decoded. Errors of types such as quantities do not say where they come from: it is the value
// that is enough to get the same error.
func misfit(document []byte, into any, hidden func(string) bool, beside func(string) []string, problem error) error {
	var root any
	if json.Unmarshal(document, &root) != nil {
		return problem
	}
	f := finder{wanted: problem.Error()}
	f.blame(root, "", func(part any) string {
		text, err := json.Marshal(part)
		if err == nil {
			err = kjson.UnmarshalCaseSensitivePreserveInts(text, reflect.New(reflect.TypeOf(into).Elem()).Interface())
		}
		return fmt.Sprint(err)
	})
	path := strings.TrimPrefix(f.path, ".")
	takes := ""
	if below := beside(path + ".*"); len(below) > 0 {
		takes = "; its fields are " + strings.Join(below, ", ")
	}
	return fmt.Errorf("%s: %s %s%s", path, written(f.value, hidden(path), f.wanted), f.advice(), takes)
}

// finder searches for the innermost part of a document that fails alone.
type finder struct {
	// wanted is the error that it fails with.
	wanted string
	path   string
	value  any
	// problem is the error of another value in its place.
	problem func(part any) string
}

// blame finds it below the node. Parts are tried without the others: that takes no longer the more of them there are.
func (f *finder) blame(node any, path string, problem func(part any) string) {
	f.path, f.value, f.problem = path, node, problem
	try := func(child any, path string, within func(any) any) bool {
		alone := func(part any) string { return problem(within(part)) }
		if alone(child) != f.wanted {
			return false
		}
		f.blame(child, path, alone)
		return true
	}
	switch node := node.(type) {
	case map[string]any:
		if problem(map[string]any{}) == f.wanted { // nothing fits here that is an object
			break
		}
		for _, key := range slices.Sorted(maps.Keys(node)) {
			if try(node[key], path+"."+key, func(v any) any { return map[string]any{key: v} }) {
				return
			}
		}
	case []any:
		if problem([]any{}) == f.wanted {
			break
		}
		for i := range node {
			if try(node[i], fmt.Sprintf("%s[%d]", path, i), func(v any) any { return []any{v} }) {
				return
			}
		}
	}
}

// written is the value in a message. It is left out where it may be a secret: a value of a variable in whatever shape, or a text in
// place of an object, such as a token in place of the reference to its Secret.
func written(value any, hidden bool, problem string) string {
	switch value.(type) {
	case map[string]any, []any:
		return "the value"
	}
	if hidden || strings.Contains(problem, "cannot unmarshal string into") {
		return "the value"
	}
	text, _ := json.Marshal(value) // it was decoded from JSON
	return string(text)
}

// noText is a text that is no duration, no quantity and no base64: its error says which of them a field takes.
const noText = "?"

// advice says of the value what to write instead.
func (f *finder) advice() string {
	problem := f.wanted
	if _, isText := f.value.(string); !isText { // the error is about the kind of value alone
		if known := kindAdvice(f.problem(noText), f.value); known != "" {
			return known
		}
	}
	if known := kindAdvice(problem, f.value); known != "" {
		return known
	}
	switch {
	case strings.Contains(problem, "of type string"):
		return "is no text: put it between quotes"
	case strings.Contains(problem, "of type int") && strings.HasSuffix(f.path, "USD"):
		return "is no whole number of dollars: write one such as 50, without quotes, $ or cents"
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

// kindAdvice is the advice for texts of a certain form.
func kindAdvice(problem string, value any) string {
	switch {
	case strings.Contains(problem, "quantities must match"), strings.Contains(problem, "unable to parse quantity"):
		return `is no quantity: write 4Gi, 512Mi, "2" or 500m, without a B`
	case strings.Contains(problem, "time: "):
		if n := wholeNumber(value); n != "" {
			return fmt.Sprintf("is no duration: write %[1]ss, %[1]sm or %[1]sh", n)
		}
		return "is no duration: write 30s, 5m or 1h"
	case strings.Contains(problem, "illegal base64"):
		return "is no base64"
	default:
		return ""
	}
}

// digits are a number without its unit.
var digits = regexp.MustCompile(`^[0-9]{1,9}$`)

// wholeNumber is the number that was written without a unit, empty when something else was.
func wholeNumber(value any) string {
	switch value := value.(type) {
	case float64:
		if value > 0 && value < 1e9 && value == math.Trunc(value) {
			return fmt.Sprintf("%.0f", value)
		}
	case string:
		return digits.FindString(value)
	}
	return ""
}
