// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v4/pkg/chart/common"
	commonutil "helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

const (
	root      = "../.."
	chartPath = root + "/config/helm/engine-operator"
	system    = "engine-operator-system"
)

type objects map[string]map[string]any

// rendered is what helm template writes, by kind, namespace and name.
func rendered(t *testing.T, release, namespace, values string) (objects, error) {
	t.Helper()
	return renderedFrom(t, chartPath, release, namespace, values)
}

func renderedFrom(t *testing.T, path, release, namespace, values string) (objects, error) {
	t.Helper()
	chart, err := loader.Load(path)
	require.NoError(t, err)
	var parsed map[string]any
	require.NoError(t, yaml.UnmarshalStrict([]byte(values), &parsed))
	all, err := commonutil.ToRenderValues(chart, parsed, common.ReleaseOptions{Name: release, Namespace: namespace, IsInstall: true}, common.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return nil, err
	}
	var documents strings.Builder
	for name, content := range files {
		if !strings.HasSuffix(name, "NOTES.txt") {
			documents.WriteString("\n---\n" + content)
		}
	}
	return parse(t, []byte(documents.String())), nil
}

func parse(t *testing.T, documents []byte) objects {
	t.Helper()
	found := objects{}
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(documents)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err)
		var object map[string]any
		require.NoError(t, yaml.UnmarshalStrict(document, &object), "%s", document)
		if len(object) == 0 {
			continue
		}
		metadata := object["metadata"].(map[string]any)
		namespace, _ := metadata["namespace"].(string)
		key := object["kind"].(string) + " " + namespace + "/" + metadata["name"].(string)
		require.NotContains(t, found, key)
		found[key] = object
	}
}

// withoutHelm drops what Helm adds to every object, wherever it stands.
func withoutHelm(value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			switch key {
			case "app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart", "helm.sh/resource-policy":
				delete(value, key)
			default:
				withoutHelm(inner)
			}
		}
	case []any:
		for _, inner := range value {
			withoutHelm(inner)
		}
	}
}

// TestChartIsKustomize holds that both ways to install give the same objects.
func TestChartIsKustomize(t *testing.T) {
	const once = "crds: {install: false}\npolicies: {install: false}\nroles: {install: false}\n"
	cases := []struct{ reason, namespace, kustomization, values string }{
		{"default", system, "resources: [../default]", "networkPolicy: {defaultDeny: true}"},
		{
			"high availability", system, "resources: [../default]\ncomponents: [../high-availability]",
			"networkPolicy: {defaultDeny: true}\nreplicas: 2\npodDisruptionBudget: {enabled: true}\npriorityClass: {create: true}\ntopologySpread: {enabled: true}",
		},
		{
			"webhooks", system, "resources: [../default]\ncomponents: [../webhook]",
			"networkPolicy: {defaultDeny: true}\nwebhook: {enabled: true, secretName: engine-operator-webhook}",
		},
		{
			"monitoring", system, "resources: [../default, ../prometheus]",
			"networkPolicy: {defaultDeny: true}\nmonitoring: {serviceMonitor: {enabled: true}, rules: {enabled: true}}",
		},
		{
			"one namespace", "team-a", "namespace: team-a\nresources: [../namespaced]",
			once + "watch: {namespaces: [team-a], localTiers: false}\nmetrics: {enabled: false}",
		},
		{
			"one namespace with Local tiers", "team-a", "namespace: team-a\nresources: [../namespaced]\ncomponents: [../namespaced/local]",
			once + "watch: {namespaces: [team-a]}\nmetrics: {enabled: false}",
		},
	}
	for _, tc := range cases {
		t.Run(tc.reason, func(t *testing.T) {
			built, err := kustomized(root, tc.kustomization+"\n")
			require.NoError(t, err)
			want := parse(t, bytes.ReplaceAll(built, []byte("$(POD_NAMESPACE)"), []byte(tc.namespace)))
			delete(want, "Namespace /"+system) // helm --create-namespace
			got, err := rendered(t, "engine-operator", tc.namespace, "image: {tag: latest}\n"+tc.values)
			require.NoError(t, err)
			for key := range got {
				assert.Contains(t, want, key, "only the chart has it")
			}
			for key, object := range want {
				withoutHelm(got[key])
				withoutHelm(object)
				assert.Equal(t, object, got[key], key)
			}
		})
	}
}

