// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	_ "net/http"

	_ "github.com/engine-operator/engine-operator/internal/railwaysim" // want depguard
)
