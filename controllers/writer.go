// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/fieldhash"
	"github.com/engine-operator/engine-operator/internal/findings"
	"github.com/engine-operator/engine-operator/internal/journal"
	"github.com/engine-operator/engine-operator/internal/metrics"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/view"
)

// writer sends writes to Railway, each announced in the status before it is sent, so that a later pass, or another operator after a
// crash, knows that it may have happened.
type writer struct {
	store   store
	watch   watcher
	metrics *metrics.Objects
	hasher  fieldhash.Hasher
	settle  time.Duration
	now     func() time.Time
}

// create sends a create that must happen at most once. The caller has read at readAt that it is not there.
func (w writer) create(ctx context.Context, p *pass, readAt time.Time, kind v1alpha1.WriteKind, name string, send func(context.Context) error) *outcome.Outcome {
	p.client.AwaitPause(ctx)
	intent := v1alpha1.PendingWrite{Kind: kind, Name: name, StartedAt: metav1.NewTime(w.now())}
	if out := w.waitsForCreate(p, readAt, intent); out != nil {
		return out
	}
	if out := w.announceCreate(ctx, p, intent); out != nil {
		return out
	}
	return w.send(w.announcedAnew(ctx, p, func(ctx context.Context) error { return w.storeCreate(ctx, p, intent) }), p, send)
}

// waitsForCreate waits, when it may have been created before, until a read can tell.
func (w writer) waitsForCreate(p *pass, readAt time.Time, intent v1alpha1.PendingWrite) *outcome.Outcome {
	if p.journal.Foreseen(intent.Kind, intent.Name, w.now()) != nil { // announced by this pass, and not sent
		return nil
	}
	wait := p.journal.Outstanding(intent.Kind, intent.Name, readAt)
	if wait == 0 {
		return nil
	}
	w.watch.hurry(p)
	message := "waits for Railway to show " + named(intent)
	if p.journal.Announced(intent.Kind, intent.Name) {
		message = "it is not known whether Railway created " + named(intent) + "; the operator reads before it creates it again"
	}
	return outcome.Progressing(v1alpha1.ReasonVerifyingWrite, message, min(wait, outcome.UnknownRetry))
}

// announceCreate stores that something is about to be created.
func (w writer) announceCreate(ctx context.Context, p *pass, intent v1alpha1.PendingWrite) *outcome.Outcome {
	stored := p.journal.Foreseen(intent.Kind, intent.Name, w.now()) != nil
	p.journal.Announce(intent)
	if stored {
		return nil
	}
	if err := w.storeCreate(ctx, p, intent); err != nil {
		return outcome.Failed(err)
	}
	return nil
}

func (w writer) storeCreate(ctx context.Context, p *pass, intent v1alpha1.PendingWrite) error {
	return w.store.announce(ctx, p, v1alpha1.ReasonCreating, "creates "+named(intent)+" on Railway")
}

// announcedAnew lets store announce what is pending once more when it is sent later than it was announced.
func (w writer) announcedAnew(ctx context.Context, p *pass, store func(context.Context) error) context.Context {
	return railway.WithResend(ctx, func(ctx context.Context) error {
		p.journal.Postpone(w.now())
		return store(ctx)
	})
}

// named is what people call what a write creates.
func named(intent v1alpha1.PendingWrite) string {
	return fmt.Sprintf("the %s %q", strings.ToLower(string(intent.Kind)), intent.Name)
}

// send sends what was announced and notes Railway's answer.
func (w writer) send(ctx context.Context, p *pass, send func(context.Context) error) *outcome.Outcome {
	kind := p.journal.Pending().Kind
	err := send(railway.WithPriority(ctx, railway.Write))
	answer := outcome.Answer(err)
	if kind != v1alpha1.WriteEnvironment && railway.ClassOf(err) == railway.Conflict {
		answer = journal.Unknown // perhaps what Railway says is there is ours, and does not show yet
	}
	again := p.journal.Again()
	p.journal.Answered(answer, nil, p.object.Generation)
	switch {
	case err == nil:
		return nil
	case railway.ClassOf(err) == railway.Conflict && (!again || kind == v1alpha1.WriteEnvironment): // an environment is found by its name
		return outcome.Progressing(v1alpha1.ReasonVerifyingWrite, "Railway reports that it exists but does not list it yet; the operator reads again", w.settle)
	default:
		return p.rejected(ctx, err)
	}
}

