// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// write names a write.
type write struct {
	kind v1alpha1.WriteKind
	name string
}

func named(w v1alpha1.PendingWrite) write { return write{w.Kind, w.Name} }

// Foresight is for how long a write that was announced ahead may be sent without another announcement.
const Foresight = 10 * time.Second

// Foresee notes writes that the same pass will send after the one that it announces next. They are stored together with it as awaited,
// since the latest time at which they may be sent, so that one write to the API server announces all of them. One that is not sent after
// all is dropped by Forgo.
func (j *Journal) Foresee(writes []v1alpha1.PendingWrite, now time.Time) {
	j.Forgo()
	for _, w := range writes {
		if j.remembers(w) {
			continue // it may have been sent before: it is announced by itself, once that is known
		}
		w.StartedAt = metav1.NewTime(now.Add(Foresight))
		j.await(w)
		if j.foreseen == nil {
			j.foreseen = map[write]bool{}
		}
		j.foreseen[named(w)] = false
	}
}

func (j *Journal) remembers(w v1alpha1.PendingWrite) bool {
	return j.Announced(w.Kind, w.Name) ||
		slices.ContainsFunc(j.record.Awaited, func(other v1alpha1.PendingWrite) bool { return named(other) == named(w) })
}

// Foreseen returns the write that was stored ahead and may be sent now; nil when there is none.
func (j *Journal) Foreseen(kind v1alpha1.WriteKind, name string, now time.Time) *v1alpha1.PendingWrite {
	return j.foreseenWhere(now, func(w *v1alpha1.PendingWrite) bool { return w.Kind == kind && w.Name == name })
}

// ForeseenCommit returns the commit of these fields that was stored ahead and may be sent now; nil when there is none.
func (j *Journal) ForeseenCommit(fields []string, now time.Time) *v1alpha1.PendingWrite {
	return j.foreseenWhere(now, func(w *v1alpha1.PendingWrite) bool {
		return w.Kind == v1alpha1.WriteCommit && slices.Equal(w.Fields, fields)
	})
}

func (j *Journal) foreseenWhere(now time.Time, wanted func(*v1alpha1.PendingWrite) bool) *v1alpha1.PendingWrite {
	for i := range j.record.Awaited {
		w := &j.record.Awaited[i]
		if stored := j.foreseen[named(*w)]; stored && wanted(w) && !now.After(w.StartedAt.Time) {
			return w.DeepCopy()
		}
	}
	return nil
}

// Foresees reports whether something that was stored ahead is not sent yet.
func (j *Journal) Foresees() bool { return len(j.foreseen) > 0 }

// Forgo drops what was foreseen and not sent: the pass goes another way.
func (j *Journal) Forgo() {
	j.record.Awaited = slices.DeleteFunc(j.record.Awaited, j.unsent)
	j.foreseen = nil
}

// unsent reports whether the awaited write was foreseen by this pass and is not sent.
func (j *Journal) unsent(w v1alpha1.PendingWrite) bool {
	_, is := j.foreseen[named(w)]
	return is
}

// overtake drops what was foreseen of a write that is announced now: the announcement takes its place. A commit takes the place of
// whichever was foreseen. What is not stored yet will be, together with this announcement.
func (j *Journal) overtake(intent v1alpha1.PendingWrite) {
	ready := j.foreseen[named(intent)]
	j.record.Awaited = slices.DeleteFunc(j.record.Awaited, func(w v1alpha1.PendingWrite) bool {
		taken := w.Kind == intent.Kind && (w.Name == intent.Name || w.Kind == v1alpha1.WriteCommit)
		if taken = taken && j.unsent(w); taken {
			delete(j.foreseen, named(w))
		}
		return taken
	})
	delete(j.foreseen, named(intent)) // it is sent now, even where what was foreseen of it was dropped as too old
	if ready {
		return
	}
	for w := range j.foreseen {
		j.foreseen[w] = true
	}
}
