// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/promotion"
)

// shortDigest and shortCommit are how many hexadecimal digits people compare.
const (
	shortDigest = 12
	shortCommit = 8
)

// engineOf is what the engine runs. A Local tier runs nowhere that the operator sees.
func engineOf(object *v1alpha1.EngineEnvironment) Service {
	if object.Status.Engine == nil {
		return Service{Name: object.Spec.Engine.Name}
	}
	return serviceOf(*object.Status.Engine)
}

func servicesOf(all []v1alpha1.ServiceStatus) []Service {
	services := make([]Service, 0, len(all))
	for _, s := range all {
		services = append(services, serviceOf(s))
	}
	return services
}

func serviceOf(s v1alpha1.ServiceStatus) Service {
	service := Service{
		Name: s.Name, Revision: s.Revision, Status: s.DeploymentStatus, Ready: s.ReadyReplicas, Replicas: s.Replicas, URL: link(s.URL),
	}
	switch {
	case s.Digest != "":
		service.Short, service.Full = first(strings.TrimPrefix(s.Digest, "sha256:"), shortDigest), pinned(s.Image, s.Digest)
	case s.Commit != "":
		service.Short, service.Full = first(s.Commit, shortCommit), s.Commit
	default:
		service.Full = s.Image
	}
	if service.Short != "" && strings.HasPrefix(service.Revision, first(service.Short, 7)) {
		service.Short = "" // the revision says it already
	}
	return service
}

func pinned(image, digest string) string {
	if strings.Contains(image, "@") {
		return image
	}
	return image + "@" + digest
}

func first(text string, n int) string { return text[:min(len(text), n)] }

