// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	_ "net/http" // want depguard
	"time"

	_ "sigs.k8s.io/controller-runtime/pkg/client"

	_ "github.com/engine-operator/engine-operator/internal/controlplane" // want depguard
	_ "github.com/engine-operator/engine-operator/internal/railway"
	_ "github.com/engine-operator/engine-operator/internal/railway/gql" // want depguard
	_ "github.com/engine-operator/engine-operator/internal/railway/model"
	_ "github.com/engine-operator/engine-operator/internal/railwaysim" // want depguard
)

var now = time.Now

func loop() {
	_ = now()
	fmt.Println("loop") // want forbidigo
	println("loop")     // want forbidigo
}
