// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// play does one step.
func (w *walk) play(ctx context.Context, s step) error {
	switch s.Do {
	case doApply:
		return w.apply(ctx, s.Object, s.Spec)
	case doDelete:
		return w.remove(ctx, s.Object)
	case doSecret:
		return w.set(ctx, "Secret", s.Object, s.Name, s.Value)
	case doConfigMap:
		return w.set(ctx, "ConfigMap", s.Object, s.Name, s.Value)
	case doPoke:
		return w.poke(ctx, s.Object)
	case doFault:
		if s.Fault.Kind == railwaysim.FaultApplyError { // what could not be applied is tried again
			w.touch(touch{what: "a commit that Railway could not apply"})
		}
		return w.sim.AddFault(*s.Fault)
	case doAPI:
		w.replica(s.Replica).do(func(r *replica) {
			switch s.Kind {
			case apiConflict, apiError, apiTooMany, apiLost:
				r.api.next(s.Kind, s.N, 0)
			default:
				r.api.next(s.Kind, 0, time.Duration(s.N)*time.Millisecond)
			}
		})
	case doKill:
		w.replica(s.Replica).do(func(r *replica) { r.kill() })
	case doRestart:
		w.replica(s.Replica).do(func(r *replica) { r.stop() })
	default:
		w.human(s)
	}
	return nil
}

func (w *walk) replica(n int) *replica { return w.replicas[n%len(w.replicas)] }

func (w *walk) touch(t touch) {
	w.oracle.mu.Lock()
	defer w.oracle.mu.Unlock()
	t.at = time.Now()
	w.oracle.touches = append(w.oracle.touches, t)
}

// remove deletes an object.
func (w *walk) remove(ctx context.Context, name string) error {
	w.oracle.mu.Lock()
	w.oracle.versions = append(w.oracle.versions, &version{object: name, at: time.Now(), deleted: true})
	w.oracle.mu.Unlock()
	return client.IgnoreNotFound(w.client.Delete(ctx, w.object(name)))
}

// human edits on the dashboard. What cannot be done, because there is nothing to edit, is not done.
func (w *walk) human(s step) {
	environment := objectNamed(s.Object).environment
	place := railwaysim.Place{Project: w.project, Environment: environment, Service: s.Service}
	t := touch{environment: environment, service: s.Service, what: s.Do}
	edits := map[string]func() error{
		doVariable: func() error {
			t.path = "variables." + s.Name
			return w.sim.EditVariable(railwaysim.VariableEdit{Place: place, Name: s.Name, Value: &s.Value})
		},
		doUnowned: func() error {
			t.path = "variables." + s.Name
			return w.sim.EditVariable(railwaysim.VariableEdit{Place: place, Name: s.Name, Value: &s.Value})
		},
		doSettings: func() error {
			for section, raw := range s.Config {
				for _, key := range sortedKeys(raw.(tree)) { //nolint:forcetypeassert // the script's own form
					t.path = section + "." + key
				}
			}
			return w.sim.EditSettings(railwaysim.SettingsEdit{Place: place, Config: s.Config})
		},
		doSeal: func() error {
			t.path = "variables." + s.Name
			return w.sim.SealVariable(railwaysim.VariableEdit{Place: place, Name: s.Name})
		},
		doDeleteService: func() error { return w.sim.DeleteService(place) },
		doDeleteEnv: func() error {
			return w.sim.DeleteEnvironment(place)
		},
		doDomain: func() error {
			return w.sim.AddDomain(railwaysim.DomainEdit{Place: place, Domain: s.Name})
		},
		doCrash: func() error { return w.sim.CrashDeployment(place) },
		doStage: func() error { return w.sim.Stage(railwaysim.SettingsEdit{Place: place, Config: s.Config}) },
		doPush: func() error {
			t = touch{what: s.Do}
			return w.sim.PushImage(railwaysim.ImagePush{Image: s.Name})
		},
	}
	edit := edits[s.Do]
	if edit == nil || environment == "" {
		return
	}
	w.oracle.mu.Lock()
	w.oracle.observe(w.sim.Record())
	t.at = time.Now()
	w.oracle.touches = append(w.oracle.touches, t)
	err := edit()
	w.oracle.touches[len(w.oracle.touches)-1] = t
	if err != nil {
		w.oracle.touches = w.oracle.touches[:len(w.oracle.touches)-1]
	}
	w.oracle.mu.Unlock()
	if err != nil {
		w.trace("    not done: %s", err)
	}
}

