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
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/admission"
	"github.com/engine-operator/engine-operator/internal/claim"
	"github.com/engine-operator/engine-operator/internal/cli/preview"
	"github.com/engine-operator/engine-operator/internal/desired"
)

// Set is what files hold. Everything else in them is left alone.
type Set struct {
	Tiers []Tier
	// Secrets and ConfigMaps by namespace and name.
	secrets    map[string]*corev1.Secret
	configMaps map[string]*corev1.ConfigMap
}

// Tier is an EngineEnvironment, and where it was read from.
type Tier struct {
	v1alpha1.EngineEnvironment
	from string
}

// Wrong names the object and its file in an error about it.
func (t *Tier) Wrong(err error) error {
	return fmt.Errorf("%s: EngineEnvironment %q: %w", t.from, t.Name, err)
}

// Namespace is that of objects that name none.
type Namespace struct {
	Name string
	// Given is true when a person asked for it: then no object may name another.
	Given bool
}

// of returns the namespace of an object, with kubectl's error when it may not be there.
func (n Namespace) of(object unstructured.Unstructured) (string, error) {
	own := object.GetNamespace()
	switch {
	case own == "":
		return n.Name, nil
	case n.Given && own != n.Name:
		return "", fmt.Errorf("the namespace from the provided object %q does not match the namespace %q: pass -n %s, or leave out -n", own, n.Name, own)
	default:
		return own, nil
	}
}

// extensions are those of the files that are read in a directory.
var extensions = []string{".yaml", ".yml", ".json"}

// reader reads files into a set.
type reader struct {
	*Set
	namespace Namespace
	input     io.Reader
	// from is the file that is read now.
	from string
}

// Read reads files, directories (not those below them) and, as -, the input.
func Read(ctx context.Context, paths []string, input io.Reader, namespace Namespace) (*Set, error) {
	r := &reader{Set: &Set{secrets: map[string]*corev1.Secret{}, configMaps: map[string]*corev1.ConfigMap{}}, namespace: namespace, input: input}
	for _, path := range paths {
		if err := r.path(ctx, path); err != nil {
			return nil, err
		}
	}
	return r.Set, nil
}

