// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/board/view"
	"github.com/engine-operator/engine-operator/internal/controlplane"
)

// apiServer is a real one, nil with -short.
var apiServer *rest.Config

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard()) // without one controller-runtime complains
	os.Exit(controlplane.ForTests(m, &apiServer))
}

// admin connects to the API server with all rights.
func admin(t *testing.T) (client.Client, *rest.Config) {
	t.Helper()
	config := controlplane.Need(t, apiServer)
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	kube, err := client.New(config, client.Options{Scheme: scheme})
	require.NoError(t, err)
	return kube, config
}

// as is the connection of a user with these verbs on the EngineEnvironments of the namespace, and no other rights.
func as(t *testing.T, kube client.Client, config *rest.Config, namespace, user string, verbs ...string) *rest.Config {
	t.Helper()
	if len(verbs) > 0 {
		role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: user}, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"engineenvironments"}, Verbs: verbs},
		}}
		binding := &rbacv1.RoleBinding{ObjectMeta: role.ObjectMeta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}}}
		require.NoError(t, kube.Create(t.Context(), role))
		require.NoError(t, kube.Create(t.Context(), binding))
	}
	config = rest.CopyConfig(config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	return config
}

// stage puts the fixtures of one engine into a namespace of the API server, as the operator would have left them.
func stage(t *testing.T, kube client.Client, engine, namespace string) {
	t.Helper()
	require.NoError(t, kube.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}))
	for _, object := range engines(t) {
		if object.Namespace != engine {
			continue
		}
		status := object.Status
		object.Namespace, object.UID, object.Generation = namespace, "", 0
		require.NoError(t, kube.Create(t.Context(), object))
		object.Status = status
		require.NoError(t, kube.Status().Update(t.Context(), object), "the fixtures are what the API allows")
	}
}

// runAs runs the board as Run does, until the test ends.
func runAs(t *testing.T, o Options) served {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	out, done := &output{}, make(chan error, 1)
	o.Listen = "127.0.0.1:0"
	go func() { done <- Run(ctx, o, out) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	require.Eventually(t, func() bool { return printed.MatchString(out.String()) }, patience, 10*time.Millisecond)
	found := printed.FindStringSubmatch(out.String())
	return served{host: found[1], token: found[2]}
}

func (s served) offers(t *testing.T, key string) map[string]bool {
	t.Helper()
	_, text := s.call(t, http.MethodGet, "/api/tier?key="+key, nil)
	var found detail
	require.NoError(t, json.Unmarshal([]byte(text), &found), text)
	allowed := map[string]bool{}
	for _, offer := range found.Offers {
		allowed[offer.Action] = offer.Allowed
	}
	return allowed
}

// TestWatchOverTheAPIServer holds that a change in the cluster reaches the page.
func TestWatchOverTheAPIServer(t *testing.T) {
	kube, config := admin(t)
	stage(t, kube, "ai-engine", "watch")
	board := runAs(t, Options{Config: as(t, kube, config, "watch", "watcher", "get", "list", "watch"), Namespace: "watch"})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	next := board.follow(ctx, t)
	_, data := next()
	assert.Equal(t, "watcher", data["user"])
	for len(keysOf(data)) == 0 {
		_, data = next()
	}
	assert.Len(t, keysOf(data), 4)

	object := &v1alpha1.EngineEnvironment{}
	require.NoError(t, kube.Get(ctx, client.ObjectKey{Namespace: "watch", Name: "dev"}, object))
	object.Status.Verdict = v1alpha1.VerdictNoGo
	require.NoError(t, kube.Status().Update(ctx, object))
	for keysOf(data) == nil || keysOf(data)[0] != "watch/dev" || len(keysOf(data)) != 1 {
		_, data = next()
	}
	assert.Equal(t, linkLive, data["link"].(map[string]any)["state"])
}

// TestRights holds that the board offers and writes what its user may, as the API server says, and nothing else.
func TestRights(t *testing.T) {
	kube, config := admin(t)
	const namespace, key = "rights", "rights/production"
	stage(t, kube, "ai-engine", namespace)
	read := []string{"get", "list", "watch"}
	viewer := runAs(t, Options{Config: as(t, kube, config, namespace, "viewer", read...), Namespace: namespace}).ready(t, key)
	editor := runAs(t, Options{Config: as(t, kube, config, namespace, "editor", append(read, "patch")...), Namespace: namespace}).ready(t, key)
	approver := runAs(t, Options{Config: as(t, kube, config, namespace, "approver", append(read, "patch", "approve")...), Namespace: namespace}).ready(t, key)
	production := func() *v1alpha1.EngineEnvironment {
		object := &v1alpha1.EngineEnvironment{}
		require.NoError(t, kube.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "production"}, object))
		return object
	}

	tests := []struct {
		board           served
		approves, edits bool
	}{{viewer, false, false}, {editor, false, true}, {approver, true, true}}
	for _, tt := range tests {
		offers := tt.board.offers(t, key)
		assert.Equal(t, tt.approves, offers[view.ActionApprove])
		assert.Equal(t, tt.edits, offers[view.ActionReconcile])
	}
	for _, board := range []served{viewer, editor} {
		_, code, text := board.act(t, key, view.ActionApprove, "")
		assert.Equal(t, http.StatusForbidden, code, text)
	}
	assert.Empty(t, production().Annotations)

	_, code, text := approver.act(t, key, view.ActionApprove, "")
	require.Equal(t, http.StatusOK, code, text)
	assert.Equal(t, "approver", production().Annotations[v1alpha1.AnnotationApprovedBy], "who the API server knows, not who somebody says to be")
	assert.Equal(t, production().Status.Promotion.Candidate, production().Annotations[v1alpha1.AnnotationApprove])

	_, code, text = editor.act(t, key, view.ActionSuspend, "")
	require.Equal(t, http.StatusOK, code, text)
	assert.True(t, production().Spec.Suspend)
	owner := production().ManagedFields[len(production().ManagedFields)-1].Manager
	assert.Equal(t, string(fieldOwner), owner, "what the board wrote can be told apart")
}

