// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package promotion decides when a tier takes the source that the tier before it has proved, and to what it goes back when
// that fails. It is pure: values in, values out.
package promotion

import (
	"fmt"
	"slices"
	"time"
)

// Source is what a tier can run, as a key that is equal for equal sources and readable for people: an image, or
// repository@commit.
type Source string

// State is how far a promotion is.
type State int

const (
	// UpToDate: the tier runs what upstream has proved last.
	UpToDate State = iota
	// Waiting: upstream has proved nothing that could be taken, or does not hold at the moment.
	Waiting
	// Soaking: upstream has proved it, for less long than asked for.
	Soaking
	// AwaitingApproval: a person must approve it.
	AwaitingApproval
	// Blocked: something else must be mended first.
	Blocked
	// Due: it is to be taken now.
	Due
)

// Upstream is the tier that proves.
type Upstream struct {
	// Name of its object.
	Name string
	// Found is false when there is no such object.
	Found bool
	// Verified is the source that was last proved, empty while none was.
	Verified Source
	// GoSince is since when the verdict has been GO without a break, zero while it is not.
	GoSince time.Time
}

// Input is all that a decision depends on.
type Input struct {
	Upstream Upstream
	// Current is what the tier runs, empty while nothing was taken.
	Current Source
	// Rejected are sources that failed here: they are not taken again, unless a person approves one by name.
	Rejected []Source
	// Soak is how long upstream must have been GO.
	Soak time.Duration
	// Manual asks for an approval, ApprovedBy says whether a revision has it.
	Manual   bool
	Approved func(Source) bool
	// Approval is what a person approved, for the message; empty when nobody did.
	Approval string
	// Block says why nothing may be promoted now, empty when it may.
	Block string
	Now   time.Time
}

// Decision is what follows.
type Decision struct {
	State State
	// Candidate is the source that may be taken next, empty when there is none.
	Candidate Source
	// At is when a soak ends, zero otherwise.
	At time.Time
	// Message says why, in one line that stays the same while nothing changes.
	Message string
}

// Decide says whether the tier takes a source, and what it waits for otherwise.
func Decide(in Input) Decision {
	up := in.Upstream
	switch {
	case !up.Found:
		return Decision{State: Waiting, Message: fmt.Sprintf("there is no EngineEnvironment %q in this namespace", up.Name)}
	case up.Verified == "":
		return Decision{State: Waiting, Message: fmt.Sprintf("%s has no verified revision yet", up.Name)}
	case up.Verified == in.Current:
		return Decision{State: UpToDate, Message: fmt.Sprintf("runs what %s has verified", up.Name)}
	}
	d := Decision{Candidate: up.Verified}
	approved := in.Approved != nil && in.Approved(up.Verified)
	if slices.Contains(in.Rejected, up.Verified) && !approved {
		d.State, d.Message = Blocked, "it was rolled back here before: promote another revision, or approve this one by name"
		return d
	}
	if up.GoSince.IsZero() {
		d.State, d.Message = Waiting, fmt.Sprintf("%s is NO-GO at the moment", up.Name)
		return d
	}
	if end := up.GoSince.Add(in.Soak); end.After(in.Now) {
		d.State, d.At = Soaking, end
		d.Message = fmt.Sprintf("%s must be GO for %s without a break", up.Name, in.Soak)
		return d
	}
	if in.Manual && !approved {
		d.State, d.Message = AwaitingApproval, "a person must approve it"
		if in.Approval != "" {
			d.Message += fmt.Sprintf("; the approval there is names %q, which is another revision", in.Approval)
		}
		return d
	}
	if in.Block != "" {
		d.State, d.Message = Blocked, in.Block
		return d
	}
	d.State, d.Message = Due, fmt.Sprintf("%s has verified it", up.Name)
	return d
}

// Revision is a verified revision that can be gone back to.
type Revision struct {
	// Name identifies it.
	Name string
	// Number is higher the later it was verified.
	Number int64
}

// Target is the revision to go back to from the one named current: the last verified other one. ok is false when there is
// none.
func Target(verified []Revision, current string) (target Revision, ok bool) {
	for _, r := range verified {
		if r.Name != current && (!ok || r.Number > target.Number) {
			target, ok = r, true
		}
	}
	return target, ok
}

// ShouldRollBack reports whether a failure is one to go back from: that of a revision which has never been verified. One that
// was is not to blame when it fails later, and going back would hide what is.
func ShouldRollBack(verified []Revision, current string, failed bool) bool {
	return failed && !slices.ContainsFunc(verified, func(r Revision) bool { return r.Name == current })
}
