// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package config holds the tests of the manifests beside it: they build, a real Kubernetes API server takes them, and they
// fit the program that they run.
package config

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/internal/options"
)

// build does what kustomize build does.
func build(t *testing.T, dir string) []*unstructured.Unstructured {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	require.NoError(t, err, dir)
	var objects []*unstructured.Unstructured
	for _, resource := range built.Resources() {
		document, err := resource.AsYAML()
		require.NoError(t, err)
		object := &unstructured.Unstructured{}
		require.NoError(t, yaml.UnmarshalStrict(document, &object.Object))
		objects = append(objects, object)
	}
	return objects
}

func find[T any](t *testing.T, objects []*unstructured.Unstructured, kind, name string) *T {
	t.Helper()
	for _, object := range objects {
		if object.GetKind() == kind && object.GetName() == name {
			typed := new(T)
			require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, typed, true))
			return typed
		}
	}
	t.Fatalf("no %s %s", kind, name)
	return nil
}

// TestEveryKustomizationBuilds also holds that no manifest lies beside a kustomization without being part of it.
func TestEveryKustomizationBuilds(t *testing.T) {
	var dirs []string
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && path != "." && strings.HasPrefix(entry.Name(), ".") {
			return filepath.SkipDir // an overlay that a test makes at the moment
		}
		if entry.Name() == "kustomization.yaml" {
			dirs = append(dirs, filepath.Dir(path))
		}
		return err
	}))
	require.Contains(t, dirs, "default")
	for _, dir := range dirs {
		t.Run(dir, func(t *testing.T) {
			var kustomization struct {
				Kind      string   `json:"kind"`
				Resources []string `json:"resources"`
				Patches   []struct {
					Path string `json:"path"`
				} `json:"patches"`
			}
			raw, err := os.ReadFile(filepath.Join(dir, "kustomization.yaml"))
			require.NoError(t, err)
			require.NoError(t, yaml.Unmarshal(raw, &kustomization))
			if kustomization.Kind != "Component" { // those are built on top of another one: TestVariants
				assert.NotEmpty(t, build(t, dir))
			}
			for _, patch := range kustomization.Patches {
				kustomization.Resources = append(kustomization.Resources, patch.Path)
			}
			files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
			require.NoError(t, err)
			for _, file := range files {
				if name := filepath.Base(file); name != "kustomization.yaml" {
					assert.Contains(t, kustomization.Resources, name)
				}
			}
		})
	}
}

// TestDefaultStaysInItsNamespace holds that the operator is installed into a namespace of its own, which refuses whatever
// would run there with more rights than it needs.
func TestDefaultStaysInItsNamespace(t *testing.T) {
	objects := build(t, "default")
	for _, object := range objects {
		if namespace := object.GetNamespace(); namespace != "" {
			assert.Equal(t, options.DefaultNamespace, namespace, "%s %s", object.GetKind(), object.GetName())
		}
	}
	namespace := find[unstructured.Unstructured](t, objects, "Namespace", options.DefaultNamespace)
	assert.Equal(t, "restricted", namespace.GetLabels()["pod-security.kubernetes.io/enforce"])
}

// TestDeploymentFitsTheProgram holds the flags, ports and probes of the Deployment against the program's own.
func TestDeploymentFitsTheProgram(t *testing.T) {
	deployment := find[appsv1.Deployment](t, build(t, "default"), "Deployment", "engine-operator-controller-manager")
	container := deployment.Spec.Template.Spec.Containers[0]
	parsed := parsed(t, container.Args)
	assert.True(t, parsed.LeaderElect)
	assert.Less(t, parsed.ShutdownTimeout.Seconds(), float64(*deployment.Spec.Template.Spec.TerminationGracePeriodSeconds))

	addresses := map[string]string{}
	for _, port := range container.Ports {
		addresses[port.Name] = fmt.Sprintf(":%d", port.ContainerPort)
	}
	assert.Equal(t, map[string]string{"metrics": parsed.MetricsAddress, "probes": parsed.ProbeAddress}, addresses)
	assert.Equal(t, "probes", container.ReadinessProbe.HTTPGet.Port.String())
	assert.Equal(t, "probes", container.LivenessProbe.HTTPGet.Port.String())
}

// TestImageHasEveryPackage holds that the image's build context has each directory that the program is built from.
func TestImageHasEveryPackage(t *testing.T) {
	listed, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if .Module}}{{if .Module.Main}}{{.Dir}}{{end}}{{end}}", "..").Output()
	require.NoError(t, err)
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	var allowed []string
	for line := range strings.Lines(read(t, "../.dockerignore")) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "!"); ok {
			allowed = append(allowed, strings.TrimSuffix(strings.TrimPrefix(name, "/"), "/"))
		}
	}
	directories := strings.Fields(string(listed))
	require.Greater(t, len(directories), 20)
	for _, directory := range directories {
		name, err := filepath.Rel(root, directory)
		require.NoError(t, err)
		assert.True(t, name == "." || slices.ContainsFunc(allowed, func(a string) bool { return name == a || strings.HasPrefix(name, a+"/") || filepath.Dir(a) == name }),
			"%s is left out by .dockerignore", name)
	}
}

