// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package loop_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/hints"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/testbed"
)

// TestWebhookIsReadAtOnce: after a webhook the operator reads the environment, long before its interval ends.
func TestWebhookIsReadAtOnce(t *testing.T) {
	t.Parallel()
	address, err := testbed.FreeAddress()
	require.NoError(t, err)
	const secret = "5f0c8b6e-1a52-4d1f-9a77-1f6f2a1f2d3c"
	w := running(t, settings{webhooks: hints.Options{Address: address, Secret: secret}}, func(spec string) string {
		return strings.Replace(spec, "interval: 30s", "interval: 24h", 1)
	})
	require.Eventually(t, func() bool {
		before := w.mark()
		time.Sleep(time.Second)
		return w.read(before) == 0
	}, eventually, time.Millisecond, "nobody reads any more")
	require.NoError(t, w.sim.EditVariable(railwaysim.VariableEdit{Place: engineInDev, Name: "DB_SCHEMA", Value: ptrTo("oops")}))

	body := fmt.Sprintf(`{"type": "Deployment.succeeded", "resource": {"environment": {"id": %q}}}`, w.get("dev").Status.Railway.EnvironmentID)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/webhooks/railway/"+secret, strings.NewReader(body))
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusNoContent, answer.StatusCode)
	w.until("dev", "repaired", func(o *v1alpha1.EngineEnvironment) bool {
		return isReady(o) && w.variables("dev", "ai-engine")["DB_SCHEMA"] == "dev"
	})
}
