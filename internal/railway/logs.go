// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/engine-operator/engine-operator/internal/railway/gql"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

const (
	// MaxLogLines is the most that Railway returns of a log, and what one request asks for at most
	// (railway-api.md, "Logs").
	MaxLogLines = 5000
	// maxLogs is how many logs share a request.
	maxLogs = 10
	// gatherLogs is how long a read of a log waits for others to share its request. Checks can wait.
	gatherLogs = 100 * time.Millisecond
)

// logReads gathers reads of logs, so that the checks of a fleet share requests. The zero value is ready.
type logReads struct {
	mu      sync.Mutex
	waiting []*logRead
}

// logRead is somebody who waits for lines of a log.
type logRead struct {
	ctx          context.Context //nolint:containedctx // the request ends when nobody waits for it any more
	deploymentID string
	query        model.LogQuery
	// done takes the answer; it has room for one.
	done chan logAnswer
}

type logAnswer struct {
	lines []model.LogLine
	err   error
}

// Logs returns lines of a deployment's log, oldest first. Reads that are asked for at about the same time share a request; what is wrong
// with one log says nothing about the others.
func (c *Client) Logs(ctx context.Context, deploymentID string, query model.LogQuery) ([]model.LogLine, error) {
	const operation = "ReadLogs"
	if err := needs(operation, "deployment id", deploymentID); err != nil {
		return nil, err
	}
	query.Lines = min(max(query.Lines, 1), MaxLogLines)
	r := &logRead{ctx: ctx, deploymentID: deploymentID, query: query, done: make(chan logAnswer, 1)}
	if c.logs.join(r) {
		time.AfterFunc(gatherLogs, func() { //nolint:contextcheck // the request ends with those who wait for it
			for _, group := range c.logs.take() {
				go c.readLogs(group)
			}
		})
	}
	select {
	case a := <-r.done:
		return a.lines, a.err
	case <-ctx.Done():
		return nil, &Error{Class: Transient, Operation: operation, Message: describe(ctx.Err()), cause: ctx.Err()}
	}
}

// join adds a read to those that wait, and reports whether it is the first.
func (l *logReads) join(r *logRead) (first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, r)
	return len(l.waiting) == 1
}

// take takes all that wait, in groups that fit into a request.
func (l *logReads) take() (groups [][]*logRead) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := 0
	for _, r := range l.waiting {
		last := len(groups) - 1
		if lines += r.query.Lines; last < 0 || len(groups[last]) == maxLogs || lines > MaxLogLines {
			groups, lines = append(groups, []*logRead{r}), r.query.Lines
			continue
		}
		groups[last] = append(groups[last], r)
	}
	l.waiting = nil
	return groups
}

// readLogs reads a group, and answers each of it.
func (c *Client) readLogs(group []*logRead) {
	for len(group) > 1 {
		answered, err := c.readLogsTogether(group)
		if class := ClassOf(err); class == RateLimited || (class == Transient && !isHeavy(err)) {
			answerAll(group, err)
			return
		}
		if err != nil {
			break // perhaps one of them, or all of them together, is the reason
		}
		left := answerLogs(group, answered)
		if len(left) == len(group) {
			break
		}
		group = left
	}
	for _, r := range group {
		go func() { // one that hangs keeps nobody else waiting
			lines, err := c.readLog(r)
			r.done <- logAnswer{lines, err}
		}()
	}
}

func answerAll(group []*logRead, err error) {
	for _, r := range group {
		r.done <- logAnswer{err: err}
	}
}

func isHeavy(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.heavy
}

// readLogsTogether asks for all of a group in one request, which ends when nobody waits for it any more, and early enough for each of them
// to be read alone: one log that hangs would keep the others from being read for good.
func (c *Client) readLogsTogether(group []*logRead) (fields, error) {
	priority, waiting := Poll, atomic.Int32{}
	waiting.Add(int32(len(group))) //nolint:gosec // at most maxLogs
	ctx, cancel := context.WithTimeout(context.WithoutCancel(group[0].ctx), leastLeft(group)/2)
	defer cancel()
	members := make([]map[string]any, len(group))
	for i, r := range group {
		defer context.AfterFunc(r.ctx, func() {
			if waiting.Add(-1) == 0 {
				cancel()
			}
		})()
		priority, members[i] = max(priority, priorityOf(r.ctx, false)), r.variables()
	}
	return c.gql.readFields(WithPriority(ctx, priority), singleLogs.batch(members), len(group))
}

// leastLeft is how long the first of a group to give up still waits, at most two minutes: no request takes half of that.
func leastLeft(group []*logRead) time.Duration {
	left := 2 * time.Minute
	for _, r := range group {
		if deadline, ok := r.ctx.Deadline(); ok {
			left = min(left, time.Until(deadline))
		}
	}
	return left
}

func (r *logRead) variables() map[string]any {
	variables := map[string]any{"deploymentId": r.deploymentID, "lines": r.query.Lines}
	if r.query.Filter != "" {
		variables["filter"] = r.query.Filter
	}
	if !r.query.Start.IsZero() {
		variables["start"] = r.query.Start
	}
	if !r.query.End.IsZero() {
		variables["end"] = r.query.End
	}
	return variables
}

// answerLogs answers those that the request settled and returns the others: a log that fails takes the data of all others with it.
func answerLogs(group []*logRead, answered fields) (left []*logRead) {
	for n, r := range group {
		switch {
		case answered.wrong[n] != nil:
			r.done <- logAnswer{err: answered.wrong[n]}
		case answered.data == nil:
			left = append(left, r)
		default:
			var lines []gql.StructuredLine
			if err := json.Unmarshal(answered.data[alias("deploymentLogs", n)], &lines); err != nil {
				r.done <- logAnswer{err: &Error{Class: SchemaMismatch, Operation: operationLogsBatch, Message: shape(err).Error()}}
				continue
			}
			r.done <- logAnswer{lines: decodeStructured(lines, r.query.Lines)}
		}
	}
	return left
}

// readLog reads one log.
func (c *Client) readLog(r *logRead) ([]model.LogLine, error) {
	q := r.query
	response, err := gql.ReadLogs(r.ctx, c.gql, r.deploymentID, unlessZero(q.Filter), unlessZero(q.Start), unlessZero(q.End), q.Lines)
	if err != nil {
		return nil, err
	}
	return decodeStructured(response.DeploymentLogs, q.Lines), nil
}

// PatientLogs reads logs with the lowest priority: a check can wait, a rollout cannot.
type PatientLogs struct{ *Client }

// Logs reads lines of a deployment's log.
func (l PatientLogs) Logs(ctx context.Context, deploymentID string, query model.LogQuery) ([]model.LogLine, error) {
	return l.Client.Logs(WithPriority(ctx, Poll), deploymentID, query)
}
