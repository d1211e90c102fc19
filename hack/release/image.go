// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// images writes one image for the Linux platforms as an OCI layout in a tar file, and returns its digest: that of the index, which
// is the same wherever the image is pushed to.
func (r *release) images(ctx context.Context, binaries []binary) (string, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, b := range binaries {
		if b.os != "linux" {
			continue
		}
		on := v1.Platform{OS: b.os, Architecture: b.arch}
		base, err := r.baseFor(ctx, on)
		if err != nil {
			return "", err
		}
		image, err := r.imageOf(base, b)
		if err != nil {
			return "", fmt.Errorf("make the image for %s: %w", b.platform, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &on}})
	}
	digest, err := index.Digest()
	if err != nil {
		return "", fmt.Errorf("make the image index: %w", err)
	}
	return digest.String(), r.writeLayout(index)
}

// imageOf puts the binary on top of the base.
func (r *release) imageOf(base v1.Image, b binary) (v1.Image, error) {
	program, err := os.ReadFile(b.path)
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	if err := tarred(&packed, []file{{"engine-operator", 0o755, program}}, r.commit.time); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	created := v1.Time{Time: r.commit.time}
	image, err := mutate.Append(base, mutate.Addendum{Layer: layer, History: v1.History{Created: created, CreatedBy: "hack/release"}})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created, config.Author = b.os, b.arch, created, ""
	config.Config.Entrypoint, config.Config.Cmd, config.Config.User = []string{"/engine-operator"}, nil, "65532:65532"
	if config.Config.Labels == nil {
		config.Config.Labels = map[string]string{}
	}
	for label, value := range map[string]string{
		"title": "engine-operator", "description": "Keeps Railway environments in line with EngineEnvironment objects",
		"licenses": "Apache-2.0", "version": r.version, "revision": r.commit.hash,
	} {
		config.Config.Labels["org.opencontainers.image."+label] = value
	}
	return mutate.ConfigFile(image, config)
}

// baseFor finds the base for a platform.
func (r *release) baseFor(ctx context.Context, on v1.Platform) (v1.Image, error) {
	if r.base == "scratch" {
		return mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), nil
	}
	if index, err := layout.ImageIndexFromPath(r.base); err == nil {
		return imageIn(index, on)
	}
	reference, err := name.NewDigest(r.base)
	if err != nil {
		return nil, fmt.Errorf("--base %s is neither the directory of an OCI layout nor a reference with a digest, which alone names bytes", r.base)
	}
	image, err := remote.Image(reference, remote.WithContext(ctx), remote.WithPlatform(on))
	if err != nil {
		return nil, fmt.Errorf("read the base image: %w", err)
	}
	return image, nil
}

// imageIn finds the image for the platform in an index, or in an index within.
func imageIn(index v1.ImageIndex, on v1.Platform) (v1.Image, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("read the base image: %w", err)
	}
	for _, entry := range manifest.Manifests {
		switch {
		case entry.MediaType.IsIndex():
			inner, err := index.ImageIndex(entry.Digest)
			if err != nil {
				return nil, fmt.Errorf("read the base image: %w", err)
			}
			if image, err := imageIn(inner, on); err == nil {
				return image, nil
			}
		case entry.Platform != nil && entry.Platform.OS == on.OS && entry.Platform.Architecture == on.Architecture:
			return index.Image(entry.Digest)
		}
	}
	return nil, fmt.Errorf("the base image has none for %s/%s", on.OS, on.Architecture)
}

// writeLayout writes the index into an OCI layout and packs it, files in order of their names.
func (r *release) writeLayout(index v1.ImageIndex) (err error) {
	dir, err := os.MkdirTemp("", "engine-operator-image-")
	if err != nil {
		return fmt.Errorf("make a directory for the image: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	written, err := layout.Write(dir, empty.Index)
	if err != nil {
		return fmt.Errorf("write the image: %w", err)
	}
	if err := written.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": r.version})); err != nil {
		return fmt.Errorf("write the image: %w", err)
	}
	var files []file
	if err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		files = append(files, file{filepath.ToSlash(relative), 0o644, content})
		return err
	}); err != nil {
		return fmt.Errorf("read the image: %w", err)
	}
	var packed bytes.Buffer
	if err := tarred(&packed, files, r.commit.time); err != nil {
		return fmt.Errorf("pack the image: %w", err)
	}
	return publish(filepath.Join(r.out, "engine-operator_"+r.version+"_image.tar"), packed.Bytes())
}
