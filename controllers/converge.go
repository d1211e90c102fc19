// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/journal"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/rollout"
	"github.com/engine-operator/engine-operator/internal/status"
)

// settle waits until what was written last shows: a stale read is not drift (railway-api.md, "Consistency"). The
// operator's mark in the commit message tells its own commits in Railway's history
// (railway-api.md, "Staged changes and history").
func (r *Reconciler) settle(ctx context.Context, p *pass, v *view) (*view, *outcome) {
	wait := p.journal.Waits(v.journal())
	if wait.For != journal.Nothing && !v.fresh(p) {
		var out *outcome
		if v, out = r.views.reread(ctx, p); out != nil {
			return nil, out
		}
		wait = p.journal.Waits(v.journal())
	}
	switch {
	case wait.For == journal.CommitUnknown:
		return nil, progressing(v1alpha1.ReasonVerifyingWrite,
			"Railway did not say whether the last commit was applied; the operator reads before it writes again", min(wait.Left, unknownRetry))
	case wait.For == journal.CommitNotShown:
		r.views.watch.Hurry(p.key, p.now.Add(hurry))
		return nil, progressing(v1alpha1.ReasonApplying, "waits for Railway to show the last commit", unknownRetry)
	case v.env.Applying:
		r.views.watch.Hurry(p.key, p.now.Add(hurry))
		return nil, progressing(v1alpha1.ReasonApplying, "Railway applies a commit", r.options.Settle)
	}
	return v, nil
}

// reread reads the environment because something depends on a snapshot that is newer than the pass.
func (s views) reread(ctx context.Context, p *pass) (*view, *outcome) {
	v, err := s.refresh(ctx, p, railway.Write)
	if err != nil {
		return nil, p.rejected(ctx, err)
	}
	return v, nil
}

// comparison is what is declared beside what Railway has.
type comparison struct {
	declared *desired.Environment
	plan     *plan.Plan
}

