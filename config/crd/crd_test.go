// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package crd

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// TestColumns holds what kubectl get shows: what people need first, and the message, which is long, last and only with -o wide.
func TestColumns(t *testing.T) {
	definition := &apiextensionsv1.CustomResourceDefinition{}
	require.NoError(t, yaml.UnmarshalStrict(EngineEnvironments, definition))
	require.Len(t, definition.Spec.Versions, 1)
	var always, wide []string
	for _, column := range definition.Spec.Versions[0].AdditionalPrinterColumns {
		if column.Priority == 0 {
			assert.Empty(t, wide, "%s would be printed behind a wide column", column.Name)
			always = append(always, column.Name)
		} else {
			wide = append(wide, column.Name)
		}
	}
	assert.Equal(t, []string{"Tier", "Ready", "Reason", "Verdict", "Checks", "Revision", "Promotion", "Cost", "Age"}, always)
	assert.Equal(t, []string{"URL", "Plan", "Candidate", "Message"}, wide)
}
