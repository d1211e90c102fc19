// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

const testToken = "b1946ac9-2492-4d23-9a6f-secret000001"

// server is a Railway of one handler; it keeps what it was asked.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	handler  http.HandlerFunc
	requests []*http.Request
	bodies   []string
}

func serve(t *testing.T, handler http.HandlerFunc) *server {
	t.Helper()
	s := &server{handler: handler}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.requests, s.bodies = append(s.requests, r), append(s.bodies, string(body))
		answer := s.handler
		s.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// set changes what the server answers from now on.
func (s *server) set(handler http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = handler
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

// client returns a client of the server's; change may alter the options.
func (s *server) client(t *testing.T, change func(*Options)) *Client {
	t.Helper()
	options := Options{Endpoint: s.URL + "/graphql/v2", Version: "1.2.3", Timeout: 5 * time.Second}
	if change != nil {
		change(&options)
	}
	pool, err := NewPool(options)
	require.NoError(t, err)
	t.Cleanup(pool.CloseIdle)
	return pool.Client(Credentials{Token: testToken})
}

func answerWith(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const projectJSON = `{"data":{"project":{"id":"p1","name":"engine","deletedAt":null,
	"environments":{"edges":[{"node":{"id":"e1","name":"production","deletedAt":null}},
		{"node":{"id":"e0","name":"old","deletedAt":"2026-01-01T00:00:00.000Z"}}],"pageInfo":{"hasNextPage":false,"endCursor":null}},
	"services":{"edges":[{"node":{"id":"s1","name":"api","deletedAt":null}},
		{"node":{"id":"s0","name":"old","deletedAt":"2026-01-01T00:00:00.000Z"}}],"pageInfo":{"hasNextPage":false,"endCursor":null}}}}}`

func TestRequestOnTheWire(t *testing.T) {
	s := serve(t, answerWith(200, projectJSON))
	pool, err := NewPool(Options{Endpoint: s.URL + "/graphql/v2", Version: "1.2.3"})
	require.NoError(t, err)
	t.Cleanup(pool.CloseIdle)
	for _, kind := range []TokenKind{TokenAccount, TokenProject} {
		_, err = pool.Client(Credentials{Kind: kind, Token: testToken}).Project(t.Context(), "p1")
		require.NoError(t, err)
	}
	account, project := s.requests[0], s.requests[1]
	assert.Equal(t, http.MethodPost, account.Method)
	assert.Equal(t, "/graphql/v2?source=engine-operator", account.URL.String())
	assert.Equal(t, "engine-operator/1.2.3", account.UserAgent())
	assert.Equal(t, "application/json", account.Header.Get("Content-Type"))
	assert.Equal(t, "Bearer "+testToken, account.Header.Get("Authorization"))
	assert.Empty(t, account.Header.Get("Project-Access-Token"))
	assert.Equal(t, testToken, project.Header.Get("Project-Access-Token"))
	assert.Empty(t, project.Header.Get("Authorization"))

	var body struct {
		OperationName string
		Variables     map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(s.bodies[0]), &body))
	assert.Equal(t, "ReadProject", body.OperationName)
	assert.Equal(t, map[string]any{"projectId": "p1"}, body.Variables)
}

func TestFaults(t *testing.T) {
	hijack := func(write string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, write)
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	}
	header := func(handler http.HandlerFunc, pairs ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(pairs); i += 2 {
				w.Header().Set(pairs[i], pairs[i+1])
			}
			handler(w, r)
		}
	}
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	partial := `{"data":{"project":{"id":"p1","name":"engine","environments":null}},
		"errors":[{"message":"Not Authorized","path":["project","environments"]}]}`
	tests := []struct {
		reason          string
		handler         http.HandlerFunc
		query, mutation Class
		status          int
		retry           time.Duration
		named           bool // the host, which did not answer
	}{
		{"429 with a pause", header(answerWith(429, "{}"), "Retry-After", "17"), RateLimited, RateLimited, 429, 17 * time.Second, false},
		{"429 without", answerWith(429, ""), RateLimited, RateLimited, 429, 30 * time.Second, false},
		{"Cloudflare", answerWith(429, "error code: 1015"), RateLimited, RateLimited, 429, 5 * time.Minute, false},
		{"500", answerWith(500, `{"message":"oops"}`), Transient, Ambiguous, 500, 0, false},
		{"HTML with 502", answerWith(502, "<html>bad gateway</html>"), Transient, Ambiguous, 502, 0, false},
		{"HTML with 200", answerWith(200, "<html>hello</html>"), Transient, Ambiguous, 200, 0, false},
		{"half a JSON", answerWith(200, projectJSON[:200]), Transient, Ambiguous, 200, 0, false},
		{"fewer bytes than announced", header(answerWith(200, projectJSON[:200]), "Content-Length", "5000"), Transient, Ambiguous, 200, 0, false},
		{"empty body", answerWith(200, ""), Transient, Ambiguous, 200, 0, false},
		{"data null", answerWith(200, `{"data":null}`), Transient, Ambiguous, 200, 0, false},
		{"data null within", answerWith(200, `{"data":{"project":null,"serviceCreate":null}}`), Transient, Ambiguous, 0, 0, false},
		{"another shape", answerWith(200, `{"data":{"project":"p1","serviceCreate":"s1"}}`), SchemaMismatch, SchemaMismatch, 200, 0, false},
		{"partial data", answerWith(200, partial), Unauthorized, Ambiguous, 200, 0, false},
		{"too large", answerWith(200, `{"data":{"project":"`+strings.Repeat("x", 9000)+`"}}`), Internal, Ambiguous, 200, 0, false},
		{"a redirect", header(answerWith(307, ""), "Location", "/elsewhere"), Transient, Ambiguous, 307, 0, false},
		{"no answer in time", hang, Transient, Ambiguous, 0, 0, true},
		{"reset after the request", hijack(""), Transient, Ambiguous, 0, 0, true},
		{"reset in the answer", hijack("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"da"), Transient, Ambiguous, 200, 0, false},
		{"401", answerWith(401, "Unauthorized"), Unauthorized, Unauthorized, 401, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			s := serve(t, tt.handler)
			small := func(o *Options) { o.MaxBody, o.Timeout = 8192, 200*time.Millisecond }

			project, err := s.client(t, small).Project(t.Context(), "p1")
			assert.Equal(t, tt.query, ClassOf(err), "query: %v", err)
			assert.Equal(t, tt.retry, RetryAfter(err))
			assert.Empty(t, project, "never partial data")
			var e *Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tt.status, e.Status)
			assert.Equal(t, "ReadProject", e.Operation)

			_, err = s.client(t, small).CreateService(t.Context(), "p1", "e1", "api")
			assert.Equal(t, tt.mutation, ClassOf(err), "mutation: %v", err)
			assert.Equal(t, 2, s.count(), "one request each, nothing repeated, no redirect followed")
			host := strings.TrimPrefix(s.URL, "http://")
			assert.Equal(t, tt.named, strings.Contains(err.Error(), host+": "), "who did not answer is named: %v", err)
			assert.NotContains(t, strings.ReplaceAll(err.Error(), host, ""), "127.0.0.1", "the text is stable")
		})
	}
}

