// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/railway"
)

// hurry is how long the watch polls at the rollout pace after a sign of change.
const hurry = time.Minute

// converge compares and writes what differs: missing services and domains first, then one commit. A second pass that finds
// nothing to write goes on.
func (r *Reconciler) converge(ctx context.Context, p *pass) *Outcome {
	p.dropSeen()
	p.object.Status.Railway.Ephemeral = p.environment.Ephemeral
	made := p.plan(nil)
	if !p.fresh && needsWrite(made) {
		// Somebody may have written since the snapshot: look again right before writing (FACTS §11.2).
		if out := p.refresh(ctx); out != nil {
			return out
		}
		made = p.plan(nil)
	}
	if needsWrite(made) {
		if out := p.write(ctx, made); out != nil {
			return out
		}
	}
	p.book(made)
	p.judgeSync(made)
	return nil
}

func needsWrite(made *plan.Plan) bool {
	return len(made.Missing) > 0 || len(made.Domains) > 0 || !made.Empty()
}

// plan compares what is declared with the pass's view of Railway.
func (p *pass) plan(added map[string]plan.AddedService) *plan.Plan {
	spec, status := &p.object.Spec, &p.object.Status
	return plan.Make(plan.Input{
		Desired: p.declared, Observed: p.environment, Added: added,
		Applied: readWritten(status.WrittenFields), Hash: p.r.hash,
		ReportDrift: spec.EffectiveDriftPolicy() == v1alpha1.DriftPolicyWarn,
		Leave:       contested(status.Repairs, p.now),
		Unmanaged:   unmanagedPolicies[spec.EffectiveUnmanagedPolicy()],
	})
}

var unmanagedPolicies = map[v1alpha1.UnmanagedPolicy]plan.Unmanaged{
	v1alpha1.UnmanagedIgnore: plan.IgnoreUnmanaged,
	v1alpha1.UnmanagedWarn:   plan.ListUnmanaged,
	v1alpha1.UnmanagedPrune:  plan.PruneUnmanaged,
}

// write makes Railway follow. Writers of one project take turns: services belong to the project, not to the environment.
func (p *pass) write(ctx context.Context, made *plan.Plan) *Outcome {
	defer p.client.Lock(p.object.Spec.Railway.ProjectID)()
	added, out := p.addServices(ctx, made.Missing)
	if out != nil {
		return out
	}
	if len(added) > 0 {
		made = p.plan(added)
	}
	domains := len(made.Domains)
	if out := p.addDomains(ctx, made.Domains, added); out != nil {
		return out
	}
	if !made.Empty() {
		return p.commit(ctx, made)
	}
	if domains > 0 {
		p.r.Watch.Hurry(p.key, p.now.Add(hurry))
		return progressing(v1alpha1.ReasonApplying, "waits for Railway to show the new domain", unknownRetry)
	}
	return nil
}

// addServices finds the services in the project, or creates them.
func (p *pass) addServices(ctx context.Context, missing []string) (map[string]plan.AddedService, *Outcome) {
	added := map[string]plan.AddedService{}
	if len(missing) == 0 {
		return added, nil
	}
	project, out := p.project(ctx)
	if out != nil {
		return nil, out
	}
	ids := map[string]string{}
	for _, service := range project.Services {
		ids[service.Name] = service.ID
	}
	for _, name := range missing {
		if id, exists := ids[name]; exists {
			// What was just created here only has to show. Anything else joins, which is harmless for what is there already: a
			// create whose answer was lost, or that another tier was faster with.
			added[name] = plan.AddedService{ID: id, Join: p.awaits(v1alpha1.WriteService, name) == 0}
			continue
		}
		out := p.create(ctx, v1alpha1.WriteService, name, func(ctx context.Context) error {
			id, err := p.client.CreateService(ctx, p.object.Spec.Railway.ProjectID, p.object.Status.Railway.EnvironmentID, name)
			added[name] = plan.AddedService{ID: id}
			return err
		})
		if out != nil {
			return nil, out
		}
	}
	return added, nil
}

// addDomains creates the generated domains that are declared and missing. They come before the commit, so that the first
// deployment already knows its RAILWAY_PUBLIC_DOMAIN.
func (p *pass) addDomains(ctx context.Context, names []string, added map[string]plan.AddedService) *Outcome {
	for _, name := range names {
		service, _ := p.declared.Service(name)
		id := added[name].ID
		if instance, ok := p.environment.Instance(name); ok {
			id = instance.ServiceID
		}
		out := p.create(ctx, v1alpha1.WriteDomain, name, func(ctx context.Context) error {
			domain, err := p.client.CreateRailwayDomain(ctx, p.object.Status.Railway.EnvironmentID, id, service.Domain.Port)
			if err == nil {
				p.event(normal, "DomainCreated", "Create", "The service %q is reached at https://%s", name, domain.Host)
			}
			return err
		})
		if out != nil {
			return out
		}
	}
	return nil
}