// TestMonitoringSaysWhoMayScrape holds that docs/monitoring.md labels a namespace as the policy selects it.
func TestMonitoringSaysWhoMayScrape(t *testing.T) {
	policy := &networkingv1.NetworkPolicy{}
	require.NoError(t, yaml.UnmarshalStrict([]byte(read(t, "network-policy/allow_metrics.yaml")), policy))
	labels := policy.Spec.Ingress[0].From[0].NamespaceSelector.MatchLabels
	require.Len(t, labels, 1)
	for key, value := range labels {
		assert.Contains(t, read(t, "../docs/monitoring.md"), "kubectl label namespace monitoring "+key+"="+value)
	}
}

// TestQueriesNameOurMetrics holds that every metric of ours that an alert or a dashboard asks for is in the table of
// docs/monitoring.md, which is generated from the registry. make alerts parses the queries.
func TestQueriesNameOurMetrics(t *testing.T) {
	table := read(t, "../docs/monitoring.md")
	ours := regexp.MustCompile(`engine_operator_[a-z_]+[a-z]`)
	for _, file := range []string{"prometheus/rules.yaml", "grafana/fleet.json", "grafana/engine.json"} {
		asked := ours.FindAllString(read(t, file), -1)
		assert.NotEmpty(t, asked, file)
		for _, name := range asked {
			assert.Contains(t, table, "| `"+strings.TrimSuffix(name, "_bucket")+"` |", "%s: there is no such metric", file)
		}
	}
}

// TestAlertsHaveARunbook holds that each alert says how urgent it is, and leads to its entry in the runbook, and that the runbook
// has no other.
func TestAlertsHaveARunbook(t *testing.T) {
	var rules struct {
		Spec struct {
			Groups []struct {
				Rules []struct {
					Alert               string
					Labels, Annotations map[string]string
				}
			}
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "prometheus/rules.yaml")), &rules))
	tests := read(t, "prometheus/testdata/rules_test.yaml")
	var alerts []string
	for _, rule := range rules.Spec.Groups[0].Rules {
		alerts = append(alerts, rule.Alert)
		assert.Contains(t, []string{"critical", "warning", "info"}, rule.Labels["severity"], rule.Alert)
		assert.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
		assert.NotEmpty(t, rule.Annotations["description"], rule.Alert)
		assert.Equal(t, "https://github.com/engine-operator/engine-operator/blob/main/docs/runbook.md#"+strings.ToLower(rule.Alert),
			rule.Annotations["runbook_url"])
		assert.Contains(t, tests, rule.Alert, "it has no unit test")
	}
	_, section, _ := strings.Cut(read(t, "../docs/runbook.md"), "\n## Alerts\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var entries []string
	for _, entry := range regexp.MustCompile(`(?m)^### (\w+)$`).FindAllStringSubmatch(section, -1) {
		entries = append(entries, entry[1])
	}
	assert.Equal(t, alerts, entries)
}

// TestDashboards holds what Grafana goes by: an id of its own for each dashboard and panel, and the label for its sidecar.
func TestDashboards(t *testing.T) {
	folder := find[corev1.ConfigMap](t, build(t, "grafana"), "ConfigMap", "engine-operator-dashboards")
	assert.Equal(t, "1", folder.Labels["grafana_dashboard"])
	require.Len(t, folder.Data, 2)
	seen := map[string]bool{}
	for file, text := range folder.Data {
		var dashboard struct {
			UID, Title string
			Panels     []struct{ ID int }
		}
		require.NoError(t, yaml.Unmarshal([]byte(text), &dashboard), file)
		assert.NotEmpty(t, dashboard.Title, file)
		assert.False(t, seen[dashboard.UID] || dashboard.UID == "", "%s: uid %q", file, dashboard.UID)
		seen[dashboard.UID] = true
		panels := map[int]bool{}
		for _, panel := range dashboard.Panels {
			assert.False(t, panels[panel.ID], "%s: two panels have the id %d", file, panel.ID)
			panels[panel.ID] = true
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(raw)
}

// parsed are the flags as the program reads them.
func parsed(t *testing.T, args []string) *options.Options {
	t.Helper()
	o, flags := &options.Options{}, pflag.NewFlagSet("engine-operator", pflag.ContinueOnError)
	o.Bind(flags)
	require.NoError(t, flags.Parse(args))
	require.NoError(t, o.Complete())
	return o
}
