// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Images and their digests (railway-api.md, "Images and digests"): a tag is a name that can be pushed again with other
// bytes; a deployment keeps the bytes that it was started with.

// image is a reference taken apart: repository[:tag][@digest].
type image struct{ repository, tag, digest string }

// parseImage takes a reference apart. A colon before the last slash belongs to the registry's port.
func parseImage(reference string) image {
	i := image{}
	reference, i.digest, _ = strings.Cut(reference, "@")
	i.repository = reference
	if at := strings.LastIndex(reference, ":"); at > strings.LastIndex(reference, "/") {
		i.repository, i.tag = reference[:at], reference[at+1:]
	}
	if i.tag == "" && i.digest == "" {
		i.tag = "latest"
	}
	return i
}

// tagged is the reference without its digest; empty when it has no tag.
func (i image) tagged() string {
	if i.tag == "" {
		return ""
	}
	return i.repository + ":" + i.tag
}

// registry is the repository with its registry's host, which Docker Hub's short names leave out.
func (i image) registry() string {
	host, _, nested := strings.Cut(i.repository, "/")
	if nested && (strings.ContainsAny(host, ".:") || host == "localhost") {
		return i.repository
	}
	return "docker.io/" + i.repository
}

// content is what a digest stands for.
type content struct {
	Repository string
	// Pushed is true when the console pushed them, and false when a deployment merely pulled them.
	Pushed bool
	// Behaviour is how an engine of these bytes behaves; empty: as its tag says.
	Behaviour string
}

// behaves is how an engine of these bytes behaves; empty when its tag decides.
func (c *content) behaves() string {
	if c == nil {
		return ""
	}
	return c.Behaviour
}

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// firstDigest is what a tag stands for before anybody pushed it again: made up, and always the same.
func firstDigest(tagged string) string {
	return "sha256:" + strings.ReplaceAll(deterministic("digest", tagged)+deterministic("image", tagged), "-", "")
}

// tagDigest is what the tag stands for now.
func (w *world) tagDigest(i image) string {
	if digest := w.Tags[i.tagged()]; digest != "" {
		return digest
	}
	return firstDigest(i.tagged())
}

// pull resolves a reference to a digest; ok is false when it does not resolve: a repository of which pushes are known has only
// the digests that were pushed or pulled.
func (w *world) pull(i image) (digest string, ok bool) {
	if i.digest == "" {
		digest = w.tagDigest(i)
		w.learn(i.repository, digest)
		return digest, true
	}
	if known := w.Contents[i.digest]; known != nil && known.Repository == i.repository {
		return i.digest, true
	}
	for _, known := range w.Contents {
		if known.Pushed && known.Repository == i.repository {
			return "", false
		}
	}
	return i.digest, true
}

func (w *world) learn(repository, digest string) {
	if w.Contents[digest] == nil {
		w.Contents[digest] = &content{Repository: repository}
	}
}

// ImagePush is a push of an image, repository:tag.
type ImagePush struct {
	Image string `json:"image"`
	// Digest is what the tag stands for from now on, sha256:…; empty makes one up.
	Digest string `json:"digest"`
	// Behaviour is one of the words by which a tag misbehaves, for bytes that misbehave under an innocent tag.
	Behaviour string `json:"behaviour"`
}

// PushImage pushes other bytes under a tag. Deployments that were started before keep theirs.
func (s *Sim) PushImage(push ImagePush) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := parseImage(push.Image)
	switch {
	case i.repository == "" || i.digest != "":
		return fmt.Errorf("image %q: write repository:tag, the digest stands beside it", push.Image)
	case push.Digest != "" && !digestForm.MatchString(push.Digest):
		return fmt.Errorf("digest %q: write sha256: and 64 hexadecimal digits", push.Digest)
	case push.Behaviour != "" && !slices.Contains(behaviours, push.Behaviour):
		return fmt.Errorf("behaviour %q is none of %s", push.Behaviour, strings.Join(behaviours, ", "))
	}
	w := s.world
	w.learn(i.repository, w.tagDigest(i)) // what the tag stood for does not vanish
	digest := orElse(push.Digest, firstDigest(i.tagged()+fmt.Sprint(s.order())))
	w.Contents[digest] = &content{Repository: i.repository, Pushed: true, Behaviour: push.Behaviour}
	w.Tags[i.tagged()] = digest
	s.remember()
	return nil
}
