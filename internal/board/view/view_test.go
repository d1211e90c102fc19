// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/board/view"
	"github.com/engine-operator/engine-operator/internal/proposal"
)

var epoch = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

const candidate = "ghcr.io/acme/app@sha256:4f53c8d19e7b2a604f53c8d19e7b2a604f53c8d19e7b2a604f53c8d19e7b2a60"

type edit = func(*v1alpha1.EngineEnvironment)

// object is a tier that is GO, of the engine app in the namespace team.
func object(name string, tier v1alpha1.Tier, edits ...edit) *v1alpha1.EngineEnvironment {
	o := &v1alpha1.EngineEnvironment{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name, UID: types.UID("uid-" + name), Generation: 2}}
	o.Spec.Tier, o.Spec.Engine.Name = tier, "app"
	if tier != v1alpha1.TierLocal {
		o.Spec.Railway = &v1alpha1.Railway{ProjectID: "p1"}
	}
	since := metav1.NewTime(epoch.Add(-time.Hour))
	o.Status = v1alpha1.EngineEnvironmentStatus{ObservedGeneration: 2, Verdict: v1alpha1.VerdictGo, GoSince: &since}
	for _, e := range edits {
		e(o)
	}
	return o
}

func from(name string) edit {
	return func(o *v1alpha1.EngineEnvironment) { o.Spec.Promotion = &v1alpha1.Promotion{From: name} }
}

func condition(kind string, status metav1.ConditionStatus, reason, message string) edit {
	return func(o *v1alpha1.EngineEnvironment) {
		o.Status.Conditions = append(o.Status.Conditions, metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message})
	}
}

func annotated(key, value string) edit {
	return func(o *v1alpha1.EngineEnvironment) { metav1.SetMetaDataAnnotation(&o.ObjectMeta, key, value) }
}

func promoting(state v1alpha1.PromotionState) edit {
	return func(o *v1alpha1.EngineEnvironment) {
		soak, ends := metav1.Duration{Duration: 30 * time.Minute}, metav1.NewTime(epoch.Add(10*time.Minute))
		o.Spec.Promotion = &v1alpha1.Promotion{From: "dev", Soak: &soak, Approval: v1alpha1.ApprovalManual}
		o.Status.Promotion = &v1alpha1.PromotionStatus{State: state, Candidate: candidate, CandidateRevision: "1.5.0", SoakedAt: &ends}
	}
}

func rolledBack(o *v1alpha1.EngineEnvironment) {
	o.Status.Rollback = &v1alpha1.RollbackStatus{From: "2", To: "1", RevisionName: "r", Reason: "check health failed", At: metav1.NewTime(epoch)}
}

func suspended(o *v1alpha1.EngineEnvironment) { o.Spec.Suspend = true }

func planned(o *v1alpha1.EngineEnvironment) {
	o.Spec.WritePolicy = v1alpha1.WritePolicyApprove
	o.Status.Plan = &v1alpha1.PlanStatus{
		Hash: "3f1c", Message: "1 to set; deploys app", More: 2, Deployments: []string{"app"},
		Changes: []v1alpha1.PlannedChange{{Path: "app.variables.X", Action: v1alpha1.PlannedSet, From: "1", To: "(secret)"}},
	}
}

func observed(o *v1alpha1.EngineEnvironment) { o.Spec.WritePolicy = v1alpha1.WritePolicyObserve }

func verified(o *v1alpha1.EngineEnvironment) {
	o.Status.Verified = &v1alpha1.VerifiedStatus{Revision: "1", Since: metav1.NewTime(epoch)}
}

func one(t *testing.T, o *v1alpha1.EngineEnvironment) view.Tier {
	t.Helper()
	tiers := view.Tiers([]*v1alpha1.EngineEnvironment{o})
	require.Len(t, tiers, 1)
	return tiers[0]
}

