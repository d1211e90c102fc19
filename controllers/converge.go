// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/findings"
	"github.com/engine-operator/engine-operator/internal/journal"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/proposal"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/rollout"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/view"
)

// awaitShown waits until what was written last shows: a stale read is not drift (railway-api.md, "Consistency"). The
// operator's mark in the commit message tells its own commits in Railway's history
// (railway-api.md, "Staged changes and history").
func (w writer) awaitShown(ctx context.Context, p *pass, v *view.View) (*view.View, *outcome.Outcome) {
	wait := p.journal.Waits(v.Journal())
	if wait.For != journal.Nothing {
		var out *outcome.Outcome
		if v, out = w.watch.fresh(ctx, p, v); out != nil {
			return nil, out
		}
		wait = p.journal.Waits(v.Journal())
	}
	switch {
	case wait.For == journal.CommitUnknown:
		return nil, outcome.Progressing(v1alpha1.ReasonVerifyingWrite,
			"Railway did not say whether the last commit was applied; the operator reads before it writes again", min(wait.Left, outcome.UnknownRetry))
	case wait.For == journal.CommitNotShown:
		w.watch.hurry(p)
		return nil, outcome.Progressing(v1alpha1.ReasonApplying, "waits for Railway to show the last commit", outcome.UnknownRetry)
	case v.Env.Applying:
		w.watch.hurry(p)
		return nil, outcome.Progressing(v1alpha1.ReasonApplying, "Railway applies a commit", w.settle)
	}
	return v, nil
}

// comparison is what is declared beside what Railway has.
type comparison struct {
	declared *desired.Environment
	plan     *plan.Plan
}

// compare compares what is declared with the view. added are services that the view does not show yet.
func (w writer) compare(p *pass, v *view.View, declared *desired.Environment, added map[string]plan.AddedService) *comparison {
	spec := &p.object.Spec
	leave := map[string]bool{}
	for path := range p.journal.Contested(p.now) {
		leave[path] = true
	}
	return &comparison{declared, plan.Make(plan.Input{
		Desired: declared, Observed: v.Env, Added: added,
		Applied: p.journal.Written(), Hash: w.hasher.Field, KeyLost: p.journal.KeyLost(w.hasher.Name()),
		ReportDrift: spec.EffectiveDriftPolicy() == v1alpha1.DriftPolicyWarn,
		Leave:       leave, Refused: p.journal.RefusedFields(p.now, p.forced != ""),
		Unmanaged: unmanagedPolicies[spec.EffectiveUnmanagedPolicy()],
	})}
}

var unmanagedPolicies = map[v1alpha1.UnmanagedPolicy]plan.Unmanaged{
	v1alpha1.UnmanagedIgnore: plan.IgnoreUnmanaged,
	v1alpha1.UnmanagedWarn:   plan.ListUnmanaged,
	v1alpha1.UnmanagedPrune:  plan.PruneUnmanaged,
}

func (c *comparison) needsWrite() bool {
	return len(c.plan.Missing) > 0 || len(c.plan.Domains) > 0 || len(c.plan.Triggers) > 0 || !c.plan.Empty()
}

// refused is what Railway could not apply, while some of it still differs: it is held back, or is to be sent again.
func (c *comparison) refused(j *journal.Journal) *v1alpha1.RefusedCommit {
	if len(c.plan.HeldBack) == 0 && !j.Retries(c.plan.Hashes()) {
		return nil
	}
	return j.Refused()
}

// converge compares and writes what differs: missing services and domains first, then one commit, then deployments of what has none.
// A pass that finds nothing to write, or may not write it, goes on with the view that it found so.
func (w writer) converge(ctx context.Context, p *pass, v *view.View, declared *desired.Environment) (*view.View, *outcome.Outcome) {
	c := w.compare(p, v, declared, nil)
	undeployed := w.undeployed(p, v, c)
	if c.needsWrite() || len(undeployed) > 0 {
		// Somebody may have written since the snapshot: read again right before writing (railway-api.md, "Consistency").
		newer, out := w.watch.fresh(ctx, p, v)
		if out != nil {
			return nil, out
		}
		if newer != v { // a view that is as new as the pass is returned as it is, and compared already
			v, c = newer, w.compare(p, newer, declared, nil)
			undeployed = w.undeployed(p, v, c)
		}
	}
	gate := w.gate(p, v, c, undeployed)
	if gate.Write && c.needsWrite() {
		if out := w.write(ctx, p, v, c); out != nil {
			return nil, out
		}
		c = w.compare(p, v, declared, nil)
	}
	w.book(p, v, c)
	judge(p, v, c)
	p.facts.Config.Plan = gate.Plan
	if !gate.Write {
		p.find(v1alpha1.ConditionSynced, status.Failed(gate.Reason, gate.Message))
		return v, nil
	}
	return v, w.deploy(ctx, p, v, undeployed)
}

