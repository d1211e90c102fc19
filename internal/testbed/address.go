// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package testbed

import "net"

// FreeAddress is a loopback address that nobody listens on for now.
func FreeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binds at once
	if err != nil {
		return "", err
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String(), nil
}
