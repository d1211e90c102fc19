// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"errors"
	"time"
)

// undecided is why nothing is known of the engine.
type undecided struct{ error }

// Unwrap returns why.
func (u *undecided) Unwrap() error { return u.error }

// refused is a check that cannot succeed, however long one waits.
type refused struct{ error }

// Unwrap returns why.
func (r *refused) Unwrap() error { return r.error }

// errInconclusive: the check's author says that such an answer tells nothing.
var errInconclusive = errors.New("the answer is inconclusive: the check's inconclusive expression holds")

// judge says why what was found is not as it must be, or tells nothing.
func (c *Check) judge(ctx context.Context, found map[string]any) error {
	if c.Inconclusive != nil {
		// An error, such as a field that is not there, does not make the answer inconclusive.
		switch holds, err := c.Inconclusive.holds(ctx, found); {
		case holds:
			return &undecided{errInconclusive}
		case isUnaffordable(err):
			return &undecided{err}
		}
	}
	return c.Expect.judge(ctx, found)
}

// finding is what one run found.
type finding struct {
	Result
	// early: the log may not have the line yet.
	early bool
}

// run runs one check: its attempts, until one succeeds.
func (v *Verifier) run(ctx context.Context, reader LogReader, redact func(string) string, c Check) finding {
	start := v.options.Now()
	var message string
	var err error
	for attempt := 0; ; attempt++ {
		message, err = v.attempt(ctx, reader, redact, c)
		// A log is read again by the next run; a load is heavy enough once.
		if err == nil || isUndecided(err) || attempt >= c.Retries || c.HTTP == nil || !sleep(ctx, v.options.RetryPause) {
			break
		}
	}
	end := v.options.Now()
	found := finding{Result: Result{
		Name: c.Name, Outcome: Passed, Message: message, Duration: end.Sub(start), At: end, Fingerprint: c.Fingerprint,
	}}
	switch {
	case isUndecided(err):
		found.Outcome, found.Message = Pending, err.Error()
	case err != nil && v.early(c, end) && !isRefused(err):
		found.Outcome, found.Message, found.early = Pending, "not in the log yet: "+err.Error(), true
	case err != nil:
		found.Outcome, found.Message = Failed, err.Error()
	default:
		found.Settled = c.Logs != nil && c.Logs.Start
	}
	return found
}

func isUndecided(err error) bool {
	var target *undecided
	return errors.As(err, &target)
}

func isRefused(err error) bool {
	var target *refused
	return errors.As(err, &target)
}

// early reports whether a line may still be on its way into the log.
func (v *Verifier) early(c Check, now time.Time) bool {
	return c.Logs != nil && now.Before(c.Logs.StartedAt.Add(v.options.LogGrace))
}

func (v *Verifier) attempt(ctx context.Context, reader LogReader, redact func(string) string, c Check) (string, error) {
	switch {
	case c.Load != nil:
		return v.prober.load(ctx, c)
	case c.HTTP != nil:
		ctx, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		return v.prober.http(ctx, redact, c)
	default:
		ctx, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		return v.prober.logs(ctx, reader, c)
	}
}

// sleep waits, and reports whether it may go on.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