// mayCreate decides whether the environment that is not there may be created, and says what will be written to it. Without an environment
// that may be created there is nothing more to find out.
func (w writer) mayCreate(ctx context.Context, p *pass, v *view.View, declared *desired.Environment) ([]v1alpha1.PendingWrite, *outcome.Outcome) {
	c := w.compare(p, v, declared, nil)
	gate := w.gate(p, v, c, nil)
	if !gate.Write {
		w.book(p, v, c)
		p.facts.Config.Plan = gate.Plan
		p.find(v1alpha1.ConditionSynced, status.Failed(gate.Reason, gate.Message))
		return nil, outcome.Waiting(v1alpha1.ConditionSynced, gate.Reason, gate.Message)
	}
	if !p.takeTurn() {
		return nil, waitsForTurn()
	}
	return w.ahead(ctx, p, v, c)
}

// gate decides whether what differs may be written.
func (w writer) gate(p *pass, v *view.View, c *comparison, undeployed []deployment) proposal.Decision {
	if p.object.Spec.EffectiveWritePolicy() == v1alpha1.WritePolicyApply && p.journal.ApprovedPlan() == nil {
		return proposal.Decision{Write: true} // as Decide would answer, without the comparison and the proposal that nobody is shown
	}
	in := proposal.Input{
		Plan: w.assume(p, v, c), Creates: c.plan.Missing, CreatesEnvironment: v.Absent,
		After: proposal.After(p.journal.LastCommit(), p.journal.ApprovedPlan()),
	}
	for _, d := range undeployed {
		in.Undeployed = append(in.Undeployed, d.service)
	}
	gate := proposal.Gate{
		Policy: p.object.Spec.EffectiveWritePolicy(), Namespace: p.object.Namespace, Name: p.object.Name,
		Annotation: p.object.Annotations[v1alpha1.AnnotationApprovePlan], Approved: p.journal.ApprovedPlan(),
	}
	if refused := c.refused(p.journal); refused != nil {
		gate.Refused = refused.Message
	}
	decision := gate.Decide(proposal.Of(in))
	p.journal.Approve(decision.Approved)
	return decision
}

// assume is the plan as it will be once the missing services are there.
func (w writer) assume(p *pass, v *view.View, c *comparison) *plan.Plan {
	if len(c.plan.Missing) == 0 {
		return c.plan
	}
	assumed := map[string]plan.AddedService{}
	for _, name := range c.plan.Missing {
		assumed[name] = plan.AddedService{ID: name}
	}
	return w.compare(p, v, c.declared, assumed).plan
}

// write makes Railway follow.
func (w writer) write(ctx context.Context, p *pass, v *view.View, c *comparison) *outcome.Outcome {
	if !p.takeTurn() {
		return waitsForTurn()
	}
	if len(c.plan.Missing)+len(c.plan.Domains) > 0 && !p.journal.Foresees() {
		ahead, out := w.ahead(ctx, p, v, c)
		if out != nil {
			return out
		}
		p.journal.Foresee(ahead, w.now())
	}
	added, out := w.addServices(ctx, p, v, c.plan.Missing)
	if out != nil {
		return out
	}
	if len(added) > 0 {
		c = w.compare(p, v, c.declared, added)
	}
	if out := w.addDomains(ctx, p, v, c, added); out != nil {
		return out
	}
	if err := w.stopAutoDeploy(ctx, p, c.plan); err != nil {
		return p.rejected(ctx, err)
	}
	if len(c.plan.Triggers) > 0 {
		c = w.compare(p, v, c.declared, added) // without what the token may not do
	}
	if !c.plan.Empty() {
		return w.commit(ctx, p, v, c)
	}
	if len(c.plan.Domains) > 0 {
		w.watch.hurry(p)
		return outcome.Progressing(v1alpha1.ReasonApplying, "waits for Railway to show the new domain", outcome.UnknownRetry)
	}
	return nil
}

