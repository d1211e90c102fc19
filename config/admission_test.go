// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/internal/controlplane"
	"github.com/engine-operator/engine-operator/internal/options"
)

// The users of the tests. Each has one or two ClusterRoles of the install in the namespace of the tests.
const (
	editor        = "erin"  // may edit
	approver      = "alice" // may approve
	otherApprover = "aaron" // may, too
	named         = "nora"  // may approve the object production only
	lead          = "liz"   // may edit and approve
	operator      = "system:serviceaccount:" + options.DefaultNamespace + ":engine-operator-manager"
	candidate     = "ghcr.io/acme/ai-engine@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	otherSource   = "acme/ai-engine@5c238350000000000000000000000000000000ab"
	approvalOf    = `metadata: {annotations: {railway.engine-operator.dev/approve: "` + candidate + `", railway.engine-operator.dev/approved-by: `
	approvalOther = `metadata: {annotations: {railway.engine-operator.dev/approve: "` + otherSource + `"`
)

// as returns a client that asks as the user, and what the server warns of.
func as(t *testing.T, user string) (client.Client, *warnings) {
	t.Helper()
	config, heard := controlplane.Need(t, cluster), &warnings{}
	config.WarningHandler = heard
	if user != "" {
		config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	}
	c, err := client.New(config, client.Options{})
	require.NoError(t, err)
	return c, heard
}

type warnings []string

func (w *warnings) HandleWarningHeader(_ int, _, text string) { *w = append(*w, text) }

// policed installs config/default and returns a namespace in which the users have their roles, once the policies are enforced.
func policed(t *testing.T) string {
	t.Helper()
	admin, _ := as(t, "")
	install(t, admin)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "policed-"}}
	require.NoError(t, admin.Create(t.Context(), namespace))
	roles := map[string][]string{
		editor: {"engineenvironment-editor", "engineenvironment-viewer"}, approver: {"approver"}, otherApprover: {"approver"},
		lead: {"engineenvironment-editor", "approver"}, named: {"engineenvironment-editor", "engineenvironment-viewer"},
	}
	for user, names := range roles {
		for _, name := range names {
			bind(t, admin, namespace.Name, user, rbacv1.RoleRef{Kind: "ClusterRole", Name: "engine-operator-" + name})
		}
	}
	require.NoError(t, admin.Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: "production"},
		Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{"railway.engine-operator.dev"}, Resources: []string{"engineenvironments"},
			ResourceNames: []string{"production"}, Verbs: []string{"approve"},
		}},
	}))
	bind(t, admin, namespace.Name, named, rbacv1.RoleRef{Kind: "Role", Name: "production"})
	enforced(t, namespace.Name)
	return namespace.Name
}

func bind(t *testing.T, admin client.Client, namespace, user string, role rbacv1.RoleRef) {
	t.Helper()
	role.APIGroup = rbacv1.GroupName
	require.NoError(t, admin.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "test-"}, RoleRef: role,
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
	}))
}

// enforced waits until the API server has taken up both policies and the rights of the users, which it does on its own time.
func enforced(t *testing.T, namespace string) {
	t.Helper()
	c, heard := as(t, lead)
	require.Eventually(t, func() bool {
		object := promoted(t, namespace, "probe", approvalOf+"somebody-else}}")
		refused := c.Create(t.Context(), object, client.DryRunAll)
		err := c.Create(t.Context(), running(t, namespace, "ghcr.io/acme/ai-engine"), client.DryRunAll)
		return apierrors.IsForbidden(refused) && err == nil && len(*heard) > 0
	}, 30*time.Second, 100*time.Millisecond)
}

