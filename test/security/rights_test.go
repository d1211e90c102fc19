// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package security

import (
	"bufio"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

var update = flag.Bool("update", false, "write testdata/*.golden anew")

// seldom are rights, in whatever scope, that a story need not use, each with the reason why the operator has it all the same.
var seldom = map[string]string{
	"engineenvironments/finalizers.railway.engine-operator.dev update": "where the admission plugin OwnerReferencesPermissionEnforcement " +
		"is on, whoever makes an object with a blocking owner needs it: the Local tier's Secret and the kept revisions have one",
	"events.events.k8s.io patch": "an event that is repeated within minutes becomes a series, which is a patch of the first one",
	"events patch":               "the same for the events of the leader election",
	"configmaps list":            listed, "secrets list": listed, "controllerrevisions.apps list": listed,
}

// listed is why what is watched may be listed, too. The test with the environment KUBE_FEATURE_WatchListClient=false lists.
const listed = "a cache is filled by a watch that sends what is there first; it lists where an API server, or a proxy before it, does not"

// TestRightsAreAsReviewed holds the operator's rights against the reviewed lists: a change of them shows as a change of a file.
func TestRightsAreAsReviewed(t *testing.T) {
	for golden, objects := range map[string][]*unstructured.Unstructured{
		"testdata/rights.golden": manifests(t, "default"), "testdata/rights-namespaced.golden": namespaced(t),
	} {
		got := strings.Join(granted(t, objects), "\n") + "\n"
		if *update {
			require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		assert.Equal(t, string(want), got, "go test ./test/security -run TestRightsAreAsReviewed -update writes %s anew", golden)
		assert.NotContains(t, got, "*.", "no wildcards")
		assert.NotContains(t, got, " *\n", "no wildcards")
	}
}

// granted are the rights that the manifests give the operator's ServiceAccount, as "scope resource.group verb", where the scope is *
// for the whole cluster or a namespace.
func granted(t *testing.T, objects []*unstructured.Unstructured) []string {
	t.Helper()
	rules := map[string][]rbacv1.PolicyRule{}
	for _, object := range objects {
		if kind := object.GetKind(); kind == "ClusterRole" || kind == "Role" {
			role := rbacv1.ClusterRole{}
			require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &role))
			rules[kind+"/"+role.Name] = role.Rules
		}
	}
	var rights []string
	for _, object := range objects {
		if kind := object.GetKind(); kind != "ClusterRoleBinding" && kind != "RoleBinding" || !bindsOperator(t, object) {
			continue
		}
		scope := "*"
		if namespace := object.GetNamespace(); namespace != "" {
			scope = namespace
		}
		kind, _, _ := unstructured.NestedString(object.Object, "roleRef", "kind")
		name, _, _ := unstructured.NestedString(object.Object, "roleRef", "name")
		require.Contains(t, rules, kind+"/"+name)
		for _, rule := range rules[kind+"/"+name] {
			rights = append(rights, flat(scope, rule)...)
		}
	}
	slices.Sort(rights)
	return slices.Compact(rights)
}

func bindsOperator(t *testing.T, binding *unstructured.Unstructured) bool {
	t.Helper()
	subjects, _, err := unstructured.NestedSlice(binding.Object, "subjects")
	require.NoError(t, err)
	return slices.ContainsFunc(subjects, func(subject any) bool { return subject.(map[string]any)["name"] == account })
}

func flat(scope string, rule rbacv1.PolicyRule) (rights []string) {
	for _, group := range rule.APIGroups {
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				rights = append(rights, right(scope, resource, group, verb))
			}
		}
	}
	return rights
}

func right(scope, resource, group, verb string) string {
	if group != "" {
		resource += "." + group
	}
	return scope + " " + resource + " " + verb
}

// audited is what we read of an audit event.
type audited struct {
	Verb, RequestURI string
	ImpersonatedUser *struct{ Username string }
	ObjectRef        *struct{ Resource, Subresource, APIGroup, Namespace, Name string }
	Annotations      map[string]string
}

// rightsAreNeeded holds that the operator in that namespace used every right that the manifests give it, and was refused
// nothing, by the API server's audit log.
func rightsAreNeeded(t *testing.T, home string, objects []*unstructured.Unstructured) {
	t.Helper()
	all := granted(t, objects)
	used := usedRights(t, home, all)
	given := map[string]bool{}
	for _, right := range all {
		_, what, _ := strings.Cut(right, " ")
		given[what] = true
		assert.True(t, used[right] || seldom[what] != "", "granted and never used: %s", right)
	}
	for what := range seldom {
		assert.True(t, given[what], "%s is not granted, and needs no excuse", what)
	}
}

// usedRights are those of all that the operator in that namespace used. It was refused nothing.
func usedRights(t *testing.T, home string, all []string) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	for _, event := range auditEvents(t, home) {
		if event.ObjectRef == nil {
			continue // discovery, which everybody may do
		}
		resource := event.ObjectRef.Resource
		if event.ObjectRef.Subresource != "" {
			resource += "/" + event.ObjectRef.Subresource
		}
		in := func(scope string) string { return right(scope, resource, event.ObjectRef.APIGroup, event.Verb) }
		assert.Equal(t, "allow", event.Annotations["authorization.k8s.io/decision"], "refused: %s %s", event.Verb, event.RequestURI)
		for _, scope := range []string{event.ObjectRef.Namespace, "*"} {
			if slices.Contains(all, in(scope)) {
				used[in(scope)] = true
				break // the narrower one is enough
			}
		}
	}
	return used
}

// auditEvents are what the ServiceAccount of the operator in that namespace asked of the API server.
func auditEvents(t *testing.T, home string) (events []audited) {
	t.Helper()
	file, err := os.Open(auditLog)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event audited
		require.NoError(t, json.Unmarshal(lines.Bytes(), &event))
		if event.ImpersonatedUser != nil && event.ImpersonatedUser.Username == username(home) {
			events = append(events, event)
		}
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, events, "the operator asked nothing")
	return events
}