// TestAnotherObjectIsNotMeant holds that a confirmation does not reach an object that was made anew under the same name.
func TestAnotherObjectIsNotMeant(t *testing.T) {
	kube, config := admin(t)
	stage(t, kube, "retrieval", "anew")
	board := runAs(t, Options{Config: config, Namespace: "anew"}).ready(t, "anew/dev")
	answer, text := board.call(t, http.MethodPost, "/api/prepare", prepareRequest{Key: "anew/dev", Action: view.ActionSuspend})
	require.Equal(t, http.StatusOK, answer.StatusCode, text)
	var shown prepared
	require.NoError(t, json.Unmarshal([]byte(text), &shown))

	object := &v1alpha1.EngineEnvironment{}
	require.NoError(t, kube.Get(t.Context(), client.ObjectKey{Namespace: "anew", Name: "dev"}, object))
	require.NoError(t, kube.Delete(t.Context(), object))
	object.ResourceVersion, object.UID = "", ""
	require.NoError(t, kube.Create(t.Context(), object))
	answer, text = board.call(t, http.MethodPost, "/api/confirm", map[string]string{"id": shown.ID})
	assert.Equal(t, http.StatusConflict, answer.StatusCode, text)
	require.NoError(t, kube.Get(t.Context(), client.ObjectKey{Namespace: "anew", Name: "dev"}, object))
	assert.False(t, object.Spec.Suspend)
}

// TestRunSaysWhatIsMissing holds the errors that a person meets first.
func TestRunSaysWhatIsMissing(t *testing.T) {
	kube, config := admin(t)
	nobody := as(t, kube, config, "default", "nobody")
	tests := []struct {
		name    string
		options Options
		says    string
	}{
		{"no cluster", Options{}, "no connection"},
		{"open to others", Options{Config: config, Listen: "0.0.0.0:8090"}, "no loopback address"},
		{"no rights", Options{Config: nobody, Namespace: "default"}, "you may not list EngineEnvironments in namespace default"},
		{"no rights anywhere", Options{Config: nobody, AllNamespaces: true}, "choose one with --namespace"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.ErrorContains(t, Run(t.Context(), tt.options, &output{}), tt.says)
		})
	}
}