// promoted is a tier whose promotions a person must approve, with a patch over it.
func promoted(t *testing.T, namespace, name, patch string) *unstructured.Unstructured {
	t.Helper()
	object := tier(t, namespace, name, `
tier: Production
railway: {projectID: 0bb01547-570d-4109-a5e8-138691f6a2d1, tokenSecretRef: {name: railway}}
engine: {name: ai-engine}
promotion: {from: preview, approval: Manual}
`)
	if patch != "" {
		var over struct {
			Metadata struct {
				Annotations map[string]string `json:"annotations"`
			} `json:"metadata"`
		}
		require.NoError(t, yaml.UnmarshalStrict([]byte(patch), &over))
		object.SetAnnotations(over.Metadata.Annotations)
	}
	return object
}

func tier(t *testing.T, namespace, name, spec string) *unstructured.Unstructured {
	t.Helper()
	var fields map[string]any
	require.NoError(t, yaml.UnmarshalStrict([]byte(spec), &fields))
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "railway.engine-operator.dev/v1alpha1", "kind": "EngineEnvironment",
		"metadata": map[string]any{"namespace": namespace, "name": name}, "spec": fields,
	}}
}

func mergePatch(t *testing.T, patch string) client.Patch {
	t.Helper()
	raw, err := yaml.YAMLToJSONStrict([]byte(patch))
	require.NoError(t, err)
	return client.RawPatch(types.MergePatchType, raw)
}

// TestApproval holds who may approve a promotion, in whose name, and that nobody else is hindered.
func TestApproval(t *testing.T) {
	const (
		verb      = "approving a promotion needs the verb approve on engineenvironments in namespace "
		name      = "the annotation railway.engine-operator.dev/approved-by must name the user who approves: set it to "
		loosening = "giving up spec.promotion.approval: Manual needs the verb approve on engineenvironments in namespace "
		plan      = "approving a plan needs the verb approve on engineenvironments in namespace "
		planless  = "giving up spec.writePolicy: Approve needs the verb approve on engineenvironments in namespace "
		withdraw  = `metadata: {annotations: {railway.engine-operator.dev/approve: null, railway.engine-operator.dev/approved-by: null}}`
	)
	cases := []struct{ object, before, user, patch, want, reason string }{
		{"production", "", approver, approvalOf + approver + "}}", "", "an approver in the own name"},
		{"production", "", lead, approvalOf + lead + "}}", "", "whatever else the approver may do"},
		{"production", "", editor, approvalOf + editor + "}}", verb, "who may only edit may not approve"},
		{"production", "", editor, approvalOf + approver + "}}", verb, "in nobody's name"},
		{"production", "", approver, approvalOf + otherApprover + "}}", name + approver, "an approver in another's name"},
		{"production", "", approver, approvalOf + `""}}`, name + approver, "or in none"},
		{"production", "", approver, `metadata: {annotations: {railway.engine-operator.dev/approved-by: ` + approver + `}}`, "", "a name approves nothing"},
		{"production", "", editor, `metadata: {annotations: {railway.engine-operator.dev/approved-by: ` + editor + `}}`, verb, "yet it is no editor's"},
		{"production", "", named, approvalOf + named + "}}", "", "the verb on this object"},
		{"preview", "", named, approvalOf + named + "}}", verb, "is no verb on another"},
		{"production", approver, editor, `spec: {interval: 1m}`, "", "an approval that stands hinders nobody"},
		{"production", approver, editor, `metadata: {labels: {team: a}}`, "", "whatever is edited"},
		{"production", approver, editor, withdraw, "", "anybody may withdraw"},
		{"production", approver, editor, `metadata: {annotations: {railway.engine-operator.dev/approve: null}}`, "", "the name alone approves nothing"},
		{"production", approver, editor, `metadata: {annotations: {railway.engine-operator.dev/approved-by: null}}`, verb, "an approval keeps its name"},
		{"production", approver, editor, `metadata: {annotations: {railway.engine-operator.dev/approved-by: ` + editor + `}}`, verb, "and its own"},
		{"production", approver, editor, approvalOther + "}}", verb, "an approval is for one source"},
		{"production", approver, otherApprover, approvalOther + "}}", name + otherApprover, "a new one is not in the old one's name"},
		{"production", approver, otherApprover, approvalOther + ", railway.engine-operator.dev/approved-by: " + otherApprover + "}}", "", "but in the new one's"},
		{"production", approver, operator, `metadata: {finalizers: [railway.engine-operator.dev/finalizer]}`, "", "the operator's own patch"},
		{"production", "", operator, approvalOf + `"` + operator + `"}}`, verb, "the operator approves nothing"},
		{"production", "", editor, `metadata: {annotations: {railway.engine-operator.dev/resume: again}}`, "", "trying again approves nothing new"},
		{"production", "", editor, `spec: {promotion: {approval: Automatic}}`, loosening, "an edit is no way round"},
		{"production", "", editor, `spec: {promotion: {approval: null}}`, loosening, "nor leaving it out: the default is Automatic"},
		{"production", "", editor, `spec: {promotion: null, engine: {source: {image: "redis:7"}}}`, loosening, "nor a source of one's own"},
		{"production", "", approver, `spec: {promotion: {approval: Automatic}}`, "", "an approver may"},
		{"production", "", editor, `metadata: {annotations: {railway.engine-operator.dev/approve-plan: 3f1c8a745d3e}}`, plan, "who may only edit approves no plan"},
		{"production", "", approver, `metadata: {annotations: {railway.engine-operator.dev/approve-plan: 3f1c8a745d3e}}`, "", "an approver does"},
		{"planned", "", editor, `spec: {writePolicy: Apply}`, planless, "an edit is no way round that either"},
		{"planned", "", editor, `spec: {writePolicy: null}`, planless, "nor leaving it out: the default is Apply"},
		{"planned", "", editor, `spec: {writePolicy: Observe}`, planless, "nor two edits, by way of Observe"},
		{"planned", "", approver, `spec: {writePolicy: Apply}`, "", "an approver may"},
		{"production", "", editor, `spec: {promotion: {soak: 1h}}`, "", "the rest of the promotion is the editor's"},
	}
	namespace := policed(t)
	for _, tc := range cases {
		t.Run(tc.reason, func(t *testing.T) {
			object := existing(t, namespace, tc.object, tc.before)
			c, _ := as(t, tc.user)
			err := c.Patch(t.Context(), object, mergePatch(t, tc.patch), client.DryRunAll)
			if tc.want == "" {
				require.NoError(t, err, tc.reason)
				return
			}
			require.True(t, apierrors.IsForbidden(err), "%s: %v", tc.reason, err)
			assert.ErrorContains(t, err, tc.want, tc.reason)
		})
	}
	t.Run("create", func(t *testing.T) { approvedAtCreation(t, namespace, verb) })
	t.Run("status", func(t *testing.T) { approvedByStatus(t, namespace) })
}