func TestVerdict(t *testing.T) {
	tests := []struct {
		name, reason string
		edit         edit
		verdict, why string
		since        bool
	}{
		{"GO", "the operator says so", func(*v1alpha1.EngineEnvironment) {}, "GO", "", true},
		{"NO-GO", "with its reasons, and no time", func(o *v1alpha1.EngineEnvironment) {
			o.Status.Verdict, o.Status.VerdictReasons = v1alpha1.VerdictNoGo, []string{"check health failed", "2 fields drift"}
		}, "NO-GO", "check health failed", false},
		{"newer spec", "GO is about a spec that is not this one", func(o *v1alpha1.EngineEnvironment) { o.Generation = 3 },
			view.VerdictUnknown, "the operator has not read the newest spec yet; before it the verdict was GO", false},
		{"new object", "nobody has looked", func(o *v1alpha1.EngineEnvironment) {
			o.Status = v1alpha1.EngineEnvironmentStatus{ObservedGeneration: -1}
		},
			view.VerdictUnknown, "the operator has not read this object yet", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tier := one(t, object("dev", v1alpha1.TierDev, tt.edit))
			assert.Equal(t, tt.verdict, tier.Verdict, tt.reason)
			assert.Equal(t, tt.why, tier.Summary, tt.reason)
			assert.Equal(t, tt.since, tier.Since != nil, tt.reason)
		})
	}
}

func TestWaits(t *testing.T) {
	const at = "-n team preview --overwrite railway.engine-operator.dev/"
	tests := []struct {
		name, reason string
		edits        []edit
		who, what    string
		command      string
	}{
		{"nothing", "all is well", nil, "", "", ""},
		{"approval", "with the command for exactly this candidate", []edit{promoting(v1alpha1.PromotionAwaitingApproval)}, view.ForPerson, "1.5.0 waits for an approval",
			"kubectl annotate eenv " + at + "approve=" + candidate + ` railway.engine-operator.dev/approved-by="$(kubectl auth whoami -o jsonpath='{.status.userInfo.username}')"`},
		{"approved", "a person has done their part", []edit{promoting(v1alpha1.PromotionAwaitingApproval), annotated(v1alpha1.AnnotationApprove, candidate)},
			view.ForOperator, "1.5.0 is approved and taken next", ""},
		{"other approval", "it is for another source", []edit{promoting(v1alpha1.PromotionAwaitingApproval), annotated(v1alpha1.AnnotationApprove, "other")},
			view.ForPerson, "1.5.0 waits for an approval", "kubectl annotate eenv " + at + "approve=" + candidate + ` railway.engine-operator.dev/approved-by="$(kubectl auth whoami -o jsonpath='{.status.userInfo.username}')"`},
		{"soak", "time helps", []edit{promoting(v1alpha1.PromotionSoaking)}, view.ForTime, "1.5.0 soaks in dev", ""},
		{"upstream", "as the condition says", []edit{promoting(v1alpha1.PromotionWaiting), condition(v1alpha1.ConditionPromoted, "False", "Progressing", "dev is not GO")},
			view.ForUpstream, "dev is not GO", ""},
		{"blocked", "as the condition says", []edit{promoting(v1alpha1.PromotionBlocked), condition(v1alpha1.ConditionPromoted, "False", "PromotionBlocked", "over budget")},
			view.ForPerson, "over budget", ""},
		{"rolled back", "said once, with the way out", []edit{promoting(v1alpha1.PromotionBlocked), rolledBack}, view.ForPerson,
			"1 is held until dev has verified another revision, or somebody resumes the tier", "kubectl annotate eenv " + at + `resume="$(date -u +%FT%TZ)"`},
		{"rolled back, no upstream", "the spec is what changes", []edit{rolledBack}, view.ForPerson,
			"1 is held until what is declared changes, or somebody resumes the tier", "kubectl annotate eenv " + at + `resume="$(date -u +%FT%TZ)"`},
		{"held", "by a person, with their reason", []edit{from("dev"), annotated(v1alpha1.AnnotationHold, "black friday")}, view.ForPerson, "held by a person: black friday",
			"kubectl annotate eenv -n team preview --overwrite railway.engine-operator.dev/hold-"},
		{"suspended", "a person has to act", []edit{suspended}, view.ForPerson, "nothing is read or written until somebody resumes the tier",
			`kubectl patch eenv -n team preview --type merge -p '{"spec":{"suspend":false}}'`},
		{"stalled", "only a person can help", []edit{condition(v1alpha1.ConditionStalled, "True", "TokenRejected", "put a valid token")}, view.ForPerson, "TokenRejected: put a valid token", ""},
		{"stalled by the rollback", "said once", []edit{rolledBack, condition(v1alpha1.ConditionStalled, "True", "RolledBack", "2 failed")}, view.ForPerson,
			"1 is held until what is declared changes, or somebody resumes the tier", "kubectl annotate eenv " + at + `resume="$(date -u +%FT%TZ)"`},
		{"deploying", "it ends by itself", []edit{condition(v1alpha1.ConditionReconciling, "True", "Deploying", "for 10s")}, view.ForOperator, "Deploying: for 10s", ""},
		{"soak is no work", "it is told by the promotion", []edit{condition(v1alpha1.ConditionReconciling, "True", "Soaking", "30m")}, "", "", ""},
		{"forced", "asked for and not handled", []edit{annotated(v1alpha1.AnnotationRequestedAt, "1")}, view.ForOperator, "a pass was asked for and has not run yet", ""},
		{"forced with Flux's annotation, too, and done", "handled", []edit{annotated(v1alpha1.AnnotationRequestedAt, "1"),
			annotated(v1alpha1.AnnotationFluxRequestedAt, "2"), func(o *v1alpha1.EngineEnvironment) { o.Status.LastHandledReconcileAt = "1,2" }}, "", "", ""},
		{"forced and done", "handled", []edit{annotated(v1alpha1.AnnotationRequestedAt, "1"), func(o *v1alpha1.EngineEnvironment) { o.Status.LastHandledReconcileAt = "1" }}, "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			waits := one(t, object("preview", v1alpha1.TierPreview, tt.edits...)).Waits
			if tt.who == "" {
				assert.Empty(t, waits, tt.reason)
				return
			}
			require.Len(t, waits, 1, tt.reason)
			assert.Equal(t, tt.who, waits[0].For, tt.reason)
			assert.Equal(t, tt.what, waits[0].What, tt.reason)
			assert.Equal(t, tt.command, waits[0].Command, tt.reason)
		})
	}
}

