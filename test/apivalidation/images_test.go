// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apivalidation

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"
)

const (
	imageForm = "image must be an OCI reference in lower case and without a scheme, " +
		"[host[:port]/]repository[:tag][@sha256:<64 hexadecimal digits>], for example ghcr.io/acme/ai-engine:1.4.2"
	engineUnpinned = "spec: Invalid value: engine.source.image must name a version in the Production tier: " +
		"a tag other than latest, or a digest"
	serviceUnpinned = "spec: Invalid value: source.image of every service must name a version in the Production tier: " +
		"a tag other than latest, or a digest"
)

var (
	digest  = "sha256:" + strings.Repeat("0123456789abcdef", 4)
	longTag = "v" + strings.Repeat("1", 127)
)

// TestImages holds which image references are admitted. Every one that is must be a reference to a registry's client too.
func TestImages(t *testing.T) {
	cases := []struct {
		image, reason string
		ok            bool
	}{
		{"redis", "Docker Hub's short names", true},
		{"redis:7", "with a tag", true},
		{"acme/ai-engine:1.4.2", "an organisation on Docker Hub", true},
		{"ghcr.io/acme/ai-engine:1.4.2-rc.1_2", "all that a tag may hold", true},
		{"ghcr.io/acme/ai-engine:V1", "tags may have capitals", true},
		{"ghcr.io/acme/ai-engine:" + longTag, "the longest tag", true},
		{"ghcr.io/acme/ai-engine@" + digest, "a digest", true},
		{"host:5000/a/b:tag@" + digest, "a port, a tag and a digest", true},
		{"localhost:5000/a", "a registry at home", true},
		{"a__b/c-d/e---f/g.h/i_j", "separators of a path", true},
		{"x:", "an empty tag", false},
		{"ghcr.io/acme/ai-engine:", "an empty tag", false},
		{"ghcr.io/acme/ai-engine:" + longTag + "1", "a tag has at most 128 characters", false},
		{"ghcr.io/acme/ai-engine:-1", "a tag starts with a letter, digit or _", false},
		{"ghcr.io/acme/ai-engine:1:2", "one tag", false},
		{"a//b", "an empty part of the path", false},
		{"/a", "a path without a host", false},
		{"a/", "a path that ends", false},
		{"ghcr.io/Acme/ai-engine:1", "repositories are in lower case", false},
		{"ai_.engine", "two different separators", false},
		{"ghcr.io/acme/ai-engine@", "an empty digest", false},
		{"ghcr.io/acme/ai-engine@sha256:0123", "a digest cut short", false},
		{"ghcr.io/acme/ai-engine@" + digest + "0", "a digest that is too long", false},
		{"ghcr.io/acme/ai-engine@" + strings.ToUpper(digest), "a digest is in lower case", false},
		{"ghcr.io/acme/ai-engine@" + digest + ":1", "the tag stands before the digest", false},
		{"https://ghcr.io/acme/ai-engine", "no URL", false},
		{"ghcr.io/acme/ai engine", "no space", false},
		{"ghcr.io:port/acme/ai-engine", "a port is a number", false},
	}
	c, namespace := kube(t)
	for _, tc := range cases {
		t.Run(tc.image, func(t *testing.T) {
			patch := fmt.Sprintf("engine: {source: {image: %q}}", tc.image)
			err := try(t, c, environment(namespace, "image", spec(t, "Dev", patch)))
			if !tc.ok {
				refuses(t, []string{fmt.Sprintf("spec.engine.source.image: Invalid value: %q: ", tc.image) + imageForm}, err, tc.reason)
				return
			}
			assert.Empty(t, complaints(t, err), tc.reason)
			_, err = reference.ParseNormalizedNamed(tc.image)
			assert.NoError(t, err)
		})
	}
}

// TestAdmittedImagesCanBeParsed holds the rule against the parser that registries' clients use: over texts of the characters
// that references are made of, admission takes nothing that the parser refuses, and refuses only what names no SHA-256 digest
// or has a host in capitals.
func TestAdmittedImagesCanBeParsed(t *testing.T) {
	rule := imageRule(t)
	hex64 := regexp.MustCompile("[0-9a-f]{64}")
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{
			"a", "b1", "ghcr.io", "localhost", "A", ".", "..", "_", "__", "-", "--", "/", "/", ":", ":", "5000", "latest", "@", "@" + digest, digest[:20],
		}), 1, 9).Draw(t, "parts")
		image := strings.Join(parts, "")
		_, err := reference.ParseNormalizedNamed(image)
		switch {
		case rule.MatchString(image):
			assert.NoError(t, err, image)
		case err == nil && !strings.Contains(image, "A") && hex64.MatchString(image) == strings.Contains(image, "@"):
			t.Fatalf("%s is a reference and refused", image)
		}
	})
}

