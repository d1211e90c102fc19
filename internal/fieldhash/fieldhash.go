// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package fieldhash makes the keyed hashes by which the operator remembers what it wrote. It is pure: values in, values out.
package fieldhash

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// size of a hash in bytes: enough to tell values of one field apart, and short in the status.
const size = 8

// Hasher makes keyed hashes: without the key a reader of the status cannot guess short secrets.
type Hasher struct{ Key []byte }

// Name tells which key it is, without telling the key.
func (h Hasher) Name() string { return h.sum("key", nil) }

// Field is the keyed hash of a field's value. The path is part of it, so that equal values do not show as equal hashes.
func (h Hasher) Field(path string, value any) string {
	text, err := json.Marshal(value)
	if err != nil { // values are JSON by construction
		text = fmt.Appendf(nil, "%T", value)
	}
	return h.sum(path, text)
}

func (h Hasher) sum(path string, text []byte) string {
	mac := hmac.New(sha256.New, h.Key)
	mac.Write([]byte(path))
	mac.Write([]byte{0})
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil)[:size])
}
