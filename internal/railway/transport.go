// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Khan/genqlient/graphql"
	"go.opentelemetry.io/otel/trace"
)

// wire is what all tokens share.
type wire struct {
	options  Options
	endpoint string
	http     *http.Client
	metrics  *metrics
}

func (w *wire) newBudget() *Budget {
	return newBudget(w.options.Now, w.options.RequestsPerSecond, w.options.Burst)
}

// sender sends the requests of one token. It is the graphql.Client below the generated code: the place for authentication,
// limits, measuring and errors. It never repeats a mutation that Railway may have carried out.
type sender struct {
	wire        *wire
	credentials Credentials
	// shared is the budget in force: the token's own, or its workspace's.
	shared atomic.Pointer[Budget]
	// polling guards what the budget in force knows of this token's polls.
	polling sync.Mutex
}

func (s *sender) budget() *Budget { return s.shared.Load() }

var _ graphql.Client = (*sender)(nil)

// MakeRequest sends one operation and decodes its data. Any error is an *Error, and then the data must not be used.
func (s *sender) MakeRequest(ctx context.Context, request *graphql.Request, response *graphql.Response) error {
	reply, err := s.send(ctx, request, (*reply).parse)
	if err != nil {
		return err
	}
	reply.decode(response.Data)
	v := classify(reply.answer)
	s.account(request.OpName, v, reply)
	return s.failure(request, reply, v)
}

// send is sendOnce, and once more after a short pause when Railway asked for one: the request came too early for its limit, nothing was
// done with it, and the object's pass need not begin anew. The watch comes back to routine polls. Its error means that nothing was done.
func (s *sender) send(ctx context.Context, request *graphql.Request, parse func(*reply, []byte)) (reply, error) {
	r, err := s.sendOnce(ctx, request, parse)
	if err != nil {
		return r, err
	}
	v := classify(r.answer)
	if v.class != RateLimited || !v.everything || v.wait > shortPause || priorityOf(ctx, r.mutation) == Poll {
		return r, nil
	}
	s.account(request.OpName, v, r)
	if !s.announcedAgain(ctx) {
		return r, s.failure(request, r, v)
	}
	return s.sendOnce(ctx, request, parse)
}

type resendKey struct{}

// WithResend returns a context in which announce is called just before a request is sent once more: a write is searched for as long as
// reads may lag behind its announcement, so it must not be sent much later. When announce fails it is not sent.
func WithResend(ctx context.Context, announce func(context.Context) error) context.Context {
	return context.WithValue(ctx, resendKey{}, announce)
}

// announcedAgain waits for the end of the pause, and reports whether what was announced may be sent once more.
func (s *sender) announcedAgain(ctx context.Context) bool {
	announce, ok := ctx.Value(resendKey{}).(func(context.Context) error)
	if !ok {
		return true
	}
	_, open := s.budget().open(ctx, Write)
	return open && announce(ctx) == nil
}

// sendOnce waits for the request's turn and returns the answer as parse leaves it, with its span, which account ends. Its error means
// that nothing was sent.
func (s *sender) sendOnce(ctx context.Context, request *graphql.Request, parse func(*reply, []byte)) (r reply, err error) {
	ctx, span := s.span(ctx, request.OpName)
	defer func() {
		if err != nil {
			endHeld(span, err)
		}
	}()
	mutation := strings.HasPrefix(strings.TrimSpace(request.Query), "mutation")
	priority := priorityOf(ctx, mutation)
	budget := s.budget()
	if wait, ok := budget.enter(ctx, priority); !ok {
		return reply{}, s.heldBack(request.OpName, wait)
	}
	ctx, cancel := context.WithTimeout(ctx, s.wire.options.Timeout)
	defer cancel()
	if err := budget.smooth(ctx, priority); err != nil {
		return reply{}, s.held(ctx, request.OpName, err)
	}
	start := time.Now()
	r = s.exchange(ctx, request, mutation, parse)
	r.took, r.span = time.Since(start), span
	return r, nil
}

