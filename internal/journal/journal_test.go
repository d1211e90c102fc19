// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package journal_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/journal"
	"github.com/engine-operator/engine-operator/internal/plan"
)

func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

func intent(kind v1alpha1.WriteKind, name string, seconds int, fields ...string) v1alpha1.PendingWrite {
	return v1alpha1.PendingWrite{Kind: kind, Name: name, StartedAt: metav1.NewTime(at(seconds)), Fields: fields}
}

// empty opens the journal of an object that nothing was written for.
func empty() *journal.Journal { return journal.Open(&v1alpha1.EngineEnvironmentStatus{}, lag, epoch) }

// reopened is the journal as the next operator opens it.
func reopened(j *journal.Journal, seconds int) *journal.Journal {
	status := v1alpha1.EngineEnvironmentStatus{WorkingRecord: wholeSeconds(j.Record()), LastCommit: j.LastCommit()}
	return journal.Open(&status, lag, at(seconds))
}

// seen is what a snapshot shows.
func seen(seconds int, shows []string, patches map[string]journal.Patch) journal.View {
	return journal.View{
		ReadAt: at(seconds),
		Shows: func(w *v1alpha1.PendingWrite) bool {
			for _, name := range shows {
				if name == string(w.Kind)+" "+w.Name {
					return true
				}
			}
			return false
		},
		Patch: func(id string) (journal.Patch, bool) {
			patch, found := patches[id]
			return patch, found
		},
	}
}

const (
	service = v1alpha1.WriteService
	domain  = v1alpha1.WriteDomain
	commit  = v1alpha1.WriteCommit
)

// committed has commit eo-1 of a=1 accepted at second 0.
func committed(fields ...string) *journal.Journal {
	j := empty()
	j.Announce(intent(commit, "eo-1", 0, fields...))
	j.Answered(journal.Accepted, nil, 3)
	return j
}

func TestOutstanding(t *testing.T) {
	tests := []struct {
		name, reason string
		given        func(*journal.Journal)
		readAt       int
		want         time.Duration
	}{
		{"nothing", "nothing was sent", func(*journal.Journal) {}, 0, 0},
		{"just announced", "it may be on its way", func(j *journal.Journal) { j.Announce(intent(service, "a", 0)) }, 0, lag},
		{"old snapshot", "the snapshot is older than the write: the whole lag is left and no more", func(j *journal.Journal) {
			j.Announce(intent(service, "a", 0))
		}, -600, lag},
		{"almost", "a second is missing", func(j *journal.Journal) { j.Announce(intent(service, "a", 0)) }, 59, time.Second},
		{"proved", "a snapshot this new shows it, or it is lost", func(j *journal.Journal) { j.Announce(intent(service, "a", 0)) }, 60, 0},
		{"other kind", "a domain of that name is another thing", func(j *journal.Journal) { j.Announce(intent(domain, "a", 0)) }, 0, 0},
		{"other name", "another service", func(j *journal.Journal) { j.Announce(intent(service, "b", 0)) }, 0, 0},
		{"accepted", "Railway made it and may not show it", func(j *journal.Journal) {
			j.Announce(intent(service, "a", 0))
			j.Answered(journal.Accepted, nil, 1)
		}, 30, 30 * time.Second},
		{"refused", "it was not made", func(j *journal.Journal) {
			j.Announce(intent(service, "a", 0))
			j.Answered(journal.Refused, nil, 1)
		}, 30, 0},
		{"unknown", "it may have been made", func(j *journal.Journal) {
			j.Announce(intent(service, "a", 0))
			j.Answered(journal.Unknown, nil, 1)
		}, 30, 30 * time.Second},
		{"another one announced after it", "it may still arrive, whatever is written meanwhile", func(j *journal.Journal) {
			j.Announce(intent(service, "a", 0))
			j.Answered(journal.Unknown, nil, 1)
			j.Announce(intent(commit, "eo-1", 20))
			j.Answered(journal.Accepted, nil, 1)
		}, 30, 30 * time.Second},
		{"a second try is refused", "the first may still arrive", func(j *journal.Journal) {
			j.Announce(intent(service, "a", 0))
			before := j.Pending()
			j.Announce(intent(service, "a", 20))
			j.Answered(journal.Refused, before, 1)
		}, 30, 30 * time.Second},
		{"made again", "the newest try counts", func(j *journal.Journal) {
			j.Announce(intent(service, "a", 0))
			j.Answered(journal.Accepted, nil, 1)
			j.Announce(intent(service, "a", 20))
			j.Answered(journal.Accepted, nil, 1)
		}, 30, 50 * time.Second},
		{"shown once", "the next read may be older than the one that showed it", func(j *journal.Journal) {
			j.Announce(intent(service, "a", 0))
			j.See(seen(10, []string{"Service a"}, nil), 1)
		}, 30, 30 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := empty()
			tt.given(j)
			assert.Equal(t, tt.want, j.Outstanding(service, "a", at(tt.readAt)), tt.reason)
		})
	}
}

