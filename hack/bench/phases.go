// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"k8s.io/utils/ptr"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/controlplane"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/testbed"
)

// meters are what the operator has used so far.
type meters struct {
	cpu time.Duration
	// passes is how often it has looked at an object.
	passes float64
	writes map[controlplane.Write]int
}

func (b *bench) read(ctx context.Context) (m meters, err error) {
	if m.cpu, err = cpuTime(b.Operator().PID()); err != nil {
		return m, err
	}
	if m.passes, err = metric(ctx, b.metrics, "controller_runtime_reconcile_total"); err != nil {
		return m, err
	}
	m.writes, err = b.Audit.Writes()
	return m, err
}

// first applies all objects and waits until they are GO.
func (b *bench) first(ctx context.Context) error {
	before, err := b.read(ctx)
	if err != nil {
		return err
	}
	b.traffic.reset()
	go b.profile(ctx, fmt.Sprintf("profile?seconds=%.0f", b.profileFor().Seconds()), "cpu-first")
	go b.profileSelf(ctx, "cpu-first-railway")
	start := time.Now()
	if err := parallel(ctx, b.objects, b.concurrency, func(ctx context.Context, i int) error {
		return b.Client.Create(ctx, newObject(i, namespace, b.interval))
	}); err != nil {
		return err
	}
	b.say("all objects applied")
	done, err := b.allGood(ctx, 2*time.Minute+time.Duration(b.objects)*500*time.Millisecond)
	if err != nil {
		return err
	}
	good, last := b.count()
	if !done {
		return fmt.Errorf("%d of %d objects became GO", good, b.objects)
	}
	after, err := b.read(ctx)
	if err != nil {
		return err
	}
	b.converged(before, after, last.Sub(start))
	return b.quiet(ctx)
}

// converged notes what the first convergence took.
func (b *bench) converged(before, after meters, took time.Duration) {
	c := b.traffic.counted()
	b.convergence = work{requests: c.needed, writes: controlplane.Since(before.writes, after.writes)}
	kinds, r := testbed.Sort(b.convergence.writes, testbed.OperatorUser), &b.result
	r.ReadySeconds, r.ObjectsPerSecond = rounded(took), rate(b.objects, took)
	r.OperatorCPUSecondsPerObject = per((after.cpu - before.cpu).Seconds(), b.objects)
	r.PassesPerObjectFirst = per(after.passes-before.passes, b.objects)
	r.RequestsPerObjectFirst = per(float64(sum(c.needed)), b.objects)
	batches := 0
	for _, operation := range []string{"ReadEnvironment", "ReadEnvironments", "ReadLogs", "ReadManyLogs"} {
		batches += c.needed[operation]
	}
	r.BatchesPerObjectFirst = per(float64(batches), b.objects)
	r.KubernetesWritesPerObjectFirst = per(float64(kinds.Objects), b.objects)
	r.EventsPerObjectFirst = per(float64(kinds.Events), b.objects)
	b.say("GO after %s; requests without routine polls: %v of %d", took.Round(time.Millisecond), c.needed, c.total)
	b.say("writes: %v", byResource(b.convergence.writes))
}

// byResource are the operator's writes by what was written and how.
func byResource(writes map[controlplane.Write]int) map[string]int {
	counts := map[string]int{}
	for write, n := range writes {
		if write.User == testbed.OperatorUser {
			counts[write.Verb+" "+write.Resource] += n
		}
	}
	return counts
}

// quiet waits until nothing has been written to Kubernetes for five seconds.
func (b *bench) quiet(ctx context.Context) error {
	last, err := b.writes()
	if err != nil {
		return err
	}
	since := time.Now()
	done, err := b.wait(ctx, 2*time.Minute, func() (bool, string) {
		now, failed := b.writes()
		if failed != nil || now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 5*time.Second, "waits until nothing is written to Kubernetes"
	})
	if err == nil && !done {
		b.say("writes to Kubernetes do not end")
	}
	return err
}

