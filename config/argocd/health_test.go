// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package argocd

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// health is what Argo CD shows.
type health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// agreed is what Argo CD shows for what kstatus says.
var agreed = map[status.Status]string{
	status.CurrentStatus: "Healthy", status.FailedStatus: "Degraded", status.InProgressStatus: "Progressing",
}

// TestHealth runs the cases of health_test.yaml, and no file under testdata is without a case.
func TestHealth(t *testing.T) {
	cases := decode[struct {
		Tests []struct {
			HealthStatus health `json:"healthStatus"`
			InputPath    string `json:"inputPath"`
		} `json:"tests"`
	}](t, filepath.Join(customization, "health_test.yaml")).Tests
	files, err := filepath.Glob(filepath.Join(customization, "testdata", "*.yaml"))
	require.NoError(t, err)
	assert.Len(t, cases, len(files))
	for _, tc := range cases {
		t.Run(tc.InputPath, func(t *testing.T) {
			fields := object(t, tc.InputPath)
			got := convert[health](t, run(t, "health.lua", fields, nil))
			assert.Equal(t, tc.HealthStatus, got)
			assertAgrees(t, fields, got)
		})
	}
}

// TestHealthOfEveryState holds the agreement with kstatus over every status that the operator can write.
func TestHealthOfEveryState(t *testing.T) {
	seen := map[string]int{}
	for _, suspend := range []bool{false, true} {
		for _, observed := range []int64{-1, 1, 2} {
			for _, ready := range []metav1.ConditionStatus{"", metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown} {
				for _, abnormal := range []string{"", v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
					for _, verdict := range []v1alpha1.Verdict{"", v1alpha1.VerdictGo, v1alpha1.VerdictNoGo, verdictPending} {
						if !possible(observed, ready, abnormal) {
							continue
						}
						fields := inState(t, suspend, observed, ready, abnormal, verdict)
						got := convert[health](t, run(t, "health.lua", fields, nil))
						seen[got.Status]++
						name := fmt.Sprintf("suspend=%t/observed=%d/ready=%s/%s/%s", suspend, observed, ready, abnormal, verdict)
						t.Run(name, func(t *testing.T) { assertAgrees(t, fields, got) })
					}
				}
			}
		}
	}
	assert.Len(t, seen, 4, "every state was seen: %v", seen)
}

// possible says whether the operator writes such a status: Ready is there from the first look on.
func possible(observed int64, ready metav1.ConditionStatus, abnormal string) bool {
	if observed < 0 {
		return ready == "" && abnormal == ""
	}
	return ready != ""
}

// inState is an object of generation 2.
func inState(
	t *testing.T, suspend bool, observed int64, ready metav1.ConditionStatus, abnormal string, verdict v1alpha1.Verdict,
) map[string]any {
	t.Helper()
	environment := &v1alpha1.EngineEnvironment{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "EngineEnvironment"},
		ObjectMeta: metav1.ObjectMeta{Name: "dev", Namespace: "ai-engine", Generation: 2},
		Spec:       v1alpha1.EngineEnvironmentSpec{Tier: v1alpha1.TierDev, Suspend: suspend},
		Status:     v1alpha1.EngineEnvironmentStatus{ObservedGeneration: observed, Verdict: verdict},
	}
	add := func(kind string, value metav1.ConditionStatus) {
		environment.Status.Conditions = append(environment.Status.Conditions, metav1.Condition{
			Type: kind, Status: value, Reason: "Because", Message: "of this", ObservedGeneration: observed,
		})
	}
	if ready != "" {
		add(v1alpha1.ConditionReady, ready)
	}
	if abnormal != "" {
		add(abnormal, metav1.ConditionTrue)
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(environment)
	require.NoError(t, err)
	return fields
}

// verdictPending is what the operator says before it has decided.
const verdictPending v1alpha1.Verdict = "PENDING"

// pending reports whether the verdict on an object is not decided yet.
func pending(t *testing.T, fields map[string]any) bool {
	t.Helper()
	verdict, _, err := unstructured.NestedString(fields, "status", "verdict")
	require.NoError(t, err)
	return verdict == string(verdictPending)
}

// withheld reports whether a plan waits for a person.
func withheld(t *testing.T, fields map[string]any) bool {
	t.Helper()
	environment := &v1alpha1.EngineEnvironment{}
	require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructured(fields, environment))
	ready := meta.FindStatusCondition(environment.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && (ready.Reason == v1alpha1.ReasonObserving || ready.Reason == v1alpha1.ReasonAwaitingPlanApproval)
}

// assertAgrees holds that Argo CD shows what kstatus says, with two exceptions. Suspended, also by a plan that waits: kstatus has
// no word for it, and sees an object that is not ready. PENDING: what would be Healthy is Progressing until the checks have run.
func assertAgrees(t *testing.T, fields map[string]any, got health) {
	t.Helper()
	served := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(fields)}
	if served.Object["status"] == nil { // the API server shows the default of the CRD instead
		require.NoError(t, unstructured.SetNestedField(served.Object, int64(-1), "status", "observedGeneration"))
	}
	result, err := status.Compute(served)
	require.NoError(t, err)
	if got.Status == "Suspended" {
		suspended, _, err := unstructured.NestedBool(fields, "spec", "suspend")
		require.NoError(t, err)
		if !suspended {
			assert.True(t, withheld(t, fields))
			assert.Equal(t, status.InProgressStatus, result.Status)
		}
		return
	}
	if result.Status == status.CurrentStatus && pending(t, fields) {
		assert.Equal(t, "Progressing", got.Status)
		return
	}
	assert.Equal(t, agreed[result.Status], got.Status, "kstatus says %s: %s", result.Status, result.Message)
	assert.NotEmpty(t, got.Message)
}
