// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
)

// TestRedact holds which values are masked; how, package redact's tests hold.
func TestRedact(t *testing.T) {
	secret, open := desired.Variable{Name: "A", Value: "hunter22", Secret: true}, desired.Variable{Name: "B", Value: "open-value"}
	const text, want = "hunter22 open-value aHVudGVyMjI=", "(secret) open-value (secret)="
	for reason, environment := range map[string]*desired.Environment{
		"a shared secret":                   {Shared: []desired.Variable{secret, open}},
		"a service's secret":                {Services: []desired.Service{{Variables: []desired.Variable{open, secret}}}},
		"another service's is a secret too": {Services: []desired.Service{{}, {Variables: []desired.Variable{secret}}}},
	} {
		assert.Equal(t, want, environment.Redact(text), reason)
		assert.Equal(t, want, environment.Redactor()(text), "kept apart: %s", reason)
	}
	assert.Equal(t, text, (&desired.Environment{}).Redact(text), "what is no secret is shown")
}

func TestReferences(t *testing.T) {
	s := spec(v1alpha1.TierDev, value("A", "1"), fromSecret("B", "b-secret", "k"), fromConfigMap("C", "c-map", "k"), fromSecret("D", "b-secret", "l"))
	s.Railway = &v1alpha1.Railway{TokenSecretRef: v1alpha1.LocalReference{Name: "token"}}
	s.Engine.VariablesFrom = []v1alpha1.VariablesSource{allOfSecret("a-secret"), allOfConfigMap("a-map")}
	s.Services = []v1alpha1.Companion{{Service: v1alpha1.Service{
		Variables: []v1alpha1.Variable{fromSecret("E", "e-secret", "k")}, VariablesFrom: []v1alpha1.VariablesSource{allOfConfigMap("e-map")},
	}}}
	s.SharedVariables = []v1alpha1.Variable{fromSecret("F", "f-secret", "k")}
	secretNames, configMapNames := desired.References(s)
	assert.Equal(t, []string{"a-secret", "b-secret", "e-secret", "f-secret"}, secretNames, "each once, sorted, without the token's")
	assert.Equal(t, []string{"a-map", "c-map", "e-map"}, configMapNames)

	secretNames, configMapNames = desired.References(spec(v1alpha1.TierDev))
	assert.Empty(t, secretNames)
	assert.Empty(t, configMapNames)
}

func TestEnv(t *testing.T) {
	service := desired.Service{Variables: []desired.Variable{
		{Name: "A", Value: "service"}, {Name: "B", Value: "${{shared.C}}"}, {Name: "RAILWAY_RUN_UID", Value: "0"}, {Name: "KEY", Value: "s", Secret: true, Sealed: true},
	}}
	shared := []desired.Variable{{Name: "A", Value: "shared"}, {Name: "C", Value: "c"}}
	assert.Equal(t, map[string]string{"A": "service", "B": "${{shared.C}}", "C": "c", "KEY": "s"}, service.Env(shared),
		"the service wins over shared, references stay, and what only Railway reads is left out")
}

// TestSourcesRedact: without an environment every value of the Secrets is masked, and none of the ConfigMaps.
func TestSourcesRedactor(t *testing.T) {
	sources := desired.Sources{
		Secrets:    map[string]map[string]string{"openai": {"api-key": "sk-live-51H8xY2e"}},
		ConfigMaps: map[string]map[string]string{"settings": {"REGION": "us-west2-region"}},
	}
	text := "dana said sk-live-51H8xY2e in us-west2-region"
	assert.Equal(t, "dana said (secret) in us-west2-region", sources.Redactor()(text))
	assert.Equal(t, text, sources.Redactor("sk-live-51H8xY2e")(text), "a name is shown")
}