func TestAnnounce(t *testing.T) {
	j := empty()
	assert.False(t, j.Announce(intent(service, "a", 0)), "never before")
	assert.True(t, j.Announced(service, "a"))
	assert.True(t, j.Announce(intent(service, "a", 90)), "its outcome never became known: a conflict may be our own")
	assert.False(t, j.Announce(intent(service, "b", 91)))
	assert.False(t, j.Announced(service, "a"))
	assert.Equal(t, "b", j.Pending().Name)
	j.Announce(intent(commit, "eo-1", 92))
	j.Answered(journal.Refused, j.Pending(), 1)
	j.Announce(intent(commit, "eo-2", 93))
	assert.Len(t, j.Record().Awaited, 2, "creations stay awaited, a commit that is replaced does not")
}

func TestAwaitedIsBounded(t *testing.T) {
	j := empty()
	for i := range 500 {
		j.Announce(intent(service, fmt.Sprint(i), 0))
		j.Answered(journal.Accepted, nil, 1)
	}
	awaited := j.Record().Awaited
	assert.Len(t, awaited, 128)
	assert.Equal(t, "499", awaited[127].Name, "the oldest goes")
}

func TestSee(t *testing.T) {
	applied := map[string]journal.Patch{"eo-1": {Applied: true}}
	tests := []struct {
		name, reason string
		given        func(*journal.Journal)
		view         journal.View
		pending      bool
		commit       bool
		waits        journal.Wait
		written      string
	}{
		{"service is there", "its outcome is known", func(j *journal.Journal) { j.Announce(intent(service, "a", 0)) },
			seen(10, []string{"Service a"}, nil), false, false, journal.Wait{}, ""},
		{"service is not there for long", "the next pass makes it, and knows that it is not the first time",
			func(j *journal.Journal) { j.Announce(intent(service, "a", 0)) }, seen(600, nil, nil), true, false, journal.Wait{}, ""},
		{"commit of unknown outcome", "it may be on its way", func(j *journal.Journal) { j.Announce(intent(commit, "eo-1", 0, "a=1")) },
			seen(20, nil, nil), true, false, journal.Wait{For: journal.CommitUnknown, Left: 40 * time.Second}, ""},
		{"commit of unknown outcome, found", "Railway's history proves it", func(j *journal.Journal) { j.Announce(intent(commit, "eo-1", 0, "a=1")) },
			seen(20, nil, applied), false, true, journal.Wait{}, "1"},
		{"commit of unknown outcome, found and not applied yet", "its fields are not written yet",
			func(j *journal.Journal) { j.Announce(intent(commit, "eo-1", 0, "a=1")) },
			seen(20, nil, map[string]journal.Patch{"eo-1": {}}), false, true, journal.Wait{}, ""},
		{"commit of unknown outcome, lost", "a snapshot new enough does not show it", func(j *journal.Journal) { j.Announce(intent(commit, "eo-1", 0, "a=1")) },
			seen(60, nil, nil), false, false, journal.Wait{}, ""},
		{"accepted commit not shown", "reads lag", func(j *journal.Journal) {
			j.Announce(intent(commit, "eo-1", 0, "a=1"))
			j.Answered(journal.Accepted, nil, 1)
		}, seen(20, nil, nil), false, true, journal.Wait{For: journal.CommitNotShown, Left: 40 * time.Second}, ""},
		{"accepted commit not shown for long", "Railway accepted it, and its history may be short", func(j *journal.Journal) {
			j.Announce(intent(commit, "eo-1", 0, "a=1"))
			j.Answered(journal.Accepted, nil, 1)
		}, seen(60, nil, nil), false, true, journal.Wait{}, "1"},
		{"accepted commit applied", "it is written", func(j *journal.Journal) {
			j.Announce(intent(commit, "eo-1", 0, "a=1"))
			j.Answered(journal.Accepted, nil, 1)
		}, seen(20, nil, applied), false, true, journal.Wait{}, "1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := empty()
			tt.given(j)
			j.See(tt.view, 7)
			assert.Equal(t, tt.pending, j.Pending() != nil, tt.reason)
			assert.Equal(t, tt.commit, j.LastCommit() != nil, tt.reason)
			assert.Equal(t, tt.waits, j.Waits(tt.view), tt.reason)
			assert.Equal(t, tt.written, j.Written()["a"].Hash, tt.reason)
			before := j.Record()
			j.See(tt.view, 7)
			assert.Equal(t, before, j.Record(), "the same snapshot again says nothing new")
		})
	}
}

