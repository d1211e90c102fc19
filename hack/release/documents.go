// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"sigs.k8s.io/yaml"
)

// sboms writes a CycloneDX bill of materials for each binary: the modules that Go recorded in it, so nothing that was not compiled in.
func (r *release) sboms(binaries []binary) error {
	for _, b := range binaries {
		built, err := buildinfo.ReadFile(b.path)
		if err != nil {
			return fmt.Errorf("read the modules of %s: %w", b.platform, err)
		}
		bom := cyclonedx.NewBOM()
		subject := cyclonedx.Component{
			Type: cyclonedx.ComponentTypeApplication, Name: "engine-operator", Version: r.version, BOMRef: "engine-operator",
			PackageURL: "pkg:golang/" + built.Main.Path + "@" + r.version,
		}
		bom.Metadata = &cyclonedx.Metadata{Timestamp: r.commit.time.Format("2006-01-02T15:04:05Z"), Component: &subject}
		components := []cyclonedx.Component{module("std", strings.TrimPrefix(built.GoVersion, "go"))}
		for _, dependency := range built.Deps {
			if dependency.Replace != nil {
				dependency = dependency.Replace
			}
			components = append(components, module(dependency.Path, dependency.Version))
		}
		bom.Components = &components
		var document bytes.Buffer
		if err := cyclonedx.NewBOMEncoder(&document, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom); err != nil {
			return fmt.Errorf("write the SBOM: %w", err)
		}
		if err := publish(filepath.Join(r.out, fmt.Sprintf("engine-operator_%s_%s.cdx.json", r.version, b.platform)), document.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func module(path, version string) cyclonedx.Component {
	url := "pkg:golang/" + path + "@" + version
	return cyclonedx.Component{Type: cyclonedx.ComponentTypeLibrary, Name: path, Version: version, PackageURL: url, BOMRef: url}
}

// provenance writes an in-toto statement about all that is published. It is not signed: it says what was built from what, and whoever
// publishes signs it.
func (r *release) provenance() error {
	names, sums, err := r.sums()
	if err != nil {
		return err
	}
	type digests map[string]string
	type resource struct {
		Name   string  `json:"name,omitempty"`
		URI    string  `json:"uri,omitempty"`
		Digest digests `json:"digest,omitempty"`
	}
	var subjects []resource
	for _, name := range names {
		subjects = append(subjects, resource{Name: name, Digest: digests{"sha256": sums[name]}})
	}
	sources := []resource{{URI: "git+https://github.com/engine-operator/engine-operator", Digest: digests{"gitCommit": r.commit.hash}}}
	if _, digest, pinned := strings.Cut(r.base, "@sha256:"); pinned {
		sources = append(sources, resource{URI: "oci://" + r.base, Digest: digests{"sha256": digest}})
	}
	statement, err := json.MarshalIndent(map[string]any{
		"_type": "https://in-toto.io/Statement/v1", "subject": subjects, "predicateType": "https://slsa.dev/provenance/v1",
		"predicate": map[string]any{
			"buildDefinition": map[string]any{
				"buildType":            "https://github.com/engine-operator/engine-operator/hack/release",
				"externalParameters":   map[string]any{"version": r.version, "image": r.image, "base": r.base},
				"internalParameters":   map[string]any{"go": runtime.Version(), "uncommittedChanges": r.commit.dirty},
				"resolvedDependencies": sources,
			},
			"runDetails": map[string]any{"builder": map[string]any{"id": "https://github.com/engine-operator/engine-operator/hack/release"}},
		},
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("write the provenance: %w", err)
	}
	return publish(filepath.Join(r.out, "provenance.intoto.json"), append(statement, '\n'))
}

// krewPlatform is how krew installs the plugin on a platform.
type krewPlatform struct {
	Selector map[string]map[string]string `json:"selector"`
	URI      string                       `json:"uri"`
	SHA256   string                       `json:"sha256"`
	Files    []krewFile                   `json:"files"`
	Bin      string                       `json:"bin"`
}

type krewFile struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// krew writes the manifest of the kubectl plugin engine, which is the same binary under another name.
func (r *release) krew() error {
	_, sums, err := r.sums()
	if err != nil {
		return err
	}
	var platforms []krewPlatform
	for _, p := range r.platforms {
		platforms = append(platforms, krewPlatform{
			Selector: map[string]map[string]string{"matchLabels": {"os": p.os, "arch": p.arch}},
			URI:      fmt.Sprintf("%s/%s/%s", strings.TrimSuffix(r.downloads, "/"), r.version, r.archiveName(p)),
			SHA256:   sums[r.archiveName(p)],
			Files:    []krewFile{{From: executable(p), To: krewed(p)}, {From: "LICENSE", To: "."}},
			Bin:      krewed(p),
		})
	}
	plugin := map[string]any{
		"apiVersion": "krew.googlecontainertools.github.com/v1alpha2", "kind": "Plugin", "metadata": map[string]any{"name": "engine"},
		"spec": map[string]any{
			"version": r.version, "homepage": "https://github.com/engine-operator/engine-operator",
			"shortDescription": "Show and control AI engines on Railway",
			"description":      "Shows what the tiers of an engine run on Railway and why, plans changes, approves, holds and rolls back.",
			"platforms":        platforms,
		},
	}
	document, err := yaml.Marshal(plugin)
	if err != nil {
		return fmt.Errorf("write the krew manifest: %w", err)
	}
	return publish(filepath.Join(r.out, "engine.yaml"), document)
}

// krewed is the plugin's binary.
func krewed(p platform) string {
	return strings.Replace(executable(p), "engine-operator", "kubectl-engine", 1)
}