func TestSoakSaysWhenItBegan(t *testing.T) {
	wait := one(t, object("preview", v1alpha1.TierPreview, promoting(v1alpha1.PromotionSoaking))).Waits[0]
	assert.Equal(t, epoch.Add(10*time.Minute), *wait.Until)
	assert.Equal(t, epoch.Add(-20*time.Minute), *wait.From, "30 minutes before it ends")
}

func TestChains(t *testing.T) {
	other := func(o *v1alpha1.EngineEnvironment) { o.Spec.Engine.Name = "other" }
	project := func(id string) edit { return func(o *v1alpha1.EngineEnvironment) { o.Spec.Railway.ProjectID = id } }
	elsewhere := func(o *v1alpha1.EngineEnvironment) { o.Namespace = "another" }
	dev, local := v1alpha1.TierDev, v1alpha1.TierLocal
	tests := []struct {
		name, reason string
		objects      []*v1alpha1.EngineEnvironment
		want         map[string]string
		depth        map[string]int
	}{
		{"one chain", "by promotion.from", []*v1alpha1.EngineEnvironment{
			object("production", v1alpha1.TierProduction, from("preview")), object("preview", v1alpha1.TierPreview, from("dev")), object("dev", dev),
		}, map[string]string{"dev": "team/dev", "preview": "team/dev", "production": "team/dev"}, map[string]int{"dev": 0, "preview": 1, "production": 2}},
		{"across projects and engine names", "promotion counts for more than names", []*v1alpha1.EngineEnvironment{
			object("dev", dev, project("p2")), object("preview", v1alpha1.TierPreview, from("dev"), other),
		}, map[string]string{"dev": "team/dev", "preview": "team/dev"}, nil},
		{"no promotion", "the same engine in the same project", []*v1alpha1.EngineEnvironment{object("dev", dev), object("preview", v1alpha1.TierPreview)},
			map[string]string{"dev": "team/dev", "preview": "team/dev"}, map[string]int{"preview": 0}},
		{"local joins", "the only chain with its engine's name", []*v1alpha1.EngineEnvironment{object("laptop", local), object("dev", dev)},
			map[string]string{"laptop": "team/laptop", "dev": "team/laptop"}, nil},
		{"local alone", "there are two such chains", []*v1alpha1.EngineEnvironment{object("laptop", local), object("a", dev, project("a")), object("b", dev, project("b"))},
			map[string]string{"laptop": "team/laptop", "a": "team/a", "b": "team/b"}, nil},
		{"other engine", "nothing joins them", []*v1alpha1.EngineEnvironment{object("a", dev), object("b", dev, other)}, map[string]string{"a": "team/a", "b": "team/b"}, nil},
		{"other namespace", "promotion stays in one", []*v1alpha1.EngineEnvironment{object("dev", dev), object("preview", v1alpha1.TierPreview, from("dev"), elsewhere)},
			map[string]string{"dev": "team/dev", "preview": "another/preview"}, map[string]int{"preview": 0}},
		{"fork", "two tiers take from one", []*v1alpha1.EngineEnvironment{object("dev", dev), object("eu", v1alpha1.TierProduction, from("dev")), object("us", v1alpha1.TierProduction, from("dev"))},
			map[string]string{"dev": "team/dev", "eu": "team/dev", "us": "team/dev"}, map[string]int{"eu": 1, "us": 1}},
		{"circle", "the operator refuses it; the board must show it all the same", []*v1alpha1.EngineEnvironment{object("a", dev, from("b")), object("b", dev, from("a"))},
			map[string]string{"a": "team/a", "b": "team/a"}, map[string]int{"a": 1, "b": 1}},
		{"upstream is missing", "it stands alone", []*v1alpha1.EngineEnvironment{object("preview", v1alpha1.TierPreview, from("gone"))}, map[string]string{"preview": "team/preview"}, map[string]int{"preview": 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, tier := range view.Tiers(tt.objects) {
				assert.Equal(t, tt.want[tier.Name], tier.Chain, "%s: %s", tier.Name, tt.reason)
				if depth, ok := tt.depth[tier.Name]; ok {
					assert.Equal(t, depth, tier.Depth, "%s: %s", tier.Name, tt.reason)
				}
			}
		})
	}
}

