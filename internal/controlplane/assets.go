// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// KubernetesVersion is the version that hack/kube builds, and the name of its directory under bin/kube.
const KubernetesVersion = "v1.37.2"

const module = "github.com/engine-operator/engine-operator"

// ErrNoAssets says that etcd and kube-apiserver are not there yet.
var ErrNoAssets = errors.New("etcd and kube-apiserver are missing; run: make kube")

// findAssets returns the directory with both binaries: configured when it is complete, else the cache of hack/kube.
func findAssets(configured, root string) (string, error) {
	cache := filepath.Join(root, "bin", "kube", KubernetesVersion)
	for _, dir := range []string{configured, cache} {
		if dir != "" && complete(dir) {
			return dir, nil
		}
	}
	if configured != "" {
		return "", fmt.Errorf("%w (looked in KUBEBUILDER_ASSETS=%s and in %s)", ErrNoAssets, configured, cache)
	}
	return "", fmt.Errorf("%w (looked in %s)", ErrNoAssets, cache)
}

func complete(dir string) bool {
	for _, name := range []string{"etcd", "kube-apiserver"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
			return false
		}
	}
	return true
}

// moduleRoot is the nearest directory upwards that holds our go.mod: tests run in their package's directory, and there
// are nested modules in between.
func moduleRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the module root: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(content, []byte("module "+module+"\n")) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("find the module root: no go.mod of %s above %s", module, start)
		}
	}
}
