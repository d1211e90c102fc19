// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	_ "log/slog"
	_ "net/http"
	"time"

	_ "k8s.io/apimachinery/pkg/apis/meta/v1" // want depguard
	_ "sigs.k8s.io/yaml"                     // want depguard

	_ "github.com/engine-operator/engine-operator/api/v1alpha1" // want depguard
	_ "github.com/engine-operator/engine-operator/internal/railway/gql"
	_ "github.com/engine-operator/engine-operator/internal/railway/model"
)

func railway() { _ = time.Now() }