// addServices finds the services in the project, or creates them. A service that is known by its id is looked for by it.
func (w writer) addServices(ctx context.Context, p *pass, v *view.View, missing []string) (map[string]plan.AddedService, *outcome.Outcome) {
	added := map[string]plan.AddedService{}
	if len(missing) == 0 {
		return added, nil
	}
	project, out := p.knownProject(ctx)
	if out != nil {
		return nil, out
	}
	for _, name := range missing {
		if id := p.serviceIn(project, name); id != "" {
			// What was just created here only has to show. Anything else joins, which is harmless for what is there already: a
			// create whose answer was lost, or that another tier was faster with.
			added[name] = plan.AddedService{ID: id, Join: p.journal.Outstanding(v1alpha1.WriteService, name, v.ReadAt) == 0}
			continue
		}
		var id string
		out := w.create(ctx, p, v.ReadAt, v1alpha1.WriteService, name, func(ctx context.Context) (err error) {
			id, err = p.client.CreateService(ctx, p.object.Spec.Railway.ProjectID, p.at().EnvironmentID, name)
			return err
		})
		if out != nil {
			return nil, out
		}
		p.made("the service %q", name)
		added[name] = plan.AddedService{ID: id}
		p.journal.Bind(map[string]string{name: id}, view.DeclaredNames(&p.object.Spec))
	}
	return added, nil
}

// serviceIn returns the id of a declared service that the project has, empty when it has none.
func (p *pass) serviceIn(project model.Project, name string) string {
	known, id := p.journal.ServiceIDs()[name], ""
	for _, service := range project.Services {
		switch {
		case service.ID == known:
			return service.ID
		case service.Name == name:
			id = service.ID
		}
	}
	return id
}

// ahead is what will be written to Railway after what is announced next, so that one status announces all of it.
func (w writer) ahead(ctx context.Context, p *pass, v *view.View, c *comparison) ([]v1alpha1.PendingWrite, *outcome.Outcome) {
	project, out := p.knownProject(ctx)
	if out != nil {
		return nil, out
	}
	var all []v1alpha1.PendingWrite
	for _, name := range c.plan.Missing {
		if p.serviceIn(project, name) == "" {
			all = append(all, v1alpha1.PendingWrite{Kind: v1alpha1.WriteService, Name: name})
		}
	}
	assumed := w.assume(p, v, c)
	for _, name := range assumed.Domains {
		all = append(all, v1alpha1.PendingWrite{Kind: v1alpha1.WriteDomain, Name: name})
	}
	if assumed.Empty() {
		return all, nil
	}
	commit, err := newCommit(assumed)
	if err != nil {
		return nil, outcome.Failed(err)
	}
	return append(all, commit), nil
}

// addDomains creates the generated domains that are declared and missing. They come before the commit, so that the first
// deployment already knows its RAILWAY_PUBLIC_DOMAIN.
func (w writer) addDomains(ctx context.Context, p *pass, v *view.View, c *comparison, added map[string]plan.AddedService) *outcome.Outcome {
	for _, name := range c.plan.Domains {
		service, _ := c.declared.Service(name)
		id := added[name].ID
		if instance, ok := v.Env.Instance(name); ok {
			id = instance.ServiceID
		}
		out := w.create(ctx, p, v.ReadAt, v1alpha1.WriteDomain, name, func(ctx context.Context) error {
			domain, err := p.client.CreateRailwayDomain(ctx, p.at().EnvironmentID, id, service.Domain.Port)
			if err == nil {
				p.made("the domain https://%s of the service %q", domain.Host, name)
			}
			return err
		})
		if out != nil {
			return out
		}
	}
	return nil
}

