// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
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
}

// FuzzClient answers every request of the client with any body under any status: nothing panics, nothing hangs, an error has a class and a
// bounded text that does not show the token, and what is no whole answer without errors is an error.
func FuzzClient(f *testing.F) {
	environment, err := json.Marshal(object{"data": environmentData()})
	if err != nil {
		f.Fatal(err)
	}
	for operation := range everyCall {
		for _, body := range []string{
			string(environment), projectJSON, `{"data":{"environmentPatchCommit":"p1"}}`, `{"data":{"serviceCreate":{"id":"s1"}}}`,
			`{"data":{"deploymentLogs":[{"timestamp":"x","message":"m","severity":null,"attributes":[{"key":"a","value":"b"}]}]}}`,
			`{"data":{"deploymentLogs":[null]}}`, `{"data":{"usage":[{"measurement":"FUTURE","value":1e308,"tags":null}]}}`,
			`{"data":{"deploymentEvents":{"edges":[null,{"node":null}]},"buildLogs":null,"deploymentLogs":null}}`,
			`{"data":{"project":{"environments":{"edges":null,"pageInfo":{"hasNextPage":true,"endCursor":null}}}}}`,
			`{"data":null,"errors":[{"message":"` + testToken + `","extensions":{"code":1}}]}`, `{"errors":[{"message":"Not Authorized"}]}`, "null", "<html>", "",
		} {
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
		code = 200 + code%400
		if code == http.StatusTooManyRequests || code < 300 && code != http.StatusOK || code/100 == 3 {
			return // a pause for everybody, and what has no body or leads elsewhere, are other tests'
		}
		mu.Lock()
		status, body = int(code), text
		mu.Unlock()
		c := pool.Client(Credentials{Token: testToken})
		err := everyCall[int(operation)%len(everyCall)](t.Context(), c)
		if err == nil {
			var whole struct {
				Data   map[string]any
				Errors []any
			}
			assert.NoError(t, json.Unmarshal([]byte(text), &whole))
			assert.NotNil(t, whole.Data)
			assert.Empty(t, whole.Errors)
			return
		}
		assert.NotEqual(t, None, ClassOf(err), "%v", err)
		assert.Less(t, len(err.Error()), 2*maxMessage)
		assert.False(t, strings.Contains(err.Error(), testToken), "the error shows the token: %v", err)
	})
}
