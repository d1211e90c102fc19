// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"strings"

	"github.com/distribution/reference"

	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// shortHash is how many characters of a hash tell it for people.
const shortHash = 12

// Revision names what a deployment runs, in short and for people: the first characters of the commit, the image's tag, or the
// first characters of its digest. A tag can be pushed again: Digest tells the bytes.
func Revision(meta model.DeploymentMeta) string {
	if meta.CommitHash != "" {
		return short(meta.CommitHash)
	}
	image := parseImage(meta.Image)
	digest := Digest(meta)
	switch {
	case image.tag != "":
		return image.tag
	case digest != "":
		return short(strings.TrimPrefix(digest, "sha256:"))
	case meta.Image != "":
		return "latest"
	default:
		return ""
	}
}

// Digest is the digest of the image that a deployment runs, as sha256:<hex>; empty when Railway does not say. For an image that
// was named with its digest Railway may say it in the name alone (railway-api.md, "Images and digests").
func Digest(meta model.DeploymentMeta) string {
	pulled, named := digests(meta)
	return orElse(pulled, named)
}

// digests are the digest that was pulled and the one that the image was named with. They may differ: the name may tell an index of
// several platforms, of which one was pulled.
func digests(meta model.DeploymentMeta) (pulled, named string) {
	return meta.ImageDigest[strings.LastIndex(meta.ImageDigest, "@")+1:], parseImage(meta.Image).digest
}

// image is an image's reference in its parts. tag and digest are empty when the reference has none.
type image struct{ name, tag, digest string }

// parseImage takes a reference apart and fills in what registries do: redis is docker.io/library/redis. What is no reference is a
// name as a whole.
func parseImage(text string) image {
	named, err := reference.ParseNormalizedNamed(text)
	if err != nil {
		return splitImage(text)
	}
	parts := image{name: named.Name()}
	if tagged, ok := named.(reference.Tagged); ok {
		parts.tag = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		parts.digest = digested.Digest().String()
	}
	return parts
}

// splitImage takes apart what is no valid reference, as far as it goes.
func splitImage(text string) image {
	name, digest, _ := strings.Cut(text, "@")
	tag := ""
	if colon := strings.LastIndex(name, ":"); colon > strings.LastIndex(name, "/") {
		name, tag = name[:colon], name[colon+1:]
	}
	return image{name: name, tag: tag, digest: digest}
}

// tagOrLatest is the tag that a pull without a digest takes.
func (i image) tagOrLatest() string {
	if i.tag == "" && i.digest == "" {
		return "latest"
	}
	return i.tag
}

// revisionProblem compares what runs with what was declared, where Railway says what runs
// (railway-api.md, "Deployment meta").
func revisionProblem(declared desired.Service, meta model.DeploymentMeta) string {
	switch {
	case declared.Image != "" && !runsImage(declared.Image, meta):
		return fmt.Sprintf("runs %s, declared is %s", orElse(meta.Image, Digest(meta)), declared.Image)
	case declared.Commit != "" && meta.CommitHash != "" && meta.CommitHash != declared.Commit:
		return fmt.Sprintf("runs commit %s, declared is %s", short(meta.CommitHash), short(declared.Commit))
	default:
		return ""
	}
}

// runsImage reports whether the deployment may run the declared image. Digests decide where both are known; otherwise the names
// do, because a deployment of another name was not started for what is declared.
func runsImage(declared string, meta model.DeploymentMeta) bool {
	want, have := parseImage(declared), parseImage(meta.Image)
	if pulled, named := digests(meta); want.digest != "" && pulled+named != "" {
		return want.digest == pulled || want.digest == named
	}
	return meta.Image == "" || (want.name == have.name && want.tagOrLatest() == have.tagOrLatest())
}

// differs reports whether the deployment provably runs another revision than the one that is pinned. A tag proves nothing: it can
// be pushed again.
func differs(declared desired.Service, meta model.DeploymentMeta) bool {
	if declared.Repo != "" {
		return declared.Commit != "" && meta.CommitHash != "" && meta.CommitHash != declared.Commit
	}
	want := parseImage(declared.Image).digest
	pulled, named := digests(meta)
	return want != "" && pulled+named != "" && want != pulled && want != named
}

func short(hash string) string {
	return hash[:min(len(hash), shortHash)]
}
