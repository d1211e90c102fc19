// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package promotion owns what a revision is and which one a tier runs: the identity of sources, the decision to take what the
// upstream tier has verified, approvals, the hold after a rollback, the history, and what counts as verified. Nobody overrides its
// decision. It is pure: values in, values out.
package promotion

import (
	"cmp"
	"strings"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// Source identifies what a tier can run, the same for the same bytes: repository@sha256:… for an image whose digest is known, the
// image's reference as it was declared for another, and owner/name@commit for a repository. It is what an approval names.
type Source string

const digestMark = "@sha256:"

// SourceOf identifies the source; it is empty for nil.
func SourceOf(source *v1alpha1.Source) Source {
	switch {
	case source == nil:
		return ""
	case source.Repo != "":
		id := source.Repo + "@" + source.Commit
		if source.RootDirectory != "" {
			id += ":" + source.RootDirectory
		}
		return Source(id)
	}
	if repository, digest, ok := strings.Cut(source.Image, digestMark); ok {
		return Source(withoutTag(repository) + digestMark + digest)
	}
	return Source(source.Image)
}

// withoutTag drops the tag of an image's reference without digest.
func withoutTag(image string) string {
	if at := tagAt(image); at >= 0 {
		return image[:at]
	}
	return image
}

// tagAt is where the tag of an image's reference without digest begins, at its colon; -1 without one. A registry's port is no tag.
func tagAt(image string) int {
	at := strings.LastIndexByte(image, ':')
	if at < strings.LastIndexByte(image, '/') {
		return -1
	}
	return at
}

// Pin returns the declared source pinned to what runs: an image by its digest, a repository by its commit. Where Railway does not
// tell what runs, or runs something else, it returns the source as declared.
func Pin(declared *v1alpha1.Source, runs Running) *v1alpha1.Source {
	pinned := declared.DeepCopy()
	switch {
	case declared == nil:
	case declared.Repo != "":
		if declared.Commit == "" && declared.Repo == runs.Repo {
			pinned.Commit = runs.Commit
		}
	case runs.Digest != "" && !strings.Contains(declared.Image, "@") && declared.Image == runs.Image:
		pinned.Image += "@" + runs.Digest
	}
	return pinned
}

// Running is what Railway says about what serves.
type Running struct {
	Image, Digest, Repo, Branch, Commit string
}

// Source is what runs as a source, pinned; nil when nothing serves or Railway does not say what.
func (r Running) Source() *v1alpha1.Source {
	switch {
	case r.Repo != "" && r.Commit != "":
		return &v1alpha1.Source{Repo: r.Repo, Branch: r.Branch, Commit: r.Commit}
	case r.Image != "":
		source := &v1alpha1.Source{Image: r.Image}
		return Pin(source, r)
	default:
		return nil
	}
}

// unpinned is the source without what Pin adds.
func unpinned(source *v1alpha1.Source) *v1alpha1.Source {
	source = source.DeepCopy()
	source.Image, _, _ = strings.Cut(source.Image, "@")
	source.Commit = ""
	return source
}

// asConfigured is what runs under the name that Railway has it: declaring it deploys nothing.
func (r Running) asConfigured() *v1alpha1.Source {
	source := r.Source()
	if source != nil && source.Repo == "" {
		source.Image = r.Image
	}
	return source
}

// Pinned reports whether the source names its bytes: a digest or a commit.
func Pinned(source *v1alpha1.Source) bool {
	return source != nil && (source.Commit != "" || strings.Contains(source.Image, digestMark))
}

// moving reports whether the source is an image that another push replaces as a matter of course.
func moving(source *v1alpha1.Source) bool {
	if source.Repo != "" || strings.Contains(source.Image, "@") {
		return false
	}
	at := tagAt(source.Image)
	return at < 0 || source.Image[at:] == ":latest"
}

// Revision is the source in short, for people: the image's tag, else the first characters of the digest or commit.
func Revision(source *v1alpha1.Source) string {
	const short = 12
	switch {
	case source == nil || source.Image+source.Repo == "":
		return ""
	case source.Repo != "":
		return cmp.Or(source.Commit[:min(len(source.Commit), short)], source.Branch, "newest commit")
	}
	image, digest, pinned := strings.Cut(source.Image, digestMark)
	if at := tagAt(image); at >= 0 {
		return image[at+1:]
	}
	if pinned {
		return digest[:min(len(digest), short)]
	}
	return "latest"
}
