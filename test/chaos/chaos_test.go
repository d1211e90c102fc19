// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package chaos walks at random over what users, people on Railway's dashboard, networks, API servers and kernels do, and holds with an
// oracle that knows nothing of the operator: once specs, people and faults are quiet, every object reaches its declared state and stays
// there, and on the way nothing unowned changed, nothing was made twice, no deployment had no cause, and no verdict said GO of something
// that was not as declared.
//
// A seed is a script of steps. A walk that breaks a promise prints its script, shrunk as far as time allows; -chaos.script plays one
// again. What is seeded is the script: how its steps meet the operator's own is up to the machine.
package chaos

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/engine-operator/engine-operator/internal/controlplane"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
	"github.com/engine-operator/engine-operator/internal/testbed"
)

var (
	seedFlag   = flag.Uint64("chaos.seed", 0, "seed of the first walk; 0 takes the fixed seeds of the short run, and a random one for the soak")
	soakFlag   = flag.Duration("chaos.soak", 0, "walk for so long instead of a few short walks")
	stepsFlag  = flag.Int("chaos.steps", 25, "steps of a walk")
	scriptFlag = flag.String("chaos.script", "", "file with a script to play instead")
	shrinkFlag = flag.Duration("chaos.shrink", 3*time.Minute, "how long a failing script may be shrunk; 0 does not")
	binaryFlag = flag.String("chaos.binary", "", "built operator to run as processes, instead of operators in this process")
)

// shortSeeds are the walks of make test. That of builtSeed runs the built operator as processes: its kills are SIGKILL.
var shortSeeds = []uint64{1, 2, 12, builtSeed}

const builtSeed = 4

// recorded are scripts that found a defect, as a seed made them then: what is drawn has changed since, and so what the seed means.
const recorded = "testdata/*.script"

// quiet takes what servers would log of connections that we cut.
var quiet = log.New(io.Discard, "", 0)

var kube *rest.Config

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
	os.Exit(controlplane.ForTests(m, &kube))
}

// TestWalk plays the short walks, or with -chaos.soak walk after walk.
func TestWalk(t *testing.T) {
	cluster := controlplane.Need(t, kube)
	if *scriptFlag != "" {
		t.Skip("TestScript plays the script")
	}
	schema, err := specSchema()
	require.NoError(t, err)
	if *soakFlag > 0 {
		soak(t, cluster, schema)
		return
	}
	seeds := shortSeeds
	if *seedFlag != 0 {
		seeds = []uint64{*seedFlag}
	}
	t.Parallel()
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			o := options(t, 45*time.Second, 3*time.Second)
			if seed == builtSeed && o.binary == "" { // before the others begin, whose times it would take
				binary, err := testbed.Build(t.Context(), o.dir)
				require.NoError(t, err)
				o.binary = binary
			}
			t.Parallel()
			judge(t, cluster, writeScript(seed, *stepsFlag, schema), o)
		})
	}
}

// TestShortSeeds holds that make test walks with two replicas, kills one of two, and kills a process.
func TestShortSeeds(t *testing.T) {
	schema, err := specSchema()
	require.NoError(t, err)
	killsOfTwo := func(seed uint64) bool {
		s := writeScript(seed, *stepsFlag, schema)
		return s.Replicas == 2 && s.does(doKill)
	}
	assert.True(t, slices.ContainsFunc(shortSeeds, killsOfTwo), "a replica is killed while another one stands by")
	assert.True(t, writeScript(builtSeed, *stepsFlag, schema).does(doKill), "a process is killed")
}

// soak plays what is recorded, and then walks until the time is over. Every second walk waits for polls instead of forcing a pass at its
// end. With -chaos.binary two of four run it, the others run in this process, where the race detector sees them.
func soak(t *testing.T, cluster *rest.Config, schema tree) {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64N(1_000_000)
		for _, file := range recordedScripts(t) {
			t.Run(file, func(t *testing.T) { judge(t, cluster, scriptOf(t, file), options(t, 2*time.Minute, 5*time.Second)) })
		}
	}
	for end := time.Now().Add(*soakFlag); time.Now().Before(end); seed++ {
		s := writeScript(seed, *stepsFlag, schema)
		s.Poke = seed%2 == 0 || s.has(isApplyError) // what Railway refused is tried again after an hour, or by force
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			o := options(t, 2*time.Minute, 5*time.Second)
			if seed/2%2 == 1 {
				o.binary = ""
			}
			judge(t, cluster, s, o)
		})
	}
}

