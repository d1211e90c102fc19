// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
)

func reasonOf(t *testing.T, err error) string {
	t.Helper()
	var problem *desired.Error
	require.ErrorAs(t, err, &problem)
	return problem.Reason
}

func TestLocalTierFitsIntoOneSecret(t *testing.T) {
	large := func(size int) desired.Sources {
		return secrets(map[string]map[string]string{"s": {"A": strings.Repeat("x", size)}})
	}
	s := spec(v1alpha1.TierLocal)
	s.Engine.VariablesFrom = []v1alpha1.VariablesSource{allOfSecret("s")}
	settings := 0
	for _, value := range build(t, spec(v1alpha1.TierLocal), desired.Sources{}).Services[0].Env(nil) {
		settings += len(value)
	}
	build(t, s, large(1<<20-settings))
	_, err := desired.Build(s, large(1<<20-settings+1))
	assert.Equal(t, v1alpha1.ReasonInvalidVariable, reasonOf(t, err), "the API server takes 1 MiB of values")
	assert.ErrorContains(t, err, "have 1048577 bytes, and a Secret holds at most 1048576")

	shared := spec(v1alpha1.TierLocal)
	shared.SharedVariables = []v1alpha1.Variable{fromSecret("S", "s", "A")}
	_, err = desired.Build(shared, large(1<<20+1))
	assert.Error(t, err, "shared variables stand in the same Secret")

	s.Tier = v1alpha1.TierDev
	build(t, s, large(1<<20+1)) // Railway has its own limits
}

func TestNamesThatDifferInCaseOnly(t *testing.T) {
	named := func(engine string, companions ...string) *v1alpha1.EngineEnvironmentSpec {
		s := spec(v1alpha1.TierDev)
		s.Engine.Name = engine
		for _, name := range companions {
			s.Services = append(s.Services, v1alpha1.Companion{Service: v1alpha1.Service{Name: name}})
		}
		return s
	}
	for reason, s := range map[string]*v1alpha1.EngineEnvironmentSpec{
		"engine and companion": named("engine", "redis", "Engine"),
		"two companions":       named("engine", "redis", "REDIS"),
	} {
		_, err := desired.Build(s, desired.Sources{})
		assert.Equal(t, v1alpha1.ReasonInvalidSpec, reasonOf(t, err), reason)
		assert.ErrorContains(t, err, "rename one of them", reason)
	}
	build(t, named("engine", "engine-2", "redis"), desired.Sources{})
}

func TestBinaryData(t *testing.T) {
	sources := desired.Sources{
		ConfigMaps: map[string]map[string]string{"c": {"text": "v"}}, Binary: map[string][]string{"c": {"blob"}},
	}
	_, err := desired.Build(spec(v1alpha1.TierDev, fromConfigMap("A", "c", "blob")), sources)
	assert.Equal(t, v1alpha1.ReasonInvalidVariable, reasonOf(t, err), "the key is there, so it is not missing")
	assert.ErrorContains(t, err, `spec.engine.variables[A]: ConfigMap "c" has the key "blob" in binaryData`)

	_, err = desired.Build(spec(v1alpha1.TierDev, fromConfigMap("A", "c", "gone")), sources)
	assert.Equal(t, v1alpha1.ReasonKeyNotFound, reasonOf(t, err))
	build(t, spec(v1alpha1.TierDev, fromConfigMap("A", "c", "text")), sources)
}

func TestPinned(t *testing.T) {
	for reason, tt := range map[string]struct {
		source *v1alpha1.Source
		want   bool
	}{
		"a commit of a repository":          {&v1alpha1.Source{Repo: "a/b", Branch: "main", Commit: strings.Repeat("a", 40)}, true},
		"a branch goes on":                  {&v1alpha1.Source{Repo: "a/b", Branch: "main"}, false},
		"no push changes an image":          {&v1alpha1.Source{Image: "a/b@sha256:" + strings.Repeat("a", 64)}, false},
		"nothing is known of what will run": {nil, false},
	} {
		s := spec(v1alpha1.TierDev)
		s.Engine.Source = tt.source
		assert.Equal(t, tt.want, build(t, s, desired.Sources{}).Services[0].Pinned, reason)
	}
}
