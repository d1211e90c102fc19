// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

const version = "v0.1.2-test"

// baseLayout writes a base image for both architectures of Linux, with one layer and an environment of its own.
func baseLayout(t *testing.T) string {
	t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, architecture := range []string{"amd64", "arm64"} {
		var packed bytes.Buffer
		require.NoError(t, tarred(&packed, []file{{"etc/ssl/certs/ca-certificates.crt", 0o644, []byte(architecture)}}, time.Unix(0, 0)))
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil })
		require.NoError(t, err)
		image, err := mutate.AppendLayers(empty.Image, layer)
		require.NoError(t, err)
		image, err = mutate.Config(image, v1.Config{Env: []string{"SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"}})
		require.NoError(t, err)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}},
		})
	}
	dir := t.TempDir()
	written, err := layout.Write(dir, empty.Index)
	require.NoError(t, err)
	require.NoError(t, written.AppendIndex(index))
	return dir
}

// TestBases holds that the image is built with bytes that nobody can change: each base of the Dockerfile is named by digest, and `make
// release` reads BASE as it stands there.
func TestBases(t *testing.T) {
	content, err := os.ReadFile(root + "/Dockerfile")
	require.NoError(t, err)
	bases := map[string]string{}
	for line := range strings.Lines(string(content)) {
		switch instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " "); instruction {
		case "ARG":
			if key, image, set := strings.Cut(rest, "="); set && key != "VERSION" {
				_, err := name.NewDigest(image)
				assert.NoError(t, err, "%s of the Dockerfile names no bytes", key)
				bases["$"+key] = image
			}
		case "FROM":
			for field := range strings.FieldsSeq(rest) {
				if !strings.HasPrefix(field, "--") {
					assert.Contains(t, bases, field, "what an image is built from is an ARG, so that it can be replaced")
					break
				}
			}
		}
	}
	assert.Len(t, bases, 2)

	dryRun := exec.CommandContext(t.Context(), "make", "-n", "release", "VERSION="+version)
	dryRun.Dir = root
	said, err := dryRun.CombinedOutput()
	require.NoError(t, err, string(said))
	assert.Contains(t, string(said), "--base \""+bases["$BASE"]+"\"")
}

// TestRelease makes a release for this machine twice, and holds what is in it and that both are the same to the byte.
func TestRelease(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("an image is made for Linux only")
	}
	base := baseLayout(t)
	first, second := t.TempDir(), t.TempDir()
	for _, out := range []string{first, second} {
		require.NoError(t, run(t.Context(), []string{
			"--version", version, "--image", "registry.example/acme/engine-operator", "--base", base, "--root", root, "--out", out, "--quick",
		}))
	}
	sums := read(t, first, "SHA256SUMS")
	assert.Equal(t, sums, read(t, second, "SHA256SUMS"), "the same input gives the same bytes")
	check := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "SHA256SUMS")
	check.Dir = first
	output, err := check.CombinedOutput()
	require.NoError(t, err, "%s", output)

	host := platform{runtime.GOOS, runtime.GOARCH}
	digest := checkImage(t, first, host)
	for _, manifest := range []string{"install.yaml", "install-namespaced.yaml"} {
		assert.Contains(t, read(t, first, manifest), "image: registry.example/acme/engine-operator@"+digest)
	}
	checkChart(t, first, digest)
	checkDocuments(t, first, sums, host)
	checkAllPlatforms(t, base, host)
}