func recordedScripts(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(recorded)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

func scriptOf(t *testing.T, name string) script {
	t.Helper()
	file, err := os.Open(name)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	s, err := readScript(file)
	require.NoError(t, err)
	return s
}

func options(t *testing.T, patience, hold time.Duration) runOptions {
	t.Helper()
	o := runOptions{patience: patience, hold: hold, binary: *binaryFlag, dir: t.TempDir(), trace: func(string, ...any) {}}
	if os.Getenv("TEST_LOG") != "" {
		o.trace = func(format string, args ...any) { t.Logf(time.Now().Format("15:04:05.000 ")+format, args...) }
	}
	return o
}

// TestScript plays a script again.
func TestScript(t *testing.T) {
	if *scriptFlag == "" {
		t.Skip("-chaos.script names one")
	}
	cluster := controlplane.Need(t, kube)
	s := scriptOf(t, *scriptFlag)
	o := options(t, 45*time.Second, 3*time.Second)
	o.trace = func(format string, args ...any) { t.Logf(time.Now().Format("15:04:05.000 ")+format, args...) }
	judge(t, cluster, s, o)
}

// judge plays a script and, when it breaks a promise, prints a short one that still does.
func judge(t *testing.T, cluster *rest.Config, s script, o runOptions) {
	t.Helper()
	r, err := run(t.Context(), cluster, s, o)
	require.NoError(t, err, "seed %d", s.Seed)
	t.Logf("seed %d: %d steps (%d specs refused), %d replicas%s; as declared %s after everything was quiet; %d requests, %d commits, %d deployments",
		s.Seed, len(s.Steps), r.refused, s.Replicas, asProcesses(o), r.settled.Round(100*time.Millisecond), r.requests, r.commits, r.deployments)
	if len(r.problems) == 0 {
		return
	}
	t.Errorf("seed %d breaks promises:\n%s", s.Seed, strings.Join(r.problems, "\n"))
	if *shrinkFlag == 0 {
		return
	}
	s = shrink(s, *shrinkFlag, func(shorter script) bool {
		again, err := run(t.Context(), cluster, shorter, o)
		return err == nil && len(again.problems) > 0
	})
	again, err := run(context.WithoutCancel(t.Context()), cluster, s, o)
	require.NoError(t, err)
	file := filepath.Join(os.TempDir(), fmt.Sprintf("chaos-%d.script", s.Seed))
	require.NoError(t, os.WriteFile(file, []byte(s.String()), 0o600))
	t.Errorf("the script%s, shrunk to %d steps (play it again with -run TestScript -chaos.script=%s), and what it breaks:\n%s%s",
		asProcesses(o), len(s.Steps), file, s, strings.Join(again.problems, "\n"))
}

func asProcesses(o runOptions) string {
	if o.binary == "" {
		return ""
	}
	return " as processes (-chaos.binary)"
}

// shrink takes steps out of a script as long as it still fails, in ever smaller parts (delta debugging), at most for the time given.
func shrink(s script, limit time.Duration, fails func(script) bool) script {
	end := time.Now().Add(limit)
	for size := len(s.Steps) / 2; size >= 1; size /= 2 {
		for at := 0; at < len(s.Steps); {
			if time.Now().After(end) {
				return s
			}
			shorter := s
			shorter.Steps = slices.Delete(slices.Clone(s.Steps), at, min(at+size, len(s.Steps)))
			if fails(shorter) {
				s = shorter
			} else {
				at += size
			}
		}
	}
	return s
}

func TestShrinkFindsTheStepsThatMatter(t *testing.T) {
	var s script
	for i := range 40 {
		s.Steps = append(s.Steps, step{N: i})
	}
	runs := 0
	got := shrink(s, time.Minute, func(s script) bool {
		runs++
		has := func(n int) bool { return slices.ContainsFunc(s.Steps, func(x step) bool { return x.N == n }) }
		return has(3) && has(31)
	})
	assert.Len(t, got.Steps, 2)
	assert.Less(t, runs, 60)
}

func TestScriptsSurviveAFile(t *testing.T) {
	schema, err := specSchema()
	require.NoError(t, err)
	s := writeScript(7, 40, schema)
	read, err := readScript(strings.NewReader("some test's log\n" + s.String()))
	require.NoError(t, err)
	assert.Equal(t, s.String(), read.String())
	assert.Equal(t, s.String(), writeScript(7, 40, schema).String(), "a seed is one script")
	recorded := recordedScripts(t)
	require.NotEmpty(t, recorded)
	for _, file := range recorded { // make soak plays them
		assert.NotEmpty(t, scriptOf(t, file).String(), file)
	}
}

// TestEveryOperationMeetsFaults holds the operations that faults hit against those of the client, and that each is drawn with each kind.
func TestEveryOperationMeetsFaults(t *testing.T) {
	generated, err := os.ReadFile("../../internal/railway/gql/generated.go")
	require.NoError(t, err)
	want := []string{"", "ReadEnvironments", "ReadManyLogs"} // every one; the batches are written by hand
	for _, found := range regexp.MustCompile(`OpName: +"(\w+)"`).FindAllSubmatch(generated, -1) {
		want = append(want, string(found[1]))
	}
	assert.ElementsMatch(t, want, slices.Compact(slices.Sorted(slices.Values(slices.Concat(operations...)))))

	a := &author{rng: rand.New(rand.NewPCG(1, 2))}
	drawn := map[string]bool{}
	for range 5000 {
		f := a.fault()
		drawn[f.Kind], drawn[f.Operation], drawn[fmt.Sprint(f.Kind, f.RetryAfter)] = true, true, true
	}
	for _, kind := range append(railwaysim.FaultKinds(), append(want, "4291", "4293", "42930", "429600")...) {
		assert.True(t, drawn[kind], "%q is never drawn", kind)
	}
}

// TestEveryFieldIsWalked holds that every path of the CRD's spec is generated, but for those that the walk sets itself.
func TestEveryFieldIsWalked(t *testing.T) {
	schema, err := specSchema()
	require.NoError(t, err)
	g := &generator{rng: rand.New(rand.NewPCG(1, 2)), schema: schema, often: 0.5, walked: map[string]bool{}}
	for range 3000 {
		g.spec(objectNamed("preview"))
	}
	for _, path := range paths(schema, "spec") {
		assert.True(t, g.walked[path], "%s is never generated", path)
	}
}

// paths lists every path of a schema.
func paths(schema tree, path string) []string {
	all := []string{path}
	for name, raw := range at(schema, "properties") {
		property, _ := raw.(tree)
		all = append(all, paths(property, path+"."+name)...)
	}
	if items := at(schema, "items"); items != nil {
		all = append(all, paths(items, path+"[]")...)
	}
	return all
}
