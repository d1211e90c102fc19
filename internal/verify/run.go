// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"errors"
	"time"
)

// run runs one check: its attempts, until one succeeds.
func (v *Verifier) run(ctx context.Context, reader LogReader, redact func(string) string, c Check) Result {
	if c.Unavailable != "" {
		return Result{Name: c.Name, Outcome: Skipped, Message: c.Unavailable}
	}
	start := v.options.Now()
	var message string
	var err error
	for attempt := 0; ; attempt++ {
		message, err = v.attempt(ctx, reader, redact, c)
		// A log is read again by the next run; a load is heavy enough once.
		if err == nil || attempt >= c.Retries || c.HTTP == nil || !sleep(ctx, v.options.RetryPause) {
			break
		}
	}
	result := Result{Name: c.Name, Outcome: Passed, Message: message, Duration: v.options.Now().Sub(start)}
	var unread *unreadable
	switch {
	case errors.As(err, &unread):
		result.Outcome, result.Message = Pending, err.Error()
	case err != nil:
		result.Outcome, result.Message = Failed, err.Error()
	}
	return result
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