// TestTheProxyIsNamed: Railway's host has not failed when the proxy before it cannot be reached.
func TestTheProxyIsNamed(t *testing.T) {
	tests := []struct {
		reason string
		fails  error
		says   string
	}{
		{"nobody listens", &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}, "the proxy: connection refused"},
		{"no such name", &net.DNSError{Err: "no such host", Name: "proxy.invalid", IsNotFound: true}, "the proxy: cannot resolve the host name proxy.invalid"},
		{"no certificate", &tls.CertificateVerificationError{Err: io.EOF}, "the proxy: the TLS certificate cannot be verified"},
	}
	for _, tt := range tests {
		pool, err := NewPool(Options{})
		require.NoError(t, err)
		transport := pool.wire.http.Transport.(*http.Transport)
		transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.invalid:3128"})
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, tt.fails }
		_, err = pool.Client(Credentials{Token: testToken}).Project(t.Context(), "p1")
		assert.ErrorContains(t, err, tt.says, tt.reason)
		assert.NotContains(t, err.Error(), "railway.com", tt.reason)
		assert.Equal(t, Transient, ClassOf(err), tt.reason)
	}
}

// A kept connection that the server closes just now: a query goes again on a new one, a mutation never does.
func TestClosedIdleConnection(t *testing.T) {
	var s *server
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if s.count()%3 != 2 {
			answerWith(200, projectJSON)(w, r)
			return
		}
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = conn.Close()
		}
	})
	c := s.client(t, nil)
	for range 2 {
		_, err := c.Project(t.Context(), "p1")
		require.NoError(t, err)
	}
	assert.Equal(t, 3, s.count())
	assert.NotContains(t, s.requests[0].Header, "Idempotency-Key")

	_, err := c.Project(t.Context(), "p1")
	require.NoError(t, err)
	_, err = c.CreateService(t.Context(), "p1", "e1", "api")
	assert.Equal(t, Ambiguous, ClassOf(err))
	assert.Equal(t, 5, s.count(), "sent once")
}

func TestNothingSentIsNeverAmbiguous(t *testing.T) {
	s := serve(t, answerWith(200, "{}"))
	c := s.client(t, nil)
	s.Close()
	_, err := c.CreateService(t.Context(), "p1", "e1", "api")
	assert.Equal(t, Transient, ClassOf(err), "refused connection: %v", err)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.CreateService(ctx, "p1", "e1", "api")
	assert.Equal(t, Transient, ClassOf(err))
	assert.ErrorIs(t, err, context.Canceled, "a shutdown is passed on")
}