func TestCommitKeepsWhatItWas(t *testing.T) {
	j := empty()
	write := intent(commit, "eo-1", 5, "engine.variables.A=1")
	write.Message, write.Services = "set A", []string{"engine"}
	j.Announce(write)
	j.Answered(journal.Accepted, nil, 9)
	assert.Equal(t, &v1alpha1.Commit{
		ID: "eo-1", Message: "set A", Time: metav1.NewTime(at(5)), Services: []string{"engine"}, Generation: 9, Fields: []string{"engine.variables.A=1"},
	}, j.LastCommit())
	assert.Nil(t, j.Pending())
}

func TestRefusedCommit(t *testing.T) {
	j := empty()
	j.SetWritten(map[string]plan.Applied{"e.a": {Hash: "0"}, "e.gone": {Hash: "9"}, "e.other": {Hash: "5"}})
	j.Announce(intent(commit, "eo-1", 0, "e.a=1", "e.b=2", "e.gone="))
	j.Answered(journal.Accepted, nil, 3)
	j.See(seen(10, nil, map[string]journal.Patch{"eo-1": {Error: "no such builder"}}), 3)

	assert.Equal(t, map[string]plan.Applied{"e.a": {Hash: "0"}, "e.gone": {Hash: "9"}, "e.other": {Hash: "5"}}, j.Written(),
		"nothing was written: a sealed value and a deletion would be forgotten otherwise")
	refused := j.Refused()
	assert.Equal(t, "eo-1 no such builder", refused.ID+" "+refused.Message)
	assert.Equal(t, at(10), refused.Time.Time, "when it was noticed")
	assert.Empty(t, j.LastCommit().Services, "it deploys nothing, so no deployment is awaited")
	assert.Equal(t, journal.Wait{}, j.Waits(seen(10, nil, map[string]journal.Patch{"eo-1": {Error: "no such builder"}})), "all else goes on")

	same := map[string]string{"e.a": "1", "e.b": "2", "e.gone": ""}
	assert.Equal(t, same, j.RefusedFields(at(10), false), "they are not sent again")
	assert.Equal(t, same, j.RefusedFields(at(69), false), "for a minute")
	assert.Empty(t, j.RefusedFields(at(70), false), "Railway may have recovered by then")
	assert.Empty(t, j.RefusedFields(at(11), true), "a person wants another try")

	j.Announce(intent(commit, "eo-2", 20, "e.c=3", "e.a=4"))
	j.Answered(journal.Accepted, nil, 3)
	j.See(seen(30, nil, map[string]journal.Patch{"eo-2": {Error: "no such region"}}), 3)
	assert.Equal(t, map[string]string{"e.a": "4", "e.b": "2", "e.c": "3", "e.gone": ""}, j.RefusedFields(at(31), false),
		"the values of both: else each refusal would have the other's sent again, for ever")
	j.Announce(intent(commit, "eo-3", 40, "e.d=1"))
	j.Answered(journal.Accepted, nil, 3)
	j.See(seen(50, nil, map[string]journal.Patch{"eo-3": {Applied: true}}), 3)
	assert.Equal(t, "1", j.Written()["e.d"].Hash, "other fields go on")
	assert.NotEmpty(t, j.RefusedFields(at(51), false), "and say nothing about the refused ones")
	j.ForgetRefused()
	assert.Nil(t, j.Refused())
	assert.Empty(t, j.RefusedFields(at(52), false))
}