// steady lets at least two intervals pass on a Pro token, until each environment was read twice; one and once where only counts matter.
func (b *bench) steady(ctx context.Context) error {
	if err := b.Sim.SetRequestsPerHour(tokenName, proLimit); err != nil {
		return err
	}
	before, err := b.writes()
	if err != nil {
		return err
	}
	used, err := cpuTime(b.Operator().PID())
	if err != nil {
		return err
	}
	times := 2
	if b.Counts {
		times = 1
	}
	b.traffic.reset()
	go b.profile(ctx, fmt.Sprintf("profile?seconds=%.0f", b.interval.Seconds()), "cpu-steady")
	start := time.Now()
	done, err := b.wait(ctx, b.steadyAtMost, func() (bool, string) {
		read := b.traffic.counted().atLeast(times)
		return read == b.objects && time.Since(start) > time.Duration(times)*b.interval,
			fmt.Sprintf("interval %s; %d of %d environments were read often enough", b.interval, read, b.objects)
	})
	if err != nil {
		return err
	}
	if !done {
		b.incomplete("viewAgeP99Seconds")
	}
	took, c := time.Since(start), b.traffic.counted()
	usedSince, err := cpuTime(b.Operator().PID())
	if err != nil {
		return err
	}
	after, err := b.writes()
	if err != nil {
		return err
	}
	b.result.SteadyCPUSecondsPerObjectHour = per((usedSince-used).Seconds()/took.Hours(), b.objects)
	b.result.StatusWritesSteady = after.Objects - before.Objects
	b.result.RequestsPerObjectPoll = per(float64(c.total), max(c.reads, 1))
	b.result.ViewAgeP99Seconds = percentile(b.traffic.ages(b.allEnvironments(), time.Now()), 0.99)
	b.say("requests: %v, %d environments read", c.requests, c.reads)
	if err := b.settled(ctx); err != nil {
		return err
	}
	b.profile(ctx, "heap?gc=1", "heap-settled")
	return nil
}

// settled notes the memory of the settled fleet.
func (b *bench) settled(ctx context.Context) error {
	rss, peak, err := memory(b.Operator().PID())
	if err != nil {
		return err
	}
	b.result.RSSBytesPerObject, b.result.PeakRSSBytes = (rss-b.idleRSS)/int64(b.objects), peak
	goroutines, err := metric(ctx, b.metrics, "go_goroutines")
	b.result.Goroutines = int(goroutines)
	return err
}

// sample is how many objects a phase changes.
func (b *bench) sample(atMost int) int { return max(1, min(atMost, b.objects/5)) }

// at is the i-th of n objects spread over the fleet.
func (b *bench) at(i, n int) int { return i * b.objects / n }

// edits edits specs one after the other within one interval, so that polls of all the others are on their way.
func (b *bench) edits(ctx context.Context) error {
	n := b.sample(100)
	var took []time.Duration
	for i := range n {
		index, start := b.at(i, n), time.Now()
		environment := b.environment(index)
		if err := b.change(ctx, index, func(o *v1alpha1.EngineEnvironment) { o.Spec.Engine.Variables[0].Value = ptr.To("two") }); err != nil {
			return err
		}
		at, err := b.awaitCommit(ctx, environment, start, time.Minute)
		if err != nil {
			return err
		}
		took = append(took, at.Sub(start))
		if err := sleep(ctx, min(b.interval, 30*time.Second)/time.Duration(n)-time.Since(start)); err != nil {
			return err
		}
	}
	b.result.EditToCommitP50Seconds, b.result.EditToCommitP99Seconds = percentile(took, 0.5), percentile(took, 0.99)
	return b.good(ctx)
}

// good waits until all are GO again after a change.
func (b *bench) good(ctx context.Context) error {
	done, err := b.allGood(ctx, 5*time.Minute)
	if err == nil && !done {
		err = errors.New("not all objects became GO again")
	}
	return err
}

// awaitCommit returns when the environment's next commit arrived; the bound when none did.
func (b *bench) awaitCommit(ctx context.Context, environment string, since time.Time, atMost time.Duration) (time.Time, error) {
	at := since.Add(atMost)
	_, err := b.wait(ctx, atMost, func() (bool, string) {
		arrived, ok := b.traffic.committed(environment, since)
		if ok {
			at = arrived
		}
		return ok, "waits for a commit"
	})
	return at, err
}