// link is the address when a browser may open it, else nothing: what the API holds is not trusted to be one.
func link(text string) string {
	if text == "" {
		return ""
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	to, err := url.Parse(text)
	if err != nil || to.Host == "" || to.User != nil || to.Scheme != "https" && to.Scheme != "http" {
		return ""
	}
	return to.String()
}

func checksOf(all []v1alpha1.CheckStatus) Checks {
	checks := Checks{}
	for _, c := range all {
		checks.add(c.Result)
		checks.List = append(checks.List, Check{
			Name: c.Name, Result: string(c.Result), Since: c.Since.UTC(), Message: c.Message, Blames: c.Blames,
		})
	}
	slices.SortStableFunc(checks.List, func(a, b Check) int { return weight(a) - weight(b) })
	return checks
}

// add counts a result. A skipped check does not count.
func (c *Checks) add(result v1alpha1.CheckResult) {
	switch result {
	case v1alpha1.CheckSkipped:
		return
	case v1alpha1.CheckPassed:
		c.Passed++
	case v1alpha1.CheckFailed:
		c.Failed++
	case v1alpha1.CheckPending:
	}
	c.Counted++
}

// weight puts what a person looks for first.
func weight(c Check) int {
	return slices.Index([]string{
		string(v1alpha1.CheckFailed), string(v1alpha1.CheckPending), string(v1alpha1.CheckPassed), string(v1alpha1.CheckSkipped),
	}, c.Result)
}

func driftOf(all []v1alpha1.Drift) []Drift {
	drift := make([]Drift, 0, len(all))
	for _, d := range all {
		drift = append(drift, Drift{Path: d.Path, Declared: d.Declared, Actual: d.Actual, Since: d.FirstSeen.UTC(), ChangedBy: d.ChangedBy})
	}
	return drift
}

func costOf(object *v1alpha1.EngineEnvironment) *Cost {
	known := object.Status.Cost
	if known == nil {
		return nil
	}
	cost := &Cost{
		MonthToDate: known.MonthToDateUSD, Projected: known.ProjectedUSD, AsOf: known.AsOf.UTC(),
		Over: meta.IsStatusConditionFalse(object.Status.Conditions, v1alpha1.ConditionWithinBudget),
	}
	if budget := object.Spec.Budget; budget != nil {
		cost.Budget = budget.MonthlyUSD
		if projected, err := strconv.ParseFloat(known.ProjectedUSD, 64); err == nil && budget.MonthlyUSD > 0 {
			cost.Share = int(math.Round(100 * projected / float64(budget.MonthlyUSD)))
		}
	}
	return cost
}

func conditionsOf(all []metav1.Condition) []Condition {
	conditions := make([]Condition, 0, len(all))
	for _, c := range all {
		conditions = append(conditions, Condition{
			Type: c.Type, Status: string(c.Status), Reason: c.Reason, Message: c.Message, Since: c.LastTransitionTime.UTC(),
		})
	}
	return conditions
}

func notesOf(object *v1alpha1.EngineEnvironment) []Note {
	var notes []Note
	add := func(title string, items ...string) {
		if len(items) > 0 {
			notes = append(notes, Note{title, items})
		}
	}
	add("Variables on Railway that nobody declared", object.Status.UnmanagedVariables...)
	add("Staged on Railway's dashboard and not deployed", object.Status.StagedChanges...)
	if by := managedFromGit(object); by != "" {
		add("Applied from Git by", by)
	}
	return notes
}

// managedFromGit says which tool applies the object from Git, as far as the object tells: it will put its spec back.
func managedFromGit(object *v1alpha1.EngineEnvironment) string {
	switch {
	case object.Annotations["argocd.argoproj.io/tracking-id"] != "" || object.Labels["argocd.argoproj.io/instance"] != "":
		return "Argo CD"
	case object.Labels["kustomize.toolkit.fluxcd.io/name"] != "" || object.Labels["helm.toolkit.fluxcd.io/name"] != "":
		return "Flux"
	}
	return ""
}

// historyOf is what the status remembers, the newest first.
func historyOf(object *v1alpha1.EngineEnvironment) []Record {
	var records []Record
	status := &object.Status
	if status.Promotion != nil {
		for _, p := range status.Promotion.History {
			records = append(records, promoted(p))
		}
	}
	if r := status.Rollback; r != nil {
		records = append(records, Record{
			At: r.At.UTC(), What: "rolled back " + promotion.FromTo(r), Outcome: "bad", Detail: r.Reason,
		})
	}
	if v := status.Verified; v != nil {
		records = append(records, Record{At: v.Since.UTC(), What: "verified " + v.Revision, Outcome: "good"})
	}
	if c := status.LastCommit; c != nil {
		records = append(records, Record{At: c.Time.UTC(), What: "last commit to Railway", Detail: c.Message})
	}
	SortRecords(records)
	return records
}

func promoted(p v1alpha1.PromotionRecord) Record {
	record := Record{At: p.At.UTC(), What: fmt.Sprintf("promoted %s from %s", p.Revision, p.From), By: p.ApprovedBy}
	switch p.Outcome {
	case v1alpha1.PromotionVerified:
		record.Outcome, record.Detail = "good", "verified here"
	case v1alpha1.PromotionRolledBack:
		record.Outcome, record.Detail = "bad", "rolled back"
	case v1alpha1.PromotionSuperseded:
		record.Detail = "superseded before it was decided"
	case v1alpha1.PromotionUnderWay:
		record.Detail = "under way"
	}
	return record
}

// SortRecords puts the newest first.
func SortRecords(records []Record) {
	slices.SortStableFunc(records, func(a, b Record) int { return b.At.Compare(a.At) })
}

func promotionOf(object *v1alpha1.EngineEnvironment) *Promotion {
	p, declared := object.Status.Promotion, object.Spec.Promotion
	if p == nil || declared == nil {
		return nil
	}
	promotion := &Promotion{
		State: string(p.State), Revision: p.Revision, Candidate: p.Candidate, CandidateRevision: p.CandidateRevision,
		Manual: declared.Approval == v1alpha1.ApprovalManual,
	}
	if soak := declared.EffectiveSoak(); soak > 0 {
		promotion.Soak = soak.String()
	}
	return promotion
}

func pointer(t time.Time) *time.Time { return &t }