func TestRefusedValuesAreRetriedTogether(t *testing.T) {
	j := committed("e.bad=1", "e.good=2")
	j.See(seen(10, nil, map[string]journal.Patch{"eo-1": {Error: "no such builder"}}), 3)
	j.Announce(intent(commit, "eo-2", 20, "e.other=1"))
	j.Answered(journal.Accepted, nil, 3)
	j.See(seen(30, nil, map[string]journal.Patch{"eo-2": {Applied: true}}), 3)
	assert.NotEmpty(t, j.RefusedFields(at(31), false), "nothing that was refused has changed")
	j.Announce(intent(commit, "eo-3", 40, "e.bad=3"))
	j.Answered(journal.Accepted, nil, 3)
	assert.NotEmpty(t, j.RefusedFields(at(41), false), "nobody knows yet whether that was the cause")
	j.See(seen(50, nil, map[string]journal.Patch{"eo-3": {Applied: true}}), 3)
	assert.Empty(t, j.RefusedFields(at(51), false), "the value that was the cause is gone: the others of its commit do not wait")
}

func TestRefuseField(t *testing.T) {
	j := empty()
	j.RefuseField("e.triggers", "off", "may not", at(0))
	j.RefuseField("e.triggers", "off", "may not", at(1))
	j.RefuseField("w.triggers", "off", "may not", at(1))
	assert.Equal(t, map[string]string{"e.triggers": "off", "w.triggers": "off"}, j.RefusedFields(at(59), false))
	assert.Len(t, j.Refused().Fields, 2)
	require.Empty(t, j.RefusedFields(at(60), false), "it is tried again")
	j.RefuseField("e.triggers", "off", "may not", at(60))
	assert.Equal(t, map[string]string{"e.triggers": "off"}, j.RefusedFields(at(61), false), "and left alone again, not sent in every pass from then on")
}

// TestRefusedByAnOlderVersion: an upgrade sends nothing again that the version before would have left alone.
func TestRefusedByAnOlderVersion(t *testing.T) {
	var s v1alpha1.EngineEnvironmentStatus
	s.WorkingRecord = &v1alpha1.WorkingRecord{Refused: &v1alpha1.RefusedCommit{Time: metav1.NewTime(at(0)), Fields: []string{"e.a=1"}}}
	j := journal.Open(&s, 0, at(1))
	assert.Equal(t, at(600), j.RefusedUntil())
}

// TestRefusedAgain: a value that Railway never takes may not cost a failed commit a minute, and one that it could not apply for a moment
// should not wait ten.
func TestRefusedAgain(t *testing.T) {
	j := empty()
	now := 0
	for i, want := range []int{60, 120, 240, 480, 600, 600} {
		id := fmt.Sprintf("eo-%d", i)
		j.Announce(intent(commit, id, now, "e.a=1"))
		j.Answered(journal.Accepted, nil, 3)
		j.See(seen(now, nil, map[string]journal.Patch{id: {Error: "no such builder"}}), 3)
		assert.Equal(t, at(now+want), j.RefusedUntil(), "attempt %d", i+1)
		assert.NotEmpty(t, j.RefusedFields(at(now+want-1), false))
		now += want
		assert.Empty(t, j.RefusedFields(at(now), false))
	}
	for i, fields := range [][]string{{"e.a=2"}, {"w.b=9"}, {"e.a=2", "w.c=1"}} { // what else is refused has not been tried before
		id := fmt.Sprintf("eo-1%d", i)
		j.Announce(intent(commit, id, now, fields...))
		j.Answered(journal.Accepted, nil, 3)
		j.See(seen(now, nil, map[string]journal.Patch{id: {Error: "no such builder"}}), 3)
		assert.Equal(t, at(now+60), j.RefusedUntil(), "%v", fields)
	}
	j.ForgetRefused()
	assert.Zero(t, j.RefusedUntil())
	j.Announce(intent(commit, "eo-9", now, "e.a=2"))
	j.Answered(journal.Accepted, nil, 3)
	j.See(seen(now, nil, map[string]journal.Patch{"eo-9": {Error: "no such region"}}), 3)
	assert.Equal(t, at(now+60), j.RefusedUntil(), "what was settled in between counts no more")
}

