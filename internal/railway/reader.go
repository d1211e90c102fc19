// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"encoding/json"
	"hash/maphash"

	"github.com/engine-operator/engine-operator/internal/railway/gql"
)

// outcome is what a read found out about one environment.
type outcome struct {
	view
	err error
	// own is true when the error is this environment's, and not one of the request that it was read with.
	own bool
}

// view is an environment as it was read.
type view struct {
	held *packed
	// digest is equal for equal environments, print for equal answers. Print 0 means that the answer says nothing about equality.
	digest string
	print  uint64
}

// want is an environment to read.
type want struct {
	environmentRef
	// known is how it was read last. The same answer again is not decoded, and an equal environment keeps its place in memory.
	known view
	// failing is true when the last read failed.
	failing bool
}

// read reads environments in as few requests as Railway answers, and calls answer once for each, by its place in wants, as soon as it
// is known. What is wrong with one environment says nothing about the others.
func (c *Client) read(ctx context.Context, wants []want, answer func(int, outcome)) {
	all := make([]int, len(wants))
	for i := range wants {
		all[i] = i
	}
	counted := func(i int, o outcome) {
		c.gql.wire.metrics.environments.WithLabelValues(ClassOf(o.err).String()).Inc()
		answer(i, o)
	}
	r := &round{client: c, wants: wants, answer: counted, pending: [][]int{all}}
	for len(r.pending) > 0 {
		last := len(r.pending) - 1
		members := r.pending[last]
		r.pending = r.pending[:last]
		if r.givenUp != nil {
			r.share(members, r.givenUp)
			continue
		}
		r.read(ctx, members)
	}
}

// maxRefusals is how many requests of a round may fail as a whole, and nothing succeed, until the rest is given up: then it is Railway
// that fails, not an environment. Halving 50 down to one takes 6.
const maxRefusals = 10

// round is one reading of some environments. It ends when each has its answer.
type round struct {
	client *Client
	wants  []want
	answer func(int, outcome)
	// pending are the groups that are still to be read, by their members' places in wants; the last is the next. So a group that is
	// too large is halved until something succeeds, before anything else is tried.
	pending [][]int
	// refused counts the requests that failed as a whole; succeeded is true once one did not.
	refused   int
	succeeded bool
	// givenUp is the error of everything that is still pending.
	givenUp error
	// token is what Railway says of the token itself, once it was asked: None when it accepts it.
	token *Class
}

// read reads a group. Each call gives at least one of its members an answer, or halves the group.
func (r *round) read(ctx context.Context, members []int) {
	switch len(members) {
	case 0:
		return
	case 1:
		r.single(ctx, members[0])
		return
	}
	refs := make([]environmentRef, len(members))
	for n, i := range members {
		refs[n] = r.wants[i].environmentRef
	}
	answered, err := r.client.gql.readFields(ctx, batchRequest(refs), len(refs))
	if err != nil {
		r.divide(ctx, members, err)
		return
	}
	r.succeeded = true
	r.client.batch.answered(len(members))
	if err := answered.unauthorized(); err != nil && !r.tokenAccepted(ctx) { // it names a field, and may mean the token
		r.givenUp = err
		r.share(members, err)
		return
	}
	if left := r.deliver(ctx, members, answered); len(left) > 0 {
		r.pending = append(r.pending, left)
	}
}

// deliver answers the members that the request settled and returns the others: a field that cannot be null takes the data of all others
// with it when it fails.
func (r *round) deliver(ctx context.Context, members []int, answered fields) (left []int) {
	for n, i := range members {
		switch {
		case answered.wrong[n] != nil:
			r.answer(i, outcome{err: answered.wrong[n], own: true})
		case answered.data == nil:
			left = append(left, i)
		default:
			name := func(field string) string { return alias(field, n) }
			r.settle(ctx, i, answered.data, name, operationBatch)
		}
	}
	return left
}

func (r *round) single(ctx context.Context, i int) {
	answered, err := r.client.gql.readFields(ctx, singleRequest(r.wants[i].environmentRef), 0)
	if err != nil {
		switch class := ClassOf(err); class {
		case Unauthorized, NotFound: // Railway answered, about this environment, unless it refuses the token
			r.answer(i, outcome{err: err, own: len(r.wants) > 1 && (class == NotFound || r.tokenAccepted(ctx))})
			r.succeeded = true
		default: // what fails by itself while others do not fails for a reason of its own
			r.refused++
			r.answer(i, outcome{err: err, own: r.succeeded && class != RateLimited})
		}
		return
	}
	r.succeeded = true
	r.client.batch.answered(1) // else one that is read alone is never again read with others
	r.settle(ctx, i, answered.data, func(field string) string { return field }, "ReadEnvironment")
}

