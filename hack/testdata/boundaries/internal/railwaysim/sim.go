// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"fmt"
	_ "net/http"
)

func sim() { fmt.Println("sim") } // want forbidigo
