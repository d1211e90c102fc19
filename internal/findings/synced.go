// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package findings

import (
	"fmt"
	"strings"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/status"
)

// Sync is what says whether Railway's config is as declared, once there is nothing left to write.
type Sync struct {
	Plan *plan.Plan
	// Contested are the fields that were repaired too often lately, and until when each is left alone.
	Contested map[string]time.Time
	// Refused is why Railway could not apply what the plan holds back, RefusedUntil when it is sent again.
	Refused      string
	RefusedUntil time.Time
	// Staged are the changes that people staged, Renamed the services that Railway calls otherwise.
	Staged, Renamed []string
}

// Finding is the one about the condition Synced. until is when something that is left alone is tried again, zero when nothing is.
func (s Sync) Finding() (finding status.Finding, until time.Time) {
	left, until := s.contested()
	switch made := s.Plan; {
	case len(made.HeldBack) > 0:
		if until.IsZero() || s.RefusedUntil.Before(until) {
			until = s.RefusedUntil
		}
		return status.Failed(v1alpha1.ReasonCommitFailed, fmt.Sprintf("Railway could not apply %s: %s. The operator tries again after %s, "+
			"when the value changes, or when a pass is forced by annotation", status.List(desired.SpecPaths(made.HeldBack)), s.Refused, clock(s.RefusedUntil))), until
	case len(made.Blocked) > 0:
		return status.Failed(v1alpha1.ReasonConfigFileOwned, "a railway.json or railway.toml of the repository overrides "+
			status.List(desired.SpecPaths(made.Blocked))+": remove the file, or these fields from the spec"), until
	case len(left) > 0:
		return status.Failed(v1alpha1.ReasonContested, "something keeps undoing the operator's repairs of "+
			status.List(left)+": find out what writes them, or remove them from the spec. The operator tries again after "+
			clock(until)+", or when a pass is forced by annotation"), until
	case len(made.Drift) > 0:
		return status.Failed(v1alpha1.ReasonDrifted, "changed on Railway: "+status.List(paths(made.Drift))), until
	default:
		return status.Passed("Railway's config is as declared" + s.mentions()), until
	}
}

// EnvSecret is the finding about Synced that the Secret of a Local tier has been compared and written.
func EnvSecret(name string) status.Finding {
	return status.Passed(fmt.Sprintf("Secret %s is as declared", name))
}

// TokenAccepted is the finding about CredentialsValid once Railway has answered.
func TokenAccepted() status.Finding { return status.Passed("Railway accepts the token") }

// clock is a time as people read it in a message.
func clock(at time.Time) string { return at.UTC().Format("15:04 UTC") }

// contested returns the fields that differ now and were repaired too often, and until when the first of them is left alone.
func (s Sync) contested() (left []string, until time.Time) {
	for _, drift := range s.Plan.Drift {
		end, ok := s.Contested[drift.Path]
		if !ok {
			continue
		}
		left = append(left, desired.SpecPath(drift.Path))
		if until.IsZero() || end.Before(until) {
			until = end
		}
	}
	return left, until
}

// mentions names what people should know of and the operator leaves alone.
func (s Sync) mentions() string {
	text := ""
	if n := len(s.Plan.Unmanaged); n > 0 {
		text += "; " + status.Count(n, "variable", "variables") + " that nobody declared: see status.unmanagedVariables"
	}
	if n := len(s.Staged); n > 0 {
		text += "; " + status.Count(n, "change", "changes") + " staged on the dashboard and not deployed: see status.stagedChanges"
	}
	if len(s.Renamed) > 0 {
		text += "; on Railway " + status.List(s.Renamed)
	}
	return text
}

// Config is what the comparison found, for the status. changedBy says who changed a field.
func Config(made *plan.Plan, staged []string, changedBy func(path string) string) *status.Config {
	config := &status.Config{Unmanaged: made.Unmanaged, Staged: staged}
	for _, change := range made.Drift {
		config.Drift = append(config.Drift, v1alpha1.Drift{
			Path: desired.SpecPath(change.Path), Declared: change.Declared, Actual: change.Actual, ChangedBy: changedBy(change.Path),
		})
	}
	return config
}

// Summary says what a commit does, in one bounded line without values.
func Summary(changes []plan.Change) string {
	if len(changes) == 0 {
		return "add services to the environment"
	}
	var set, deleted []string
	for _, change := range changes {
		if change.Hash == "" {
			deleted = append(deleted, desired.SpecPath(change.Path))
		} else {
			set = append(set, desired.SpecPath(change.Path))
		}
	}
	var parts []string
	if len(set) > 0 {
		parts = append(parts, "set "+status.List(set))
	}
	if len(deleted) > 0 {
		parts = append(parts, "delete "+status.List(deleted))
	}
	return strings.Join(parts, "; ")
}

func paths(changes []plan.Change) []string {
	list := make([]string, 0, len(changes))
	for _, change := range changes {
		list = append(list, desired.SpecPath(change.Path))
	}
	return list
}
