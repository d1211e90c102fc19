// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// kustomized builds a kustomization that is given as text, with paths relative to config/.
func kustomized(root, kustomization string) (_ []byte, err error) {
	dir, err := os.MkdirTemp(filepath.Join(root, "config"), ".release-") // kustomize takes no absolute paths
	if err != nil {
		return nil, fmt.Errorf("make an overlay: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // nothing else is written there
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(kustomization), 0o600); err != nil {
		return nil, fmt.Errorf("write an overlay: %w", err)
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return nil, fmt.Errorf("build manifests: %w", err)
	}
	return built.AsYaml()
}

// manifests writes install.yaml, and the same for a single namespace, with the image by digest.
func (r *release) manifests(digest string) error {
	for file, directories := range map[string]string{
		"install.yaml": "../default", "install-cluster.yaml": "../cluster", "install-namespaced.yaml": "../namespaced",
	} {
		document, err := kustomized(r.root, fmt.Sprintf("resources: [%s]\nimages: [{name: engine-operator, newName: %q, digest: %q}]\n",
			directories, r.image, digest))
		if err != nil {
			return err
		}
		if err := publish(filepath.Join(r.out, file), document); err != nil {
			return err
		}
	}
	return nil
}

// chart packages the Helm chart with the version and the image by digest.
func (r *release) chart(digest string) error {
	loaded, err := loader.Load(filepath.Join(r.root, "config", "helm", "engine-operator"))
	if err != nil {
		return fmt.Errorf("load the chart: %w", err)
	}
	loaded.Metadata.Version, loaded.Metadata.AppVersion = strings.TrimPrefix(r.version, "v"), r.version
	for _, raw := range loaded.Raw {
		if raw.Name == chartutil.ValuesfileName {
			raw.Data = bytes.Replace(raw.Data, []byte("repository: engine-operator"), []byte("repository: "+r.image), 1)
			raw.Data = bytes.Replace(raw.Data, []byte(`digest: "" `), []byte("digest: "+digest+" "), 1)
			if !bytes.Contains(raw.Data, []byte(digest)) {
				return fmt.Errorf("values.yaml of the chart has no place for the digest")
			}
		}
	}
	loaded.StampModTimes(r.commit.time)
	if _, err := chartutil.Save(loaded, r.out); err != nil {
		return fmt.Errorf("package the chart: %w", err)
	}
	return nil
}
