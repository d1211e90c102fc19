// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// Exactly these operations with exactly these variables go out, once.
func TestWrites(t *testing.T) {
	patch := model.Tree{}
	patch.Set("info", "services", "s1", "variables", "LOG_LEVEL", "value")
	patch.Set(nil, "services", "s1", "variables", "OLD")
	tests := []struct {
		operation, answer, variables string
		call                         func(context.Context, *Client) (any, error)
		want                         any
	}{
		{"CreateService", `{"serviceCreate":{"id":"s1"}}`, `{"projectId":"p1","environmentId":"e1","name":"api"}`,
			func(ctx context.Context, c *Client) (any, error) { return c.CreateService(ctx, "p1", "e1", "api") }, "s1"},
		{"CreateRailwayDomain", `{"serviceDomainCreate":{"id":"x1","domain":"a.up.railway.app","targetPort":8000}}`,
			`{"environmentId":"e1","serviceId":"s1","port":8000}`,
			func(ctx context.Context, c *Client) (any, error) { return c.CreateRailwayDomain(ctx, "e1", "s1", 8000) },
			model.Domain{ID: "x1", Host: "a.up.railway.app", Port: 8000, Verified: true}},
		{"CreateRailwayDomain", `{"serviceDomainCreate":{"id":"x1","domain":"a.up.railway.app","targetPort":null}}`,
			`{"environmentId":"e1","serviceId":"s1"}`,
			func(ctx context.Context, c *Client) (any, error) { return c.CreateRailwayDomain(ctx, "e1", "s1", 0) },
			model.Domain{ID: "x1", Host: "a.up.railway.app", Verified: true}},
		{"CommitPatch", `{"environmentPatchCommit":"workflow-1"}`,
			`{"environmentId":"e1","message":"hello","patch":{"services":{"s1":{"variables":{"LOG_LEVEL":{"value":"info"},"OLD":null}}}}}`,
			func(ctx context.Context, c *Client) (any, error) { return nil, c.Commit(ctx, "e1", patch, "hello") }, nil},
		{"DeployService", `{"serviceInstanceDeployV2":"d1"}`, `{"environmentId":"e1","serviceId":"s1"}`,
			func(ctx context.Context, c *Client) (any, error) { return c.Deploy(ctx, "e1", "s1", "") }, "d1"},
		{"DeployService", `{"serviceInstanceDeployV2":"d1"}`, `{"environmentId":"e1","serviceId":"s1","commitSha":"0123abc"}`,
			func(ctx context.Context, c *Client) (any, error) { return c.Deploy(ctx, "e1", "s1", "0123abc") }, "d1"},
		{"DeleteTrigger", `{"deploymentTriggerDelete":true}`, `{"triggerId":"t1"}`,
			func(ctx context.Context, c *Client) (any, error) { return nil, c.DisableAutoDeploy(ctx, "t1") }, nil},
		{"CommitPatch", `{"environmentPatchCommit":"p1"}`,
			`{"environmentId":"e1","message":"bye","patch":{"services":{"s1":{"isDeleted":true},"s2":{"isDeleted":true}}}}`,
			func(ctx context.Context, c *Client) (any, error) {
				return nil, c.DeleteServices(ctx, "e1", []string{"s1", "s2"}, "bye")
			}, nil},
		{"DeleteEnvironment", `{"environmentDelete":true}`, `{"environmentId":"e1"}`,
			func(ctx context.Context, c *Client) (any, error) { return nil, c.DeleteEnvironment(ctx, "e1") }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.operation, func(t *testing.T) {
			s := serve(t, answerWith(200, `{"data":`+tt.answer+`}`))
			got, err := tt.call(t.Context(), s.client(t, nil))
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
			require.Equal(t, 1, s.count())
			var body struct {
				OperationName, Query string
				Variables            json.RawMessage
			}
			require.NoError(t, json.Unmarshal([]byte(s.bodies[0]), &body))
			assert.Equal(t, tt.operation, body.OperationName)
			assert.True(t, strings.HasPrefix(strings.TrimSpace(body.Query), "mutation"))
			assert.JSONEq(t, tt.variables, string(body.Variables))
		})
	}
}

func TestCreateEnvironmentReturnsTheWholeEnvironment(t *testing.T) {
	data := environmentData()
	s := serve(t, answerData(object{"environmentCreate": data["environment"]}))
	env, err := s.client(t, nil).CreateEnvironment(t.Context(), "p1", "production")
	require.NoError(t, err)
	assert.Equal(t, "e1", env.ID)
	assert.Len(t, env.Services, 2)
	assert.Equal(t, 1, s.count())

	data["environment"].(object)["config"] = nil
	s.set(answerData(object{"environmentCreate": data["environment"]}))
	_, err = s.client(t, nil).CreateEnvironment(t.Context(), "p1", "production")
	assert.Equal(t, Ambiguous, ClassOf(err), "it was created, only the answer is unusable")
}

