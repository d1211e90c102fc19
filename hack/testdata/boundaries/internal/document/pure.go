// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package document

import (
	"fmt"
	_ "log/slog" // want depguard
	_ "net/http" // want depguard
	_ "os"       // want depguard
	"time"

	_ "github.com/go-logr/logr" // want depguard
	_ "go.uber.org/zap"         // want depguard
	_ "k8s.io/apimachinery/pkg/apis/meta/v1"
	_ "k8s.io/client-go/rest"                     // want depguard
	_ "sigs.k8s.io/controller-runtime/pkg/client" // want depguard

	_ "github.com/engine-operator/engine-operator/api/v1alpha1"
	_ "github.com/engine-operator/engine-operator/internal/railway" // want depguard
	_ "github.com/engine-operator/engine-operator/internal/railway/model"
	_ "github.com/engine-operator/engine-operator/internal/railwaysim" // want depguard
)

func pure(at time.Time) {
	_ = time.Now()     // want forbidigo
	_ = time.Since(at) // want forbidigo
	_ = at.Add(time.Minute).After(at)
	_ = fmt.Sprint(at)
	fmt.Print(at) // want forbidigo
}
