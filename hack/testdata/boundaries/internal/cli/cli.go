// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	_ "net/http" // want depguard
	_ "os"
	"time"

	_ "sigs.k8s.io/controller-runtime/pkg/client"

	_ "github.com/engine-operator/engine-operator/api/v1alpha1"
	_ "github.com/engine-operator/engine-operator/controllers"
	_ "github.com/engine-operator/engine-operator/internal/controlplane" // want depguard
	_ "github.com/engine-operator/engine-operator/internal/cost"
	_ "github.com/engine-operator/engine-operator/internal/railway"
	_ "github.com/engine-operator/engine-operator/internal/railway/gql" // want depguard
	_ "github.com/engine-operator/engine-operator/internal/railway/model"
	_ "github.com/engine-operator/engine-operator/internal/railwaysim" // want depguard
	_ "github.com/engine-operator/engine-operator/internal/verify"
)

func cli() {
	_ = time.Now()
	fmt.Println("cli") // want forbidigo
}
