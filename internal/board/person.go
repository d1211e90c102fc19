// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/board/view"
	"github.com/engine-operator/engine-operator/internal/cluster"
	"github.com/engine-operator/engine-operator/internal/promotion"
)

const (
	// fieldOwner marks in managedFields what was written with the board.
	fieldOwner = client.FieldOwner("engine-operator-board")
	// eventsAtMost bounds what one tier's history asks for.
	eventsAtMost = 200
)

// person is the user whose rights the board has.
type person struct {
	kube client.Client

	mu   sync.Mutex
	name string
}

func newPerson(ctx context.Context, kube client.Client) *person {
	p := &person{kube: kube}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	_, _ = p.whoami(ctx) // it is asked again when it matters
	return p
}

// whoami returns the name under which the API server knows the user.
func (p *person) whoami(ctx context.Context) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.name != "" {
		return p.name, nil
	}
	review := &authenticationv1.SelfSubjectReview{}
	if err := p.kube.Create(ctx, review); err != nil {
		return "", fmt.Errorf("ask the API server for your user name: %w", err)
	}
	p.name = review.Status.UserInfo.Username
	return p.name, nil
}

func (p *person) nameOrUnknown() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return cmp.Or(p.name, "an unknown user")
}

// may reports whether the user has all verbs on the object, and which one is missing.
func (p *person) may(ctx context.Context, verbs []string, object *v1alpha1.EngineEnvironment) (missing string, err error) {
	for _, verb := range verbs {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Group: v1alpha1.GroupVersion.Group, Version: v1alpha1.GroupVersion.Version, Resource: "engineenvironments",
				Namespace: object.Namespace, Name: object.Name, Verb: verb,
			},
		}}
		if err := p.kube.Create(ctx, review); err != nil {
			return verb, fmt.Errorf("ask the API server whether you may %s: %w", verb, err)
		}
		if !review.Status.Allowed {
			return verb, nil
		}
	}
	return "", nil
}

// apply sends a patch of the object with the user's credentials, or asks only what the API server would say to it.
func (p *person) apply(ctx context.Context, key types.NamespacedName, patch []byte, dryRun bool) error {
	object := &v1alpha1.EngineEnvironment{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
	options := []client.PatchOption{fieldOwner}
	if dryRun {
		options = append(options, client.DryRunAll)
	}
	return p.kube.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), options...)
}

// revision is one that was verified, kept, and can be gone back to.
type revision struct {
	Number int64  `json:"number"`
	Name   string `json:"name"`
	Source string `json:"source"`
	// Ask is what a rollback to it is asked for with.
	Ask string `json:"ask"`
}

// revisions lists what the object can go back to now, the newest first. Of its content only the source is taken.
func (p *person) revisions(ctx context.Context, object *v1alpha1.EngineEnvironment) ([]revision, error) {
	stored, err := cluster.LiveRevisions(ctx, p.kube, object)
	if err != nil {
		return nil, fmt.Errorf("ControllerRevisions: %s", refusal(err))
	}
	found := []revision{}
	for _, s := range promotion.Targets(object, stored) {
		source := s.Content.Engine.Source
		if ask := promotion.Ask(object, stored, s); ask != "" {
			found = append(found, revision{Number: s.Order, Name: promotion.Revision(source), Source: string(promotion.SourceOf(source)), Ask: ask})
		}
	}
	return found, nil
}

// events are the object's events as records of its history.
func (p *person) events(ctx context.Context, object *v1alpha1.EngineEnvironment) ([]view.Record, error) {
	var list corev1.EventList
	err := p.kube.List(ctx, &list, client.InNamespace(object.Namespace), client.Limit(eventsAtMost),
		client.MatchingFields{"involvedObject.uid": string(object.UID)})
	if err != nil {
		return nil, fmt.Errorf("events: %s", refusal(err))
	}
	records := make([]view.Record, 0, len(list.Items))
	for _, event := range list.Items {
		records = append(records, recordOf(event))
	}
	return records, nil
}

func recordOf(event corev1.Event) view.Record {
	at := event.EventTime.Time
	switch {
	case event.Series != nil:
		at = event.Series.LastObservedTime.Time
	case !event.LastTimestamp.IsZero():
		at = event.LastTimestamp.Time
	case at.IsZero():
		at = event.CreationTimestamp.Time
	}
	record := view.Record{At: at.UTC(), What: event.Reason, Detail: event.Message}
	if event.Type == corev1.EventTypeWarning {
		record.Outcome = "bad"
	}
	return record
}

// refusal is what the API server said, without our own wrapping.
func refusal(err error) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return status.Status().Message
	}
	return err.Error()
}
