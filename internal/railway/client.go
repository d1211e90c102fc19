// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/engine-operator/engine-operator/internal/railway/gql"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// Client speaks to Railway with one token. Every error it returns is an *Error. It is safe for concurrent use; take the lock
// of a project before writing to it.
type Client struct {
	key   string
	kind  TokenKind
	gql   *sender
	lines *lines
	// workspaces know who shares a limit.
	workspaces *workspaces
	now        func() time.Time
	// creating keeps those in order who create environments.
	creating *gate
	// batch is how many environments are read in one request.
	batch *batchSize
	// logs gathers reads of logs.
	logs logReads

	mu    sync.Mutex
	scope *model.TokenScope
}

// Key identifies the token. It is the same in every process and safe to log.
func (c *Client) Key() string { return c.key }

// Kind tells what kind of token the client has.
func (c *Client) Kind() TokenKind { return c.kind }

// Budget is the request budget of the token. It may become another one: ask for it each time.
func (c *Client) Budget() *Budget { return c.gql.budget() }

// TryLock gives the project to one writer at a time, whatever the token: Railway neither isolates nor orders concurrent writes
// (railway-api.md, "Consistency"). It returns false while somebody else has the project, or was told so before the caller
// was. Who comes back at least every ten seconds keeps his place, unless he leaves, see Pool.Leave; who names the caller.
func (c *Client) TryLock(projectID, who string) (unlock func(), ok bool) {
	return c.lines.take(projectID, who, c.now())
}

// Scope returns what a project token reaches. It asks once and remembers the answer, which never changes
// (railway-api.md, "Tokens").
func (c *Client) Scope(ctx context.Context) (model.TokenScope, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.scope != nil {
		return *c.scope, nil
	}
	scope, err := c.readScope(ctx)
	if err != nil {
		return model.TokenScope{}, err
	}
	c.scope = &scope
	return scope, nil
}

func (c *Client) readScope(ctx context.Context) (model.TokenScope, error) {
	const operation = "ReadTokenScope"
	if c.kind != TokenProject {
		return model.TokenScope{}, &Error{Class: Invalid, Operation: operation, Message: "only a project token has a scope"}
	}
	response, err := gql.ReadTokenScope(ctx, c.gql)
	if err != nil {
		return model.TokenScope{}, err
	}
	token := response.ProjectToken
	if token.ProjectId == "" || token.EnvironmentId == "" {
		return model.TokenScope{}, incomplete(operation, "the token's project or environment")
	}
	return model.TokenScope{
		ProjectID: token.ProjectId, ProjectName: token.Project.Name,
		EnvironmentID: token.EnvironmentId, EnvironmentName: token.Environment.Name,
	}, nil
}

// needs refuses empty arguments before anything is sent: an empty id can widen a mutation to every environment, or is
// answered with "Not Authorized" (railway-api.md, "Mutations of one field"). It takes pairs of name and value.
func needs(operation string, pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		if strings.TrimSpace(pairs[i+1]) == "" {
			return &Error{Class: Invalid, Operation: operation, Message: pairs[i] + " is empty"}
		}
	}
	return nil
}

// incomplete is the error of an answer that lacks what the schema promises. Treating it as data would look like deletion.
func incomplete(operation, what string) error {
	return &Error{Class: Transient, Operation: operation, Message: fmt.Sprintf("the answer lacks %s", what)}
}
