// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	_ "net/http"

	_ "github.com/engine-operator/engine-operator/internal/controlplane"
	_ "github.com/engine-operator/engine-operator/internal/railwaysim"
)

func main() { fmt.Println("tool") }
