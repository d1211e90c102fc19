// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// NewCommitID returns an id by which a commit is found again in Railway's history.
func NewCommitID() (string, error) {
	random := make([]byte, 5)
	if _, err := rand.Read(random); err != nil {
		return "", fmt.Errorf("make commit id: %w", err)
	}
	return "eo-" + hex.EncodeToString(random), nil
}