func TestShutdownWhileWaitingIsPassedOn(t *testing.T) {
	calls := map[Class]func(context.Context, *Client) error{
		Transient: func(ctx context.Context, c *Client) error { _, err := c.Project(ctx, "p1"); return err },
		Ambiguous: func(ctx context.Context, c *Client) error { _, err := c.Deploy(ctx, "e1", "s1", ""); return err },
	}
	for class, call := range calls {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := serve(t, func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
		err := call(ctx, s.client(t, nil))
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, class, ClassOf(err))
	}
}

func TestTraceIDIsKeptApart(t *testing.T) {
	tests := []struct{ reason, header, body, want string }{
		{"header", "X-Trace-Id", `{"errors":[{"message":"Problem processing request"}]}`, "trace-1"},
		{"edge", "Cf-Ray", `{"errors":[{"message":"Problem processing request"}]}`, "trace-1"},
		{"in the error", "", `{"errors":[{"message":"Problem processing request","traceId":"trace-2"}]}`, "trace-2"},
		{"in the extensions", "", `{"errors":[{"message":"Problem processing request","extensions":{"traceId":"trace-3"}}]}`, "trace-3"},
		{"in the body", "", `{"data":null,"traceId":"trace-4"}`, "trace-4"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if tt.header != "" {
					w.Header().Set(tt.header, "trace-1")
				}
				_, _ = io.WriteString(w, tt.body)
			})
			_, err := s.client(t, nil).Project(t.Context(), "p1")
			var e *Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tt.want, e.TraceID)
			assert.NotContains(t, err.Error(), "trace-")
		})
	}
}

// The server repeats everything it got in its error; nothing of it may come out.
func TestSecretsStayInside(t *testing.T) {
	const secret = "sk-live-0123456789"
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		message, _ := json.Marshal("bad request: " + string(body) + r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, `{"errors":[{"message":`+string(message)+`}]}`)
	})
	var (
		mu  sync.Mutex
		log strings.Builder
	)
	registry := prometheus.NewRegistry()
	c := s.client(t, func(o *Options) {
		o.Registerer = registry
		o.Log = funcr.NewJSON(func(line string) { mu.Lock(); defer mu.Unlock(); log.WriteString(line + "\n") }, funcr.Options{Verbosity: 9})
	})
	patch := model.Tree{}
	patch.Set(secret, "services", "s1", "variables", "KEY", "value")
	err := c.Commit(t.Context(), "e1", patch, "rotate")
	require.Error(t, err)

	families, gatherErr := registry.Gather()
	require.NoError(t, gatherErr)
	metrics, _ := json.Marshal(families)
	for _, text := range []string{err.Error(), log.String(), string(metrics)} {
		assert.NotEmpty(t, text)
		assert.NotContains(t, text, secret)
		assert.NotContains(t, text, testToken)
	}
	assert.Contains(t, err.Error(), "[redacted]")
	assert.LessOrEqual(t, len(err.Error()), maxMessage+len("railway: CommitPatch: "))
	assert.Contains(t, log.String(), `"operation":"CommitPatch"`)
	assert.Contains(t, log.String(), `"token":"`+c.Key()+`"`)
}

