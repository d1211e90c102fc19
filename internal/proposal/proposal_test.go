// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package proposal_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/proposal"
)

func set(name, hash string) plan.Change {
	return plan.Change{
		Path: "ai-engine.variables." + name, Service: "ai-engine", Declared: "new", Actual: "old", Hash: hash, Deploys: true,
	}
}

func TestProposal(t *testing.T) {
	p := proposal.Of(proposal.Input{
		CreatesEnvironment: true, Creates: []string{"ai-engine"}, Undeployed: []string{"worker"}, After: "eo-1",
		Plan: &plan.Plan{
			Domains: []string{"ai-engine"}, Changes: []plan.Change{set("B", "1"), set("A", "2"), set("C", "")},
			Triggers: []plan.TriggerChange{{Service: "ai-engine", Path: "ai-engine.source.autoDeploy", Hash: "off"}},
		},
	})
	var paths []string
	for _, change := range p.Changes {
		paths = append(paths, fmt.Sprint(change.Action, " ", change.Path))
	}
	assert.Equal(t, []string{
		"Create ai-engine", "Create ai-engine.domains.railway", "Delete ai-engine.source.autoDeploy", "Set ai-engine.variables.A",
		"Set ai-engine.variables.B", "Delete ai-engine.variables.C", "Create environment", "Create worker.deployment",
	}, paths)
	assert.Equal(t, []string{"ai-engine", "worker"}, p.Deployments)
	assert.Equal(t, "4 to create, 2 to set, 2 to delete; deploys ai-engine, worker", p.Message())
	assert.True(t, proposal.Of(proposal.Input{Plan: &plan.Plan{}}).Empty())

	added := set("D", "4")
	added.Actual = "(absent)"
	assert.Equal(t, "1 to create, 1 to set; deploys ai-engine", proposal.Of(proposal.Input{Plan: &plan.Plan{Changes: []plan.Change{added, set("A", "2")}}}).Message(),
		"people are shown a field that is not there as one that is added")
}

// TestFieldsHaveTheSpecsNames: people read the names that they write.
func TestFieldsHaveTheSpecsNames(t *testing.T) {
	p := proposal.Of(proposal.Input{Plan: &plan.Plan{Changes: []plan.Change{
		{Path: "e.deploy.sleepApplication", Hash: "1"}, {Path: "e.deploy.startCommand", Hash: "2"}, {Path: "e.deploy.healthcheckPath", Hash: "3"},
	}}})
	var paths []string
	for _, change := range p.Changes {
		paths = append(paths, change.Path)
	}
	assert.Equal(t, []string{"e.deploy.healthcheck.path", "e.deploy.serverless", "e.deploy.startCommand"}, paths)
}

// TestNamesChangeNoHash: a plan that was approved before an upgrade is the same plan after it, whatever fields are called there.
func TestNamesChangeNoHash(t *testing.T) {
	p := proposal.Of(proposal.Input{Plan: &plan.Plan{Changes: []plan.Change{
		{Path: "e.deploy.multiRegionConfig", Hash: "1"}, {Path: "e.deploy.overlapSeconds", Hash: "2"}, {Path: "e.deploy.startCommand", Hash: "3"},
	}}})
	assert.Equal(t, "89b3e408f2f0", p.Hash())
}

func TestListsAreBounded(t *testing.T) {
	made := &plan.Plan{}
	for i := range 100 {
		made.Changes = append(made.Changes, set(fmt.Sprintf("V%03d", i), "x"))
	}
	status := proposal.Of(proposal.Input{Plan: made}).Status(false)
	assert.Len(t, status.Changes, 64)
	assert.EqualValues(t, 36, status.More)
}