// checkAllPlatforms makes a release for all platforms out of this machine's binary: what differs between platforms is names, archives,
// the image's index and the krew manifest. Compiling for each is what a real release does, and takes too long for a test.
func checkAllPlatforms(t *testing.T, base string, host platform) {
	t.Helper()
	out := t.TempDir()
	r, err := asked(t.Context(), []string{
		"--version", version, "--image", "registry.example/acme/engine-operator", "--base", base, "--root", root, "--out", out,
		"--download-url", "https://releases.example/engine/",
	})
	require.NoError(t, err)
	program, err := os.ReadFile(filepath.Join(root, "dist", "build", host.String(), executable(host)))
	require.NoError(t, err)
	r.buildDir = t.TempDir()
	r.compile = func(_ context.Context, _ string, b binary, _ string) error {
		assert.Equal(t, executable(b.platform), filepath.Base(b.path))
		require.NoError(t, os.MkdirAll(filepath.Dir(b.path), 0o755))
		return os.WriteFile(b.path, program, 0o755)
	}
	require.NoError(t, r.write(t.Context()))

	index := unpacked(t, out)
	require.NoError(t, validate.Index(index))
	for _, architecture := range []string{"amd64", "arm64"} {
		image, err := imageIn(index, v1.Platform{OS: "linux", Architecture: architecture})
		require.NoError(t, err)
		config, err := image.ConfigFile()
		require.NoError(t, err)
		assert.Equal(t, architecture, config.Architecture)
	}
	_, err = imageIn(index, v1.Platform{OS: "windows", Architecture: "amd64"})
	require.Error(t, err, "Linux only")

	packed, err := zip.OpenReader(filepath.Join(out, "engine-operator_"+version+"_windows_arm64.zip"))
	require.NoError(t, err)
	defer func() { _ = packed.Close() }()
	require.Len(t, packed.File, 2)
	assert.Equal(t, []string{"engine-operator.exe", "LICENSE"}, []string{packed.File[0].Name, packed.File[1].Name})
	assert.EqualValues(t, len(program), packed.File[0].UncompressedSize64)
	checkDocuments(t, out, read(t, out, "SHA256SUMS"), targets(false)...)
	assert.Contains(t, read(t, out, "engine.yaml"), "uri: https://releases.example/engine/"+version+"/engine-operator_")
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return string(content)
}

// unpacked is the image's layout.
func unpacked(t *testing.T, out string) v1.ImageIndex {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, exec.CommandContext(t.Context(), "tar", "-xf", filepath.Join(out, "engine-operator_"+version+"_image.tar"), "-C", dir).Run())
	index, err := layout.ImageIndexFromPath(dir)
	require.NoError(t, err)
	return index
}

// checkImage holds that the image is valid, on top of the base, and runs the operator.
func checkImage(t *testing.T, out string, host platform) string {
	t.Helper()
	root := unpacked(t, out)
	manifest, err := root.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, 1, "what a client pushes is the index of all platforms")
	require.NoError(t, validate.Index(root))
	image, err := imageIn(root, v1.Platform{OS: host.os, Architecture: host.arch})
	require.NoError(t, err)
	config, err := image.ConfigFile()
	require.NoError(t, err)
	assert.Equal(t, []string{"/engine-operator"}, config.Config.Entrypoint)
	assert.Equal(t, "65532:65532", config.Config.User)
	assert.Equal(t, host.arch, config.Architecture)
	assert.Equal(t, []string{"SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"}, config.Config.Env, "the base's own stays")
	assert.Equal(t, version, config.Config.Labels["org.opencontainers.image.version"])
	layers, err := image.Layers()
	require.NoError(t, err)
	require.Len(t, layers, 2)
	packed, err := layers[1].Uncompressed()
	require.NoError(t, err)
	assert.Equal(t, version, printed(t, packed))
	return manifest.Manifests[0].Digest.String()
}

// printed unpacks the program of a layer and runs it.
func printed(t *testing.T, packed io.Reader) string {
	t.Helper()
	archive := tar.NewReader(packed)
	header, err := archive.Next()
	require.NoError(t, err)
	assert.Equal(t, "engine-operator", header.Name)
	program := filepath.Join(t.TempDir(), "engine-operator")
	content, err := io.ReadAll(archive)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(program, content, os.FileMode(header.Mode)))
	output, err := exec.CommandContext(t.Context(), program, "--version").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(output))
}

// checkChart installs nothing, but renders the packaged chart with its defaults.
func checkChart(t *testing.T, out, digest string) {
	t.Helper()
	got, err := renderedFrom(t, filepath.Join(out, "engine-operator-0.1.2-test.tgz"), "engine-operator", system, "{}")
	require.NoError(t, err)
	pod := got["Deployment "+system+"/engine-operator-controller-manager"]["spec"].(map[string]any)["template"].(map[string]any)["spec"]
	assert.Equal(t, "registry.example/acme/engine-operator@"+digest, pod.(map[string]any)["containers"].([]any)[0].(map[string]any)["image"])
	assert.Contains(t, got, "CustomResourceDefinition /engineenvironments.railway.engine-operator.dev", "the links are files in the package")
}

