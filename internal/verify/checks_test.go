// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const (
	every = 10 * time.Minute
	soon  = 10 * time.Second
)

var (
	epoch  = time.Date(2026, 8, 2, 12, 0, 0, 0, time.UTC)
	atPace = pace{interval: every, soon: soon}
)

func TestBook(t *testing.T) {
	passed, failed := finding{Result: Result{Outcome: Passed}}, finding{Result: Result{Outcome: Failed}}
	blank, early := finding{Result: Result{Outcome: Pending}}, finding{Result: Result{Outcome: Pending}, early: true}
	tests := []struct {
		name, reason string
		found        []finding
		outcome      Outcome
		wait         time.Duration
	}{
		{"passes", "it runs again after the interval", []finding{passed}, Passed, every},
		{"fails at first", "what has never passed fails at once", []finding{failed}, Failed, every},
		{"fails once", "one lost packet is no failure, and the next run tells soon", []finding{passed, failed}, Passed, soon},
		{"fails to the threshold", "three runs in a row", []finding{passed, failed, failed, failed}, Failed, every},
		{"passes in between", "runs in a row are counted", []finding{passed, failed, failed, passed, failed}, Passed, soon},
		{"recovers", "passing once is enough", []finding{failed, passed}, Passed, every},
		{"tells nothing", "nothing is known", []finding{blank}, Pending, soon},
		{"tells nothing twice", "the wait doubles", []finding{blank, blank}, Pending, 2 * soon},
		{"tells nothing thrice", "and again", []finding{blank, blank, blank}, Pending, 4 * soon},
		{"tells nothing for long", "up to the interval", []finding{blank, blank, blank, blank, blank, blank, blank, blank, blank}, Pending, every},
		{"tells nothing after it passed", "what is known stays", []finding{passed, blank}, Passed, soon},
		{"tells nothing after it failed", "what is known stays", []finding{failed, blank}, Failed, soon},
		{"tells nothing, then passes, then nothing", "the wait starts again", []finding{blank, blank, blank, passed, blank}, Passed, soon},
		{"nothing between failures", "it breaks no row", []finding{passed, failed, blank, failed, blank, failed}, Failed, every},
		{"not in the log yet", "lines come soon", []finding{early, early, early, early}, Pending, soon},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check := &tracked{check: Check{Threshold: 3}}
			for i, found := range tt.found {
				check.book(found, epoch.Add(time.Duration(i)*time.Hour), atPace)
			}
			assert.Equal(t, tt.outcome, check.result.Outcome, tt.reason)
			assert.Equal(t, epoch.Add(time.Duration(len(tt.found)-1)*time.Hour+tt.wait), check.due, tt.reason)
		})
	}
}

func TestLongestWait(t *testing.T) {
	check := &tracked{}
	for range 40 {
		check.book(finding{}, epoch, pace{interval: 24 * time.Hour, soon: soon})
	}
	assert.Equal(t, epoch.Add(longestWait), check.due, "however long the interval is")
}

func job(names ...string) Job {
	j := Job{Subject: "d1", Interval: every}
	for _, name := range names {
		j.Checks = append(j.Checks, Check{Name: name, Fingerprint: name, HTTP: &Request{}, Threshold: 2})
	}
	return j
}

// tomorrow is when checks that are known run.
var tomorrow = epoch.Add(24 * time.Hour)

func (o *object) dueNames(now time.Time) (names []string) {
	for _, c := range o.take(now) {
		names = append(names, c.Name)
	}
	return names
}

func (o *object) pass(names ...string) {
	for _, name := range names {
		o.known[name].book(finding{Result: Result{Name: name, Outcome: Passed, At: epoch, Fingerprint: name}}, epoch, atPace)
	}
}

// TestAdopt holds which checks run when a job changes.
func TestAdopt(t *testing.T) {
	tests := []struct {
		name, reason string
		change       func(*Job)
		due          []string
	}{
		{"nothing", "the same job again changes nothing", func(*Job) {}, nil},
		{"one check", "the others are not run for it", func(j *Job) { j.Checks[1].Fingerprint = "new" }, []string{"b"}},
		{"one more", "only it is new", func(j *Job) { j.Checks = append(j.Checks, Check{Name: "c", Fingerprint: "c"}) }, []string{"c"}},
		{"one less", "nothing is to be run", func(j *Job) { j.Checks = j.Checks[:1] }, nil},
		{"forced", "somebody asked", func(j *Job) { j.Forced = "now" }, []string{"a", "b"}},
		{"blame", "it is no other check", func(j *Job) { j.Checks[0].Blames = "Environment" }, nil},
		{"forced while gentle", "somebody asked", func(j *Job) { j.Forced, j.Gentle = "now", true }, []string{"a", "b"}},
		{"forced while asleep", "it would wake", func(j *Job) { j.Forced, j.Checks[0].Unavailable = "now", sleeps }, []string{"b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := begin(job("a", "b"), epoch, tomorrow)
			require.Equal(t, []string{"a", "b"}, o.dueNames(epoch))
			o.pass("a", "b")
			changed := job("a", "b")
			tt.change(&changed)
			o.adopt(changed, epoch)
			assert.Equal(t, tt.due, o.dueNames(epoch), tt.reason)
		})
	}
	t.Run("a shorter interval", func(t *testing.T) {
		o := begin(job("a"), epoch, tomorrow)
		o.pass("a")
		shorter := job("a")
		shorter.Interval = time.Minute
		o.adopt(shorter, epoch)
		assert.Equal(t, []string{"a"}, o.dueNames(epoch.Add(time.Minute)), "it takes effect at once")
	})
}

