// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/testbed"
)

const (
	// proLimit is what a Pro token may ask for in an hour (docs/railway-api.md, "Rate limits"), withoutLimit more than any phase needs: the
	// first convergence of 10,000 objects does not fit in a Pro token's hour, whoever makes it.
	proLimit     = 10_000
	withoutLimit = 10_000_000
	// deploymentStep makes a rollout last a second, three steps.
	deploymentStep = 300 * time.Millisecond
	// etcdQuota is far above what 10,000 objects with their events need.
	etcdQuota = 6 << 30
	// atMost and atMostEach bound the phases of a size together: what a phase needs whatever the fleet, and for each object. One second
	// per object is three times what the slowest phase took.
	atMost, atMostEach = 20 * time.Minute, time.Second
	// bareAtMost bounds the objects of the bare client: its rate does not depend on how many there are.
	bareAtMost = 300
)

// bench measures one size.
type bench struct {
	setup
	*testbed.Bed
	*fleet
	traffic *traffic
	result  result
	// interval is the objects' spec.interval.
	interval time.Duration
	// metrics and pprof are where the operator serves them.
	metrics, debug string
	started        time.Time
	// convergence is what the first convergence of all objects took.
	convergence work
	idleRSS     int64
}

// intervalFor is how often each object asks to be polled: as often as a Pro token allows with 60% of its hour and 25 environments in
// one request, which is half of what a request reads, but not more often than the API allows.
func intervalFor(objects int) time.Duration {
	perHour := float64(proLimit) * 0.6 * 25
	return max(30*time.Second, time.Duration(float64(objects)/perHour*float64(time.Hour)).Round(time.Second))
}

// size measures one size on its own API server and local Railway. What was measured is returned beside an error, too.
func (s setup) size(ctx context.Context, objects int) (measured result, err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{setup: s, traffic: newTraffic(), interval: intervalFor(objects), started: time.Now(), result: result{Objects: objects}}
	if b.metrics, err = testbed.FreeAddress(); err != nil {
		return result{}, err
	}
	flags := append(b.operatorFlags(), "--metrics-bind-address", b.metrics)
	if s.Profiles != "" {
		if b.debug, err = testbed.FreeAddress(); err != nil {
			return result{}, err
		}
		flags = append(flags, "--pprof-bind-address", b.debug)
	}
	b.Bed, err = testbed.Start(ctx, testbed.Options{
		Dir: dir, Binary: s.Binary, Flags: flags, EtcdQuota: etcdQuota,
		Sim: railwaysim.Options{
			Seed: fleetSeed(objects + min(objects, bareAtMost) + 1), Step: deploymentStep, ReadLatency: s.readLatency, Intercept: b.traffic.observe,
		},
	})
	if err != nil {
		return result{}, err
	}
	b.fleet = &fleet{bed: b.Bed, traffic: b.traffic, objects: objects, environments: map[string]string{}, good: map[string]bool{}}
	bound := atMost + time.Duration(objects)*atMostEach
	ctx, cancel := context.WithTimeoutCause(ctx, bound, fmt.Errorf("all phases together may take %s", bound))
	err = b.phases(ctx)
	cancel()
	err = errors.Join(err, b.others())
	b.result.TookSeconds = rounded(time.Since(b.started))
	if err != nil {
		b.Tail(os.Stderr, 10)
	}
	return b.result, errors.Join(err, b.Stop())
}

// phases measures one thing after the other. The first convergence runs without Railway's limit per hour, all after it with that of
// the Pro plan.
func (b *bench) phases(ctx context.Context) error {
	if err := b.idle(ctx); err != nil {
		return err
	}
	phases := []struct {
		name string
		// times is true when it yields times only.
		times bool
		run   func(context.Context) error
	}{
		{phaseFirst, false, b.first},
		{phaseSteady, false, b.steady},
		{phaseEdits, true, b.edits},
		{phaseRepairs, true, b.repairs},
		{phaseRollouts, true, b.rollouts},
		{phaseRestart, false, b.restart},
		{phaseBare, false, b.bare},
	}
	var failed error
	for _, phase := range phases {
		if failed != nil || b.Counts && (phase.times || phase.name == phaseBare && b.objects < slices.Max(b.Sizes)) {
			b.result.Missing = append(b.result.Missing, ofPhase(phase.name)...)
			continue
		}
		b.say("%s …", phase.name)
		if err := phase.run(ctx); err != nil {
			failed = fmt.Errorf("%s: %w", phase.name, err)
			b.result.Missing = append(b.result.Missing, ofPhase(phase.name)...)
		}
	}
	return failed
}

// others notes what each process but the operator held of the main memory at most.
func (b *bench) others() error {
	processes, err := children()
	if err != nil {
		return err
	}
	name := filepath.Base(b.Binary)
	delete(processes, name[:min(len(name), 15)])
	processes["bench"] = os.Getpid()
	b.result.PeakRSSBytesOfOthers = map[string]int64{}
	for name, pid := range processes {
		_, peak, err := memory(pid)
		if err != nil {
			continue // it has ended since
		}
		b.result.PeakRSSBytesOfOthers[name] = peak
		b.say("%s held %d MB at most", name, peak>>20)
	}
	return nil
}

