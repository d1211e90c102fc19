// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	_ "net/http" // want depguard
	"time"

	_ "k8s.io/apimachinery/pkg/apis/meta/v1" // want depguard
)

func model() { _ = time.Now() } // want forbidigo
