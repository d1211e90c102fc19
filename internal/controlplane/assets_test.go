// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFindAssets(t *testing.T) {
	cases := []struct {
		name, reason string
		configured   bool
		files        map[string]os.FileMode
		want         string
	}{{
		name: "cache", reason: "without KUBEBUILDER_ASSETS the cache of hack/kube is used",
		files: map[string]os.FileMode{"root/bin/kube/v1.37.2/etcd": 0o755, "root/bin/kube/v1.37.2/kube-apiserver": 0o755},
		want:  "root/bin/kube/v1.37.2",
	}, {
		name: "configured", reason: "KUBEBUILDER_ASSETS comes first", configured: true,
		files: map[string]os.FileMode{
			"mine/etcd": 0o755, "mine/kube-apiserver": 0o755,
			"root/bin/kube/v1.37.2/etcd": 0o755, "root/bin/kube/v1.37.2/kube-apiserver": 0o755,
		},
		want: "mine",
	}, {
		name: "configured but incomplete", reason: "half a directory is of no use", configured: true,
		files: map[string]os.FileMode{
			"mine/etcd": 0o755, "root/bin/kube/v1.37.2/etcd": 0o755, "root/bin/kube/v1.37.2/kube-apiserver": 0o755,
		},
		want: "root/bin/kube/v1.37.2",
	}, {
		name: "not executable", reason: "an interrupted copy is no binary",
		files: map[string]os.FileMode{"root/bin/kube/v1.37.2/etcd": 0o755, "root/bin/kube/v1.37.2/kube-apiserver": 0o644},
	}, {
		name: "nothing", reason: "the error names both places", configured: true,
	}}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			for path, mode := range tc.files {
				path = filepath.Join(dir, path)
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
				require.NoError(t, os.WriteFile(path, nil, mode))
			}
			configured := ""
			if tc.configured {
				configured = filepath.Join(dir, "mine")
			}
			got, err := findAssets(configured, filepath.Join(dir, "root"))
			if tc.want == "" {
				require.ErrorIs(t, err, ErrNoAssets, tc.reason)
				require.ErrorContains(t, err, "make kube", tc.reason)
				require.ErrorContains(t, err, configured, tc.reason)
				return
			}
			require.NoError(t, err, tc.reason)
			assert.Equal(t, filepath.Join(dir, tc.want), got, tc.reason)
		})
	}
}

func TestModuleRoot(t *testing.T) {
	root, err := moduleRoot()
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(root, "PROJECT"))

	t.Chdir(filepath.Join(root, "hack", "tools", "lint"))
	nested, err := moduleRoot()
	require.NoError(t, err)
	assert.Equal(t, root, nested, "a nested module's go.mod is not ours")

	t.Chdir(t.TempDir())
	_, err = moduleRoot()
	require.ErrorContains(t, err, "no go.mod of "+module)
}

// TestVersionIsPinned holds the constant against the module that builds the binaries.
func TestVersionIsPinned(t *testing.T) {
	root, err := moduleRoot()
	require.NoError(t, err)
	pins, err := os.ReadFile(filepath.Join(root, "hack", "kube", "go.mod"))
	require.NoError(t, err)
	assert.Contains(t, string(pins), "\tk8s.io/kubernetes "+KubernetesVersion+"\n")
}
