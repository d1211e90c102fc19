// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package loop_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

const devSpec = `
tier: Dev
interval: 30s
railway:
  projectID: ` + projectID + `
  tokenSecretRef: {name: railway}
engine:
  name: ai-engine
  source: {image: "ghcr.io/acme/ai-engine:1.4.2"}
  deploy:
    regions: {us-west2: 2}
    healthcheck: {path: /health, timeout: 300s}
  domains: {railway: true, port: 8000}
  variables:
  - {name: DB_SCHEMA, value: dev}
  - {name: OPENAI_API_KEY, sealed: true, valueFrom: {secretKeyRef: {name: openai, key: api-key}}}
`

func TestFirstConvergence(t *testing.T) {
	w := newWorld(t, settings{})
	w.secret("openai", map[string]string{"api-key": secretMark + "-openai"})
	w.apply("dev", devSpec)
	o := w.ready("dev")

	counts := w.count(0)
	assert.Equal(t, 1, counts["CommitPatch"], "one commit")
	assert.Equal(t, 1, w.deployments("dev", "ai-engine"), "one deployment")
	variables := w.variables("dev", "ai-engine")
	assert.Equal(t, "dev", variables["DB_SCHEMA"])
	assert.Equal(t, "1000", variables["RATE_LIMIT_RPM"], "the tier's settings reach the engine")
	assert.Equal(t, secretMark+"-openai", variables["OPENAI_API_KEY"])
	require.NotNil(t, o.Status.Engine)
	assert.Equal(t, "1.4.2", o.Status.Engine.Revision)
	assert.EqualValues(t, 2, o.Status.Engine.ReadyReplicas)
	assert.NotEmpty(t, o.Status.Engine.URL)
	assert.Nil(t, o.Status.WorkingRecord.Pending)
	assert.Equal(t, v1alpha1.ReasonSucceeded, condition(o, v1alpha1.ConditionReady).Reason)
	t.Log(counts, w.writes.n.Load())
}
