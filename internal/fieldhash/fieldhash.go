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
	"hash"
	"sync"
)

// size of a hash in bytes: enough to tell values of one field apart, and short in the status.
const size = 8

// Hasher makes keyed hashes: without the key a reader of the status cannot guess short secrets. It is safe for concurrent use.
type Hasher struct{ macs *sync.Pool }

// New returns a Hasher with the key. What depends on the key alone is computed once and kept: a pass hashes each field several times.
func New(key []byte) Hasher {
	return Hasher{&sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

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
	mac := h.macs.Get().(hash.Hash) //nolint:forcetypeassert // it holds nothing else
	defer h.macs.Put(mac)
	mac.Reset()
	mac.Write([]byte(path))
	mac.Write([]byte{0})
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil)[:size])
}
