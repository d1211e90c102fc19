// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// rules returns every CEL rule of the generated CRD that holds the text, with its message.
func rules(t *testing.T, text string) map[string]string {
	t.Helper()
	file, err := os.ReadFile("../../config/crd/bases/railway.engine-operator.dev_engineenvironments.yaml")
	require.NoError(t, err)
	var crd any
	require.NoError(t, yaml.Unmarshal(file, &crd))
	found := map[string]string{}
	var walk func(node any)
	walk = func(node any) {
		switch node := node.(type) {
		case map[string]any:
			if rule, ok := node["rule"].(string); ok && strings.Contains(rule, text) {
				found[rule], _ = node["message"].(string)
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

var quotedNames = regexp.MustCompile(`'([A-Z_]+)'`)

// TestFixedVariablesAgreeWithTheRules holds the tier table against the names that admission refuses: CEL cannot read the table.
func TestFixedVariablesAgreeWithTheRules(t *testing.T) {
	fixed := v1alpha1.TierProduction.Defaults().Fixed
	found := rules(t, "v.name in [")
	require.Len(t, found, 2, "one rule for the engine, one for the services that inherit the settings")
	for rule, message := range found {
		var names []string
		for _, match := range quotedNames.FindAllStringSubmatch(rule[strings.Index(rule, "v.name in ["):], -1) {
			names = append(names, match[1])
		}
		assert.ElementsMatch(t, fixed, names)
		for _, name := range fixed {
			assert.Contains(t, message, name)
		}
		assert.Contains(t, rule, "'Production'")
	}
	set := v1alpha1.TierProduction.Defaults().Settings.Variables(v1alpha1.TierProduction, "")
	for _, name := range fixed {
		assert.Contains(t, set, name, "a tier can only fix what its settings set")
	}
	for _, tier := range v1alpha1.Tiers {
		if tier != v1alpha1.TierProduction {
			assert.Empty(t, tier.Defaults().Fixed, "%s: no rule refuses it at admission", tier)
		}
	}
}