// heldBack is the error of a request that the budget does not let through.
func (s *sender) heldBack(operation string, wait time.Duration) error {
	s.wire.metrics.throttled.Inc()
	return &Error{
		Class: RateLimited, Operation: operation, RetryAfter: wait, Message: "held back to keep within Railway's request limit",
	}
}

// failure is the error that the verdict stands for, nil when it is none.
func (s *sender) failure(request *graphql.Request, r reply, v verdict) error {
	if v.class == None {
		return nil
	}
	return &Error{
		Class: v.class, Operation: request.OpName, Status: r.status, RetryAfter: v.wait, TraceID: r.traceID,
		Message: sanitise(s.where(r)+v.message, append(secretsIn(request.Variables), s.credentials.Token)),
		cause:   cancellation(r.cause), throttle: v.throttle, heavy: r.heavy(),
	}
}

// where begins the message about a request that got no answer: it says who did not answer, Railway's host, or a proxy before it.
// It is empty when there was an answer, when the request was given up, and when the rest of the message names the host itself,
// because its name cannot be resolved.
func (s *sender) where(r reply) string {
	if r.cause == nil || r.status != 0 || errors.Is(r.cause, context.Canceled) {
		return ""
	}
	var connection *net.OpError
	if errors.As(r.cause, &connection) && connection.Op == "proxyconnect" { // net/http's word for a proxy that cannot be reached
		return "the proxy: "
	}
	var dns *net.DNSError
	if errors.As(r.cause, &dns) {
		return ""
	}
	endpoint, err := url.Parse(s.wire.endpoint)
	if err != nil {
		return ""
	}
	return endpoint.Host + ": "
}

// held is the error of a request that did not get its turn.
func (s *sender) held(ctx context.Context, operation string, err error) error {
	if ctx.Err() != nil {
		return &Error{Class: Transient, Operation: operation, Message: describe(err), cause: ctx.Err()}
	}
	s.wire.metrics.throttled.Inc()
	return &Error{
		Class: RateLimited, Operation: operation, RetryAfter: time.Second,
		Message: "held back to keep a steady pace",
	}
}

// cancellation keeps of a cause only what callers ask for: that the context ended. Other causes may name ports or texts that
// differ each time; the message describes them.
func cancellation(cause error) error {
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(cause, end) {
			return end
		}
	}
	return nil
}

// reply is an answer before and after decoding.
type reply struct {
	answer
	// data is what parse left of the answer, fields what parseFields did.
	data    json.RawMessage
	fields  map[string]json.RawMessage
	quota   quota
	traceID string
	// took is the time from sending to having the whole answer.
	took time.Duration
	span trace.Span
}

func (s *sender) exchange(ctx context.Context, request *graphql.Request, mutation bool, parse func(*reply, []byte)) reply {
	var connected atomic.Bool
	// Once there is a connection nobody can say how much of the request arrived.
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	httpRequest, err := s.newRequest(ctx, request)
	if err != nil {
		return reply{answer: answer{mutation: mutation, cause: err}}
	}
	if !mutation {
		// Never sent as it is empty: it only lets the transport repeat a query on a new connection when a kept one was closed.
		httpRequest.Header["Idempotency-Key"] = []string{}
	}
	response, err := s.wire.http.Do(httpRequest)
	if err != nil {
		return reply{answer: answer{mutation: mutation, cause: err, sent: connected.Load()}}
	}
	defer func() { _ = response.Body.Close() }()
	now := s.wire.options.Now()
	r := reply{
		answer: answer{
			mutation: mutation, sent: true, status: response.StatusCode, wait: parseRetryAfter(response.Header, now),
		},
		quota:   parseQuota(response.Header, now),
		traceID: traceID(response.Header),
	}
	body := bodies.Get().(*bytes.Buffer) //nolint:forcetypeassert // it holds nothing else
	defer bodies.Put(body)
	body.Reset()
	if err := readAll(body, response.Body, s.wire.options.MaxBody); err != nil {
		r.cause = err
		return r
	}
	parse(&r, body.Bytes())
	return r
}

// bodies are buffers for answers: parse keeps no part of one. The garbage collector empties it.
var bodies = sync.Pool{New: func() any { return &bytes.Buffer{} }}