// checkDocuments holds what is written about the binaries of the platforms.
func checkDocuments(t *testing.T, out, sums string, platforms ...platform) {
	t.Helper()
	named := checkProvenance(t, out)
	var plugin struct {
		Metadata struct{ Name string }
		Spec     struct {
			Version   string
			Platforms []struct {
				Sha256, Bin, URI string
				Selector         struct{ MatchLabels map[string]string }
			}
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, out, "engine.yaml")), &plugin))
	assert.Equal(t, "engine", plugin.Metadata.Name)
	assert.Equal(t, version, plugin.Spec.Version)
	require.Len(t, plugin.Spec.Platforms, len(platforms))
	for i, p := range platforms {
		checkBill(t, out, p)
		archive := (&release{request: request{version: version}}).archiveName(p)
		assert.Contains(t, sums, named[archive]+"  "+archive+"\n")
		known := plugin.Spec.Platforms[i]
		assert.Equal(t, named[archive], known.Sha256)
		assert.True(t, strings.HasSuffix(known.URI, "/"+version+"/"+archive), known.URI)
		assert.Equal(t, strings.Replace(executable(p), "engine-operator", "kubectl-engine", 1), known.Bin)
		assert.Equal(t, map[string]string{"os": p.os, "arch": p.arch}, known.Selector.MatchLabels)
	}
	assert.Contains(t, read(t, out, "CHANGELOG.md"), "# "+version)
}

// checkBill holds that a bill of materials names what is in the program, and nothing else.
func checkBill(t *testing.T, out string, p platform) {
	t.Helper()
	var bill struct {
		Components []struct{ Name string }
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, out, "engine-operator_"+version+"_"+p.String()+".cdx.json")), &bill))
	var modules []string
	for _, component := range bill.Components {
		modules = append(modules, component.Name)
	}
	assert.Subset(t, modules, []string{"std", "sigs.k8s.io/controller-runtime", "k8s.io/client-go"})
	assert.NotContains(t, modules, "github.com/stretchr/testify", "what only tests use is not in the program")
}

// checkProvenance returns the checksums in the statement.
func checkProvenance(t *testing.T, out string) map[string]string {
	t.Helper()
	var statement struct {
		Subject []struct {
			Name   string
			Digest map[string]string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, out, "provenance.intoto.json")), &statement))
	named := map[string]string{}
	for _, subject := range statement.Subject {
		named[subject.Name] = subject.Digest["sha256"]
	}
	entries, err := os.ReadDir(out)
	require.NoError(t, err)
	assert.Len(t, named, len(entries)-2, "all but the statement itself and the checksums")
	return named
}

// TestPlatforms holds what a release is built for.
func TestPlatforms(t *testing.T) {
	var all []string
	for _, p := range targets(false) {
		all = append(all, p.String())
	}
	assert.Equal(t, []string{"linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64", "windows_amd64", "windows_arm64"}, all)
}

// TestRefused holds what a release is not made from.
func TestRefused(t *testing.T) {
	for reason, tc := range map[string]struct {
		args []string
		want string
	}{
		"no version":           {[]string{"--version", "1.2.3", "--base", "scratch"}, "is no semantic version"},
		"no base":              {[]string{"--version", "v1.2.3"}, "--base is required"},
		"a tag names no bytes": {[]string{"--version", "v1.2.3", "--base", "registry.example/static:nonroot"}, "nor a reference with a digest"},
	} {
		t.Run(reason, func(t *testing.T) {
			args := append(tc.args, "--root", root, "--out", t.TempDir(), "--quick")
			if strings.Contains(reason, "bytes") { // before anything is built
				r := &release{request: request{base: tc.args[3]}}
				_, err := r.baseFor(t.Context(), v1.Platform{OS: "linux", Architecture: "amd64"})
				require.ErrorContains(t, err, tc.want)
				return
			}
			require.ErrorContains(t, run(t.Context(), args), tc.want)
		})
	}
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add: empty.Image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "s390x"}},
	})
	_, err := imageIn(index, v1.Platform{OS: "linux", Architecture: "amd64"})
	require.ErrorContains(t, err, "none for linux/amd64")
}

// TestArchivesAreTheSame holds that an archive depends on what is in it alone.
func TestArchivesAreTheSame(t *testing.T) {
	files := []file{{"engine-operator.exe", 0o755, []byte("program")}, {"LICENSE", 0o644, []byte("licence")}}
	at := source{}.time
	for name, pack := range map[string]func() ([]byte, error){
		"tar.gz": func() ([]byte, error) { return tarGz(files, at.AddDate(2025, 0, 0)) },
		"zip":    func() ([]byte, error) { return zipped(files, at.AddDate(2025, 0, 0)) },
	} {
		one, err := pack()
		require.NoError(t, err, name)
		two, err := pack()
		require.NoError(t, err, name)
		assert.True(t, bytes.Equal(one, two), name)
	}
}
