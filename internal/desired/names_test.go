// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

var railwayName = regexp.MustCompile(`RAILWAY_[A-Z_]+`)

// rules returns every CEL rule of the generated CRD that begins with the text.
func rules(t *testing.T, text string) []string {
	t.Helper()
	file, err := os.ReadFile("../../config/crd/bases/railway.engine-operator.dev_engineenvironments.yaml")
	require.NoError(t, err)
	var crd any
	require.NoError(t, yaml.Unmarshal(file, &crd))
	var found []string
	var walk func(node any)
	walk = func(node any) {
		switch node := node.(type) {
		case map[string]any:
			if rule, ok := node["rule"].(string); ok && strings.HasPrefix(rule, text) {
				found = append(found, rule)
			}
			for _, below := range node {
				walk(below)
			}
		case []any:
			for _, below := range node {
				walk(below)
			}
		}
	}
	walk(crd)
	return found
}

// TestControlVariablesAgreeWithTheRule holds the names that admission lets pass against those that a Secret may bring.
func TestControlVariablesAgreeWithTheRule(t *testing.T) {
	found := rules(t, "!self.startsWith('RAILWAY_') || self in [")
	require.Len(t, found, 3, "variables of the engine, of services, and shared ones")
	want := []string{ // railway-api.md, "Variables"
		"RAILWAY_DEPLOYMENT_OVERLAP_SECONDS", "RAILWAY_DEPLOYMENT_DRAINING_SECONDS", "RAILWAY_DOCKERFILE_PATH",
		"RAILWAY_HEALTHCHECK_TIMEOUT_SEC", "RAILWAY_RUN_UID", "RAILWAY_SHM_SIZE_BYTES",
	}
	for _, rule := range found {
		assert.ElementsMatch(t, want, railwayName.FindAllString(rule, -1))
	}
	for _, name := range want {
		assert.False(t, model.SystemVariable(name), name)
	}
}

func TestNamesFromSecrets(t *testing.T) {
	s := spec(v1alpha1.TierDev)
	s.Engine.VariablesFrom = []v1alpha1.VariablesSource{allOfSecret("s")}
	for _, name := range []string{"A", "a", "_", "_1", "A1_b", "RAILWAY_RUN_UID", "RAILWAYS", strings.Repeat("A", 128)} {
		environment, err := desired.Build(s, secrets(map[string]map[string]string{"s": {name: "v"}}))
		require.NoError(t, err, name)
		variable(t, environment.Services[0], name)
	}
	for _, name := range []string{"1", "a-b", "a.b", "a b", "é", "RAILWAY_", "RAILWAY_ENVIRONMENT", strings.Repeat("A", 129)} {
		_, err := desired.Build(s, secrets(map[string]map[string]string{"s": {name: "v"}}))
		assert.Error(t, err, name)
	}
}
