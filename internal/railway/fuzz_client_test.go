// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// everyCall is every request of the client.
var everyCall = []func(context.Context, *Client) error{
	func(ctx context.Context, c *Client) error { _, err := c.Project(ctx, "p1"); return err },
	func(ctx context.Context, c *Client) error { _, err := c.Environment(ctx, "p1", "e1"); return err },
	func(ctx context.Context, c *Client) error { _, err := c.Failure(ctx, "d1"); return err },
	func(ctx context.Context, c *Client) error {
		_, err := c.Logs(ctx, "d1", model.LogQuery{Filter: "@level:error", Lines: 10})
		return err
	},
	func(ctx context.Context, c *Client) error {
		_, err := c.Usage(ctx, "p1", time.Time{}, time.Time{})
		return err
	},
	func(ctx context.Context, c *Client) error { return c.Valid(ctx) },
	func(ctx context.Context, c *Client) error {
		_, err := c.CreateEnvironment(ctx, "p1", "dev")
		return err
	},
	func(ctx context.Context, c *Client) error {
		_, err := c.CreateService(ctx, "p1", "e1", "engine")
		return err
	},
	func(ctx context.Context, c *Client) error {
		_, err := c.CreateRailwayDomain(ctx, "e1", "s1", 80)
		return err
	},
	func(ctx context.Context, c *Client) error {
		return c.Commit(ctx, "e1", model.Tree{"services": map[string]any{}}, "message")
	},
	func(ctx context.Context, c *Client) error { _, err := c.Deploy(ctx, "e1", "s1", ""); return err },
	func(ctx context.Context, c *Client) error { return c.DisableAutoDeploy(ctx, "t1") },
	func(ctx context.Context, c *Client) error { return c.DeleteEnvironment(ctx, "e1") },
	func(ctx context.Context, c *Client) error {
		_, err := (&Client{kind: TokenProject, gql: c.gql}).Scope(ctx)
		return err
	},
	func(ctx context.Context, c *Client) error { _, err := c.workspaceLimit(ctx, "w1"); return err },
}

// everyBatch is every request of the client for several things at once. Each returns the errors of all of them, joined.
var everyBatch = []func(context.Context, *Client) error{
	func(ctx context.Context, c *Client) error {
		wants := make([]want, 3)
		for i, id := range []string{"e1", "e1", "e2"} {
			wants[i].environmentRef = environmentRef{"p1", id}
		}
		problems, given := make([]error, len(wants)), 0
		c.read(ctx, wants, func(i int, o outcome) { problems[i] = o.err; given++ })
		if given != len(wants) {
			return fmt.Errorf("%d answers for %d environments", given, len(wants))
		}
		return errors.Join(problems...)
	},
	func(ctx context.Context, c *Client) error {
		group := make([]*logRead, 2)
		for i := range group {
			group[i] = &logRead{ctx: ctx, deploymentID: fmt.Sprint("d", i), query: model.LogQuery{Lines: 10}, done: make(chan logAnswer, 1)}
		}
		c.readLogs(group)
		return errors.Join((<-group[0].done).err, (<-group[1].done).err)
	},
}

// each returns the errors that were joined.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { // a wrapped one is one error
		return joined.Unwrap()
	}
	return []error{err}
}

