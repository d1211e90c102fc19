// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// overlay builds a kustomization of a team's own, as the comments of the variants tell to write it.
func overlay(t *testing.T, kustomization string) []*unstructured.Unstructured {
	t.Helper()
	//nolint:usetesting // beside the others: kustomize takes no absolute paths
	dir, err := os.MkdirTemp(".", ".overlay-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(kustomization), 0o600))
	return build(t, dir)
}

// TestHighAvailability holds that two replicas are spread, are drained one after the other, and outrank what has no priority.
func TestHighAvailability(t *testing.T) {
	objects := overlay(t, "resources: [../default]\ncomponents: [../high-availability]\n")
	deployment := find[appsv1.Deployment](t, objects, "Deployment", "engine-operator-controller-manager")
	assert.Equal(t, int32(2), *deployment.Spec.Replicas)
	parsed := parsed(t, deployment.Spec.Template.Spec.Containers[0].Args)
	assert.True(t, parsed.LeaderElect, "two replicas must not work at once")

	pod := labels.Set(deployment.Spec.Template.Labels)
	selects := func(selector *metav1.LabelSelector) bool {
		parsed, err := metav1.LabelSelectorAsSelector(selector)
		require.NoError(t, err)
		return parsed.Matches(pod)
	}
	budget := find[policyv1.PodDisruptionBudget](t, objects, "PodDisruptionBudget", "engine-operator-controller-manager")
	assert.Equal(t, deployment.Namespace, budget.Namespace)
	assert.True(t, selects(budget.Spec.Selector))
	assert.Less(t, budget.Spec.MaxUnavailable.IntVal, *deployment.Spec.Replicas, "one replica stays")
	require.Len(t, deployment.Spec.Template.Spec.TopologySpreadConstraints, 2)
	for _, constraint := range deployment.Spec.Template.Spec.TopologySpreadConstraints {
		assert.True(t, selects(constraint.LabelSelector), constraint.TopologyKey)
	}
	class := find[schedulingv1.PriorityClass](t, objects, "PriorityClass", deployment.Spec.Template.Spec.PriorityClassName)
	assert.Positive(t, class.Value)
}

// TestWebhooks holds that webhooks reach the operator, wherever it is installed: by a Service and through the NetworkPolicies.
func TestWebhooks(t *testing.T) {
	for _, variant := range []string{
		"resources: [../default]\ncomponents: [../webhook]\n", "namespace: team-a\nresources: [../namespaced]\ncomponents: [../webhook]\n",
	} {
		objects := overlay(t, variant)
		deployment := find[appsv1.Deployment](t, objects, "Deployment", "engine-operator-controller-manager")
		pod := deployment.Spec.Template.Spec
		parsed := parsed(t, pod.Containers[0].Args)
		port := pod.Containers[0].Ports[len(pod.Containers[0].Ports)-1]
		assert.Equal(t, fmt.Sprint(":", port.ContainerPort), parsed.WebhookAddress)
		assert.Equal(t, path.Join(pod.Containers[0].VolumeMounts[0].MountPath, pod.Volumes[0].Secret.Items[0].Path), parsed.WebhookSecretFile)

		service := find[corev1.Service](t, objects, "Service", "engine-operator-webhook")
		policy := find[networkingv1.NetworkPolicy](t, objects, "NetworkPolicy", "engine-operator-allow-webhook")
		assert.Equal(t, deployment.Namespace, service.Namespace)
		assert.Equal(t, deployment.Namespace, policy.Namespace)
		assert.Subset(t, deployment.Spec.Template.Labels, service.Spec.Selector)
		assert.Subset(t, deployment.Spec.Template.Labels, policy.Spec.PodSelector.MatchLabels)
		assert.Equal(t, port.Name, service.Spec.Ports[0].TargetPort.String())
		assert.Equal(t, port.ContainerPort, policy.Spec.Ingress[0].Ports[0].Port.IntVal)
	}
}

// TestNamespaced holds that config/namespaced has nothing and may do nothing outside its namespace, and watches just that.
func TestNamespaced(t *testing.T) {
	objects := overlay(t, "namespace: team-a\nresources: [../namespaced]\n")
	for _, object := range objects {
		assert.Equal(t, "team-a", object.GetNamespace(), "%s %s", object.GetKind(), object.GetName())
	}
	deployment := find[appsv1.Deployment](t, objects, "Deployment", "engine-operator-controller-manager")
	container := deployment.Spec.Template.Spec.Containers[0]
	require.Contains(t, container.Args, "--watch-namespaces=$(POD_NAMESPACE)")
	require.Equal(t, "POD_NAMESPACE", container.Env[0].Name)
	assert.Equal(t, "metadata.namespace", container.Env[0].ValueFrom.FieldRef.FieldPath)
	parsed := parsed(t, container.Args)
	assert.Equal(t, "0", parsed.MetricsAddress, "nobody could be asked who reads them")
	require.Len(t, container.Ports, 1)
	assert.Equal(t, "probes", container.Ports[0].Name)
	for _, binding := range objects {
		if binding.GetKind() == "RoleBinding" {
			typed := find[rbacv1.RoleBinding](t, objects, "RoleBinding", binding.GetName())
			find[rbacv1.Role](t, objects, "Role", typed.RoleRef.Name)
			assert.Equal(t, deployment.Spec.Template.Spec.ServiceAccountName, typed.Subjects[0].Name)
			assert.Equal(t, "team-a", typed.Subjects[0].Namespace)
		}
	}
}

// TestNamespacedRights holds that the operator has the generated rules in its namespace, and writes Secrets only where Local tiers
// are wanted, except that it makes the key of its hashes.
func TestNamespacedRights(t *testing.T) {
	everywhere := find[rbacv1.ClusterRole](t, build(t, "default"), "ClusterRole", "engine-operator-manager-role").Rules
	namespaced := overlay(t, "namespace: team-a\nresources: [../namespaced]\n")
	withLocal := overlay(t, "namespace: team-a\nresources: [../namespaced]\ncomponents: [../namespaced/local]\n")
	withoutLocal := find[rbacv1.Role](t, namespaced, "Role", "engine-operator-manager-role").Rules
	assert.Equal(t, everywhere, find[rbacv1.Role](t, withLocal, "Role", "engine-operator-manager-role").Rules)
	assert.Equal(t, []string{"create", "get", "list", "watch"}, verbsOn(withoutLocal, "secrets"))
	require.Len(t, withoutLocal, len(everywhere))
	for i, rule := range everywhere {
		if !slices.Contains(rule.Resources, "secrets") {
			assert.Equal(t, rule, withoutLocal[i])
		}
	}
}

// verbsOn are the verbs on a resource, sorted.
func verbsOn(rules []rbacv1.PolicyRule, resource string) []string {
	var verbs []string
	for _, rule := range rules {
		if slices.Contains(rule.Resources, resource) {
			verbs = append(verbs, rule.Verbs...)
		}
	}
	slices.Sort(verbs)
	return slices.Compact(verbs)
}

// TestClusterAndNamespaced holds that both together are config/default without its rights over the cluster, its namespace and what
// needs them, so that nothing is forgotten when something is added.
func TestClusterAndNamespaced(t *testing.T) {
	name := func(object *unstructured.Unstructured) string { return object.GetKind() + " " + object.GetName() }
	var split, whole []string
	for _, dir := range []string{"cluster", "namespaced"} {
		for _, object := range build(t, dir) {
			split = append(split, name(object))
		}
	}
	for _, object := range build(t, "default") {
		whole = append(whole, name(object))
	}
	only := func(of, without []string) []string {
		return slices.DeleteFunc(slices.Clone(of), func(name string) bool { return slices.Contains(without, name) })
	}
	assert.ElementsMatch(t, []string{
		"Namespace engine-operator-system", "ClusterRole engine-operator-manager-role", "ClusterRoleBinding engine-operator-manager",
		"ClusterRole engine-operator-metrics-auth", "ClusterRoleBinding engine-operator-metrics-auth", "ClusterRole engine-operator-metrics-reader",
		"Service engine-operator-metrics", "NetworkPolicy engine-operator-allow-metrics", "NetworkPolicy engine-operator-default-deny",
	}, only(whole, split))
	assert.ElementsMatch(t, []string{"Role engine-operator-manager-role", "RoleBinding engine-operator-manager"}, only(split, whole))
}

// TestEgressOnAnyPort holds that no port of an API server is shut out, and that UDP is open for names only.
func TestEgressOnAnyPort(t *testing.T) {
	for _, dir := range []string{"default", "namespaced"} {
		policy := find[networkingv1.NetworkPolicy](t, build(t, dir), "NetworkPolicy", "engine-operator-allow-egress")
		var anyTCP bool
		for _, rule := range policy.Spec.Egress {
			assert.Empty(t, rule.To, "addresses differ from cluster to cluster")
			for _, port := range rule.Ports {
				anyTCP = anyTCP || *port.Protocol == "TCP" && port.Port == nil
				assert.False(t, *port.Protocol == "UDP" && (port.Port == nil || port.Port.IntVal != 53))
			}
		}
		assert.True(t, anyTCP, dir)
	}
}