// settle decodes one environment out of an answer.
func (r *round) settle(ctx context.Context, i int, data map[string]json.RawMessage, name func(string) string, operation string) {
	seen, err := r.client.decode(ctx, r.wants[i], data, name, operation)
	r.answer(i, outcome{view: seen, err: err, own: err != nil})
}

// divide reads the members in halves when that may help, else all of them share the error.
func (r *round) divide(ctx context.Context, members []int, err error) {
	r.refused++
	heavy := isHeavy(err)
	if heavy {
		r.client.batch.tooLarge(len(members))
	}
	switch {
	case ctx.Err() != nil, r.refused >= maxRefusals && !r.succeeded:
		r.givenUp = err
		r.share(members, err)
		return
	case !heavy && !r.suspicious(ctx, members, err):
		r.share(members, err)
		return
	}
	middle := len(members) / 2
	r.pending = append(r.pending, members[middle:], members[:middle:middle])
}

// share gives all members the same error.
func (r *round) share(members []int, err error) {
	for _, i := range members {
		r.answer(i, outcome{err: err})
	}
}

// suspicious reports whether an error that says nothing about the size of the request may come from one of its environments.
func (r *round) suspicious(ctx context.Context, members []int, err error) bool {
	switch ClassOf(err) {
	case RateLimited, SchemaMismatch:
		return false
	case Unauthorized:
		return r.tokenAccepted(ctx)
	case Transient: // the first time it is put down to Railway
		for _, i := range members {
			if !r.wants[i].failing {
				return false
			}
		}
		return true
	default:
		return true
	}
}

// tokenAccepted reports whether a refusal concerns what was asked for: Railway accepts the token. Where it does not say, nothing is put
// down to an environment.
func (r *round) tokenAccepted(ctx context.Context) bool {
	if r.token == nil {
		class := ClassOf(r.client.Valid(ctx))
		r.token = &class
	}
	return *r.token == None
}

// decode makes a view of the fields that name finds in data.
func (c *Client) decode(ctx context.Context, w want, data map[string]json.RawMessage, name func(string) string, operation string) (view, error) {
	const environment, staged, patches = "environment", "environmentStagedChanges", "environmentPatches"
	parts := [...]json.RawMessage{data[name(environment)], data[name(staged)], data[name(patches)]}
	mark := fingerprint(parts[:])
	if mark == w.known.print && w.known.held != nil {
		return w.known, nil
	}
	var response gql.ReadEnvironmentResponse
	for i, into := range []any{&response.Environment, &response.EnvironmentStagedChanges, &response.EnvironmentPatches} {
		if parts[i] == nil {
			continue // incomplete, which is judged below
		}
		if err := json.Unmarshal(parts[i], into); err != nil {
			return view{}, &Error{Class: SchemaMismatch, Operation: operation, Message: shape(err).Error()}
		}
	}
	e := &response.Environment
	if e.Id != w.EnvironmentID || e.ProjectId != w.ProjectID {
		return view{}, incomplete(operation, "the environment")
	}
	if hasPages(e) { // what follows on further pages may change while the first stay the same
		mark = 0
	}
	if err := c.completeEnvironment(ctx, operation, e); err != nil {
		return view{}, err
	}
	env, err := decodeEnvironment(operation, e)
	if err != nil {
		return view{}, err
	}
	if err := addHistory(operation, env, &response); err != nil {
		return view{}, err
	}
	seen := view{held: w.known.held, digest: digest(env), print: mark}
	if seen.digest != w.known.digest || seen.held == nil {
		seen.held = pack(env)
	}
	return seen, nil
}

func hasPages(e *gql.Environment) bool {
	return e.ServiceInstances.PageInfo.HasNextPage || e.Variables.PageInfo.HasNextPage || e.DeploymentTriggers.PageInfo.HasNextPage
}

var seed = maphash.MakeSeed()

// fingerprint tells answers apart that differ, never 0.
func fingerprint(parts []json.RawMessage) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, part := range parts {
		_, _ = h.Write(part)
		_ = h.WriteByte(0)
	}
	return h.Sum64() | 1
}