func TestAnnouncedAgain(t *testing.T) {
	j := empty()
	j.Announce(intent(service, "a", 0))
	assert.False(t, j.Again())
	j.Announce(intent(service, "a", 90))
	assert.True(t, j.Again())
	j.Withdraw()
	assert.Nil(t, j.Pending(), "it was never sent")
	assert.Zero(t, j.AcceptedAt(service, "a"))
	j.Announce(intent(service, "a", 100))
	j.Answered(journal.Accepted, nil, 1)
	j.Announce(intent(service, "a", 120))
	j.Answered(journal.Accepted, nil, 1)
	assert.Equal(t, at(120), j.AcceptedAt(service, "a"), "the newest")
	assert.Zero(t, j.AcceptedAt(domain, "a"))
}

func TestRefusedByAnOperatorWhoseClockWasAhead(t *testing.T) {
	j := committed("a=1")
	j.See(seen(7200, nil, map[string]journal.Patch{"eo-1": {Error: "no"}}), 1)
	j = reopened(j, 100)
	assert.Empty(t, j.RefusedFields(at(160), false), "a minute from now at the latest")
}

func TestSinceLastWrite(t *testing.T) {
	tests := []struct {
		name, reason string
		given        func(*journal.Journal)
		want         time.Duration
	}{
		{"nothing", "nothing was written", func(*journal.Journal) {}, 0},
		{"announced", "it may have arrived", func(j *journal.Journal) { j.Announce(intent(service, "a", 0)) }, 40 * time.Second},
		{"created", "it may not show", func(j *journal.Journal) {
			j.Announce(intent(v1alpha1.WriteEnvironment, "a", 0))
			j.Answered(journal.Accepted, nil, 1)
		}, 40 * time.Second},
		{"committed", "it may not show", func(j *journal.Journal) {
			j.Announce(intent(commit, "eo-1", 0))
			j.Answered(journal.Accepted, nil, 1)
		}, 40 * time.Second},
		{"the newest counts", "whatever its kind", func(j *journal.Journal) {
			j.Announce(intent(service, "a", 0))
			j.Answered(journal.Accepted, nil, 1)
			j.Announce(intent(commit, "eo-1", 10))
			j.Answered(journal.Accepted, nil, 1)
		}, 50 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := empty()
			tt.given(j)
			assert.Equal(t, tt.want, j.SinceLastWrite(at(20)), tt.reason)
			assert.Zero(t, j.SinceLastWrite(at(100)), "not for ever")
		})
	}
}

// TestStoredTimesAreWholeSeconds: what was sent at the end of a second is given the whole lag after the status was read again, too.
func TestStoredTimesAreWholeSeconds(t *testing.T) {
	sent := epoch.Truncate(time.Second).Add(999 * time.Millisecond)
	for _, answer := range []journal.Answer{journal.Accepted, journal.Unknown} {
		j := empty()
		j.Announce(v1alpha1.PendingWrite{Kind: service, Name: "a", StartedAt: metav1.NewTime(sent)})
		j.Answered(answer, nil, 1)
		for what, j := range map[string]*journal.Journal{"in the same pass": j, "read again": reopened(j, 30)} {
			assert.Positive(t, j.Outstanding(service, "a", sent.Add(lag-time.Millisecond)), what)
			assert.Positive(t, j.SinceLastWrite(sent.Add(lag-time.Millisecond)), what)
			assert.Zero(t, j.Outstanding(service, "a", sent.Add(lag+time.Second)), what)
		}
	}
	j := empty()
	j.Announce(v1alpha1.PendingWrite{Kind: commit, Name: "eo-1", StartedAt: metav1.NewTime(sent)})
	j.Answered(journal.Unknown, nil, 1)
	j = reopened(j, 30)
	view := seen(0, nil, nil)
	view.ReadAt = sent.Add(lag - time.Millisecond)
	j.See(view, 1)
	assert.Equal(t, journal.CommitUnknown, j.Waits(view).For, "it may still arrive")
}