func TestUnconfirmedWritesAreAmbiguous(t *testing.T) {
	tests := []struct {
		answer string
		call   func(context.Context, *Client) error
	}{
		{`{"serviceCreate":{"id":""}}`, func(ctx context.Context, c *Client) error {
			_, err := c.CreateService(ctx, "p1", "e1", "api")
			return err
		}},
		{`{"serviceDomainCreate":null}`, func(ctx context.Context, c *Client) error {
			_, err := c.CreateRailwayDomain(ctx, "e1", "s1", 0)
			return err
		}},
		{`{"serviceInstanceDeployV2":null}`, func(ctx context.Context, c *Client) error {
			_, err := c.Deploy(ctx, "e1", "s1", "")
			return err
		}},
		{`{"deploymentTriggerDelete":false}`, func(ctx context.Context, c *Client) error { return c.DisableAutoDeploy(ctx, "t1") }},
		{`{"environmentDelete":false}`, func(ctx context.Context, c *Client) error { return c.DeleteEnvironment(ctx, "e1") }},
	}
	for _, tt := range tests {
		t.Run(tt.answer, func(t *testing.T) {
			s := serve(t, answerWith(200, `{"data":`+tt.answer+`}`))
			assert.Equal(t, Ambiguous, ClassOf(tt.call(t.Context(), s.client(t, nil))))
		})
	}
}

// An empty id can widen a mutation to every environment (railway-api.md, "Mutations of one field"), so nothing may be
// sent.
func TestEmptyArgumentsAreRefusedHere(t *testing.T) {
	patch := model.Tree{"services": object{"s1": object{}}}
	calls := map[string]func(context.Context, *Client) error{
		"Project":                    func(ctx context.Context, c *Client) error { _, err := c.Project(ctx, ""); return err },
		"Environment, project":       func(ctx context.Context, c *Client) error { _, err := c.Environment(ctx, "", "e1"); return err },
		"Environment, environment":   func(ctx context.Context, c *Client) error { _, err := c.Environment(ctx, "p1", " "); return err },
		"Failure":                    func(ctx context.Context, c *Client) error { _, err := c.Failure(ctx, ""); return err },
		"CreateEnvironment, project": func(ctx context.Context, c *Client) error { _, err := c.CreateEnvironment(ctx, "", "x"); return err },
		"CreateEnvironment, name":    func(ctx context.Context, c *Client) error { _, err := c.CreateEnvironment(ctx, "p1", ""); return err },
		"CreateService, project":     func(ctx context.Context, c *Client) error { _, err := c.CreateService(ctx, "", "e1", "x"); return err },
		"CreateService, environment": func(ctx context.Context, c *Client) error { _, err := c.CreateService(ctx, "p1", "", "x"); return err },
		"CreateService, name":        func(ctx context.Context, c *Client) error { _, err := c.CreateService(ctx, "p1", "e1", ""); return err },
		"CreateRailwayDomain, env": func(ctx context.Context, c *Client) error {
			_, err := c.CreateRailwayDomain(ctx, "", "s1", 0)
			return err
		},
		"CreateRailwayDomain, service": func(ctx context.Context, c *Client) error {
			_, err := c.CreateRailwayDomain(ctx, "e1", "", 0)
			return err
		},
		"Commit, environment": func(ctx context.Context, c *Client) error { return c.Commit(ctx, "", patch, "") },
		"Commit, nothing":     func(ctx context.Context, c *Client) error { return c.Commit(ctx, "e1", nil, "") },
		"Commit, service": func(ctx context.Context, c *Client) error {
			return c.Commit(ctx, "e1", model.Tree{"services": object{"": object{}}}, "")
		},
		"Commit, not JSON": func(ctx context.Context, c *Client) error {
			return c.Commit(ctx, "e1", model.Tree{"x": make(chan int)}, "")
		},
		"Deploy, environment":         func(ctx context.Context, c *Client) error { _, err := c.Deploy(ctx, "", "s1", ""); return err },
		"Deploy, service":             func(ctx context.Context, c *Client) error { _, err := c.Deploy(ctx, "e1", "", ""); return err },
		"DisableAutoDeploy":           func(ctx context.Context, c *Client) error { return c.DisableAutoDeploy(ctx, "") },
		"DeleteServices, environment": func(ctx context.Context, c *Client) error { return c.DeleteServices(ctx, "", []string{"s1"}, "") },
		"DeleteServices, service":     func(ctx context.Context, c *Client) error { return c.DeleteServices(ctx, "e1", []string{""}, "") },
		"DeleteServices, none":        func(ctx context.Context, c *Client) error { return c.DeleteServices(ctx, "e1", nil, "") },
		"DeleteEnvironment":           func(ctx context.Context, c *Client) error { return c.DeleteEnvironment(ctx, "") },
	}
	s := serve(t, answerWith(200, "{}"))
	c := s.client(t, nil)
	for name, call := range calls {
		assert.Equal(t, Invalid, ClassOf(call(t.Context(), c)), name)
	}
	assert.Zero(t, s.count())
}