// TestBegin holds what a verifier that knows nothing of a subject starts with.
func TestBegin(t *testing.T) {
	known := func(outcome Outcome, fingerprint string) Known {
		return Known{Subject: "d1", Results: map[string]KnownResult{
			"a": {Fingerprint: fingerprint, Result: Result{Outcome: outcome, Message: "as before", At: epoch.Add(-time.Hour)}},
		}}
	}
	tests := []struct {
		name, reason string
		known        Known
		change       func(*Job)
		outcome      Outcome
		runs         bool
	}{
		{"nothing known", "it is verified from the start", Known{}, nil, Pending, true},
		{"passed", "a restart changes no verdict", known(Passed, "a"), nil, Passed, false},
		{"failed", "a restart changes no verdict", known(Failed, "a"), nil, Failed, false},
		{"no fingerprint", "it is trusted", known(Passed, ""), nil, Passed, false},
		{"another check", "its result tells nothing of this one", known(Passed, "old"), nil, Pending, true},
		{"undecided", "there is nothing to keep", known(Pending, "a"), nil, Pending, true},
		{"another subject", "its results tell nothing of this one", known(Passed, "a"), func(j *Job) { j.Subject = "d2" }, Pending, true},
		{"forced before", "that was served before the restart", known(Passed, "a"), func(j *Job) { j.Forced, j.Known.Forced = "then", "then" }, Passed, false},
		{"forced since", "somebody asked", known(Passed, "a"), func(j *Job) { j.Forced = "now" }, Passed, true},
		{"gentle", "an engine that sleeps is not woken by a restart", known(Passed, "a"), func(j *Job) { j.Gentle = true }, Passed, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := job("a")
			j.Known = tt.known
			if tt.change != nil {
				tt.change(&j)
			}
			o := begin(j, epoch, tomorrow)
			assert.Equal(t, tt.outcome, o.report().Results[0].Outcome, tt.reason)
			assert.Equal(t, tt.runs, len(o.dueNames(epoch)) > 0, tt.reason)
		})
	}
}

// TestKnownPassedCounts holds that a check that passed before a restart needs its threshold to fail after it.
func TestKnownPassedCounts(t *testing.T) {
	for outcome, want := range map[Outcome]Outcome{Passed: Passed, Failed: Failed} {
		j := job("a")
		j.Known = Known{Subject: "d1", Results: map[string]KnownResult{"a": {Result: Result{Outcome: outcome, At: epoch}}}}
		o := begin(j, epoch, tomorrow)
		o.known["a"].book(finding{Result: Result{Outcome: Failed, At: epoch}}, epoch, atPace)
		assert.Equal(t, want, o.report().Results[0].Outcome)
	}
}

// TestRestart: whatever was found, a verifier that is seeded with a report reports the same, runs nothing at once, and runs
// everything that is not settled within the interval.
func TestRestart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := Job{Subject: "d1", Interval: time.Duration(rapid.IntRange(5, 86_400).Draw(t, "seconds")) * time.Second}
		n := rapid.IntRange(1, 6).Draw(t, "checks")
		for i := range n {
			c := Check{Name: fmt.Sprint(i), Fingerprint: fmt.Sprint("f", i), HTTP: &Request{}, Threshold: rapid.IntRange(1, 3).Draw(t, "threshold")}
			if rapid.Bool().Draw(t, "logs") {
				c.HTTP, c.Logs = nil, &Logs{Start: true}
			}
			j.Checks = append(j.Checks, c)
		}
		before := begin(j, epoch, tomorrow)
		for i, c := range j.Checks {
			for range rapid.IntRange(1, 5).Draw(t, "runs") {
				outcome := rapid.SampledFrom([]Outcome{Passed, Failed}).Draw(t, "outcome")
				before.known[c.Name].book(finding{Result: Result{
					Name: c.Name, Outcome: outcome, Message: "m", At: epoch.Add(time.Duration(i) * time.Second), Fingerprint: c.Fingerprint,
					Settled: outcome == Passed && c.Logs != nil,
				}}, epoch, atPace)
			}
		}
		told := before.report()
		j.Known = Known{Subject: j.Subject, Results: map[string]KnownResult{}}
		for _, result := range told.Results {
			j.Known.Results[result.Name] = KnownResult{Fingerprint: result.Fingerprint, Result: result}
		}
		now := epoch.Add(time.Hour)
		after := begin(j, now, now.Add(sometime(j.Interval)))
		assert.Equal(t, told, after.report())
		assert.Empty(t, after.dueNames(now))
		unsettled := 0
		for _, result := range told.Results {
			if !result.Settled {
				unsettled++
			}
		}
		assert.Len(t, after.dueNames(now.Add(j.Interval)), unsettled)
	})
}

// TestStampede: a restart of many objects spreads their runs.
func TestStampede(t *testing.T) {
	buckets := map[int]int{}
	for range 1000 {
		wait := sometime(every)
		require.Greater(t, wait, time.Duration(0))
		require.LessOrEqual(t, wait, every)
		buckets[int(wait/time.Minute)]++
	}
	for minute, n := range buckets {
		assert.Less(t, n, 250, "minute %d", minute)
	}
}