// FuzzClient answers every request of the client with any body under any status: nothing panics, nothing hangs, an error has a class and a
// bounded text that does not show the token, and what is no whole answer without errors is an error. What is asked for
// together is answered each.
func FuzzClient(f *testing.F) {
	environment, err := json.Marshal(object{"data": environmentData()})
	if err != nil {
		f.Fatal(err)
	}
	together := object{}
	for n, id := range []string{"e1", "e1", "e2"} {
		for field, value := range environmentData() {
			together[alias(field, n)] = value
		}
		together[alias("environment", n)].(object)["id"] = id
	}
	batch, err := json.Marshal(object{"data": together})
	if err != nil {
		f.Fatal(err)
	}
	bodies := []string{
		string(environment), projectJSON, `{"data":{"environmentPatchCommit":"p1"}}`, `{"data":{"serviceCreate":{"id":"s1"}}}`,
		`{"data":{"deploymentLogs":[{"timestamp":"x","message":"m","severity":null,"attributes":[{"key":"a","value":"b"}]}]}}`,
		`{"data":{"deploymentLogs":[null]}}`, `{"data":{"usage":[{"measurement":"FUTURE","value":1e308,"tags":null}]}}`,
		`{"data":{"deploymentEvents":{"edges":[null,{"node":null}]},"buildLogs":null,"deploymentLogs":null}}`,
		`{"data":{"project":{"environments":{"edges":null,"pageInfo":{"hasNextPage":true,"endCursor":null}}}}}`,
		`{"data":{"projectToken":{"projectId":"p1","environmentId":"e1"}}}`,
		`{"data":{"workspace":{"id":"w1","apiTokenRateLimit":{"remainingPoints":7,"resetsAt":"2026-11-27T12:00:00Z"}}}}`,
		`{"data":null,"errors":[{"message":"` + testToken + `","extensions":{"code":1}}]}`, `{"errors":[{"message":"Not Authorized"}]}`, "null", "<html>", "",
	}
	ofBatches := []string{
		string(batch), `{"data":{"deploymentLogs_0":[],"deploymentLogs_1":[{"message":"m"}]}}`, `{"data":{"deploymentLogs_1":null}}`,
		`{"data":null,"errors":[{"message":"Not Authorized","path":["environment_0"]},{"message":"x","path":["environment_2","config"]}]}`,
		`{"data":{"environment_1":{}},"errors":[{"message":"` + testToken + `","path":["environmentPatches_1"]}]}`,
		`{"data":null,"errors":[{"message":"x","path":["deploymentLogs_0"]}]}`,
		`{"data":null,"errors":[{"message":"x","path":["environment_7"]},{"message":"x","path":["environment_-1"]},{"message":"x","path":[0]}]}`,
		`{"data":{},"errors":[{"message":"x","path":["environment_0","sourceEnvironment"]}]}`,
	}
	calls := slices.Concat(everyCall, everyBatch)
	for operation := range calls {
		seeds := bodies
		if operation >= len(everyCall) {
			seeds = slices.Concat(bodies, ofBatches)
		}
		for _, body := range seeds {
			f.Add(uint8(operation), uint16(200), body)
		}
		f.Add(uint8(operation), uint16(502), "<html>")
	}
	var mu sync.Mutex
	status, body := 200, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	f.Cleanup(server.Close)
	pool, err := NewPool(Options{Endpoint: server.URL, RequestsPerSecond: 1e6, Burst: 1e6, Timeout: 5 * time.Second})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, operation uint8, code uint16, text string) {
		code = 200 + (code-200)%400
		if code < 300 && code != http.StatusOK || code/100 == 3 {
			return // what has no body or leads elsewhere is another test's
		}
		mu.Lock()
		status, body = int(code), text
		mu.Unlock()
		clear(pool.clients) // a pause that the answer before asked for is not this one's
		pool.workspaces.keep(func(*Client) bool { return false })
		c := pool.Client(Credentials{Token: testToken})
		err := calls[int(operation)%len(calls)](t.Context(), c)
		if err == nil {
			var whole struct {
				Data   map[string]any
				Errors []problem
			}
			assert.NoError(t, json.Unmarshal([]byte(text), &whole))
			assert.NotNil(t, whole.Data)
			assert.Empty(t, slices.DeleteFunc(whole.Errors, problem.bearable))
			return
		}
		for _, err := range each(err) {
			var ours *Error
			assert.ErrorAs(t, err, &ours)
			assert.NotEqual(t, None, ClassOf(err), "%v", err)
			assert.Less(t, len(err.Error()), 2*maxMessage)
			assert.False(t, strings.Contains(err.Error(), testToken), "the error shows the token: %v", err)
		}
	})
}
