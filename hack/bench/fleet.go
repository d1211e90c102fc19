// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/testbed"
)

const (
	namespace = "fleet"
	// warmNamespace is where the first object comes and goes before anything is measured.
	warmNamespace = "warm"
	// token belongs to an account, so that one token reaches every project.
	token     = "11111111-1111-4111-8111-111111111111"
	tokenName = "account"
	service   = "ai-engine"
	image     = "ghcr.io/acme/ai-engine:1.4.2"
	// variables of each engine: nine are the tier's own, the others are declared.
	variables = 25
	tierOwn   = 9
)

// fleetSeed has so many projects with an empty environment each.
func fleetSeed(projects int) railwaysim.Seed {
	seed := railwaysim.Seed{
		Workspaces: []railwaysim.SeedWorkspace{{ID: "ws", Name: "acme", Plan: "Pro"}},
		Users:      []railwaysim.SeedUser{{ID: "dana", Name: "Dana", Email: "dana@acme.example"}},
		Tokens:     []railwaysim.SeedToken{{Name: tokenName, Kind: "account", User: "dana", Value: token, RequestsPerHour: withoutLimit}},
		// Thirty seconds between two environments would make the bench wait for Railway's rule, not for the operator.
		Limits: railwaysim.SeedLimits{EnvironmentCreateInterval: ptr.To("0s")},
	}
	for i := range projects {
		seed.Projects = append(seed.Projects, railwaysim.SeedProject{
			ID: projectID(i), Name: objectName(i), Workspace: "ws",
			Environments: []railwaysim.SeedEnvironment{{ID: fmt.Sprintf("11bb1547-570d-4109-a5e8-%012d", i), Name: "production"}},
		})
	}
	return seed
}

func projectID(i int) string  { return fmt.Sprintf("0bb01547-570d-4109-a5e8-%012d", i) }
func objectName(i int) string { return fmt.Sprintf("engine-%05d", i) }

// newObject is the i-th object: a Dev tier with one engine that is reached at a generated domain.
func newObject(i int, inNamespace string, interval time.Duration) *v1alpha1.EngineEnvironment {
	declared := make([]v1alpha1.Variable, 0, variables-tierOwn)
	for n := range variables - tierOwn {
		declared = append(declared, v1alpha1.Variable{Name: fmt.Sprintf("VARIABLE_%02d", n), Value: ptr.To("one")})
	}
	return &v1alpha1.EngineEnvironment{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "EngineEnvironment"},
		ObjectMeta: metav1.ObjectMeta{Name: objectName(i), Namespace: inNamespace},
		Spec: v1alpha1.EngineEnvironmentSpec{
			Tier: v1alpha1.TierDev, Interval: &metav1.Duration{Duration: interval},
			Railway: &v1alpha1.Railway{ProjectID: projectID(i), TokenSecretRef: v1alpha1.LocalReference{Name: "railway"}},
			Engine: v1alpha1.Engine{Service: v1alpha1.Service{
				Name: service, Source: &v1alpha1.Source{Image: image}, Variables: declared,
				Deploy:  &v1alpha1.Deploy{Healthcheck: &v1alpha1.Healthcheck{Path: "/health"}},
				Domains: &v1alpha1.Domains{Railway: true},
			}},
		},
	}
}

// fleet is the objects as the API server has them, seen by a watch.
type fleet struct {
	bed     *testbed.Bed
	traffic *traffic
	objects int

	mu sync.Mutex
	// environments are Railway's ids by object, good the objects that are GO for their newest generation.
	environments map[string]string
	good         map[string]bool
	lastGood     time.Time
}

// watch begins to follow the objects, until ctx ends.
func (f *fleet) watch(ctx context.Context) error {
	objects, err := cache.New(f.bed.Cluster.Config, cache.Options{
		Scheme: f.bed.Client.Scheme(), DefaultNamespaces: map[string]cache.Config{namespace: {}}, DefaultTransform: forgetSpec,
	})
	if err != nil {
		return err
	}
	informer, err := objects.GetInformer(ctx, &v1alpha1.EngineEnvironment{}, cache.BlockUntilSynced(false))
	if err != nil {
		return err
	}
	if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: f.see, UpdateFunc: func(_, object any) { f.see(object) },
	}); err != nil {
		return err
	}
	go func() { _ = objects.Start(ctx) }() // ends with ctx
	if !objects.WaitForCacheSync(ctx) {
		return fmt.Errorf("watch the objects: %w", context.Cause(ctx))
	}
	return nil
}

// forgetSpec keeps of an object what the bench asks for.
func forgetSpec(object any) (any, error) {
	if o, ok := object.(*v1alpha1.EngineEnvironment); ok {
		kept := v1alpha1.EngineEnvironmentStatus{
			Conditions: o.Status.Conditions, ObservedGeneration: o.Status.ObservedGeneration, Verdict: o.Status.Verdict, Railway: o.Status.Railway,
		}
		o.Spec, o.Status, o.ManagedFields = v1alpha1.EngineEnvironmentSpec{}, kept, nil
	}
	return object, nil
}

func (f *fleet) see(object any) {
	o, ok := object.(*v1alpha1.EngineEnvironment)
	if !ok {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if at := o.Status.Railway; at != nil {
		f.environments[o.Name] = at.EnvironmentID
	}
	good := testbed.Go(o)
	if good {
		f.traffic.settle(f.environments[o.Name])
		if !f.good[o.Name] {
			f.lastGood = time.Now()
		}
	}
	f.good[o.Name] = good
}

// count is how many objects are GO, and when the last one became it.
func (f *fleet) count() (good int, last time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, is := range f.good {
		if is {
			good++
		}
	}
	return good, f.lastGood
}

// environment is Railway's id of the i-th object's environment.
func (f *fleet) environment(i int) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.environments[objectName(i)]
}

func (f *fleet) allEnvironments() []string {
	all := make([]string, 0, f.objects)
	for i := range f.objects {
		all = append(all, f.environment(i))
	}
	return all
}

// prepare makes a namespace with the token's Secret.
func (f *fleet) prepare(ctx context.Context, name string) error {
	if err := f.bed.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		return fmt.Errorf("make the namespace %s: %w", name, err)
	}
	return f.bed.Client.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "railway", Namespace: name}, StringData: map[string]string{"RAILWAY_API_TOKEN": token},
	})
}

// change edits the i-th object. Nobody else writes its spec.
func (f *fleet) change(ctx context.Context, i int, edit func(*v1alpha1.EngineEnvironment)) error {
	object, err := f.bed.Get(ctx, namespace, objectName(i))
	if err != nil {
		return err
	}
	before := object.DeepCopy()
	edit(object)
	f.mu.Lock()
	f.good[objectName(i)] = false // until the watch says otherwise
	f.mu.Unlock()
	return f.bed.Client.Patch(ctx, object, client.MergeFrom(before))
}

// parallel calls do for 0 to n-1, a few at once, and returns the first error.
func parallel(ctx context.Context, n, workers int, do func(context.Context, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	indexes := make(chan int)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for i := range indexes {
				if err := do(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		indexes <- i
	}
	close(indexes)
	group.Wait()
	return context.Cause(ctx)
}