func TestClockThatWasAhead(t *testing.T) {
	j := empty()
	j.Announce(intent(service, "awaited", 7200))
	j.Answered(journal.Accepted, nil, 1)
	j.Announce(intent(commit, "eo-1", 7200))
	j.Answered(journal.Accepted, nil, 1)
	j.Announce(intent(service, "pending", 7200))
	j.CountRepairs([]string{"a", "a", "a"}, at(7200))
	j = reopened(j, 10)
	for _, readAt := range []int{10, 30} {
		left := at(70).Sub(at(readAt))
		assert.Equal(t, min(left+journal.Foresight, lag), j.Outstanding(service, "awaited", at(readAt)), "it may have been announced ahead")
		assert.Equal(t, left, j.Outstanding(service, "pending", at(readAt)), "what lies in the future counts as now")
		assert.Equal(t, left, j.Waits(seen(readAt, nil, nil)).Left)
	}
	assert.Equal(t, map[string]time.Time{"a": at(10).Add(time.Hour)}, j.Contested(at(10)))
}

func TestForgetEnvironment(t *testing.T) {
	j := committed("a=1")
	j.UseKey("k")
	j.Verified("d1", "force")
	j.SetWritten(map[string]plan.Applied{"a": {Hash: "1"}})
	j.Bind(map[string]string{"engine": "s1"}, []string{"engine"})
	j.CountRepairs([]string{"a"}, epoch)
	j.Announce(intent(service, "engine", 0))
	j.ForgetEnvironment()
	assert.Equal(t, &v1alpha1.WorkingRecord{HashKey: "k", Forced: "force", ServiceIDs: map[string]string{"engine": "s1"}}, j.Record(),
		"what was about the environment goes with it; services belong to the project")
	assert.Nil(t, j.LastCommit())

	j.Announce(intent(v1alpha1.WriteEnvironment, "preview", 1))
	j.ForgetEnvironment()
	assert.True(t, j.Announced(v1alpha1.WriteEnvironment, "preview"), "the next one may be on its way")
}

func TestOlderVersionsRecord(t *testing.T) {
	pending, awaited := intent(service, "a", 0), intent(domain, "b", 0)
	old := v1alpha1.EngineEnvironmentStatus{
		PendingWrite: &pending, Awaited: []v1alpha1.PendingWrite{awaited}, Repairs: []v1alpha1.Repair{{Path: "p", Count: 3, LastTime: metav1.NewTime(epoch)}},
		WrittenFields: []string{
			"my engine.variables.A=1a2b", "my engine.deploy.startCommand=3c (adopted)", "shared.X=4d", "v1.2 worker.variables.A=B=5e", "broken",
		},
	}
	before := old.DeepCopy()
	j := journal.Open(&old, lag, at(20))
	assert.Equal(t, map[string]plan.Applied{
		"my engine.variables.A": {Hash: "1a2b"}, "my engine.deploy.startCommand": {Hash: "3c", Adopted: true}, "shared.X": {Hash: "4d"},
		"v1.2 worker.variables.A=B": {Hash: "5e"}, "broken": {},
	}, j.Written())
	assert.True(t, j.Announced(service, "a"))
	assert.Equal(t, 40*time.Second, j.Outstanding(domain, "b", at(20)))
	assert.Contains(t, j.Contested(at(20)), "p")
	assert.Equal(t, before, &old, "it is read, not changed")

	old.WorkingRecord = &v1alpha1.WorkingRecord{Written: map[string]string{"shared": "X=new"}}
	j = journal.Open(&old, lag, at(20))
	assert.Equal(t, map[string]plan.Applied{"shared.X": {Hash: "new"}}, j.Written(), "the working record counts once there is one")
	assert.Nil(t, j.Pending())
}