// warm is the project of the object that comes first: behind those of the fleet and of the bare client.
func (b *bench) warm() int { return b.objects + min(b.objects, bareAtMost) }

// say prints progress.
func (b *bench) say(format string, args ...any) {
	fmt.Printf("  %6s  %s\n", time.Since(b.started).Round(time.Second), fmt.Sprintf(format, args...))
}

// idle starts the operator, lets one object come and go, so that what the first one loads is loaded, and notes what the operator holds
// with no object.
func (b *bench) idle(ctx context.Context) error {
	if err := errors.Join(b.prepare(ctx, namespace), b.prepare(ctx, warmNamespace), b.watch(ctx), b.StartOperator(ctx)); err != nil {
		return err
	}
	if err := b.warmUp(ctx); err != nil {
		return fmt.Errorf("one object that comes and goes: %w", err)
	}
	if err := sleep(ctx, 2*time.Second); err != nil {
		return err
	}
	var err error
	b.idleRSS, _, err = memory(b.Operator().PID())
	return err
}

func (b *bench) warmUp(ctx context.Context) error {
	object := newObject(b.warm(), warmNamespace, b.interval)
	if err := b.Client.Create(ctx, object); err != nil {
		return err
	}
	if err := testbed.Until(ctx, time.Minute, func(ctx context.Context) (bool, error) {
		now, err := b.Get(ctx, warmNamespace, object.Name)
		return err == nil && testbed.Go(now), err
	}); err != nil {
		return err
	}
	if err := b.Client.Delete(ctx, object); err != nil {
		return err
	}
	return testbed.Until(ctx, time.Minute, func(ctx context.Context) (bool, error) {
		_, err := b.Get(ctx, warmNamespace, object.Name)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
}

// incomplete notes that a figure is a lower bound.
func (b *bench) incomplete(figures ...string) {
	b.say("ended at its bound: %v", figures)
	b.result.Incomplete = append(b.result.Incomplete, figures...)
}

// writes is what the operator has written to Kubernetes.
func (b *bench) writes() (testbed.Counts, error) {
	all, err := b.Audit.Writes()
	return testbed.Sort(all, testbed.OperatorUser), err
}

// wait waits until the condition holds, and tells how it stands now and then. It returns false when the time was over.
func (b *bench) wait(ctx context.Context, atMost time.Duration, holds func() (done bool, stand string)) (bool, error) {
	deadline, tell := time.Now().Add(atMost), time.Now().Add(10*time.Second)
	for {
		done, stand := holds()
		switch {
		case done:
			return true, nil
		case time.Now().After(deadline):
			return false, nil
		case time.Now().After(tell):
			b.say("%s", stand)
			tell = time.Now().Add(30 * time.Second)
		}
		select {
		case <-b.Operator().Exited():
			return false, errors.New("the operator has ended by itself")
		default:
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return false, err
		}
	}
}

// allGood waits until every object is GO.
func (b *bench) allGood(ctx context.Context, atMost time.Duration) (bool, error) {
	return b.wait(ctx, atMost, func() (bool, string) {
		good, _ := b.count()
		return good == b.objects, fmt.Sprintf("%d of %d objects are GO", good, b.objects)
	})
}

// profile stores the operator's profiles of a phase, when they are wanted.
func (b *bench) profile(ctx context.Context, path, name string) {
	if b.Profiles == "" {
		return
	}
	file := filepath.Join(b.Profiles, name+"-"+strconv.Itoa(b.objects)+".pprof")
	if err := errors.Join(os.MkdirAll(b.Profiles, 0o750), saveProfile(ctx, b.debug, path, file)); err != nil {
		b.say("no profile: %v", err)
		return
	}
	b.say("profile: %s", file)
}

// profileFor is how long processors are watched: about as long as the first convergence takes.
func (b *bench) profileFor() time.Duration {
	return 20*time.Second + time.Duration(b.objects)*100*time.Millisecond
}

// profileSelf stores how this process, and the local Railway in it, uses the processors in the first seconds of a phase.
func (b *bench) profileSelf(ctx context.Context, name string) {
	if b.Profiles == "" {
		return
	}
	if err := os.MkdirAll(b.Profiles, 0o750); err != nil {
		b.say("no profile: %v", err)
		return
	}
	out, err := os.Create(filepath.Join(b.Profiles, name+"-"+strconv.Itoa(b.objects)+".pprof"))
	if err == nil {
		err = pprof.StartCPUProfile(out)
	}
	if err != nil {
		b.say("no profile: %v", err)
		return
	}
	_ = sleep(ctx, b.profileFor()) // one that is cut off is shorter
	pprof.StopCPUProfile()
	_ = out.Close()
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