func TestGate(t *testing.T) {
	p := proposal.Of(proposal.Input{Plan: &plan.Plan{Changes: []plan.Change{set("A", "1"), set("B", "2")}}, After: "eo-1"})
	left := proposal.Of(proposal.Input{Plan: &plan.Plan{Changes: []plan.Change{set("B", "2")}}, After: "eo-2"})
	other := proposal.Of(proposal.Input{Plan: &plan.Plan{Changes: []plan.Change{set("A", "1"), set("B", "3")}}, After: "eo-1"})
	again := proposal.Of(proposal.Input{Plan: &plan.Plan{Changes: []plan.Change{set("A", "1"), set("B", "2")}}, After: "eo-2"})
	for _, tt := range []struct {
		name, why  string
		policy     v1alpha1.WritePolicy
		p          proposal.Proposal
		annotation string
		approved   *v1alpha1.ApprovedPlan
		write      bool
		reason     string
	}{
		{"apply", "the default", v1alpha1.WritePolicyApply, p, "", nil, true, ""},
		{"observe", "nothing is written", v1alpha1.WritePolicyObserve, p, p.Hash(), p.Approved(), false, v1alpha1.ReasonObserving},
		{"observe, nothing to write", "it is as declared", v1alpha1.WritePolicyObserve, proposal.Proposal{}, "", nil, true, ""},
		{"not approved", "a person must", v1alpha1.WritePolicyApprove, p, "", nil, false, v1alpha1.ReasonAwaitingPlanApproval},
		{"approved", "just this", v1alpha1.WritePolicyApprove, p, p.Hash(), nil, true, ""},
		{"another value", "the approval is for another plan", v1alpha1.WritePolicyApprove, other, p.Hash(), nil, false, v1alpha1.ReasonAwaitingPlanApproval},
		{"what is left", "part of what was approved", v1alpha1.WritePolicyApprove, left, p.Hash(), p.Approved(), true, ""},
		{"changed while carried out", "not part of it", v1alpha1.WritePolicyApprove, other, p.Hash(), p.Approved(), false, v1alpha1.ReasonAwaitingPlanApproval},
		{"carried out, and the same again", "it was for once", v1alpha1.WritePolicyApprove, p, "", proposal.CarriedOut(p.Approved()), false, v1alpha1.ReasonAwaitingPlanApproval},
		{"the same again later", "an approval is for once", v1alpha1.WritePolicyApprove, again, p.Hash(), nil, false, v1alpha1.ReasonAwaitingPlanApproval},
	} {
		d := proposal.Gate{Policy: tt.policy, Namespace: "team", Name: "dev", Annotation: tt.annotation, Approved: tt.approved}.Decide(tt.p)
		assert.Equal(t, tt.write, d.Write, "%s: %s", tt.name, tt.why)
		assert.Equal(t, tt.reason, d.Reason, tt.name)
		assert.Equal(t, tt.write && tt.policy == v1alpha1.WritePolicyApprove, d.Approved != nil && len(d.Approved.Changes) > 0, tt.name)
		if !tt.write {
			require.NotNil(t, d.Plan, tt.name)
			assert.Equal(t, tt.p.Hash(), d.Plan.Hash, tt.name)
		}
	}
	asked := proposal.Gate{Policy: v1alpha1.WritePolicyApprove, Namespace: "team", Name: "dev", Annotation: "old"}.Decide(p)
	assert.Contains(t, asked.Message, "kubectl engine approve -n team dev, or ")
	assert.Contains(t, asked.Message, "kubectl annotate eenv -n team dev --overwrite railway.engine-operator.dev/approve-plan="+p.Hash())
	assert.Contains(t, asked.Message, " (the approval so far is for another plan, old)")
	assert.NotContains(t, asked.Message, "could not apply")
	for _, policy := range []v1alpha1.WritePolicy{v1alpha1.WritePolicyApprove, v1alpha1.WritePolicyObserve} {
		again := proposal.Gate{Policy: policy, Refused: "Invalid value."}.Decide(p)
		assert.Contains(t, again.Message, " (Railway could not apply what was sent last: Invalid value)")
	}
}

// TestNothingIsWrittenThatWasNotApproved: whatever is left to write after an approval was part of what was approved.
func TestNothingIsWrittenThatWasNotApproved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		changes := func(label string) map[string]string {
			return rapid.MapOfN(rapid.SampledFrom([]string{"A", "B", "C", "D"}), rapid.SampledFrom([]string{"1", "2", ""}), 0, 4).Draw(t, label)
		}
		of := func(values map[string]string) proposal.Proposal {
			made := &plan.Plan{}
			for name, hash := range values {
				made.Changes = append(made.Changes, set(name, hash))
			}
			return proposal.Of(proposal.Input{Plan: made, After: "x"})
		}
		approved, now := changes("approved"), changes("now")
		gate := proposal.Gate{Policy: v1alpha1.WritePolicyApprove, Annotation: of(approved).Hash(), Approved: of(approved).Approved()}
		if !gate.Decide(of(now)).Write {
			return
		}
		for name, hash := range now {
			was, ok := approved[name]
			if !ok || was != hash {
				t.Fatalf("%s=%s is written, approved was %v", name, hash, approved)
			}
		}
	})
}