// repairs edits variables on the dashboard at ten moments of an interval, and waits until the operator has undone each.
func (b *bench) repairs(ctx context.Context) error {
	n := b.sample(10)
	edited := make([]time.Time, n)
	for i := range n {
		edited[i] = time.Now()
		err := b.Sim.EditVariable(railwaysim.VariableEdit{
			Place: railwaysim.Place{Project: objectName(b.at(i, n)), Environment: "dev", Service: service}, Name: "VARIABLE_01", Value: ptr.To("by hand"),
		})
		if err != nil {
			return err
		}
		if err := sleep(ctx, b.interval/time.Duration(n)); err != nil {
			return err
		}
	}
	took := make([]time.Duration, n)
	atMost := 3*b.interval + time.Duration(b.result.ViewAgeP99Seconds*2)*time.Second
	for i := range n {
		at, err := b.awaitCommit(ctx, b.environment(b.at(i, n)), edited[i], atMost)
		if err != nil {
			return err
		}
		if took[i] = at.Sub(edited[i]); took[i] >= atMost {
			b.incomplete("repairSeconds")
		}
	}
	b.result.RepairSeconds = percentile(took, 0.99)
	return b.good(ctx)
}

// rolloutWindow is how long rollouts are watched.
const rolloutWindow = time.Minute

// rollouts puts some objects into a rollout that does not end, while a read takes a second.
func (b *bench) rollouts(ctx context.Context) error {
	n := b.sample(10)
	environments := make([]string, n)
	start := time.Now()
	for i := range n {
		environments[i] = b.environment(b.at(i, n))
		if err := b.change(ctx, b.at(i, n), func(o *v1alpha1.EngineEnvironment) { o.Spec.Engine.Source.Image = image + "-stuck" }); err != nil {
			return err
		}
	}
	for _, environment := range environments {
		if _, err := b.awaitCommit(ctx, environment, start, time.Minute); err != nil {
			return err
		}
	}
	if err := b.rollingOut(ctx, environments); err != nil {
		return err
	}
	b.Sim.SetReadLatency(time.Second)
	defer b.Sim.SetReadLatency(b.readLatency)
	b.traffic.follow(environments, time.Now())
	if err := sleep(ctx, rolloutWindow); err != nil {
		return err
	}
	// An environment that was not read any more counts with the time until now.
	gaps := append(b.traffic.counted().gaps, b.traffic.unread(environments, time.Now())...)
	b.result.RolloutPollGapP99Seconds = percentile(gaps, 0.99)
	b.Sim.SetReadLatency(b.readLatency)
	for i := range n {
		if err := b.change(ctx, b.at(i, n), func(o *v1alpha1.EngineEnvironment) { o.Spec.Engine.Source.Image = image }); err != nil {
			return err
		}
	}
	return b.good(ctx)
}

// rollingOut waits until each environment was read once after its commit: from then on the operator knows of the rollout.
func (b *bench) rollingOut(ctx context.Context, environments []string) error {
	b.traffic.reset()
	done, err := b.wait(ctx, time.Minute, func() (bool, string) {
		return b.traffic.readAll(environments), "waits until every rollout was seen"
	})
	if err == nil && !done {
		err = errors.New("not every rollout was seen")
	}
	return err
}

// restart stops the operator in order and starts it again, until each environment was read once.
func (b *bench) restart(ctx context.Context) error {
	if err := b.quiet(ctx); err != nil {
		return err
	}
	if err := b.Sim.SetRequestsPerHour(tokenName, proLimit); err != nil {
		return err
	}
	b.StopOperator(os.Interrupt)
	before, err := b.writes()
	if err != nil {
		return err
	}
	b.traffic.reset()
	start := time.Now()
	if err := b.StartOperator(ctx); err != nil {
		return err
	}
	done, err := b.wait(ctx, b.steadyAtMost, func() (bool, string) {
		c := b.traffic.counted()
		return c.once == b.objects, fmt.Sprintf("%d of %d environments were read since the restart", c.once, b.objects)
	})
	if err != nil {
		return err
	}
	took, c := time.Since(start), b.traffic.counted()
	if !done {
		b.incomplete("restartSeconds", "restartRequestsPerObject", "restartWritesPerObject")
	}
	if err := sleep(ctx, 5*time.Second); err != nil { // what the last read makes the operator write would be written now
		return err
	}
	after, err := b.writes()
	if err != nil {
		return err
	}
	b.result.RestartSeconds = rounded(took)
	b.result.RestartRequestsPerObject = per(float64(c.total), b.objects)
	b.result.RestartWritesPerObject = per(float64(after.Objects-before.Objects), b.objects)
	b.say("requests: %v", c.requests)
	return nil
}