// stopAutoDeploy deletes the triggers that would deploy pushes past the declared commit. A token that may not is told of as drift.
func (w writer) stopAutoDeploy(ctx context.Context, p *pass, made *plan.Plan) error {
	for _, trigger := range made.Triggers {
		err := p.client.DisableAutoDeploy(railway.WithPriority(ctx, railway.Write), trigger.ID)
		switch railway.ClassOf(err) {
		case railway.None:
			p.event(normal, "AutoDeployStopped", "Repair", "Pushes do not deploy %s any more: its commit is declared", trigger.Service)
			w.watch.hurry(p)
		case railway.NotFound: // somebody was faster
		case railway.Unauthorized:
			p.journal.RefuseField(trigger.Path, trigger.Hash, "the token may not turn auto-deploy off: use an account or workspace token, "+
				"or disconnect the repository's branch on the dashboard", p.now)
		default:
			return err
		}
	}
	return nil
}

// book notes what the comparison found: the record of written fields, drift, and what was left alone.
func (w writer) book(p *pass, v *view.View, c *comparison) {
	p.journal.SetWritten(c.plan.Record)
	if c.plan.Empty() {
		p.journal.UseKey(w.hasher.Name())
	}
	if c.refused(p.journal) == nil {
		p.journal.ForgetRefused()
	}
	p.facts.Config = findings.Config(c.plan, v.Staged(), v.ChangedBy)
}

// judge says whether Railway's config is as declared, once there is nothing left to write.
func judge(p *pass, v *view.View, c *comparison) {
	sync := findings.Sync{
		Plan: c.plan, Contested: p.journal.Contested(p.now), Staged: v.Staged(), Renamed: v.Renamed(p.journal.ServiceIDs()),
	}
	if refused := p.journal.Refused(); refused != nil {
		sync.Refused, sync.RefusedUntil = refused.Message, p.journal.RefusedUntil()
	}
	finding, until := sync.Finding()
	p.find(v1alpha1.ConditionSynced, finding)
	p.wakeAt(until)
}

// deployment is a deployment that has to be started by itself: no commit starts it.
type deployment struct {
	service, serviceID, before, commit string
	// repair is true when something else runs.
	repair bool
}

// undeployed returns the services whose config is as declared and of which nothing, or provably something else, runs. A patch that
// equals the config starts no deployment (railway-api.md, "Config patches").
func (w writer) undeployed(p *pass, v *view.View, c *comparison) []deployment {
	if c.needsWrite() {
		return nil
	}
	var all []deployment
	contested := p.journal.Contested(p.now)
	for _, service := range c.declared.Services {
		in := v.Rollout(service, p.journal)
		stale := rollout.Stale(in) && p.object.Spec.EffectiveDriftPolicy() == v1alpha1.DriftPolicyRepair
		if _, fought := contested[deploymentPath(service.Name)]; fought || (!rollout.Undeployed(in) && !stale) {
			continue
		}
		d := deployment{service: service.Name, serviceID: in.Instance.ServiceID, commit: service.Commit, repair: stale}
		if in.Instance.Latest != nil {
			d.before = in.Instance.Latest.ID
		}
		all = append(all, d)
	}
	return all
}

func deploymentPath(service string) string { return service + ".deployment" }

// deploy starts the deployments that no commit starts.
func (w writer) deploy(ctx context.Context, p *pass, v *view.View, all []deployment) *outcome.Outcome {
	for _, d := range all {
		intent := v1alpha1.PendingWrite{Kind: v1alpha1.WriteDeployment, Name: d.service, Message: d.before, StartedAt: metav1.NewTime(w.now())}
		if out := w.waitsForCreate(p, v.ReadAt, intent); out != nil {
			return out
		}
		if out := w.announceCreate(ctx, p, intent); out != nil {
			return out
		}
		out := w.send(ctx, p, func(ctx context.Context) error {
			_, err := p.client.Deploy(ctx, p.at().EnvironmentID, d.serviceID, d.commit)
			return err
		})
		if out != nil {
			return out
		}
		p.event(normal, "Deployed", "Deploy", "Started a deployment of the service %q: its config is as declared, and no commit deploys it", d.service)
		if d.repair {
			p.journal.CountRepairs([]string{deploymentPath(d.service)}, p.now)
		}
	}
	if len(all) > 0 {
		w.watch.hurry(p)
		return outcome.Progressing(v1alpha1.ReasonDeploying, "waits for Railway to start the deployment", outcome.UnknownRetry)
	}
	return nil
}