func (s *sender) newRequest(ctx context.Context, request *graphql.Request) (*http.Request, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	httpRequest, err := http.NewRequestWithContext(ctx, http.MethodPost, s.wire.endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	httpRequest.Header.Set("Content-Type", "application/json")
	httpRequest.Header.Set("Accept", "application/json")
	httpRequest.Header.Set("User-Agent", "engine-operator/"+s.wire.options.Version)
	s.credentials.authorize(httpRequest.Header)
	return httpRequest, nil
}

func readAll(into *bytes.Buffer, body io.Reader, limit int64) error {
	read, err := into.ReadFrom(io.LimitReader(body, limit+1))
	if err == nil && read > limit {
		err = fmt.Errorf("%w of %d bytes", errTooLarge, limit)
	}
	return err
}

// parse takes the GraphQL envelope apart, and copies what it keeps. A body that is none is kept as text, for the texts of proxies.
func (r *reply) parse(body []byte) { r.data = unwrap[json.RawMessage](r, body) }

// parseFields is parse, and takes the data apart by its root fields on the way: a batch is large, and reading it twice costs as much
// again.
func (r *reply) parseFields(body []byte) {
	r.fields = unwrap[map[string]json.RawMessage](r, body)
}

// unwrap reads the envelope into r, and returns its data.
func unwrap[T any](r *reply, body []byte) (data T) {
	var envelope struct {
		Data    *T        `json:"data"`
		Errors  []problem `json:"errors"`
		TraceID string    `json:"traceId"`
	}
	switch err := json.Unmarshal(body, &envelope); {
	case misshapen(err, "data"): // what is wrong with the rest counts first, as for parse
		if unwrap[json.RawMessage](r, body); r.cause == nil {
			r.cause = errShape
		}
		return data
	case err != nil:
		r.cause, r.text = errMalformed, truncate(string(body), 4096)
		return data
	}
	r.errors, r.noData = envelope.Errors, envelope.Data == nil
	if !r.noData {
		data = *envelope.Data
		r.errors = slices.DeleteFunc(r.errors, problem.bearable)
	}
	ids := []string{r.traceID, envelope.TraceID}
	for _, p := range r.errors {
		ids = append(ids, p.Extensions.TraceID, p.TraceID)
	}
	for _, id := range ids {
		if r.traceID == "" {
			r.traceID = truncate(id, 64)
		}
	}
	return data
}

// whole reports a good answer. Data that came together with errors is never used.
func (r *reply) whole() bool { return r.cause == nil && !r.noData && len(r.errors) == 0 }

// decode fills data from a good answer.
func (r *reply) decode(data any) {
	if !r.whole() {
		return
	}
	if err := json.Unmarshal(r.data, data); err != nil {
		r.cause = shape(err)
	}
}

// misshapen reports that the field has another type than ours, in an answer that is JSON.
func misshapen(err error, field string) bool {
	var mismatch *json.UnmarshalTypeError
	return errors.As(err, &mismatch) && mismatch.Field == field
}

// shape describes data that does not fit our schema, without a value.
func shape(err error) error {
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) && mismatch.Field != "" {
		return fmt.Errorf("%w: field %s", errShape, mismatch.Field)
	}
	return errShape
}

// account tells the budget, the metrics, the log and the span what happened. It never sees variables or bodies.
func (s *sender) account(operation string, v verdict, r reply) {
	s.learn(r.quota)
	budget := s.budget()
	if v.everything {
		budget.block(v.wait)
	}
	m := s.wire.metrics
	m.requests.WithLabelValues(operation, v.class.String()).Inc()
	m.duration.WithLabelValues(operation).Observe(r.took.Seconds())
	if v.class == RateLimited {
		m.throttled.Inc()
	}
	endSpan(r.span, v.class, r)
	remaining, _ := budget.Remaining()
	s.wire.options.Log.V(1).Info("asked Railway", "operation", operation, "class", v.class.String(), "token", s.credentials.key(),
		"duration", r.took.Round(time.Millisecond).String(), "remaining", remaining, "traceID", r.traceID)
}