// commit writes all that differs in one commit, which starts at most one deployment per service (FACTS §4.2).
func (p *pass) commit(ctx context.Context, made *plan.Plan) *Outcome {
	id, err := newCommitID()
	if err != nil {
		return failed(err)
	}
	p.book(made)
	before := p.object.Status.PendingWrite
	intent := &v1alpha1.PendingWrite{
		Kind: v1alpha1.WriteCommit, Name: id, StartedAt: metav1.NewTime(p.r.Now()),
		Services: made.Deploys(), Message: summary(made.Changes), Fields: writtenBy(made.Changes),
	}
	if err := p.intend(ctx, intent, v1alpha1.ReasonApplying, "commits to Railway: "+intent.Message); err != nil {
		return failed(err)
	}
	message := fmt.Sprintf("engine-operator: %s %s", intent.Message, markOf(id))
	err = p.client.Commit(railway.WithPriority(ctx, railway.Write), p.object.Status.Railway.EnvironmentID, made.Patch(), message)
	p.r.Watch.Hurry(p.key, p.now.Add(hurry))
	if err != nil {
		if railway.ClassOf(err) != railway.Ambiguous {
			p.object.Status.PendingWrite = before // nothing was written: what was pending before still is
		}
		if railway.ClassOf(err) == railway.Unauthorized && p.client.Valid(railway.WithPriority(ctx, railway.Write)) == nil {
			return &Outcome{
				Kind: outcomeProgressing, Reason: v1alpha1.ReasonRailwayUnavailable, Err: err,
				Message: "Railway refused the commit although the token is valid; the operator tries again. If it lasts, the token may only read",
			}
		}
		return failed(err)
	}
	p.committed()
	p.synced = &verdict{reason: v1alpha1.ReasonApplying, message: "committed: " + p.object.Status.LastCommit.Message}
	p.tellCommit(made)
	countCommit(p.key, made)
	return progressing(v1alpha1.ReasonApplying, "committed: "+p.object.Status.LastCommit.Message, p.r.Settle)
}

// tellCommit records the commit as an event, and counts repairs so that a fight over a field is noticed.
func (p *pass) tellCommit(made *plan.Plan) {
	var repaired, declaredAnew []string
	for _, change := range made.Changes {
		if change.Cause == plan.CauseDrift || change.Cause == plan.CauseUnmanaged {
			repaired = append(repaired, change.Path)
		} else {
			declaredAnew = append(declaredAnew, change.Path)
		}
	}
	p.object.Status.Repairs = slices.DeleteFunc(p.object.Status.Repairs, func(r v1alpha1.Repair) bool {
		return slices.Contains(declaredAnew, r.Path) // a new value starts a new count
	})
	p.event(normal, "Committed", "Commit", "Committed to Railway: %s", summary(made.Changes))
	if len(repaired) > 0 {
		p.object.Status.Repairs = countRepairs(p.object.Status.Repairs, repaired, p.now)
		p.event(warning, "DriftRepaired", "Repair", "Put back what was changed on Railway: %s", list(repaired))
	}
}

// summary says what a commit does, in one bounded line without values.
func summary(changes []plan.Change) string {
	if len(changes) == 0 {
		return "add services to the environment"
	}
	var set, deleted []string
	for _, change := range changes {
		if change.Hash == "" {
			deleted = append(deleted, change.Path)
		} else {
			set = append(set, change.Path)
		}
	}
	var parts []string
	if len(set) > 0 {
		parts = append(parts, "set "+list(set))
	}
	if len(deleted) > 0 {
		parts = append(parts, "delete "+list(deleted))
	}
	return strings.Join(parts, "; ")
}

// listAtMost is how many names a message lists.
const listAtMost = 5

func list(names []string) string {
	if len(names) <= listAtMost {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:listAtMost], ", "), len(names)-listAtMost)
}

func newCommitID() (string, error) {
	random := make([]byte, 5)
	if _, err := rand.Read(random); err != nil {
		return "", fmt.Errorf("make commit id: %w", err)
	}
	return "eo-" + hex.EncodeToString(random), nil
}
