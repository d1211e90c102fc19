// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apivalidation

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
)

// admission is what the API server does to an object of the CRD, without the server: the schema and its CEL rules.
type admission struct {
	schema validation.SchemaValidator
	rules  *cel.Validator
}

func newAdmission(t require.TestingT) admission {
	raw, err := os.ReadFile("../../config/crd/bases/railway.engine-operator.dev_engineenvironments.yaml")
	require.NoError(t, err)
	crd, internal := &apiextensionsv1.CustomResourceDefinition{}, &apiextensions.CustomResourceDefinition{}
	require.NoError(t, yaml.Unmarshal(raw, crd))
	require.NoError(t, apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(crd, internal, nil))
	properties := internal.Spec.Validation
	if properties == nil {
		properties = internal.Spec.Versions[0].Schema
	}
	schema, _, err := validation.NewSchemaValidator(properties.OpenAPIV3Schema)
	require.NoError(t, err)
	structural, err := structuralschema.NewStructural(properties.OpenAPIV3Schema)
	require.NoError(t, err)
	return admission{schema: schema, rules: cel.NewValidator(structural, true, celconfig.PerCallLimit)}
}

// admits reports whether the API server would take the object.
func (a admission) admits(t *testing.T, object map[string]any) bool {
	t.Helper()
	if len(validation.ValidateCustomResource(nil, object, a.schema)) > 0 {
		return false
	}
	problems, _ := a.rules.Validate(t.Context(), nil, nil, object, nil, celconfig.RuntimeCELCostBudget)
	return len(problems) == 0
}

// FuzzAdmission changes accepted specs by any merge patch: validation never panics and takes a bounded time, and what it takes can be
// built, or is refused with a reason.
func FuzzAdmission(f *testing.F) {
	bases := []string{localSpec, "tier: Dev" + railwaySpec, "tier: Preview" + railwaySpec, "tier: Production" + railwaySpec}
	for i, patch := range []string{
		`{}`, `{"engine":{"source":{"image":"a//b"}}}`, `{"engine":{"deploy":{"limits":{"memory":"1e30","cpu":1e-9}}}}`,
		`{"engine":{"deploy":{"cronSchedule":"*/7 * * * *"}}}`, `{"engine":{"deploy":{"regions":{"us-west2":50,"mars":0}}}}`,
		`{"engine":{"variables":[{"name":"A","value":"x"},{"name":"RAILWAY_X","valueFrom":{}}]}}`, `{"services":[{"name":"w"},{"name":"W"}]}`,
		`{"interval":"30s","verification":{"interval":"5s","checks":[{"name":"a","http":{"path":"/"},"expect":"true"}]}}`,
		`{"promotion":{"from":"dev","soak":"1h"},"engine":{"source":null}}`, `{"settings":{"pythonVersion":"3.13","rateLimit":{"requestsPerMinute":1}}}`,
		`{"tier":"Mars"}`, `null`, `[]`, `{"engine":null}`, `{"engine":{"domains":{"port":65536}},"budget":{"monthlyUSD":0}}`,
	} {
		f.Add([]byte(patch), uint8(i))
	}
	rules := newAdmission(f)
	f.Fuzz(func(t *testing.T, patch []byte, base uint8) {
		if len(patch) > 16<<10 {
			return
		}
		document, err := yaml.YAMLToJSON([]byte(bases[int(base)%len(bases)]))
		require.NoError(t, err)
		changed, err := jsonpatch.MergePatch(document, patch)
		var fields map[string]any
		if err != nil || json.Unmarshal(changed, &fields) != nil || fields == nil {
			return
		}
		start := time.Now()
		taken := rules.admits(t, environment("ns", "name", fields).Object)
		assert.Less(t, time.Since(start), 5*time.Second, "validation takes a bounded time")
		if !taken {
			return
		}
		var spec v1alpha1.EngineEnvironmentSpec
		if !assert.NoError(t, json.Unmarshal(changed, &spec), "what admission takes can be read") {
			return
		}
		if _, err := desired.Build(&spec, desired.Sources{}); err != nil {
			var refused *desired.Error
			if assert.ErrorAs(t, err, &refused) {
				assert.NotEmpty(t, refused.Reason)
			}
		}
	})
}
