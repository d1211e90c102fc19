// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/controlplane"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/testbed"
)

// bareNamespace is where the bare client's objects are; the operator is stopped by then.
const bareNamespace = "bare"

// work is what a convergence takes: requests to Railway by operation, and writes to Kubernetes.
type work struct {
	requests map[string]int
	writes   map[controlplane.Write]int
}

// share is how many of total the i-th of n objects gets, so that all of them together get total.
func share(total, i, n int) int { return total*(i+1)/n - total*i/n }

// bareClient does the operator's work without deciding anything: as many requests and writes, through the same Railway client, by as
// many workers.
type bareClient struct {
	*bench
	railway *railway.Client
	// status is what the operator wrote of one object.
	status v1alpha1.EngineEnvironmentStatus
	// events are sent by one goroutine beside the workers, as client-go's recorder does it for the operator.
	events chan *eventsv1.Event
}

// bare measures what a bare client reaches. The operator is stopped.
func (b *bench) bare(ctx context.Context) error {
	sample, err := b.Get(ctx, namespace, objectName(0))
	if err != nil {
		return err
	}
	b.StopOperator(os.Interrupt)
	if err := errors.Join(b.Sim.SetRequestsPerHour(tokenName, withoutLimit), b.prepare(ctx, bareNamespace)); err != nil {
		return err
	}
	pool, err := railway.NewPool(railway.Options{Endpoint: b.Endpoint, RequestsPerSecond: float64(b.requestsPerSecond), Burst: burst})
	if err != nil {
		return err
	}
	c := &bareClient{bench: b, railway: pool.Client(railway.Credentials{Kind: railway.TokenAccount, Token: token}), status: sample.Status}
	n := min(b.objects, bareAtMost)
	c.events = make(chan *eventsv1.Event, c.eventsOf(n)) // nobody waits for an event
	recorded := make(chan error, 1)
	go func() { recorded <- c.record(ctx) }()
	b.traffic.reset()
	start := time.Now()
	err = parallel(ctx, n, b.concurrency, func(ctx context.Context, i int) error { return c.converge(ctx, i, n) })
	took := time.Since(start)
	close(c.events)
	if err = errors.Join(err, <-recorded); err != nil {
		return err
	}
	b.result.BareClientObjectsPerSecond = rate(n, took)
	b.say("%d objects in %s; requests: %v", n, took.Round(time.Millisecond), b.traffic.counted().requests)
	return nil
}

// record sends the events, until there are no more.
func (c *bareClient) record(ctx context.Context) error {
	var failed error
	for event := range c.events {
		if failed == nil {
			failed = c.Client.Create(ctx, event)
		}
	}
	return failed
}

// converge creates the i-th object of n and does the operator's work for it: a write to Kubernetes before each request, as the
// operator announces what it does.
func (c *bareClient) converge(ctx context.Context, i, n int) error {
	object := newObject(c.objects+i, bareNamespace, c.interval)
	if err := c.Client.Create(ctx, object); err != nil {
		return err
	}
	requests, writes := c.requests(i, n), c.kinds(i, n)
	at := &place{projectID: projectID(c.objects + i)}
	for step := range max(len(requests), len(writes)) {
		if step < len(writes) {
			if err := c.write(ctx, object, writes[step], step); err != nil {
				return fmt.Errorf("%s of %s: %w", writes[step], object.Name, err)
			}
		}
		if step < len(requests) {
			if err := c.insist(ctx, requests[step], at); err != nil {
				return err
			}
		}
	}
	return nil
}

// writesFirst is the order of the operations that change something; everything else reads, and comes after them.
var writesFirst = []string{"ReadProject", "CreateEnvironment", "CreateService", "CreateRailwayDomain", "CommitPatch"}

// requests are the operations of the i-th of n objects, in order.
func (c *bareClient) requests(i, n int) []string {
	var list []string
	order := slices.Clone(writesFirst)
	for _, operation := range slices.Sorted(maps.Keys(c.convergence.requests)) {
		if !slices.Contains(order, operation) {
			order = append(order, operation)
		}
	}
	for _, operation := range order {
		// The work was that of all objects of the fleet; there may be fewer here.
		for k := range share(c.convergence.requests[operation]*n/c.fleet.objects, i, n) {
			if k > 0 && strings.HasPrefix(operation, "Create") {
				operation = "ReadProject" // the operator repeated a create that Railway had refused as too frequent: there is only one to make
			}
			list = append(list, operation)
		}
	}
	return list
}

