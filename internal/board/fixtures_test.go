// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cost"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/findings"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/promotion"
	"github.com/engine-operator/engine-operator/internal/proposal"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/rollout"
	"github.com/engine-operator/engine-operator/internal/status"
)

// engines are the objects of testdata/engines.yaml, with their times before now, as the operator reports them.
func engines(t *testing.T) []*v1alpha1.EngineEnvironment {
	t.Helper()
	ago := func(text string) (string, error) {
		d, err := time.ParseDuration(text)
		return time.Now().Add(-d).UTC().Format(time.RFC3339), err
	}
	raw, err := os.ReadFile("testdata/engines.yaml")
	require.NoError(t, err)
	parsed, err := template.New("engines").Funcs(template.FuncMap{"ago": ago}).Parse(string(raw))
	require.NoError(t, err)
	var text bytes.Buffer
	require.NoError(t, parsed.Execute(&text, nil))
	var objects []*v1alpha1.EngineEnvironment
	for document := range strings.SplitSeq(text.String(), "\n---\n") {
		object := &v1alpha1.EngineEnvironment{}
		require.NoError(t, yaml.UnmarshalStrict([]byte(document), object))
		object.Generation, object.UID = 1, types.UID(object.Namespace+"-"+object.Name)
		report(object, objects)
		objects = append(objects, object)
	}
	return objects
}

// report lets the operator's functions say what follows from a fixture's spec and from what was found, as after two passes: one while
// everything was deployed and nothing suspended, and one now. before are the fixtures whose status is complete.
func report(object *v1alpha1.EngineEnvironment, before []*v1alpha1.EngineEnvironment) {
	var upstream *v1alpha1.EngineEnvironment
	for _, other := range before {
		if object.Spec.Promotion != nil && keyOf(other) == object.Namespace+"/"+object.Spec.Promotion.From {
			upstream = other
		}
	}
	object.Status.Checks = known(object)
	earlier, found := object.DeepCopy(), object.Status.DeepCopy()
	earlier.Spec.Suspend = false
	if earlier.Status.Engine != nil {
		earlier.Status.Engine.DeploymentStatus = string(model.DeploymentSuccess)
	}
	now := time.Now()
	object.Status = pass(earlier, upstream, now.Add(-3*time.Hour))
	object.Status.Engine, object.Status.GoSince = found.Engine, found.GoSince
	object.Status = pass(object, upstream, now.Add(-time.Minute))
}

// known are the results of the declared checks: they pass, but those that the fixture names.
func known(object *v1alpha1.EngineEnvironment) []v1alpha1.CheckStatus {
	since := metav1.NewTime(time.Now().Add(-2 * time.Hour))
	named := map[string]v1alpha1.CheckStatus{}
	for _, check := range object.Status.Checks {
		named[check.Name] = check
	}
	var all []v1alpha1.CheckStatus
	for _, check := range object.Spec.EffectiveChecks() {
		result, ok := named[check.Name]
		if !ok {
			result = v1alpha1.CheckStatus{Name: check.Name, Result: v1alpha1.CheckPassed, Since: since}
		}
		all = append(all, result)
	}
	return all
}

// pass is the status after a pass, from the same functions and in the same order as in package controllers.
func pass(object, upstream *v1alpha1.EngineEnvironment, now time.Time) v1alpha1.EngineEnvironmentStatus {
	facts := status.Facts{
		Spec: &object.Spec, Generation: object.Generation, Findings: map[string]status.Finding{}, LastCommit: object.Status.LastCommit,
	}
	switch {
	case object.Spec.Suspend:
		facts.Outcome = outcome.Suspended().Outcome
	case object.Spec.Tier == v1alpha1.TierLocal:
		facts.EnvSecret = object.EnvSecretName()
		facts.Findings[v1alpha1.ConditionSynced] = findings.EnvSecret(facts.EnvSecret)
	default:
		facts.Outcome = onRailway(object, upstream, &facts)
	}
	return status.Next(object.Status, facts, metav1.NewTime(now))
}