// compare compares what is declared with the view. added are services that the view does not show yet.
func (w writer) compare(p *pass, v *view, declared *desired.Environment, added map[string]plan.AddedService) *comparison {
	spec := &p.object.Spec
	leave := map[string]bool{}
	for path := range p.journal.Contested(p.now) {
		leave[path] = true
	}
	return &comparison{declared, plan.Make(plan.Input{
		Desired: declared, Observed: v.env, Added: added,
		Applied: p.journal.Written(), Hash: w.hasher.field, KeyLost: p.journal.KeyLost(w.hasher.name()),
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

// converge compares and writes what differs: missing services and domains first, then one commit, then deployments of what has none.
// A pass that finds nothing to write goes on, with the view that it found so.
func (w writer) converge(ctx context.Context, p *pass, v *view, declared *desired.Environment, views views) (*view, *outcome) {
	c := w.compare(p, v, declared, nil)
	undeployed := w.undeployed(p, v, c)
	if (c.needsWrite() || len(undeployed) > 0) && !v.fresh(p) {
		// Somebody may have written since the snapshot: read again right before writing
		// (railway-api.md, "Consistency").
		var out *outcome
		if v, out = views.reread(ctx, p); out != nil {
			return nil, out
		}
		c = w.compare(p, v, declared, nil)
		undeployed = w.undeployed(p, v, c)
	}
	if c.needsWrite() {
		if out := w.write(ctx, p, v, c); out != nil {
			return nil, out
		}
		c = w.compare(p, v, declared, nil)
	}
	w.book(p, v, c)
	p.find(v1alpha1.ConditionSynced, judgeSync(p, v, c.plan))
	return v, w.deploy(ctx, p, v, undeployed)
}

// write makes Railway follow. Writers of one project take turns: services belong to the project, not to the environment.
func (w writer) write(ctx context.Context, p *pass, v *view, c *comparison) *outcome {
	defer p.client.Lock(p.object.Spec.Railway.ProjectID)()
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
		w.watch.Hurry(p.key, p.now.Add(hurry))
		return progressing(v1alpha1.ReasonApplying, "waits for Railway to show the new domain", unknownRetry)
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
			w.watch.Hurry(p.key, p.now.Add(hurry))
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
func (w writer) book(p *pass, v *view, c *comparison) {
	p.journal.SetWritten(c.plan.Record)
	if c.plan.Empty() {
		p.journal.UseKey(w.hasher.name())
	}
	if len(c.plan.HeldBack) == 0 {
		p.journal.ForgetRefused()
	}
	config := &status.Config{Unmanaged: c.plan.Unmanaged, Staged: v.staged()}
	for _, change := range c.plan.Drift {
		config.Drift = append(config.Drift, v1alpha1.Drift{
			Path: change.Path, Declared: change.Declared, Actual: change.Actual, ChangedBy: v.changedBy(change.Path),
		})
	}
	p.facts.Config = config
}

// judgeSync says whether Railway's config is as declared, once there is nothing left to write.
func judgeSync(p *pass, v *view, made *plan.Plan) status.Finding {
	left, until := contestedNow(p, made)
	var drift []string
	for _, change := range made.Drift {
		drift = append(drift, change.Path)
	}
	switch {
	case len(made.HeldBack) > 0:
		return status.Failed(v1alpha1.ReasonCommitFailed, fmt.Sprintf("Railway could not apply %s: %s. The operator tries again when the value changes, or later",
			status.List(made.HeldBack), p.journal.Refused().Message))
	case len(made.Blocked) > 0:
		return status.Failed(v1alpha1.ReasonConfigFileOwned, "a railway.json or railway.toml of the repository overrides "+
			status.List(made.Blocked)+": remove the file, or these fields from the spec")
	case len(left) > 0:
		return status.Failed(v1alpha1.ReasonContested, "something keeps undoing the operator's repairs of "+
			status.List(left)+": find out what writes them, or remove them from the spec. The operator tries again after "+
			until.UTC().Format("15:04")+" UTC, or when a pass is forced by annotation")
	case len(drift) > 0:
		return status.Failed(v1alpha1.ReasonDrifted, "changed on Railway: "+status.List(drift))
	default:
		return status.Passed("Railway's config is as declared" + mentions(p, v))
	}
}

// contestedNow returns the fields that differ now and were repaired too often, and until when they are left alone.
func contestedNow(p *pass, made *plan.Plan) (paths []string, until time.Time) {
	contested := p.journal.Contested(p.now)
	for _, drift := range made.Drift {
		end, ok := contested[drift.Path]
		if !ok {
			continue
		}
		paths = append(paths, drift.Path)
		if until.IsZero() || end.Before(until) {
			until = end
		}
	}
	if !until.IsZero() {
		p.wakeAt(until)
	}
	return paths, until
}

// mentions names what people should know of and the operator leaves alone.
func mentions(p *pass, v *view) string {
	text := ""
	if n := len(p.facts.Config.Unmanaged); n > 0 {
		text += "; " + status.Count(n, "variable", "variables") + " that nobody declared: see status.unmanagedVariables"
	}
	if n := len(p.facts.Config.Staged); n > 0 {
		text += "; " + status.Count(n, "change", "changes") + " staged on the dashboard and not deployed: see status.stagedChanges"
	}
	if names := v.renamed(p); len(names) > 0 {
		text += "; on Railway " + status.List(names)
	}
	return text
}

// deployment is a deployment that has to be started by itself: no commit starts it.
type deployment struct {
	service, serviceID, before, commit string
	// repair is true when something else runs.
	repair bool
}

// undeployed returns the services whose config is as declared and of which nothing, or provably something else, runs. A patch that
// equals the config starts no deployment (railway-api.md, "Config patches").
func (w writer) undeployed(p *pass, v *view, c *comparison) []deployment {
	if c.needsWrite() {
		return nil
	}
	var all []deployment
	contested := p.journal.Contested(p.now)
	for _, service := range c.declared.Services {
		in := assessment(p, v, service)
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
func (w writer) deploy(ctx context.Context, p *pass, v *view, all []deployment) *outcome {
	for _, d := range all {
		intent := v1alpha1.PendingWrite{Kind: v1alpha1.WriteDeployment, Name: d.service, Message: d.before, StartedAt: metav1.NewTime(w.now())}
		if out := w.announceCreate(ctx, p, v.readAt, intent); out != nil {
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
		w.watch.Hurry(p.key, p.now.Add(hurry))
		return progressing(v1alpha1.ReasonDeploying, "waits for Railway to start the deployment", unknownRetry)
	}
	return nil
}