// eventsOf is how many events the first n objects get.
func (c *bareClient) eventsOf(n int) int {
	return testbed.Sort(c.convergence.writes, testbed.OperatorUser).Events*n/c.fleet.objects + n
}

// kinds are the resources that are written for the i-th of n objects.
func (c *bareClient) kinds(i, n int) []string {
	var list []string
	for write, total := range c.convergence.writes {
		if write.User != testbed.OperatorUser || write.Resource == "leases" {
			continue
		}
		for range share(total*n/c.fleet.objects, i, n) {
			list = append(list, write.Resource)
		}
	}
	slices.Sort(list)
	return list
}

// insist sends one request, again when Railway or the budget says that it came too early, as the operator does.
func (c *bareClient) insist(ctx context.Context, operation string, at *place) error {
	for {
		err := c.ask(ctx, operation, at)
		if railway.ClassOf(err) != railway.RateLimited {
			return err
		}
		if err := sleep(ctx, min(railway.RetryAfter(err), time.Second)); err != nil {
			return err
		}
	}
}

// place is what an object has on Railway by now.
type place struct{ projectID, environmentID, serviceID string }

// ask sends one request. Whatever the operator read otherwise is a read of the environment here.
func (c *bareClient) ask(ctx context.Context, operation string, at *place) error {
	switch operation {
	case "ReadProject":
		_, err := c.railway.Project(ctx, at.projectID)
		return err
	case "CreateEnvironment":
		made, err := c.railway.CreateEnvironment(ctx, at.projectID, "dev")
		if err == nil {
			at.environmentID = made.ID
		}
		return err
	case "CreateService":
		id, err := c.railway.CreateService(ctx, at.projectID, at.environmentID, service)
		at.serviceID = id
		return err
	case "CreateRailwayDomain":
		_, err := c.railway.CreateRailwayDomain(ctx, at.environmentID, at.serviceID, 0)
		return err
	case "CommitPatch":
		return c.railway.Commit(ctx, at.environmentID, c.patch(at), "bare client")
	default:
		_, err := c.railway.Environment(ctx, at.projectID, at.environmentID)
		return err
	}
}

// patch is a commit like the operator's: a source and 25 variables.
func (c *bareClient) patch(at *place) model.Tree {
	declared := model.Tree{}
	for n := range variables {
		declared[fmt.Sprintf("VARIABLE_%02d", n)] = model.Tree{"value": "one"}
	}
	return model.Tree{"services": model.Tree{at.serviceID: model.Tree{
		"source": model.Tree{"image": image}, "deploy": model.Tree{"healthcheckPath": "/health"}, "variables": declared,
	}}}
}

// write sends one write to Kubernetes, of about the size of the operator's.
func (c *bareClient) write(ctx context.Context, object *v1alpha1.EngineEnvironment, resource string, step int) error {
	name := fmt.Sprintf("%s-%d", object.Name, step)
	switch {
	case resource == "events":
		now := metav1.NowMicro()
		c.events <- &eventsv1.Event{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: bareNamespace}, EventTime: now, ReportingController: "bare", ReportingInstance: "bare",
			// A client that creates an object takes its kind away.
			Regarding: corev1.ObjectReference{
				APIVersion: v1alpha1.GroupVersion.String(), Kind: "EngineEnvironment", Namespace: bareNamespace, Name: object.Name,
			},
			Action: "Commit", Reason: "Committed", Type: "Normal", Note: "Committed to Railway: set " + strings.Repeat("a variable, ", 10),
		}
		return nil
	case resource == "controllerrevisions":
		return c.Client.Create(ctx, &appsv1.ControllerRevision{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: bareNamespace}, Revision: 1,
			Data: runtime.RawExtension{Raw: []byte(`{"engine":"` + strings.Repeat("x", 1500) + `"}`)},
		})
	case strings.HasSuffix(resource, "/status"):
		before := object.DeepCopy()
		object.Status = *c.status.DeepCopy()
		object.Status.Conditions[0].Message = fmt.Sprintf("step %d", step)
		return c.Client.Status().Patch(ctx, object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	default:
		before := object.DeepCopy()
		object.Annotations = map[string]string{"step": name}
		return c.Client.Patch(ctx, object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	}
}
