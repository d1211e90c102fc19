// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cluster"
	"github.com/engine-operator/engine-operator/internal/promotion"
)

const alice = "alice@acme.example"

func named(t *testing.T, key string, objects []*v1alpha1.EngineEnvironment) *v1alpha1.EngineEnvironment {
	t.Helper()
	for _, object := range objects {
		if keyOf(object) == key {
			return object
		}
	}
	require.Fail(t, "no object "+key)
	return nil
}

// memory is a client's memory of objects, with one user and their rights.
type memory struct {
	client.WithWatch

	mu sync.Mutex
	// refused are verbs that the user does not have.
	refused map[string]bool
	// watched is true once somebody watches the objects. What changes between a list and its watch is lost here, other than with an
	// API server.
	watched bool
}

// Watch notes that somebody watches.
func (c *memory) Watch(ctx context.Context, list client.ObjectList, o ...client.ListOption) (apiwatch.Interface, error) {
	w, err := c.WithWatch.Watch(ctx, list, o...)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watched = c.watched || err == nil
	return w, err
}

func (c *memory) isWatched() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.watched
}

// IsWatchListSemanticsUnSupported says that a watch does not begin with what is there, as an API server's does.
func (c *memory) IsWatchListSemanticsUnSupported() bool { return true }

func (c *memory) refuse(verbs ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused = map[string]bool{}
	for _, verb := range verbs {
		c.refused[verb] = true
	}
}

func newCluster(t *testing.T, objects ...client.Object) *memory {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	c := &memory{}
	c.WithWatch = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithIndex(&corev1.Event{}, "involvedObject.uid", func(o client.Object) []string {
			event, _ := o.(*corev1.Event)
			return []string{string(event.InvolvedObject.UID)}
		}).
		WithInterceptorFuncs(interceptor.Funcs{Create: c.review}).Build()
	return c
}

// review answers the questions about the user, which no object is made of.
func (c *memory) review(ctx context.Context, to client.WithWatch, object client.Object, o ...client.CreateOption) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch asked := object.(type) {
	case *authenticationv1.SelfSubjectReview:
		asked.Status.UserInfo.Username = alice
		return nil
	case *authorizationv1.SelfSubjectAccessReview:
		asked.Status.Allowed = !c.refused[asked.Spec.ResourceAttributes.Verb]
		return nil
	}
	return to.Create(ctx, object, o...)
}

// change edits an object as the operator would.
func (c *memory) change(t *testing.T, key string, edit func(*v1alpha1.EngineEnvironment)) {
	t.Helper()
	object := c.object(t, key)
	edit(object)
	require.NoError(t, c.Update(t.Context(), object))
}

func (c *memory) object(t *testing.T, key string) *v1alpha1.EngineEnvironment {
	t.Helper()
	namespace, name, _ := strings.Cut(key, "/")
	object := &v1alpha1.EngineEnvironment{}
	require.NoError(t, c.Get(t.Context(), types.NamespacedName{Namespace: namespace, Name: name}, object))
	return object
}

// output collects what Run prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

var printed = regexp.MustCompile(`http://(\S+?)/#token=(\S+)`)

// served is a running board.
type served struct{ host, token string }

func (s served) page() string { return "http://" + s.host + "/#token=" + s.token }

// serveBoard runs the board until the test ends.
func serveBoard(t *testing.T, kube client.WithWatch, o Options) served {
	t.Helper()
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	out, done := &output{}, make(chan error, 1)
	go func() { done <- run(ctx, kube, o, out) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	var found []string
	require.Eventually(t, func() bool {
		found = printed.FindStringSubmatch(out.String())
		return found != nil
	}, time.Minute, 10*time.Millisecond)
	if c, ok := kube.(*memory); ok {
		require.Eventually(t, c.isWatched, time.Minute, 10*time.Millisecond)
	}
	return served{host: found[1], token: found[2]}
}

func allObjects(t *testing.T) []client.Object {
	t.Helper()
	var all []client.Object
	for _, object := range engines(t) {
		all = append(all, object)
	}
	return all
}

// eventsAndRevisions are what the operator leaves beside an object: an event, and two verified revisions.
func eventsAndRevisions(t *testing.T, object *v1alpha1.EngineEnvironment) []client.Object {
	t.Helper()
	kept := func(number int64, tag string) *appsv1.ControllerRevision {
		image := "ghcr.io/acme/" + object.Spec.Engine.Name + ":" + tag
		content := promotion.Content{Engine: v1alpha1.Engine{Service: v1alpha1.Service{Source: &v1alpha1.Source{Image: image}}}}
		return &appsv1.ControllerRevision{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: object.Namespace, Name: object.Name + "-" + content.Hash(), Labels: map[string]string{cluster.LabelOwner: string(object.UID)},
			},
			Data: runtime.RawExtension{Raw: content.Raw()}, Revision: number,
		}
	}
	event := &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Namespace: object.Namespace, Name: object.Name + ".1"},
		InvolvedObject: corev1.ObjectReference{UID: object.UID, Name: object.Name, Namespace: object.Namespace, Kind: "EngineEnvironment"},
		Reason:         "Committed", Message: "Committed to Railway: " + object.Spec.Engine.Name + " 1.4.2", Type: corev1.EventTypeNormal,
		LastTimestamp: metav1.NewTime(time.Now().Add(-212 * time.Hour)),
	}
	return []client.Object{kept(3, "1.4.1"), kept(4, "1.4.2"), event}
}