func (r *reader) path(ctx context.Context, path string) error {
	switch {
	case path == "-" && r.input == nil:
		return errors.New("standard input (-) is named twice, and can be read once")
	case path == "-":
		input := r.input
		r.input = nil
		return r.documents(ctx, "standard input", input)
	case strings.Contains(path, "://"):
		return fmt.Errorf("%s: addresses are not read: fetch it, and name the file, or - for standard input", path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("read manifests: %w", err)
	}
	if !info.IsDir() {
		return r.file(ctx, path)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("read manifests: %w", err)
	}
	for _, entry := range entries {
		if entry.IsDir() || !slices.Contains(extensions, strings.ToLower(filepath.Ext(entry.Name()))) {
			continue
		}
		if err := r.file(ctx, filepath.Join(path, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) file(ctx context.Context, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read manifests: %w", err)
	}
	defer file.Close()
	return r.documents(ctx, path, file)
}

func (r *reader) documents(ctx context.Context, from string, input io.Reader) error {
	r.from = from
	documents := yaml.NewYAMLReader(bufio.NewReader(input))
	for {
		raw, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = r.document(ctx, raw)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
	}
}

func (r *reader) document(ctx context.Context, raw []byte) error {
	object, err := fields(raw)
	if err != nil || object == nil {
		return err
	}
	if !ours(unstructured.Unstructured{Object: object}) {
		return nil
	}
	if err := unambiguous(raw); err != nil {
		return err
	}
	return r.object(ctx, object)
}

// ours reports whether something in an object of this kind is read.
func ours(object unstructured.Unstructured) bool {
	kind, version := object.GetKind(), object.GetAPIVersion()
	return kind == "EngineEnvironment" || strings.HasPrefix(version, v1alpha1.GroupVersion.Group+"/") ||
		(version == "v1" || version == "") && slices.Contains([]string{"List", "Secret", "SecretList", "ConfigMap", "ConfigMapList"}, kind)
}

func (r *reader) object(ctx context.Context, object map[string]any) error {
	of := unstructured.Unstructured{Object: object}
	kind, version := of.GetKind(), of.GetAPIVersion()
	switch {
	case !ours(of):
		return nil
	case kind != "EngineEnvironment" && version == "":
		return fmt.Errorf("%s %q has no apiVersion: it is v1", kind, of.GetName())
	case version == "v1" && strings.HasSuffix(kind, "List"), kind == "EngineEnvironmentList":
		return r.list(ctx, of)
	case kind != "EngineEnvironment" && version != "v1":
		return fmt.Errorf("%s has no kind %q: it is EngineEnvironment", version, kind)
	case kind == "EngineEnvironment" && version != v1alpha1.GroupVersion.String():
		return fmt.Errorf("EngineEnvironment %q: apiVersion %q is not served: it is %s", of.GetName(), version, v1alpha1.GroupVersion)
	}
	if err := r.named(ctx, of); err != nil {
		return fmt.Errorf("%s %q: %w", kind, of.GetName(), err)
	}
	return nil
}

// named reads an object that has a name.
func (r *reader) named(ctx context.Context, object unstructured.Unstructured) error {
	namespace, err := r.namespace.of(object)
	switch {
	case err != nil:
		return err
	case object.GetName() == "" && object.GetGenerateName() != "":
		return fmt.Errorf("it has metadata.generateName %q and no name, and kubectl apply takes no such object: give it a metadata.name", object.GetGenerateName())
	}
	_, encrypted := object.Object["sops"]
	switch kind := object.GetKind(); {
	case kind == "EngineEnvironment":
		return r.tier(ctx, object, namespace)
	case encrypted: // SOPS: whoever applies it decrypts it before, and what it holds is not known here
		return nil
	case kind == "Secret":
		return r.secret(object, namespace)
	default:
		return r.configMap(object, namespace)
	}
}

func (r *reader) tier(ctx context.Context, object unstructured.Unstructured, namespace string) error {
	tier := Tier{from: r.from}
	if err := decodeTier(ctx, object.Object, &tier.EngineEnvironment); err != nil {
		return err
	}
	tier.Namespace = namespace
	for i := range r.Tiers {
		if other := &r.Tiers[i]; other.Name == tier.Name && other.Namespace == tier.Namespace {
			return fmt.Errorf("it is in the files twice, in %s, too: only one of the two would remain in the cluster", other.from)
		}
	}
	r.Tiers = append(r.Tiers, tier)
	return nil
}

// Contested says which objects declare the same Railway environment: one of them can hold it, and the operator refuses the others.
func (s *Set) Contested() error {
	sorted := slices.Clone(s.Tiers) // whatever the order of the files
	slices.SortFunc(sorted, func(a, b Tier) int { return strings.Compare(a.called(), b.called()) })
	for i := range sorted {
		for j := range sorted[:i] {
			if one, two := &sorted[j], &sorted[i]; claim.Rivals(&one.EngineEnvironment, &two.EngineEnvironment) {
				return fmt.Errorf("%s and %s declare the same Railway environment %q: one of them holds it, and the other is refused (%s): delete one of the two",
					one.called(), two.called(), one.Spec.RailwayEnvironment(), v1alpha1.ReasonEnvironmentClaimed)
			}
		}
	}
	return nil
}

// called is the object and where it is.
func (t *Tier) called() string {
	return fmt.Sprintf("EngineEnvironment %s (%s)", strings.TrimPrefix(t.Namespace+"/"+t.Name, "/"), t.from)
}

// anywhere hides every value.
func anywhere(string) bool { return true }

func (r *reader) secret(object unstructured.Unstructured, namespace string) error {
	secret := &corev1.Secret{}
	if err := decode(object.Object, secret, anywhere, noFields); err != nil {
		if strings.HasSuffix(err.Error(), "is no base64") {
			return fmt.Errorf("%w: plain values go into stringData", err)
		}
		return err
	}
	if err := errors.Join(keys("data", secret.Data), keys("stringData", secret.StringData)); err != nil {
		return err
	}
	r.secrets[namespace+"/"+secret.Name] = secret
	return admission.Explain(admission.CheckMetadata(object.Object))
}

func (r *reader) configMap(object unstructured.Unstructured, namespace string) error {
	configMap := &corev1.ConfigMap{}
	if err := decode(object.Object, configMap, anywhere, noFields); err != nil {
		return err
	}
	if err := errors.Join(keys("data", configMap.Data), keys("binaryData", configMap.BinaryData)); err != nil {
		return err
	}
	r.configMaps[namespace+"/"+configMap.Name] = configMap
	return admission.Explain(admission.CheckMetadata(object.Object))
}

// keys says which key of a Secret or a ConfigMap kube-apiserver refuses. What stands behind a = or a : may be a value.
func keys[V any](at string, data map[string]V) error {
	for _, key := range slices.Sorted(maps.Keys(data)) {
		if problems := validation.IsConfigMapKey(key); len(problems) > 0 {
			if end := strings.IndexAny(key, "=:"); end >= 0 {
				key = key[:end]
			}
			return fmt.Errorf("%s: the key %q: %s", at, key, problems[0])
		}
	}
	return nil
}

// list reads a list, as kubectl get -o yaml or the API server prints it. In a list of one kind, as the API server's, an item is of that
// kind unless it says something else.
func (r *reader) list(ctx context.Context, list unstructured.Unstructured) error {
	items, isList := list.Object["items"].([]any)
	if list.Object["items"] != nil && !isList {
		return errors.New("the items of the list are no list")
	}
	for i, item := range items {
		of, isObject := item.(map[string]any)
		if !isObject {
			return fmt.Errorf("items[%d] of the list is no object", i)
		}
		item := unstructured.Unstructured{Object: of}
		switch kind, version := item.GetKind() != "", item.GetAPIVersion() != ""; {
		case kind && !version:
			return fmt.Errorf("items[%d] of the list has no apiVersion", i)
		case !kind && (version || list.GetKind() == "List"):
			return fmt.Errorf("items[%d] of the list has no kind", i)
		case !kind: // of a list of one kind
			item.SetKind(strings.TrimSuffix(list.GetKind(), "List"))
			item.SetAPIVersion(list.GetAPIVersion())
		}
		if err := r.object(ctx, of); err != nil {
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
func (s *Set) Sources(tier *Tier) desired.Sources {
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