// TestShards holds that each shard has a Deployment with a selector, a lease and Pods of its own.
func TestShards(t *testing.T) {
	got, err := rendered(t, "engines", "ops", `shards: [{name: a, selector: shard=a}, {name: rest, selector: "shard notin (a)"}]`)
	require.NoError(t, err)
	for name, selector := range map[string]string{"a": "shard=a", "rest": "shard notin (a)"} {
		deployment := got["Deployment ops/engines-engine-operator-controller-manager-"+name]
		require.NotNil(t, deployment)
		template := deployment["spec"].(map[string]any)["template"].(map[string]any)
		args := template["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)["args"]
		assert.Subset(t, args, []any{"--watch-label-selector=" + selector, "--leader-elect-resource-name=engines-engine-operator-" + name, "--leader-elect"})
		selected := deployment["spec"].(map[string]any)["selector"].(map[string]any)["matchLabels"].(map[string]any)
		assert.Equal(t, name, selected["railway.engine-operator.dev/shard"])
		assert.Subset(t, template["metadata"].(map[string]any)["labels"], selected)
	}
	assert.NotContains(t, got, "Deployment ops/engines-engine-operator-controller-manager")
}

// TestServed holds that hints reach every shard, that they come with their secret, and that profiles stay on loopback.
func TestServed(t *testing.T) {
	got, err := rendered(t, "engine-operator", system, `
webhook: {enabled: true, secretName: hints}
pprof: {enabled: true}
shards: [{name: a, selector: shard=a}, {name: rest, selector: "shard notin (a)"}]`)
	require.NoError(t, err)
	for _, shard := range []string{"a", "rest"} {
		deployment := got["Deployment "+system+"/engine-operator-controller-manager-"+shard]["spec"].(map[string]any)
		template := deployment["template"].(map[string]any)
		pod := template["spec"].(map[string]any)
		container := pod["containers"].([]any)[0].(map[string]any)
		assert.Subset(t, container["args"], []any{
			"--webhook-bind-address=:9440", "--webhook-secret-file=/etc/engine-operator/webhook/secret", "--pprof-bind-address=127.0.0.1:6060",
		})
		assert.Equal(t, "hints", pod["volumes"].([]any)[0].(map[string]any)["secret"].(map[string]any)["secretName"])
		assert.Equal(t, "/etc/engine-operator/webhook", container["volumeMounts"].([]any)[0].(map[string]any)["mountPath"])
		service := got["Service "+system+"/engine-operator-webhook-"+shard]
		require.NotNil(t, service)
		selector := service["spec"].(map[string]any)["selector"].(map[string]any)
		assert.Equal(t, shard, selector["railway.engine-operator.dev/shard"])
		assert.Subset(t, template["metadata"].(map[string]any)["labels"], selector)
	}
	assert.Contains(t, got, "NetworkPolicy "+system+"/engine-operator-allow-webhook")
}

// TestCRD holds that the chart carries the CRD of the repository, with every field that a spec may have.
func TestCRD(t *testing.T) {
	got, err := rendered(t, "engine-operator", system, "{}")
	require.NoError(t, err)
	content, err := os.ReadFile(root + "/config/crd/bases/railway.engine-operator.dev_engineenvironments.yaml")
	require.NoError(t, err)
	assert.Contains(t, string(content), "writePolicy:")
	for key, want := range parse(t, content) {
		require.Contains(t, got, key)
		assert.Equal(t, want["spec"], got[key]["spec"])
	}
}

// TestImage holds that a digest goes before a tag.
func TestImage(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0", 64)
	for values, want := range map[string]string{
		"{}": "engine-operator:dev",
		"image: {registry: host:5000/acme/, tag: v1.2.3}":                       "host:5000/acme/engine-operator:v1.2.3",
		"image: {registry: host/acme, tag: v1.2.3, digest: \"" + digest + "\"}": "host/acme/engine-operator@" + digest,
	} {
		got, err := rendered(t, "engine-operator", system, values)
		require.NoError(t, err)
		pod := got["Deployment "+system+"/engine-operator-controller-manager"]["spec"].(map[string]any)["template"].(map[string]any)["spec"]
		assert.Equal(t, want, pod.(map[string]any)["containers"].([]any)[0].(map[string]any)["image"])
	}
}

// TestOtherNamespaces holds that an operator outside of the namespaces that it watches makes Secrets at home only.
func TestOtherNamespaces(t *testing.T) {
	got, err := rendered(t, "engine-operator", "ops", "watch: {namespaces: [a, b], localTiers: false}\nmetrics: {enabled: false}")
	require.NoError(t, err)
	for _, namespace := range []string{"a", "b"} {
		for _, rule := range got["Role "+namespace+"/engine-operator-manager-role"]["rules"].([]any) {
			if assert.ObjectsAreEqual([]any{"secrets"}, rule.(map[string]any)["resources"]) {
				assert.Equal(t, []any{"get", "list", "watch"}, rule.(map[string]any)["verbs"])
			}
		}
		assert.Contains(t, got, "RoleBinding "+namespace+"/engine-operator-manager")
	}
	assert.Contains(t, got, "Role ops/engine-operator-hash-key")
	for key := range got {
		assert.NotContains(t, key, "ClusterRoleBinding", "nothing over the whole cluster")
	}
}

// TestWrongValues holds that the schema and the templates refuse what would not work.
func TestWrongValues(t *testing.T) {
	for values, want := range map[string]string{
		"replica: 2":                   "additional properties 'replica' not allowed",
		"image: {digest: latest}":      "does not match pattern",
		"shards: [{name: a}]":          "missing property 'selector'",
		"watch: {namespaces: team-a}":  "want array",
		"webhook: {enabled: true}":     "webhook.secretName is required",
		"extraArgs: [log-level=debug]": "does not match pattern",
		"goMemLimit: 460Mi":            "does not match pattern",
		"goMaxProcs: 0":                "minimum: got 0, want 1",
	} {
		_, err := rendered(t, "engine-operator", system, values)
		assert.ErrorContains(t, err, want, values)
	}
}

// TestEveryFlagExists holds that the templates give no flag that the program does not have.
func TestEveryFlagExists(t *testing.T) {
	source, err := filepath.Glob(root + "/internal/options/*.go")
	require.NoError(t, err)
	var known []byte
	for _, path := range source {
		if !strings.HasSuffix(path, "_test.go") {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			known = append(known, content...)
		}
	}
	templates, err := os.ReadFile(chartPath + "/templates/deployment.yaml")
	require.NoError(t, err)
	flags := regexp.MustCompile(`--([a-z-]+)=?`).FindAllStringSubmatch(string(templates), -1)
	require.Greater(t, len(flags), 5)
	for _, flag := range flags {
		if flag[1] != "-" {
			assert.True(t, bytes.Contains(known, []byte(`"`+flag[1]+`"`)), "the program has no flag --%s", flag[1])
		}
	}
}

// TestLint runs Helm's linter: no error and no warning.
func TestLint(t *testing.T) {
	linter := lint.RunAll(chartPath, map[string]any{}, system)
	for _, message := range linter.Messages {
		assert.Less(t, message.Severity, support.WarningSev, "%s", message)
	}
	assert.NotEmpty(t, linter.ChartDir)
}

// TestDashboards holds that the chart carries the dashboards of config/grafana as they are.
func TestDashboards(t *testing.T) {
	got, err := rendered(t, "engine-operator", system, "monitoring: {dashboards: {enabled: true}}")
	require.NoError(t, err)
	files, err := filepath.Glob(root + "/config/grafana/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	want := map[string]any{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		want[filepath.Base(file)] = string(content)
	}
	assert.Equal(t, want, got["ConfigMap "+system+"/engine-operator-dashboards"]["data"])
}
