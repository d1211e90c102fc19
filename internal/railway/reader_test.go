// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/engine-operator/engine-operator/internal/railway/gql"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/railway/schema"
)

// readingClient returns a client over a world, with batches of the size.
func readingClient(tb testing.TB, size int) (*Client, *world) {
	tb.Helper()
	pool, err := NewPool(Options{RequestsPerSecond: 1e6, Burst: 1e6, MaxBatch: size})
	require.NoError(tb, err)
	w := newWorld()
	pool.wire.http.Transport = w
	c := pool.Client(Credentials{Token: testToken})
	c.batch.size = size
	return c, w
}

func wantsOf(n int) []want {
	wants := make([]want, n)
	for i := range wants {
		wants[i] = want{environmentRef: environmentRef{"p1", fmt.Sprint("e", i)}}
	}
	return wants
}

// readOutcomes returns the outcomes in order, each given exactly once.
func readOutcomes(t *testing.T, c *Client, wants []want) []outcome {
	t.Helper()
	outcomes, given := make([]outcome, len(wants)), make([]int, len(wants))
	c.read(t.Context(), wants, func(i int, o outcome) { outcomes[i] = o; given[i]++ })
	for i, n := range given {
		assert.Equal(t, 1, n, "answers for environment %d", i)
	}
	return outcomes
}

// The document of a batch is ReadEnvironment once per environment, and valid.
func TestBatchRequestIsManySingleOnes(t *testing.T) {
	types, err := gqlparser.LoadSchema(&ast.Source{Input: schema.SDL})
	require.NoError(t, err)
	request := batchRequest([]environmentRef{{"p1", "e1"}, {"p1", "e2"}, {"p2", "e3"}})
	document, problems := gqlparser.LoadQuery(types, request.Query) //nolint:staticcheck // the replacement takes the same rules one by one
	require.Empty(t, problems)
	original, problems := gqlparser.LoadQuery(types, gql.ReadEnvironment_Operation) //nolint:staticcheck // as above
	require.Empty(t, problems)
	operation := document.Operations.ForName(operationBatch)
	require.NotNil(t, operation)
	root := original.Operations.ForName("ReadEnvironment").SelectionSet
	require.Len(t, operation.SelectionSet, 3*len(root))
	for i, selection := range operation.SelectionSet {
		field, same := selection.(*ast.Field), root[i%len(root)].(*ast.Field)
		assert.Equal(t, same.Name, field.Name)
		assert.Equal(t, alias(same.Name, i/len(root)), field.Alias)
		for j, argument := range field.Arguments {
			if argument.Value.Kind == ast.Variable {
				assert.Equal(t, same.Arguments[j].Value.Raw+"_"+strconv.Itoa(i/len(root)), argument.Value.Raw)
			}
		}
	}
	assert.Len(t, document.Fragments, len(original.Fragments))
	assert.Equal(t, map[string]any{
		"projectId_0": "p1", "environmentId_0": "e1", "projectId_1": "p1", "environmentId_1": "e2", "projectId_2": "p2", "environmentId_2": "e3",
	}, request.Variables)
}

func TestReadManyInOneRequest(t *testing.T) {
	c, w := readingClient(t, 50)
	outcomes := readOutcomes(t, c, wantsOf(50))
	for i, o := range outcomes {
		require.NoError(t, o.err)
		assert.Equal(t, fmt.Sprint("e", i), o.held.environment().ID)
		single, err := c.Environment(t.Context(), "p1", fmt.Sprint("e", i))
		require.NoError(t, err)
		assert.Equal(t, single, o.held.environment(), "the same as by itself")
	}
	assert.Equal(t, 50, w.sizes(0)[0])
}

// Whatever environments cannot be read: each has its own outcome, and the others are read.
func TestReadInvisibleOnesBlindNobody(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for range 60 {
		c, w := readingClient(t, 20)
		n := 1 + random.IntN(20)
		for range random.IntN(n + 1) {
			w.refuses[fmt.Sprint("e", random.IntN(n))] = true
		}
		w.most = random.IntN(8) // 0: as many as you like
		for i, o := range readOutcomes(t, c, wantsOf(n)) {
			if w.refuses[fmt.Sprint("e", i)] {
				assert.Equal(t, Unauthorized, ClassOf(o.err))
			} else {
				assert.NoError(t, o.err)
				assert.Equal(t, fmt.Sprint("e", i), o.held.environment().ID)
			}
		}
		assert.LessOrEqual(t, len(w.requests), 2*n+1+len(w.refuses))
	}
}