// TestOrder holds that what the page shows does not depend on the order of the objects, and that each appears once.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var objects []*v1alpha1.EngineEnvironment
		names := []string{"a", "b", "c", "d", "e", "f"}
		for _, name := range names {
			o := object(name, rapid.SampledFrom(v1alpha1.Tiers).Draw(t, "tier"))
			o.Spec.Engine.Name = rapid.SampledFrom([]string{"x", "y"}).Draw(t, "engine")
			if up := rapid.SampledFrom(append(names, "")).Draw(t, "from"); up != "" {
				from(up)(o)
			}
			objects = append(objects, o)
		}
		first := view.Tiers(objects)
		assert.Len(t, first, len(names))
		assert.Equal(t, first, view.Tiers(rapid.Permutation(objects).Draw(t, "order")))
		chains := map[string]string{}
		for _, tier := range first {
			chains[tier.Key] = tier.Chain
		}
		for _, tier := range first {
			assert.Equal(t, tier.Chain, chains[tier.Chain], "a chain is called after one of its own tiers")
			if up, ok := chains["team/"+tier.From]; ok && tier.From != "" {
				assert.Equal(t, up, tier.Chain, "a tier stands with its upstream")
			}
		}
	})
}

func TestServices(t *testing.T) {
	const digest = "sha256:4f53c8d19e7b2a604f53c8d19e7b2a604f53c8d19e7b2a604f53c8d19e7b2a60"
	tests := []struct {
		name, reason     string
		status           v1alpha1.ServiceStatus
		short, full, url string
	}{
		{"image", "tag and digest", v1alpha1.ServiceStatus{Revision: "1.5.0", Image: "r/app:1.5.0", Digest: digest}, "4f53c8d19e7b", "r/app:1.5.0@" + digest, ""},
		{"pinned image", "the digest stands there already", v1alpha1.ServiceStatus{Revision: "1.5.0", Image: "r/app@" + digest, Digest: digest}, "4f53c8d19e7b", "r/app@" + digest, ""},
		{"digest as revision", "once is enough", v1alpha1.ServiceStatus{Revision: "4f53c8d19e7b", Image: "r/app", Digest: digest}, "", "r/app@" + digest, ""},
		{"commit", "shortened", v1alpha1.ServiceStatus{Revision: "main", Commit: "0123456789abcdef"}, "01234567", "0123456789abcdef", ""},
		{"host", "a browser can open it", v1alpha1.ServiceStatus{URL: "app.up.railway.app"}, "", "", "https://app.up.railway.app"},
		{"script", "a browser must not", v1alpha1.ServiceStatus{URL: "javascript://x/%0aalert(1)"}, "", "", ""},
		{"data", "nor this", v1alpha1.ServiceStatus{URL: "data:text/html,<script>alert(1)</script>"}, "", "", ""},
		{"password", "nor show somebody's password", v1alpha1.ServiceStatus{URL: "https://user:pw@host/"}, "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			service := one(t, object("dev", v1alpha1.TierDev, func(o *v1alpha1.EngineEnvironment) { o.Status.Engine = &tt.status })).Runs
			assert.Equal(t, tt.short, service.Short, tt.reason)
			assert.Equal(t, tt.full, service.Full, tt.reason)
			assert.Equal(t, tt.url, service.URL, tt.reason)
		})
	}
}

