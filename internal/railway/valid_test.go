// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestValid(t *testing.T) {
	const (
		account = `{"data":{"apiToken":{"workspaces":[]}}}`
		project = `{"data":{"projectToken":{"projectId":"p1","environmentId":"e1","project":{"name":"a"},"environment":{"name":"b"}}}}`
		denied  = `{"errors":[{"message":"Not Authorized"}]}`
	)
	for kind, good := range map[TokenKind]string{TokenAccount: account, TokenProject: project} {
		t.Run(kind.String(), func(t *testing.T) {
			s := serve(t, answerWith(200, good))
			pool, err := NewPool(Options{Endpoint: s.URL})
			require.NoError(t, err)
			t.Cleanup(pool.CloseIdle)
			c := pool.Client(Credentials{Kind: kind, Token: testToken})
			assert.NoError(t, c.Valid(t.Context()))
			if kind == TokenProject {
				_, err = c.Scope(t.Context())
				require.NoError(t, err)
			}
			s.set(answerWith(200, denied))
			assert.Equal(t, Unauthorized, ClassOf(c.Valid(t.Context())), "revoked since, whatever is remembered")
		})
	}
}
