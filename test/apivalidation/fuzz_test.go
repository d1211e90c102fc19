// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apivalidation

import (
	"encoding/json"
	"testing"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/admission"
	"github.com/engine-operator/engine-operator/internal/desired"
)

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
		object := integers(t, environment("ns", "name", fields).Object)
		admission.Default(object)
		taken := len(admission.Check(t.Context(), object, nil)) == 0
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