// A batch is halved whatever shows that it is too large.
func TestReadDividesWhatIsTooLarge(t *testing.T) {
	const most = 12
	answer := func(status int, body string) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
	tests := []struct {
		reason string
		refuse func(*http.Request) (*http.Response, error)
	}{
		{"Railway refuses it without a reason", func(*http.Request) (*http.Response, error) {
			return answer(200, `{"errors":[{"message":"Problem processing request"}],"data":null}`)
		}},
		{"an error of an unknown kind", func(*http.Request) (*http.Response, error) {
			return answer(200, `{"errors":[{"message":"Query is too complex"}],"data":null}`)
		}},
		{"no answer within the time limit", func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}},
		{"more than is read of an answer", func(*http.Request) (*http.Response, error) { return answer(200, strings.Repeat(" ", 1<<20+1)) }},
		{"HTTP 400", func(*http.Request) (*http.Response, error) { return answer(400, "<html>") }},
		{"HTTP 413", func(*http.Request) (*http.Response, error) { return answer(413, "<html>") }},
		{"HTTP 504", func(*http.Request) (*http.Response, error) { return answer(504, "<html>") }},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, w := readingClient(t, 48)
				c.gql.wire.options.MaxBody = 1 << 20
				c.gql.wire.http.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
					answered, err := w.RoundTrip(r)
					if len(w.requests[len(w.requests)-1].environments) > most {
						return tt.refuse(r)
					}
					return answered, err
				})
				for _, o := range readOutcomes(t, c, wantsOf(48)) {
					assert.NoError(t, o.err)
				}
				assert.Equal(t, []int{48, 24, 12, 12, 24, 12, 12}, w.sizes(0))
				assert.Equal(t, 13, c.batch.now(), "halved to twelve, and the last full batch of twelve lets one more in")
			})
		})
	}
}

func TestReadTellsWhoseErrorItIs(t *testing.T) {
	html := func(status int) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("<html>"))}, nil
		}
	}
	answer := func(body string) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
		}
	}
	tests := []struct {
		reason   string
		answer   func(*http.Request) (*http.Response, error)
		failing  bool
		class    Class
		requests int
	}{
		{"a gateway that fails is everybody's trouble", html(502), false, Transient, 1},
		{"one that goes on failing is tried in halves, as long as that tells something", html(502), true, Transient, 10},
		{"a 429 is for all", html(429), true, RateLimited, 1},
		{"a bad token is asked for once", answer(`{"errors":[{"message":"Not Authorized"}],"data":null}`), false, Unauthorized, 2},
		{"a schema that moved is nobody's own", answer(`{"errors":[{"message":"Cannot query field \"x\""}],"data":null}`), false, SchemaMismatch, 1},
		{"a generic refusal may be one of size", answer(`{"errors":[{"message":"Problem processing request"}],"data":null}`), false, Transient, 10},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			c, _ := readingClient(t, 16)
			requests := 0
			c.gql.wire.http.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
				requests++
				return tt.answer(r)
			})
			wants := wantsOf(16)
			for i := range wants {
				wants[i].failing = tt.failing
			}
			for _, o := range readOutcomes(t, c, wants) {
				assert.Equal(t, tt.class, ClassOf(o.err))
				assert.False(t, o.own)
			}
			assert.Equal(t, tt.requests, requests)
		})
	}
}

// An environment that Railway cannot answer for spoils the requests that it is in, and is found.
func TestReadFindsTheOneThatFails(t *testing.T) {
	c, w := readingClient(t, 16)
	c.gql.wire.http.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		response, err := w.RoundTrip(r)
		for _, id := range w.requests[len(w.requests)-1].environments {
			if id == "e5" {
				response.StatusCode, response.Body = 502, io.NopCloser(strings.NewReader("<html>"))
			}
		}
		return response, err
	})
	wants := wantsOf(16)
	for i := range wants {
		wants[i].failing = true
	}
	for i, o := range readOutcomes(t, c, wants) {
		assert.Equal(t, i == 5, o.err != nil)
		assert.Equal(t, i == 5, o.own)
	}
}

