// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package manifest reads EngineEnvironments, and the Secrets and ConfigMaps that they name, from files as kubectl does.
package manifest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/preview"
	"github.com/engine-operator/engine-operator/internal/desired"
)

// Set is what files hold. Everything else in them is left alone.
type Set struct {
	Tiers []v1alpha1.EngineEnvironment
	// Secrets and ConfigMaps by namespace and name.
	secrets    map[string]*corev1.Secret
	configMaps map[string]*corev1.ConfigMap
}

// extensions are those of the files that are read in a directory.
var extensions = []string{".yaml", ".yml", ".json"}

// Read reads files, directories (not those below them) and, as -, the input. namespace is that of objects that name none.
func Read(ctx context.Context, paths []string, input io.Reader, namespace string) (*Set, error) {
	set := &Set{secrets: map[string]*corev1.Secret{}, configMaps: map[string]*corev1.ConfigMap{}}
	for _, path := range paths {
		if err := set.path(ctx, path, input, namespace); err != nil {
			return nil, err
		}
	}
	return set, nil
}

func (s *Set) path(ctx context.Context, path string, input io.Reader, namespace string) error {
	if path == "-" {
		return s.documents(ctx, "standard input", input, namespace)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("read manifests: %w", err)
	}
	if !info.IsDir() {
		return s.file(ctx, path, namespace)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("read manifests: %w", err)
	}
	for _, entry := range entries {
		if entry.IsDir() || !slices.Contains(extensions, strings.ToLower(filepath.Ext(entry.Name()))) {
			continue
		}
		if err := s.file(ctx, filepath.Join(path, entry.Name()), namespace); err != nil {
			return err
		}
	}
	return nil
}

func (s *Set) file(ctx context.Context, path, namespace string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read manifests: %w", err)
	}
	defer file.Close()
	return s.documents(ctx, path, file, namespace)
}

func (s *Set) documents(ctx context.Context, from string, input io.Reader, namespace string) error {
	reader := yaml.NewYAMLReader(bufio.NewReader(input))
	for {
		raw, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = s.document(ctx, raw, namespace)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
	}
}

// list is a kind List, as kubectl get -o yaml prints it.
type list struct {
	Items []any `json:"items"`
}

func (s *Set) document(ctx context.Context, raw []byte, namespace string) error {
	var head metav1.PartialObjectMetadata
	if err := sigsyaml.Unmarshal(raw, &head); err != nil {
		return errors.New("not the YAML of a Kubernetes object: " + firstLine(err))
	}
	key := func(m metav1.ObjectMeta) string { return orElse(m.Namespace, namespace) + "/" + m.Name }
	switch {
	case head.Kind == "EngineEnvironment" && head.APIVersion == v1alpha1.GroupVersion.String():
		return s.tier(ctx, raw, head, namespace)
	case head.Kind == "EngineEnvironment":
		return fmt.Errorf("EngineEnvironment %q: apiVersion %q is not served: it is %s", head.Name, head.APIVersion, v1alpha1.GroupVersion)
	case strings.HasSuffix(head.Kind, "List"):
		return s.list(ctx, raw, namespace)
	case strings.HasPrefix(head.APIVersion, v1alpha1.GroupVersion.Group+"/"):
		return fmt.Errorf("%s has no kind %q: it is EngineEnvironment", head.APIVersion, head.Kind)
	case head.Kind == "Secret" && head.APIVersion == "v1":
		secret := &corev1.Secret{}
		if err := sigsyaml.Unmarshal(raw, secret); err != nil {
			return fmt.Errorf("Secret %q cannot be read: is each value in data base64? Plain values go into stringData", head.Name)
		}
		s.secrets[key(secret.ObjectMeta)] = secret
	case head.Kind == "ConfigMap" && head.APIVersion == "v1":
		configMap := &corev1.ConfigMap{}
		if err := sigsyaml.Unmarshal(raw, configMap); err != nil {
			return fmt.Errorf("ConfigMap %q: %s", head.Name, firstLine(err))
		}
		s.configMaps[key(configMap.ObjectMeta)] = configMap
	}
	return nil
}

func (s *Set) tier(ctx context.Context, raw []byte, head metav1.PartialObjectMetadata, namespace string) error {
	var tier v1alpha1.EngineEnvironment
	if err := decode(ctx, raw, &tier); err != nil {
		return fmt.Errorf("EngineEnvironment %q: %w", head.Name, err)
	}
	tier.Namespace = orElse(tier.Namespace, namespace)
	if slices.ContainsFunc(s.Tiers, func(t v1alpha1.EngineEnvironment) bool { return t.Name == tier.Name && t.Namespace == tier.Namespace }) {
		return fmt.Errorf("EngineEnvironment %q is in the files twice: only one of the two would remain in the cluster", head.Name)
	}
	s.Tiers = append(s.Tiers, tier)
	return nil
}

func (s *Set) list(ctx context.Context, raw []byte, namespace string) error {
	var items list
	if err := sigsyaml.Unmarshal(raw, &items); err != nil {
		return errors.New("the list cannot be read: " + firstLine(err))
	}
	for _, item := range items.Items {
		one, err := sigsyaml.Marshal(item)
		if err != nil {
			return err
		}
		if err := s.document(ctx, one, namespace); err != nil {
			return err
		}
	}
	return nil
}

// Secret returns what the files hold of the Secret.
func (s *Set) Secret(namespace, name string) (map[string]string, bool) {
	secret, ok := s.secrets[namespace+"/"+name]
	if !ok {
		return nil, false
	}
	data := map[string]string{}
	for key, value := range secret.Data {
		data[key] = string(value)
	}
	maps.Copy(data, secret.StringData)
	return data, true
}

// Sources are the Secrets and ConfigMaps of the files that the spec names, as far as they are there.
func (s *Set) Sources(tier *v1alpha1.EngineEnvironment) desired.Sources {
	sources := preview.NoSources()
	secrets, configMaps := desired.References(&tier.Spec)
	for _, name := range secrets {
		if data, ok := s.Secret(tier.Namespace, name); ok {
			sources.Secrets[name] = data
		}
	}
	for _, name := range configMaps {
		if configMap, ok := s.configMaps[tier.Namespace+"/"+name]; ok {
			sources.ConfigMaps[name] = configMap.Data
			sources.Binary[name] = slices.Sorted(maps.Keys(configMap.BinaryData))
		}
	}
	return sources
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimPrefix(line, "error unmarshaling JSON: ")
}

func orElse(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