func onRailway(object, upstream *v1alpha1.EngineEnvironment, facts *status.Facts) status.Outcome {
	found, s := facts.Findings, &object.Status
	found[v1alpha1.ConditionCredentialsValid] = findings.TokenAccepted()
	if object.Spec.Budget != nil {
		facts.Cost = cost.Against(s.Cost, object.Spec.Budget)
		found[v1alpha1.ConditionWithinBudget] = findings.WithinBudget(object.Spec.Budget, facts.Cost, false)
	}
	input := decidedBy(object, upstream)
	decision := promotion.Decide(input)
	facts.Promotion, facts.Hold = decision.Promotion, &status.Hold{Rollback: decision.Rollback}
	if decision.Promotion != nil {
		found[v1alpha1.ConditionPromoted] = findings.Promoted(decision)
	}
	made := &plan.Plan{Unmanaged: s.UnmanagedVariables}
	for _, d := range s.Drift {
		made.Drift = append(made.Drift, plan.Change{Path: d.Path})
	}
	found[v1alpha1.ConditionSynced], _ = findings.Sync{Plan: made}.Finding()
	health := healthOf(s)
	found[v1alpha1.ConditionHealthy] = health.Finding
	facts.Checks = findings.Checks(s.Checks, health.Finding, nil)
	if health.State == rollout.Progressing {
		return outcome.Progressing(health.Finding.Reason, health.Finding.Message, 0).Outcome
	}
	verified := findings.Verified(facts.Checks)
	found[v1alpha1.ConditionVerified] = verified
	switch {
	case verified.Reason == v1alpha1.ReasonCheckFailed:
		return outcome.Stalled(v1alpha1.ConditionVerified, verified.Reason, verified.Message).Outcome
	case decision.Rollback != nil:
		return outcome.Stalled("", v1alpha1.ReasonRolledBack, promotion.HeldMessage(input, decision)).Outcome
	}
	return outcome.Done().Outcome
}

// decidedBy is what the decision about the fixture's revision depends on.
func decidedBy(object, upstream *v1alpha1.EngineEnvironment) promotion.Input {
	s := &object.Status
	input := promotion.Input{
		Namespace: object.Namespace, Name: object.Name, Spec: &object.Spec, Annotations: object.Annotations,
		Previous: s.Promotion, Rollback: s.Rollback, Now: time.Now(),
	}
	if s.Engine != nil {
		input.Runs = promotion.Running{Image: s.Engine.Image, Digest: s.Engine.Digest}
	}
	if s.Verified != nil {
		held := promotion.ContentOf(promotion.WithSource(&object.Spec, &s.Verified.Source))
		input.Held = &held
	}
	if upstream != nil {
		input.Upstream = promotion.UpstreamOf(upstream)
	}
	return input
}

// healthOf judges the deployments that the fixture names.
func healthOf(s *v1alpha1.EngineEnvironmentStatus) findings.Health {
	var results []rollout.Result
	for _, service := range append([]v1alpha1.ServiceStatus{*s.Engine}, s.Services...) {
		results = append(results, rollout.Assess(rollout.Input{
			Desired: desired.Service{Name: service.Name, ProgressDeadline: time.Hour}, ReadAt: time.Now(),
			Instance: model.ServiceInstance{ServiceID: service.Name, Latest: &model.Deployment{
				Status: model.DeploymentStatus(service.DeploymentStatus), CreatedAt: time.Now(),
				Meta: model.DeploymentMeta{Image: service.Image, ImageDigest: service.Digest},
			}},
		}))
	}
	return findings.HealthOf(results)
}

// planned makes the object wait for the approval of a plan, after another one was approved. Two of its five changes are not listed, as
// of a plan that is too long.
func planned(object *v1alpha1.EngineEnvironment) {
	object.Spec.WritePolicy = v1alpha1.WritePolicyApprove
	object.Annotations = map[string]string{v1alpha1.AnnotationApprovePlan: "90a1b2c3d4e5"}
	name := object.Spec.Engine.Name
	decision := proposal.Gate{
		Policy: object.Spec.WritePolicy, Namespace: object.Namespace, Name: object.Name, Annotation: object.Annotations[v1alpha1.AnnotationApprovePlan],
	}.Decide(proposal.Of(proposal.Input{Plan: &plan.Plan{Changes: []plan.Change{
		{Path: name + ".variables.OPENAI_API_KEY", Service: name, Declared: "(secret)", Hash: "1", Deploys: true},
		{Path: name + ".variables.RATE_LIMIT", Service: name, Declared: "60", Actual: "100", Hash: "2", Deploys: true},
		{Path: name + ".variables.TEMPERATURE", Service: name, Declared: "0.2", Hash: "3", Deploys: true},
		{Path: "shared.REGION", Actual: "eu-west"},
	}}, Creates: []string{"worker"}}))
	facts := status.Facts{
		Spec: &object.Spec, Generation: object.Generation, Findings: map[string]status.Finding{},
		Outcome: outcome.Waiting(v1alpha1.ConditionSynced, decision.Reason, decision.Message).Outcome, Config: &status.Config{Plan: decision.Plan},
	}
	object.Status = status.Next(object.Status, facts, metav1.Now())
	changes := object.Status.Plan.Changes
	object.Status.Plan.Changes, object.Status.Plan.More = append(changes[:2], changes[len(changes)-2]), 2
}
