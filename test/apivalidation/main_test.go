// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package apivalidation holds the contract of the EngineEnvironment API against a real Kubernetes API server: what admission
// refuses, in which words, what it accepts, and that the samples can be applied again and again. That the server takes the
// CRD at all proves that every rule keeps within the cost that Kubernetes allows for CEL.
package apivalidation

import (
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/internal/admission"
	"github.com/engine-operator/engine-operator/internal/controlplane"
)

var config *rest.Config

func TestMain(m *testing.M) { os.Exit(controlplane.ForTests(m, &config)) }

// kube returns a client, and a namespace of the test's own.
func kube(t *testing.T) (client.Client, string) {
	t.Helper()
	c, err := client.New(controlplane.Need(t, config), client.Options{})
	require.NoError(t, err)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "apivalidation-"}}
	require.NoError(t, c.Create(t.Context(), namespace))
	return c, namespace.Name
}

// The smallest specs that are accepted, by tier.
const (
	localSpec = `
tier: Local
engine: {name: ai-engine}
`
	railwaySpec = `
railway: {projectID: 0bb01547-570d-4109-a5e8-138691f6a2d1, tokenSecretRef: {name: railway}}
engine: {name: ai-engine, source: {image: "ghcr.io/acme/ai-engine:1.4.2"}}
`
)

// spec is the smallest accepted spec of the tier with a patch over it, as YAML.
func spec(t *testing.T, tier, patch string) map[string]any {
	t.Helper()
	base := localSpec
	if tier != "Local" {
		base = "tier: " + tier + railwaySpec
	}
	var fields map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(base), &fields))
	return merge(t, fields, patch)
}

// merge returns fields with a merge patch (RFC 7386) over them: null removes.
func merge(t *testing.T, fields any, patch string) map[string]any {
	t.Helper()
	document, err := yaml.Marshal(fields)
	require.NoError(t, err)
	document, err = yaml.YAMLToJSON(document)
	require.NoError(t, err)
	if patch != "" {
		over, err := yaml.YAMLToJSONStrict([]byte(patch))
		require.NoError(t, err)
		document, err = jsonpatch.MergePatch(document, over)
		require.NoError(t, err)
	}
	var merged map[string]any
	require.NoError(t, yaml.Unmarshal(document, &merged))
	return merged
}

func environment(namespace, name string, spec map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "railway.engine-operator.dev/v1alpha1", "kind": "EngineEnvironment",
		"metadata": map[string]any{"namespace": namespace, "name": name}, "spec": spec,
	}}
}

// try asks the API server to create the object, and to do nothing. Without a server, admission must have come to the same answer.
func try(t *testing.T, c client.Client, object *unstructured.Unstructured) error {
	t.Helper()
	alone := object.DeepCopy().Object
	err := c.Create(t.Context(), object, client.DryRunAll)
	agrees(t, err, alone, nil)
	return err
}

// agrees holds that admission says of an object the same as the API server, but for values that it masks and whether it stops early.
func agrees(t *testing.T, server error, object, before map[string]any) {
	t.Helper()
	object = integers(t, object)
	admission.Default(object)
	var want, got []string
	for _, line := range complaints(t, server) {
		want = append(want, unvalued(line))
	}
	for _, err := range admission.Check(t.Context(), object, integers(t, before)) {
		got = append(got, unvalued(err.Error()))
	}
	slices.Sort(want)
	slices.Sort(got)
	assert.Equal(t, want, got, "what the program says without a cluster")
}

// integers returns the object as the API server reads it: integers are int64.
func integers(t *testing.T, object map[string]any) map[string]any {
	t.Helper()
	document, err := json.Marshal(object)
	require.NoError(t, err)
	var read map[string]any
	require.NoError(t, kjson.UnmarshalCaseSensitivePreserveInts(document, &read))
	return read
}

// unvalued is a complaint without the value that it names.
func unvalued(line string) string { return anyValue.ReplaceAllString(line, "$1: ") }

// unchecked is what Kubernetes adds when it could not run every rule; it comes with the line that says why.
const unchecked = "some validation rules were not checked because the object was invalid"

// value is the refused value in a message. API servers before 1.36 name its type instead when a rule refuses it.
var value = regexp.MustCompile(`(Invalid value): ` + values)

// anyValue is the value in any message, and values what one is.
var anyValue = regexp.MustCompile(`(Invalid value|Duplicate value|Unsupported value|Too many): ` + values)

const values = `(?:"(?:\\.|[^"\\])*"|-?[0-9][0-9.e+]*|\[[^\]]*\]): `

// refuses holds that admission refuses an object with these lines, whatever they say of the value.
func refuses(t *testing.T, want []string, err error, reason ...any) {
	t.Helper()
	got := complaints(t, err)
	for _, lines := range [][]string{want, got} {
		for i, line := range lines {
			lines[i] = value.ReplaceAllString(line, "$1: ")
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	assert.Equal(t, want, got, reason...)
}

// complaints are the lines that a person reads when admission refuses an object, each with its field, sorted.
func complaints(t *testing.T, err error) []string {
	t.Helper()
	var refused *apierrors.StatusError
	if !errors.As(err, &refused) {
		require.NoError(t, err)
		return nil
	}
	require.Equal(t, metav1.StatusReasonInvalid, refused.ErrStatus.Reason, "%v", err)
	var lines []string
	for _, cause := range refused.ErrStatus.Details.Causes {
		if !strings.Contains(cause.Message, unchecked) {
			lines = append(lines, cause.Field+": "+cause.Message)
		}
	}
	slices.Sort(lines)
	return lines
}
