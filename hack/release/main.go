// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command release writes all that a version is published with: images, binaries, chart, manifests, SBOM, provenance, changelog and
// checksums. It needs Go and git, and neither a Docker engine nor root. The same commit, version, base and Go give the same bytes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"time"
)

// request is what is asked for.
type request struct {
	// version is a semantic version with a leading v.
	version string
	// image is the name under which the image is published, without tag.
	image string
	// downloads is the address under which each version has a directory with what is published.
	downloads string
	// base is an OCI layout, a reference with a digest, or scratch.
	base string
	// root is the project, out the directory that is written.
	root, out string
	// quick builds for this machine's platform only.
	quick bool
}

// release is what the steps share.
type release struct {
	request
	commit source
	// platforms are what binaries are built for; those of Linux get an image.
	platforms []platform
	// buildDir is where binaries are built, compile builds one.
	buildDir string
	compile  func(ctx context.Context, root string, b binary, version string) error
}

var semantic = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$`)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	slog.SetLogLoggerLevel(slog.LevelWarn) // Helm tells of each link in the chart
	r, err := asked(ctx, args)
	if err != nil {
		return err
	}
	return r.write(ctx)
}

// asked is the release that the arguments ask for.
func asked(ctx context.Context, args []string) (*release, error) {
	var of request
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.StringVar(&of.version, "version", "", "semantic version, for example v1.2.3")
	flags.StringVar(&of.image, "image", "engine-operator", "name under which the image is published, without tag")
	flags.StringVar(&of.base, "base", "", "base image: the directory of an OCI layout, a reference with a digest, or scratch")
	flags.StringVar(&of.downloads, "download-url", "https://github.com/engine-operator/engine-operator/releases/download",
		"address of the releases, for the krew manifest: VERSION/FILE is added")
	flags.StringVar(&of.root, "root", ".", "the project")
	flags.StringVar(&of.out, "out", "", "directory to write; default: dist/release/<version> of the project")
	flags.BoolVar(&of.quick, "quick", false, "this machine's platform only")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if !semantic.MatchString(of.version) {
		return nil, fmt.Errorf("--version %q is no semantic version like v1.2.3", of.version)
	}
	if of.base == "" {
		return nil, errors.New("--base is required: the operator needs the base's CA certificates to reach Railway. Name an OCI layout, for " +
			"example one that crane pull --format=oci wrote, or a reference with a digest; scratch makes an image without certificates, for tests")
	}
	if of.out == "" {
		of.out = filepath.Join(of.root, "dist", "release", of.version)
	}
	commit, err := head(ctx, of.root)
	if err != nil {
		return nil, err
	}
	return &release{request: of, commit: commit, platforms: targets(of.quick), buildDir: filepath.Join(of.root, "dist", "build"), compile: compile}, nil
}

// targets are the platforms of a release, or this machine's alone.
func targets(quick bool) []platform {
	if quick {
		return []platform{{runtime.GOOS, runtime.GOARCH}}
	}
	var all []platform
	for _, system := range []string{"linux", "darwin", "windows"} {
		for _, architecture := range []string{"amd64", "arm64"} {
			all = append(all, platform{system, architecture})
		}
	}
	return all
}

// write writes the release anew. The checksums come last: a directory without them is not complete.
func (r *release) write(ctx context.Context) error {
	if err := os.RemoveAll(r.out); err != nil {
		return fmt.Errorf("clear %s: %w", r.out, err)
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil { //nolint:gosec // published files are for everybody
		return fmt.Errorf("make %s: %w", r.out, err)
	}
	started := time.Now()
	binaries, err := r.build(ctx)
	if err != nil {
		return err
	}
	digest, err := r.images(ctx, binaries)
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return r.archives(binaries) },
		func() error { return r.sboms(binaries) },
		func() error { return r.chart(digest) },
		func() error { return r.manifests(digest) },
		func() error { return r.krew() },
		func() error { return r.changelog(ctx) },
		func() error { return r.provenance() },
		func() error { return r.checksums() },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	fmt.Printf("%s: %s@%s, %s\n", r.out, r.image, digest, time.Since(started).Round(time.Second))
	return nil
}
