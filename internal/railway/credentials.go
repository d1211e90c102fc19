// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
)

// TokenKind tells how a token is presented to Railway (railway-api.md, "Tokens").
type TokenKind int

const (
	// TokenAccount is an account or workspace token, Railway's RAILWAY_API_TOKEN: "Authorization: Bearer".
	TokenAccount TokenKind = iota
	// TokenProject is a project token, Railway's RAILWAY_TOKEN: "Project-Access-Token". It reaches one environment.
	TokenProject
)

// String returns "account" or "project".
func (k TokenKind) String() string {
	if k == TokenProject {
		return "project"
	}
	return "account"
}

// Credentials is a token and how to present it. However it is printed, the token does not show.
type Credentials struct {
	Kind  TokenKind
	Token string
}

// String says the kind and the key, never the token.
func (c Credentials) String() string { return c.Kind.String() + " token " + c.key() }

// GoString is String, for %#v.
func (c Credentials) GoString() string { return c.String() }

// Format is String whatever the verb.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// MarshalJSON is String as a JSON string; loggers use it.
func (c Credentials) MarshalJSON() ([]byte, error) { return []byte(`"` + c.String() + `"`), nil }

// MarshalLog is String, for logr.
func (c Credentials) MarshalLog() any { return c.String() }

// LogValue is String, for slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// key identifies the token without revealing it: 48 bits of a hash. Tokens are random UUIDs, so nobody can guess backwards.
func (c Credentials) key() string {
	sum := sha256.Sum256([]byte("engine-operator\x00" + c.Kind.String() + "\x00" + c.Token))
	return hex.EncodeToString(sum[:6])
}

// authorize puts the token where its kind belongs.
func (c Credentials) authorize(header http.Header) {
	if c.Kind == TokenProject {
		header.Set("Project-Access-Token", c.Token)
		return
	}
	header.Set("Authorization", "Bearer "+c.Token)
}
