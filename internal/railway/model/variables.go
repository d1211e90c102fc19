// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"slices"
	"strings"
)

// controlVariables are the RAILWAY_* names that users set (railway-api.md, "Variables").
var controlVariables = []string{
	"RAILWAY_DEPLOYMENT_DRAINING_SECONDS",
	"RAILWAY_DEPLOYMENT_OVERLAP_SECONDS",
	"RAILWAY_DOCKERFILE_PATH",
	"RAILWAY_HEALTHCHECK_TIMEOUT_SEC",
	"RAILWAY_RUN_UID",
	"RAILWAY_SHM_SIZE_BYTES",
}

// SystemVariable reports whether Railway sets the variable itself: every RAILWAY_* name but the control variables
// (railway-api.md, "Variables").
func SystemVariable(name string) bool {
	return strings.HasPrefix(name, "RAILWAY_") && !slices.Contains(controlVariables, name)
}