func TestChecksDriftCostHistory(t *testing.T) {
	tier := one(t, object("dev", v1alpha1.TierDev, func(o *v1alpha1.EngineEnvironment) {
		for name, result := range map[string]v1alpha1.CheckResult{"a": v1alpha1.CheckPassed, "b": v1alpha1.CheckFailed, "c": v1alpha1.CheckPending, "d": v1alpha1.CheckSkipped} {
			o.Status.Checks = append(o.Status.Checks, v1alpha1.CheckStatus{Name: name, Result: result})
		}
		o.Status.Drift = []v1alpha1.Drift{{Path: "app.variables.KEY", Declared: "(secret)", Actual: "(absent)", FirstSeen: metav1.NewTime(epoch), ChangedBy: "maria"}}
		o.Spec.Budget = &v1alpha1.Budget{MonthlyUSD: 200}
		o.Status.Cost = &v1alpha1.CostStatus{MonthToDateUSD: "80.00", ProjectedUSD: "212.80", AsOf: metav1.NewTime(epoch)}
		o.Status.Promotion = &v1alpha1.PromotionStatus{History: []v1alpha1.PromotionRecord{
			{Revision: "2", From: "dev", ApprovedBy: "maria", At: metav1.NewTime(epoch), Outcome: v1alpha1.PromotionRolledBack},
			{Revision: "1", From: "dev", At: metav1.NewTime(epoch.Add(-time.Hour)), Outcome: v1alpha1.PromotionVerified},
		}}
		o.Status.LastCommit = &v1alpha1.Commit{Message: "dev: app 2", Time: metav1.NewTime(epoch.Add(time.Minute))}
	}, condition(v1alpha1.ConditionWithinBudget, "False", "OverBudget", "over")))

	assert.Equal(t, []int{1, 1, 3}, []int{tier.Checks.Passed, tier.Checks.Failed, tier.Checks.Counted}, "a skipped check does not count")
	assert.Equal(t, "b", tier.Checks.List[0].Name, "what fails comes first")
	assert.Equal(t, []view.Drift{{Path: "app.variables.KEY", Declared: "(secret)", Actual: "(absent)", Since: epoch, ChangedBy: "maria"}}, tier.Drift)
	assert.Equal(t, &view.Cost{MonthToDate: "80.00", Projected: "212.80", Budget: 200, Share: 106, AsOf: epoch, Over: true}, tier.Cost)
	require.Len(t, tier.History, 3)
	assert.Equal(t, "last commit to Railway", tier.History[0].What, "the newest first")
	assert.Equal(t, view.Record{At: epoch, What: "promoted 2 from dev", By: "maria", Outcome: "bad", Detail: "rolled back"}, tier.History[1])
}