func TestMetrics(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-RateLimit-Limit", "1000")
		w.Header().Set("X-RateLimit-Remaining", "900")
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	registry := prometheus.NewRegistry()
	c := s.client(t, func(o *Options) {
		o.Registerer = registry
		o.Now = func() time.Time { return noon }
	})
	c.gql.setPolled(15)
	for range 2 {
		_, err := c.Project(t.Context(), "p1")
		assert.Equal(t, RateLimited, ClassOf(err))
		assert.Positive(t, RetryAfter(err))
	}
	assert.Equal(t, 1, s.count(), "after a 429 nothing is sent until the pause is over")
	assert.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP engine_operator_railway_batch_size Environments that are read in one request at most, by key of the token.
# TYPE engine_operator_railway_batch_size gauge
engine_operator_railway_batch_size{token="`+c.Key()+`"} 10
# HELP engine_operator_railway_paused_seconds How long nothing may be sent because Railway refused a request as too many, by key of the token.
# TYPE engine_operator_railway_paused_seconds gauge
engine_operator_railway_paused_seconds{token="`+c.Key()+`"} 60
# HELP engine_operator_railway_poll_interval_floor_seconds The shortest time between two polls of an environment that the token's limit allows, by key of the token.
# TYPE engine_operator_railway_poll_interval_floor_seconds gauge
engine_operator_railway_poll_interval_floor_seconds{token="`+c.Key()+`"} 90
# HELP engine_operator_railway_rate_limit_remaining Requests left in Railway's current window, by key of the token.
# TYPE engine_operator_railway_rate_limit_remaining gauge
engine_operator_railway_rate_limit_remaining{token="`+c.Key()+`"} 900
# HELP engine_operator_railway_requests_total Requests sent to Railway, by GraphQL operation and error class (OK without an error).
# TYPE engine_operator_railway_requests_total counter
engine_operator_railway_requests_total{class="RateLimited",operation="ReadProject"} 1
# HELP engine_operator_railway_throttled_total Requests that Railway refused as too many, or that were held back to keep within its limits.
# TYPE engine_operator_railway_throttled_total counter
engine_operator_railway_throttled_total 2
`), "engine_operator_railway_batch_size", "engine_operator_railway_paused_seconds", "engine_operator_railway_poll_interval_floor_seconds",
		"engine_operator_railway_rate_limit_remaining", "engine_operator_railway_requests_total", "engine_operator_railway_throttled_total"))
	count, err := testutil.GatherAndCount(registry, "engine_operator_railway_request_duration_seconds")
	assert.NoError(t, err)
	assert.Equal(t, 1, count)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func jsonResponse(body any) *http.Response {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(text))}
}

// TestShortRefusal: a request that came too early for Railway's limit by chance would otherwise end the object's pass, which then
// reads its project again, announces again and says in its status that it waits.
func TestShortRefusal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason string
		pause        string
		refusals     int
		priority     Priority
		sent         int
		class        Class
	}{
		{"a write", "nothing was done with the first one", "1", 1, Write, 2, None},
		{"a read that somebody waits for", "is sent again, too", "1", 1, Rollout, 2, None},
		{"twice", "it was no chance", "1", 2, Write, 2, RateLimited},
		{"a poll", "the watch comes back to it", "1", 1, Poll, 1, RateLimited},
		{"a long pause", "a worker would be lost to other tokens", "3", 1, Write, 1, RateLimited},
	}
	ways := map[string]func(*Client, context.Context) error{
		"alone": func(c *Client, ctx context.Context) error {
			project, err := c.Project(ctx, "p1")
			if err == nil {
				assert.Equal(t, "engine", project.Name)
			}
			return err
		},
		"as environments and logs are read": func(c *Client, ctx context.Context) error {
			answered, err := c.gql.readFields(ctx, &graphql.Request{OpName: "ReadMany", Query: "query ReadMany"}, 2)
			if err == nil {
				assert.Contains(t, answered.data, "project")
			}
			return err
		},
	}
	for _, tt := range tests {
		for way, read := range ways {
			t.Run(tt.name+" "+way, func(t *testing.T) {
				t.Parallel()
				s := serve(t, nil)
				s.set(func(w http.ResponseWriter, r *http.Request) {
					if s.count() <= tt.refusals {
						w.Header().Set("Retry-After", tt.pause)
						answerWith(http.StatusTooManyRequests, "{}")(w, r)
						return
					}
					answerWith(http.StatusOK, projectJSON)(w, r)
				})
				registry := prometheus.NewRegistry()
				err := read(s.client(t, func(o *Options) { o.Registerer = registry }), WithPriority(t.Context(), tt.priority))
				assert.Equal(t, tt.class, ClassOf(err), tt.reason)
				assert.Equal(t, tt.sent, s.count(), tt.reason)
				refused, gatherErr := testutil.GatherAndCount(registry, "engine_operator_railway_requests_total")
				assert.NoError(t, gatherErr)
				assert.Equal(t, len(slices.Compact([]Class{RateLimited, tt.class})), refused, "both outcomes are counted")
			})
		}
	}
}

// TestResend: what is announced before it is sent is announced once more, or it is not sent once more.
func TestResend(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		err   error
		sent  int
		class Class
	}{{"announced", nil, 2, None}, {"not announced", errors.New("conflict"), 1, RateLimited}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, nil)
			refused := time.Time{}
			s.set(func(w http.ResponseWriter, r *http.Request) {
				if s.count() == 1 {
					refused = time.Now()
					w.Header().Set("Retry-After", "1")
					answerWith(http.StatusTooManyRequests, "{}")(w, r)
					return
				}
				answerWith(http.StatusOK, projectJSON)(w, r)
			})
			announced := 0
			ctx := WithResend(WithPriority(t.Context(), Write), func(context.Context) error {
				announced++
				assert.Equal(t, 1, s.count())
				assert.GreaterOrEqual(t, time.Since(refused), 900*time.Millisecond, "after the pause")
				return tt.err
			})
			_, err := s.client(t, nil).Project(ctx, "p1")
			assert.Equal(t, tt.class, ClassOf(err))
			assert.Equal(t, tt.sent, s.count())
			assert.Equal(t, 1, announced)
		})
	}
}
