// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	_ "net/http" // want depguard

	_ "github.com/engine-operator/engine-operator/internal/railwaysim" // want depguard
)

func main() { fmt.Println("operator") }