// TestNothingOfTheSpecsValues holds that no value of a variable, header or body reaches the page, even one that a person wrote into
// the spec in clear.
func TestNothingOfTheSpecsValues(t *testing.T) {
	const secret = "hunter2-in-clear"
	value := secret
	o := object("dev", v1alpha1.TierDev, annotated("kubectl.kubernetes.io/last-applied-configuration", secret), func(o *v1alpha1.EngineEnvironment) {
		variables := []v1alpha1.Variable{{Name: "KEY", Value: &value}}
		o.Spec.Engine.Variables, o.Spec.SharedVariables = variables, variables
		o.Spec.Engine.Deploy = &v1alpha1.Deploy{StartCommand: secret}
		o.Spec.Verification = &v1alpha1.Verification{Checks: []v1alpha1.Check{{Name: "c", HTTP: &v1alpha1.HTTPCheck{Path: "/", Body: secret}}}}
		o.Status.WorkingRecord = &v1alpha1.WorkingRecord{HashKey: secret, Written: map[string]string{"a": secret}}
	})
	raw, err := json.Marshal(one(t, o))
	require.NoError(t, err)
	assert.NotContains(t, string(raw), secret)
}

func TestPlan(t *testing.T) {
	for _, tt := range []struct {
		name, reason string
		edits        []edit
		state        proposal.State
		stale, waits string
	}{
		{"waits", "a person approves it", []edit{planned}, proposal.Waits, "", "plan 3f1c waits for an approval: 1 to set; deploys app"},
		{"stale", "another plan was approved", []edit{planned, annotated(v1alpha1.AnnotationApprovePlan, "old")}, proposal.Waits, "old",
			"plan 3f1c waits for an approval, since old was approved before it changed: 1 to set; deploys app"},
		{"approved", "the operator is next", []edit{planned, annotated(v1alpha1.AnnotationApprovePlan, "3f1c")}, proposal.Approved, "",
			"plan 3f1c is approved and written next"},
		{"observed", "nobody is asked", []edit{planned, observed}, proposal.Observed, "", ""},
		{"outdated", "the spec has changed", []edit{planned, func(o *v1alpha1.EngineEnvironment) { o.Generation++ }}, proposal.Outdated, "", ""},
		{"suspended", "nothing is written whoever approves", []edit{planned, suspended}, proposal.Waits, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tier := one(t, object("dev", v1alpha1.TierDev, tt.edits...))
			require.NotNil(t, tier.Plan)
			assert.Equal(t, tt.state, tier.Plan.State, tt.reason)
			assert.Equal(t, tt.stale, tier.Plan.Stale, tt.reason)
			assert.Equal(t, 2, tier.Plan.More)
			assert.Equal(t, view.PlannedChange{Path: "app.variables.X", Action: "Set", From: "1", To: "(secret)"}, tier.Plan.Changes[0])
			what := ""
			for _, wait := range tier.Waits {
				if strings.HasPrefix(wait.What, "plan") {
					what = wait.What
				}
			}
			assert.Equal(t, tt.waits, what, tt.reason)
		})
	}
	assert.Nil(t, one(t, object("dev", v1alpha1.TierDev)).Plan)
}
