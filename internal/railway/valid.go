// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"

	"github.com/engine-operator/engine-operator/internal/railway/gql"
)

// Valid returns nil when Railway accepts the token at all, whatever it may see. "Not Authorized" alone does not tell a bad
// token from an object that is not visible (railway-api.md, "Errors"). It asks each time: a token can be revoked.
func (c *Client) Valid(ctx context.Context) error {
	if c.kind == TokenProject {
		_, err := c.readScope(ctx)
		return err
	}
	_, err := gql.ReadApiToken(ctx, c.gql)
	return err
}