func TestJournalSharesNothing(t *testing.T) {
	status := v1alpha1.EngineEnvironmentStatus{
		WorkingRecord: &v1alpha1.WorkingRecord{
			Pending: &v1alpha1.PendingWrite{Kind: service, Name: "a", StartedAt: metav1.NewTime(at(500))}, ServiceIDs: map[string]string{"a": "s1"},
			Awaited: []v1alpha1.PendingWrite{intent(service, "b", 500)}, Written: map[string]string{"shared": "X=1"},
		},
		LastCommit: &v1alpha1.Commit{ID: "eo-0", Time: metav1.NewTime(at(500)), Fields: []string{"shared.Y=1"}},
	}
	before := status.DeepCopy()
	j := journal.Open(&status, lag, epoch)
	j.See(seen(90, []string{"Service a"}, map[string]journal.Patch{"eo-0": {Error: "no"}}), 2)
	j.Unbind([]string{"a"})
	j.CountRepairs([]string{"x"}, epoch)
	j.Announce(intent(commit, "eo-1", 3, "shared.X=2"))
	j.Answered(journal.Accepted, nil, 2)
	assert.Equal(t, before, &status, "the status that it was opened with")

	record := j.Record()
	j.CountRepairs([]string{"x"}, epoch)
	require.EqualValues(t, 1, record.Repairs[0].Count, "a record that was handed out")
	j.LastCommit().ID = "changed"
	assert.Equal(t, "eo-1", j.LastCommit().ID)
}

func TestEmptyJournalHasNoRecord(t *testing.T) {
	assert.Nil(t, empty().Record())
	assert.Nil(t, empty().LastCommit())
	assert.Nil(t, empty().Refused())
	assert.Nil(t, empty().Pending())
	assert.False(t, empty().DeletionAccepted())
	j := empty()
	j.Answered(journal.Accepted, nil, 1)
	j.Unbind([]string{"a"})
	j.Bind(nil, nil)
	j.SetWritten(nil)
	assert.Nil(t, j.Record())
}

// TestWhatWasForeseenTooLongAgo: what is announced by itself, because what was foreseen has expired, is remembered as any other write.
func TestWhatWasForeseenTooLongAgo(t *testing.T) {
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) metav1.Time { return metav1.NewTime(start.Add(d)) }
	j := journal.Open(&v1alpha1.EngineEnvironmentStatus{}, 5*time.Second, start)
	j.Foresee([]v1alpha1.PendingWrite{{Kind: v1alpha1.WriteService, Name: "engine"}, {Kind: v1alpha1.WriteDomain, Name: "engine"}}, start)
	j.Announce(v1alpha1.PendingWrite{Kind: v1alpha1.WriteEnvironment, Name: "dev", StartedAt: at(0)})
	j.Answered(journal.Accepted, nil, 1)
	for _, kind := range []v1alpha1.WriteKind{v1alpha1.WriteService, v1alpha1.WriteDomain} {
		require.Nil(t, j.Foreseen(kind, "engine", start.Add(17*time.Second)))
		j.Announce(v1alpha1.PendingWrite{Kind: kind, Name: "engine", StartedAt: at(17 * time.Second)})
		j.Answered(journal.Accepted, nil, 1)
	}
	j.Forgo()
	for _, kind := range []v1alpha1.WriteKind{v1alpha1.WriteService, v1alpha1.WriteDomain} {
		assert.Positive(t, j.Outstanding(kind, "engine", start.Add(18*time.Second)), kind)
	}
}

// TestLongRequests: what an annotation asked for is remembered in a bounded size, also where a version before has stored it as it was.
func TestLongRequests(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	j := journal.Open(&v1alpha1.EngineEnvironmentStatus{WorkingRecord: &v1alpha1.WorkingRecord{RollbackRequest: long, Forced: long}}, lag, epoch)
	assert.False(t, j.AsksForRollback(long))
	assert.True(t, j.AsksForRollback(long+"y"))
	_, forced := j.Subject()
	assert.Less(t, len(j.Record().RollbackRequest)+len(forced), 2048)
	j.RollbackRequested(long + "y")
	assert.False(t, j.AsksForRollback(long+"y"))
	assert.Less(t, len(j.Record().RollbackRequest), 1024)
}
