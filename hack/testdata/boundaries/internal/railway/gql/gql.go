// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package gql

import _ "net/http" // want depguard
