// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// platform is what a binary runs on.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "_" + p.arch }

// binary is a built program.
type binary struct {
	platform
	path string
}

// build builds the operator for each platform, one after the other: each uses all cores.
func (r *release) build(ctx context.Context) ([]binary, error) {
	dir, err := filepath.Abs(r.buildDir)
	if err != nil {
		return nil, err
	}
	built := make([]binary, 0, len(r.platforms))
	for _, p := range r.platforms {
		b := binary{platform: p, path: filepath.Join(dir, p.String(), executable(p))}
		fmt.Fprintf(os.Stderr, "building for %s/%s\n", p.os, p.arch)
		if err := r.compile(ctx, r.root, b, r.version); err != nil {
			return nil, err
		}
		built = append(built, b)
	}
	return built, nil
}

func executable(p platform) string {
	if p.os == "windows" {
		return "engine-operator.exe"
	}
	return "engine-operator"
}

// compile builds a binary that depends on the sources, the version and Go alone: no path, no time and no state of git is in it.
func compile(ctx context.Context, root string, b binary, version string) error {
	//nolint:gosec // our own arguments
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags",
		"-s -w -buildid= -X main.version="+version, "-o", b.path, ".")
	command.Dir = root
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+b.os, "GOARCH="+b.arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOWORK=off")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build for %s: %w\n%s", b.platform, err, output)
	}
	return nil
}

// archiveName is the file that a platform's binary is published in.
func (r *release) archiveName(p platform) string {
	suffix := "tar.gz"
	if p.os == "windows" {
		suffix = "zip"
	}
	return fmt.Sprintf("engine-operator_%s_%s.%s", r.version, p, suffix)
}

// archives packs each binary with the licence.
func (r *release) archives(binaries []binary) error {
	licence, err := os.ReadFile(filepath.Join(r.root, "LICENSE"))
	if err != nil {
		return fmt.Errorf("read the licence: %w", err)
	}
	for _, b := range binaries {
		program, err := os.ReadFile(b.path)
		if err != nil {
			return fmt.Errorf("read the binary: %w", err)
		}
		pack := tarGz
		if b.os == "windows" {
			pack = zipped
		}
		packed, err := pack([]file{{executable(b.platform), 0o755, program}, {"LICENSE", 0o644, licence}}, r.commit.time)
		if err != nil {
			return fmt.Errorf("pack %s: %w", b.platform, err)
		}
		if err := publish(filepath.Join(r.out, r.archiveName(b.platform)), packed); err != nil {
			return err
		}
	}
	return nil
}

// file is a member of an archive.
type file struct {
	name    string
	mode    int64
	content []byte
}

// tarred writes the files in the given order, all with the same time and owner.
func tarred(to io.Writer, files []file, at time.Time) error {
	archive := tar.NewWriter(to)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content)), ModTime: at, Format: tar.FormatUSTAR}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(f.content); err != nil {
			return err
		}
	}
	return archive.Close()
}

func tarGz(files []file, at time.Time) ([]byte, error) {
	var packed bytes.Buffer
	compressor := gzip.NewWriter(&packed) // without a name or time of its own
	if err := tarred(compressor, files, at); err != nil {
		return nil, err
	}
	err := compressor.Close()
	return packed.Bytes(), err
}

func zipped(files []file, at time.Time) ([]byte, error) {
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	for _, f := range files {
		header := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: at}
		header.SetMode(os.FileMode(f.mode)) //nolint:gosec // 0755 or 0644
		member, err := archive.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := member.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := archive.Close()
	return packed.Bytes(), err
}

// publish writes a file that everybody may read.
func publish(path string, content []byte) error {
	if err := os.WriteFile(path, content, 0o644); err != nil { //nolint:gosec // published files are for everybody
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}

// sums are the SHA-256 checksums of all that is published so far, by name in order.
func (r *release) sums() (names []string, byName map[string]string, err error) {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return nil, nil, fmt.Errorf("list the release: %w", err)
	}
	byName = map[string]string{}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(r.out, entry.Name()))
		if err != nil {
			return nil, nil, fmt.Errorf("read %s: %w", entry.Name(), err)
		}
		sum := sha256.Sum256(content)
		names, byName[entry.Name()] = append(names, entry.Name()), hex.EncodeToString(sum[:])
	}
	return names, byName, nil
}

// checksums writes what sha256sum --check reads.
func (r *release) checksums() error {
	names, byName, err := r.sums()
	if err != nil {
		return err
	}
	var lines strings.Builder
	for _, name := range names {
		fmt.Fprintf(&lines, "%s  %s\n", byName[name], name)
	}
	return publish(filepath.Join(r.out, "SHA256SUMS"), []byte(lines.String()))
}