// quiet ends every disturbance, waits until the fleet is as declared, and holds that it stays so. It returns how long that took.
func (w *walk) quiet(ctx context.Context) (time.Duration, error) {
	w.sim.ClearFaults()
	for _, r := range w.replicas {
		r.do(func(r *replica) { r.api.heal() })
	}
	w.endPauses()
	if err := w.resume(ctx); err != nil {
		return 0, err
	}
	if w.script.Poke {
		for _, o := range objects {
			if err := w.poke(ctx, o.name); err != nil {
				return 0, err
			}
		}
	}
	start := time.Now()
	var left []string
	for {
		if left = w.unsettled(ctx); len(left) == 0 {
			break
		}
		if time.Since(start) > w.patience {
			w.blame("not as declared %s after everything was quiet: %s", w.patience, strings.Join(left, "; "))
			return time.Since(start), nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	settled := time.Since(start)
	time.Sleep(w.hold / 2) // what is still under way
	before := w.commits()
	time.Sleep(w.hold)
	late := w.commits()[len(before):]
	if left := w.unsettled(ctx); len(left) > 0 {
		w.blame("as declared, and then no more: %s", strings.Join(left, "; "))
	}
	wrong := w.wrongGo(ctx)
	for !w.script.Poke && len(wrong) > 0 && time.Since(start) < w.stale() { // what people did last shows at the next poll
		time.Sleep(100 * time.Millisecond)
		wrong = w.wrongGo(ctx)
	}
	for _, text := range wrong {
		w.blame("%s", text)
	}
	for _, p := range late {
		if reason := w.oracle.late(w.sim.Record(), p); reason != "" {
			w.blame("the operator commits although everything is as declared and quiet: %q, %s: %s", p.Message, reason, asJSON(p.Patch))
		}
	}
	return settled, nil
}

// endPauses starts the replicas anew when Railway has asked for a pause that is longer than the walk's patience allows: pauses are kept in
// memory.
func (w *walk) endPauses() {
	long := func(f *railwaysim.Fault) bool {
		return f.Kind == railwaysim.FaultEdge || time.Duration(f.RetryAfter)*time.Second > w.patience/2
	}
	met := func(r railwaysim.Request) bool {
		return r.Fault == railwaysim.FaultEdge || r.Fault == railwaysim.Fault429
	}
	if !w.script.has(long) || !slices.ContainsFunc(w.sim.Requests(), met) {
		return
	}
	w.trace("the replicas are started anew, to end the pause that Railway asked for")
	for _, r := range w.replicas {
		r.do(func(r *replica) { r.stop() })
	}
}

// stale is for how long after the last disturbance GO may stand that is wrong: until the next poll, which Railway may have put off.
func (w *walk) stale() time.Duration {
	longest := 0
	w.script.has(func(f *railwaysim.Fault) bool { longest = max(longest, f.RetryAfter); return false })
	return min(w.patience, recoverWithin+time.Duration(longest)*time.Second)
}

// wrongGo lists what is GO and not as declared.
func (w *walk) wrongGo(ctx context.Context) []string {
	var wrong []string
	for _, o := range objects {
		object := w.object(o.name)
		if o.environment == "" || w.client.Get(ctx, client.ObjectKeyFromObject(object), object) != nil {
			continue
		}
		verdict, _, _ := unstructured.NestedString(object.Object, "status", "verdict")
		w.oracle.mu.Lock()
		if v := w.oracle.newest(o.name); v != nil && !v.deleted && verdict == "GO" {
			if differences := w.oracle.differences(w.sim.Record(), v, w.oracle.sources[len(w.oracle.sources)-1], true); len(differences) > 0 {
				wrong = append(wrong, fmt.Sprintf("%s: GO at the end, and not as declared: %s", o.name, strings.Join(differences, "; ")))
			}
		}
		w.oracle.mu.Unlock()
	}
	return wrong
}

func (w *walk) blame(format string, args ...any) {
	w.oracle.mu.Lock()
	defer w.oracle.mu.Unlock()
	w.oracle.blame(format, args...)
}

// resume ends what keeps an object from following its spec: suspension.
func (w *walk) resume(ctx context.Context) error {
	for _, o := range objects {
		w.oracle.mu.Lock()
		v := w.oracle.newest(o.name)
		w.oracle.mu.Unlock()
		if v == nil || v.deleted || v.spec["suspend"] != true {
			continue
		}
		spec := replaced(v.spec, projectMark)
		delete(spec, "suspend")
		if err := w.apply(ctx, o.name, spec); err != nil {
			return fmt.Errorf("resume %s: %w", o.name, err)
		}
	}
	return nil
}

// commits are the operator's, in their order.
func (w *walk) commits() []railwaysim.RecordedPatch {
	return slices.DeleteFunc(slices.Clone(w.sim.Record().Patches), func(p railwaysim.RecordedPatch) bool { return p.By != robotUser })
}

// unsettled lists where Railway, or the Local tier's Secret, is not what it must end as.
func (w *walk) unsettled(ctx context.Context) []string {
	env := w.localSecret(ctx)
	there := map[string]bool{}
	for _, o := range objects {
		there[o.name] = w.exists(ctx, o.name)
	}
	w.oracle.mu.Lock()
	defer w.oracle.mu.Unlock()
	record := w.sim.Record()
	var all []string
	for _, o := range objects {
		v := w.oracle.newest(o.name)
		if v != nil && v.deleted && there[o.name] {
			all = append(all, o.name+": deleted, and still there")
		}
		if v == nil || v.deleted {
			continue
		}
		differences := w.oracle.localDifferences(v, env)
		if o.environment != "" {
			differences = w.oracle.finalDifferences(record, v)
		}
		for _, difference := range differences {
			all = append(all, o.name+": "+difference)
		}
	}
	return all
}
