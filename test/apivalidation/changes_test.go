// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apivalidation

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestChanges holds what can be changed once it is declared, and what cannot.
func TestChanges(t *testing.T) {
	const otherEnvironment = "spec: Invalid value: railway.environment cannot be changed (left out it is the tier in lower case): " +
		"create another EngineEnvironment for the other environment"
	cases := []struct {
		name, tier, before, after, reason string
		want                              []string
	}{{
		name: "tier", tier: "Dev", after: `tier: Preview`,
		reason: "another tier is another environment: neither may be left behind",
		want:   []string{"spec: Invalid value: tier cannot be changed: create another EngineEnvironment for the other tier"},
	}, {
		name: "tier of a named environment", tier: "Dev", before: `railway: {environment: here}`, after: `tier: Preview`,
		reason: "even in the same Railway environment",
		want:   []string{"spec: Invalid value: tier cannot be changed: create another EngineEnvironment for the other tier"},
	}, {
		name: "tier to Local", tier: "Dev", after: `{tier: Local, railway: null}`,
		reason: "what is on Railway would be forgotten",
		want:   []string{"spec: Invalid value: tier cannot be changed: create another EngineEnvironment for the other tier"},
	}, {
		name: "project", tier: "Dev", after: `railway: {projectID: 0bb01547-570d-4109-a5e8-138691f6a2d2}`,
		reason: "what is in the first project would be forgotten",
		want: []string{"spec: Invalid value: railway.projectID cannot be changed: " +
			"create another EngineEnvironment for the other project"},
	}, {
		name: "environment", tier: "Dev", before: `railway: {environment: one}`, after: `railway: {environment: two}`,
		reason: "what is in the first environment would be forgotten", want: []string{otherEnvironment},
	}, {
		name: "environment named later", tier: "Dev", after: `railway: {environment: other}`,
		reason: "it was dev until now", want: []string{otherEnvironment},
	}, {
		name: "environment left out later", tier: "Dev", before: `railway: {environment: other}`, after: `railway: {environment: null}`,
		reason: "it would be dev from now on", want: []string{otherEnvironment},
	}, {
		name: "environment named as the default", tier: "Dev", after: `railway: {environment: dev}`,
		reason: "it is the same environment",
	}, {
		name: "environment left out as the default", tier: "Dev", before: `railway: {environment: dev}`, after: `railway: {environment: null}`,
		reason: "and back",
	}, {
		name: "token", tier: "Dev", after: `railway: {tokenSecretRef: {name: other}}`,
		reason: "tokens are rotated",
	}}
	c, namespace := kube(t)
	for i, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			object := environment(namespace, fmt.Sprintf("changed-%d", i), spec(t, tc.tier, tc.before))
			require.NoError(t, c.Create(t.Context(), object))
			before := object.DeepCopy().Object
			object.Object["spec"] = merge(t, object.Object["spec"], tc.after)
			changed := object.DeepCopy().Object
			err := c.Update(t.Context(), object, client.DryRunAll)
			refuses(t, tc.want, err, tc.reason)
			agrees(t, err, changed, before)
		})
	}
}