// existing makes the object anew, with an approval in the name of the user, if any.
func existing(t *testing.T, namespace, name, approvedBy string) *unstructured.Unstructured {
	t.Helper()
	admin, _ := as(t, "")
	object := promoted(t, namespace, name, "")
	if name == "preview" {
		require.NoError(t, unstructured.SetNestedField(object.Object, "dev", "spec", "promotion", "from"))
	}
	if name == "planned" {
		require.NoError(t, unstructured.SetNestedField(object.Object, "Approve", "spec", "writePolicy"))
	}
	require.NoError(t, admin.Create(t.Context(), object))
	t.Cleanup(func() { assert.NoError(t, admin.Delete(context.WithoutCancel(t.Context()), object)) })
	if approvedBy != "" {
		c, _ := as(t, approvedBy)
		require.NoError(t, c.Patch(t.Context(), object.DeepCopy(), mergePatch(t, approvalOf+approvedBy+"}}")))
	}
	return object
}

func approvedAtCreation(t *testing.T, namespace, verb string) {
	t.Helper()
	c, _ := as(t, editor)
	require.NoError(t, c.Create(t.Context(), promoted(t, namespace, "new", ""), client.DryRunAll))
	assert.ErrorContains(t, c.Create(t.Context(), promoted(t, namespace, "new", approvalOf+editor+"}}"), client.DryRunAll), verb,
		"an object cannot be born approved")
	c, _ = as(t, lead)
	assert.NoError(t, c.Create(t.Context(), promoted(t, namespace, "new", approvalOf+lead+"}}"), client.DryRunAll), "but by who may")
}

