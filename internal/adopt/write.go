// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/engine-operator/engine-operator/internal/document"
)

// YAML writes the result as manifests. Without values the Secrets are skeletons that name their keys.
func (r *Result) YAML(values bool) (string, error) {
	var out strings.Builder
	tier, err := manifest(r.Tier)
	if err != nil {
		return "", err
	}
	out.WriteString(tier)
	for _, secret := range r.Secrets {
		out.WriteString("---\n")
		text, err := secretManifest(secret, values)
		if err != nil {
			return "", err
		}
		out.WriteString(text)
	}
	return out.String(), nil
}

func secretManifest(secret *corev1.Secret, values bool) (string, error) {
	if values {
		return manifest(secret)
	}
	skeleton := secret.DeepCopy()
	skeleton.StringData = nil
	text, err := manifest(skeleton)
	if err != nil {
		return "", err
	}
	text += "stringData: # fill in the values, or delete this and let your secret store make the Secret\n"
	for _, key := range slices.Sorted(maps.Keys(secret.StringData)) {
		text += fmt.Sprintf("#  %s: \n", key)
	}
	return strings.TrimSuffix(strings.ReplaceAll(text, ": \n", ":\n"), "\n") + "\n", nil
}

// manifest is an object as YAML, without what only the API server fills in.
func manifest(object any) (string, error) {
	raw, err := json.Marshal(object)
	if err != nil {
		return "", fmt.Errorf("write a manifest: %w", err)
	}
	fields := map[string]any{}
	if err := json.Unmarshal(raw, &fields); err != nil {
		return "", fmt.Errorf("write a manifest: %w", err)
	}
	delete(fields, "status")
	if metadata, ok := fields["metadata"].(map[string]any); ok {
		delete(metadata, "creationTimestamp")
	}
	return document.YAML(fields)
}