// imageRule returns the pattern of the CRD's rule for an image.
func imageRule(t *testing.T) *regexp.Regexp {
	t.Helper()
	raw, err := os.ReadFile("../../config/crd/bases/railway.engine-operator.dev_engineenvironments.yaml")
	require.NoError(t, err)
	crd := &apiextensionsv1.CustomResourceDefinition{}
	require.NoError(t, yaml.Unmarshal(raw, crd))
	schema := *crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	for _, field := range []string{"spec", "engine", "source", "image"} {
		schema = schema.Properties[field]
	}
	pattern := regexp.MustCompile(`^self[.]matches[(]'(.*)'[)]$`).FindStringSubmatch(schema.XValidations[0].Rule)
	require.Len(t, pattern, 2)
	return regexp.MustCompile(pattern[1])
}

// TestProductionSaysItsVersion holds that what Production runs does not change with the next push to a registry.
func TestProductionSaysItsVersion(t *testing.T) {
	cases := []struct {
		tier, engine, worker, reason string
		want                         []string
	}{
		{"Production", "ghcr.io/acme/ai-engine:1.4.2", "redis:7", "tags", nil},
		{"Production", "ghcr.io/acme/ai-engine@" + digest, "host:5000/redis:7", "a digest, and a port before the tag", nil},
		{"Production", "ghcr.io/acme/ai-engine:latest@" + digest, "redis:7", "the digest pins it, whatever the tag", nil},
		{"Production", "ghcr.io/acme/ai-engine:latest-1", "redis:latest1", "tags that only begin with latest", nil},
		{"Production", "ghcr.io/acme/ai-engine:latest", "redis:7", "the engine", []string{engineUnpinned}},
		{"Production", "ghcr.io/acme/ai-engine", "redis:7", "no tag means latest", []string{engineUnpinned}},
		{"Production", "host:5000/ai-engine", "redis:7", "a port is no tag", []string{engineUnpinned}},
		{"Production", "ghcr.io/acme/ai-engine:1.4.2", "redis:latest", "companions too", []string{serviceUnpinned}},
		{"Production", "redis", "redis", "both", []string{engineUnpinned, serviceUnpinned}},
		{"Preview", "ghcr.io/acme/ai-engine:latest", "redis", "elsewhere config/admission warns", nil},
	}
	c, namespace := kube(t)
	for _, tc := range cases {
		t.Run(tc.tier+" "+tc.engine+" "+tc.worker, func(t *testing.T) {
			patch := fmt.Sprintf("{engine: {source: {image: %q}}, services: [{name: redis, source: {image: %q}}]}", tc.engine, tc.worker)
			err := try(t, c, environment(namespace, "image", spec(t, tc.tier, patch)))
			refuses(t, tc.want, err, tc.reason)
		})
	}
}

// TestRoomForServices holds that a whole stack fits beside its engine, with as many variables each as are allowed.
func TestRoomForServices(t *testing.T) {
	stack := func(n int) map[string]any {
		var services []any
		for i := range n {
			services = append(services, map[string]any{
				"name": fmt.Sprintf("service-%d", i), "source": map[string]any{"image": "ghcr.io/acme/service:1"},
				"inheritSettings": true, "variables": variables(256), "deploy": map[string]any{"cronSchedule": "0,5,10,15,20,25,30,35,40,45,50,55 * * * *"},
			})
		}
		fields := spec(t, "Production", "")
		fields["services"] = services
		return fields
	}
	c, namespace := kube(t)
	assert.Empty(t, complaints(t, try(t, c, environment(namespace, "stack", stack(32)))), "public stacks have 13")
	refuses(t, []string{"spec.services: Too many: 33: must have at most 32 items"},
		try(t, c, environment(namespace, "stack", stack(33))))
}

func variables(n int) []any {
	var list []any
	for i := range n {
		list = append(list, map[string]any{"name": fmt.Sprintf("VARIABLE_%d", i), "value": "x"})
	}
	return list
}