// approvedByStatus holds that the status, which the policy does not match, is no way to an annotation.
func approvedByStatus(t *testing.T, namespace string) {
	t.Helper()
	object := existing(t, namespace, "production", "")
	c, _ := as(t, operator)
	require.NoError(t, c.Status().Patch(t.Context(), object, mergePatch(t, approvalOf+`"`+operator+`"}}`)))
	admin, _ := as(t, "")
	require.NoError(t, admin.Get(t.Context(), client.ObjectKeyFromObject(object), object))
	assert.Empty(t, object.GetAnnotations())
}

func running(t *testing.T, namespace, image string) *unstructured.Unstructured {
	t.Helper()
	return tier(t, namespace, "running", `
tier: Preview
railway: {projectID: 0bb01547-570d-4109-a5e8-138691f6a2d1, tokenSecretRef: {name: railway}}
engine: {name: ai-engine, source: {image: "`+image+`"}}
`)
}

// TestImageVersions holds that a tag which moves is warned of, when somebody writes it and where it runs.
func TestImageVersions(t *testing.T) {
	namespace := policed(t)
	warning := func(images string) []string {
		return []string{"Validation failed for ValidatingAdmissionPolicy 'engine-operator-image-versions' with binding " +
			"'engine-operator-image-versions': what " + images + " means changes with each push, and Production refuses it: " +
			"give it a tag other than latest, or a digest"}
	}
	cases := []struct {
		image, services, reason string
		want                    []string
	}{
		{"ghcr.io/acme/ai-engine:1.4.2", `[{name: redis, source: {image: "redis:7"}}]`, "versions", nil},
		{candidate, `[{name: worker, source: {repo: acme/worker}}]`, "a digest, and no image", nil},
		{"ghcr.io/acme/ai-engine:latest", `[]`, "latest", warning("ghcr.io/acme/ai-engine:latest")},
		{
			"host:5000/ai-engine", `[{name: redis, source: {image: redis}}, {name: db, source: {image: "postgres:17"}}]`,
			"a port is no tag", warning("host:5000/ai-engine, redis"),
		},
	}
	for _, tc := range cases {
		t.Run(tc.image, func(t *testing.T) {
			object := running(t, namespace, tc.image)
			var services []any
			require.NoError(t, yaml.Unmarshal([]byte(tc.services), &services))
			require.NoError(t, unstructured.SetNestedSlice(object.Object, services, "spec", "services"))
			c, heard := as(t, editor)
			require.NoError(t, c.Create(t.Context(), object, client.DryRunAll))
			assert.ElementsMatch(t, tc.want, *heard, tc.reason)
		})
	}
	t.Run("later writes", func(t *testing.T) { warnsOnce(t, namespace) })
}

// warnsOnce holds that a write of something else says nothing: the operator's log would fill.
func warnsOnce(t *testing.T, namespace string) {
	t.Helper()
	object := running(t, namespace, "redis")
	c, heard := as(t, lead)
	require.NoError(t, c.Create(t.Context(), object))
	assert.Len(t, *heard, 1)
	c, heard = as(t, operator)
	require.NoError(t, c.Patch(t.Context(), object, mergePatch(t, `metadata: {finalizers: [railway.engine-operator.dev/finalizer]}`)))
	assert.Empty(t, *heard)
	c, heard = as(t, editor)
	require.NoError(t, c.Patch(t.Context(), object, mergePatch(t, `spec: {interval: 1m}`)))
	assert.Len(t, *heard, 1, "an edit of the spec hears it again")
}