func TestReadKeepsWhatIsTheSame(t *testing.T) {
	c, w := readingClient(t, 10)
	wants := wantsOf(10)
	for i, o := range readOutcomes(t, c, wants) {
		wants[i].known = o.view
	}
	w.changes["e3"] = true
	for i, o := range readOutcomes(t, c, wants) {
		if i == 3 {
			assert.NotSame(t, wants[i].known.held, o.held)
			assert.NotEqual(t, wants[i].known.digest, o.digest)
			continue
		}
		assert.Same(t, wants[i].known.held, o.held, "an answer that is the same is not decoded again")
		assert.Equal(t, wants[i].known.digest, o.digest)
	}
	wants[0].known.print = 1
	assert.Same(t, wants[0].known.held, readOutcomes(t, c, wants)[0].held, "an equal environment keeps its place")
}

// What stands on a further page may change while the answer to the batch stays the same.
func TestReadSeesWhatChangesOnAFurtherPage(t *testing.T) {
	c, w := readingClient(t, 3)
	last := "BEFORE"
	c.gql.wire.http.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		var body struct {
			OperationName string
			Variables     map[string]string
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			return nil, err
		}
		if body.OperationName == "ReadVariables" {
			assert.Equal(t, "e1", body.Variables["environmentId"])
			page := edges(object{"name": last, "serviceId": nil, "isSealed": true})
			return jsonResponse(object{"data": object{"environment": object{"variables": page}}}), nil
		}
		answer := w.answer(body.Variables)
		long := answer["data"].(object)["environment_1"].(object)
		long["variables"] = next(long["variables"].(object), "1")
		return jsonResponse(answer), nil
	})
	wants := wantsOf(3)
	read := func() []outcome {
		outcomes := readOutcomes(t, c, wants)
		for i, o := range outcomes {
			require.NoError(t, o.err)
			assert.Equal(t, i == 1, o.held.environment().Sealed[model.VariableRef{Name: last}], "environment %d", i)
		}
		return outcomes
	}
	for i, o := range read() {
		wants[i].known = o.view
	}
	last = "AFTER"
	for i, o := range read() {
		assert.Equal(t, i != 1, o.held == wants[i].known.held, "environment %d", i)
		assert.Equal(t, i != 1, o.digest == wants[i].known.digest, "environment %d", i)
	}
}

func TestBatchSize(t *testing.T) {
	b := newBatchSize(50)
	assert.Equal(t, 10, b.now(), "what is known to work")
	b.answered(9)
	assert.Equal(t, 10, b.now(), "a batch that was not full says nothing")
	for range 10 {
		b.answered(b.now())
	}
	assert.Equal(t, 50, b.now(), "never more than allowed")
	b.tooLarge(50)
	assert.Equal(t, 25, b.now())
	b.tooLarge(40)
	assert.Equal(t, 20, b.now())
	b.tooLarge(50)
	assert.Equal(t, 20, b.now(), "an older request says nothing new")
	b.answered(20)
	assert.Equal(t, 21, b.now(), "grown with care")
	for range 10 {
		b.tooLarge(b.now())
	}
	assert.Equal(t, 1, b.now())
	assert.Equal(t, 1, newBatchSize(1).now())
}

func BenchmarkBatchDecode(b *testing.B) {
	c, w := readingClient(b, 50)
	body := map[string]string{}
	for i, want := range wantsOf(50) {
		body["projectId_"+strconv.Itoa(i)], body["environmentId_"+strconv.Itoa(i)] = want.ProjectID, want.EnvironmentID
	}
	answer := marshalled(b, w.answer(body))
	c.gql.wire.http.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer))}, nil
	})
	run := func(b *testing.B, wants []want) {
		b.Helper()
		b.SetBytes(int64(len(answer)))
		for b.Loop() {
			c.read(b.Context(), wants, func(_ int, o outcome) {
				if o.err != nil {
					b.Fatal(o.err)
				}
			})
		}
		b.ReportMetric(float64(b.Elapsed())/float64(time.Microsecond)/float64(b.N)/50, "µs/environment")
	}
	b.Run("changed", func(b *testing.B) { run(b, wantsOf(50)) })
	known := wantsOf(50)
	c.read(b.Context(), known, func(i int, o outcome) { known[i].known = o.view })
	b.Run("unchanged", func(b *testing.B) { run(b, known) })
}

func marshalled(tb testing.TB, value any) string {
	tb.Helper()
	raw, err := json.Marshal(value)
	require.NoError(tb, err)
	return string(raw)
}