// commit writes all that differs in one commit, which starts at most one deployment per service
// (railway-api.md, "Config patches").
func (w writer) commit(ctx context.Context, p *pass, v *view.View, c *comparison) *outcome.Outcome {
	p.client.AwaitPause(ctx)
	before := p.journal.Pending()
	commit, out := w.announceCommit(ctx, p, v, c)
	if out != nil {
		return out
	}
	text := commit.Message
	message := view.CommitMessage(text, commit.Name, writerOf(p))
	ctx = w.announcedAnew(ctx, p, func(ctx context.Context) error { return w.storeCommit(ctx, p, text) })
	err := p.client.Commit(railway.WithPriority(ctx, railway.Write), p.at().EnvironmentID, c.plan.Patch(), message)
	w.watch.hurry(p)
	p.journal.Answered(outcome.Answer(err), before, p.object.Generation)
	if err != nil {
		return p.rejected(ctx, err)
	}
	p.journal.UseKey(w.hasher.Name())
	p.find(v1alpha1.ConditionSynced, status.Failed(v1alpha1.ReasonApplying, "committed: "+text))
	tellCommit(p, c.plan)
	w.metrics.Committed(p.key, c.plan.Changes)
	return outcome.Progressing(v1alpha1.ReasonApplying, "committed: "+text, w.settle)
}

// announceCommit stores that the commit is about to be sent, unless that was stored ahead.
func (w writer) announceCommit(ctx context.Context, p *pass, v *view.View, c *comparison) (commit v1alpha1.PendingWrite, out *outcome.Outcome) {
	commit, err := newCommit(c.plan)
	if err != nil {
		return commit, outcome.Failed(err)
	}
	w.book(p, v, c)
	p.journal.TakeOver(writerOf(p).UID, v.LastCommit())
	ahead := p.journal.ForeseenCommit(commit.Fields, w.now())
	if ahead != nil {
		commit.Name = ahead.Name
	}
	commit.StartedAt = metav1.NewTime(w.now())
	p.journal.Announce(commit)
	if ahead != nil {
		return commit, nil
	}
	if err := w.storeCommit(ctx, p, commit.Message); err != nil {
		return commit, outcome.Failed(err)
	}
	return commit, nil
}

func (w writer) storeCommit(ctx context.Context, p *pass, text string) error {
	return w.store.announce(ctx, p, v1alpha1.ReasonApplying, "commits to Railway: "+text)
}

// newCommit is the commit of a plan, with an id by which it is found again in Railway's history.
func newCommit(made *plan.Plan) (v1alpha1.PendingWrite, error) {
	id, err := journal.NewCommitID()
	return v1alpha1.PendingWrite{
		Kind: v1alpha1.WriteCommit, Name: id, Services: made.Deploys(), Message: findings.Summary(made.Changes), Fields: journal.Lines(made.Written()),
	}, err
}

// tellCommit records the commit as an event, and counts repairs so that a contested field is noticed.
func tellCommit(p *pass, made *plan.Plan) {
	var repaired, declaredAnew []string
	for _, change := range made.Changes {
		if change.Cause == plan.CauseDrift || change.Cause == plan.CauseUnmanaged {
			repaired = append(repaired, change.Path)
		} else {
			declaredAnew = append(declaredAnew, change.Path)
		}
	}
	if len(declaredAnew) > 0 {
		p.journal.ForgetRepairs(declaredAnew...) // a new value starts a new count
	}
	p.event(normal, "Committed", "Commit", "Committed to Railway: %s", findings.Summary(made.Changes))
	if len(repaired) > 0 {
		p.journal.CountRepairs(repaired, p.now)
		p.event(warning, "DriftRepaired", "Repair", "Wrote back what was changed on Railway: %s", status.List(desired.SpecPaths(repaired)))
	}
}
