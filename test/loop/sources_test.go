// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package loop_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// TestSourcesThatNoVariableCanHold: the message says what is wrong with the object that the spec names, and what to do about it.
func TestSourcesThatNoVariableCanHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.secret("openai", map[string]string{"api-key": secretMark})
	require.NoError(t, w.client.Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "model", Namespace: w.namespace}, BinaryData: map[string][]byte{"weights": {0xff}},
	}))
	w.apply("local", localSpec+"  - {name: WEIGHTS, valueFrom: {configMapKeyRef: {name: model, key: weights}}}\n")
	o := w.reason("local", v1alpha1.ReasonInvalidVariable)
	assert.Contains(t, condition(o, v1alpha1.ConditionReady).Message, `ConfigMap "model" has the key "weights" in binaryData`)

	half := strings.Repeat("x", 600_000) // each fits into a Secret, both together do not
	for _, name := range []string{"left", "right"} {
		w.secret(name, map[string]string{strings.ToUpper(name): half})
	}
	w.apply("local", localSpec+"  variablesFrom: [{secretRef: {name: left}}, {secretRef: {name: right}}]\n")
	o = w.until("local", "too large", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.ObservedGeneration == o.Generation && strings.Contains(condition(o, v1alpha1.ConditionReady).Message, "at most 1048576")
	})
	assert.Equal(t, v1alpha1.ReasonInvalidVariable, condition(o, v1alpha1.ConditionReady).Reason, "the API server would refuse it with every pass")

	w.apply("local", localSpec)
	w.ready("local")
}
