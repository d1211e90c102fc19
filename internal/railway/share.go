// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"math"
	"time"
)

const (
	// settling is how fast the share follows at most: what was used so long ago counts a third. Where polls are far apart it is two rounds
	// of them, else a process would look gone between its rounds, and the others take its part.
	settling = 5 * time.Minute
	// observed is the shortest time between two looks at what was used.
	observed = 10 * time.Second
	// slack is a part that nobody else needs to have: answers come in another order than requests are counted.
	slack = 0.03
	// leveling is how much of the limit goes to equal parts; half of it is what each has at least.
	leveling = 0.1
)

// share estimates which part of a limit's requests is sent here, from what Railway says is left: other processes, other shards and
// people use the same limit. When each plans with that part of what polls may use, all of them together stay within it, whatever each
// of them wants. The parts of those who want more become equal in the course of an hour. The Budget's mutex guards it.
type share struct {
	// last is what Railway said at that time, when sentThen requests had been sent from here.
	last     quota
	at       time.Time
	sentThen int
	// ours and all are the requests of late.
	ours, all float64
}

// sees learns what Railway says, when sent requests have been sent from here, and it takes so long to poll all that is followed.
func (s *share) sees(q quota, sent int, now time.Time, round time.Duration) {
	rise := q.remaining - s.last.remaining
	switch {
	case !s.last.known || !q.sameWindow(s.last) || rise > underWay: // another hour begins
	case rise > 0 || now.Sub(s.at) < observed: // an older answer
		return
	default:
		decay := math.Exp(-now.Sub(s.at).Seconds() / max(settling, 2*round).Seconds())
		s.ours = s.ours*decay + float64(sent-s.sentThen)
		s.all = s.all*decay - float64(rise)
	}
	s.last, s.at, s.sentThen = q, now, sent
}

// part is the part of the limit to plan with, 1 while nobody else was seen.
func (s *share) part() float64 {
	if s.ours >= s.all*(1-slack) {
		return 1
	}
	return (1-leveling)*s.ours/s.all + leveling/2
}

// sameInstant is how far apart two answers may put the same reset: it may be told in whole seconds, or counted from the answer.
const sameInstant = 5 * time.Second

// sameWindow reports whether both speak of the same hour of the same limit, as far as Railway tells.
func (q quota) sameWindow(other quota) bool {
	return q.limit == other.limit && q.reset.Sub(other.reset).Abs() <= sameInstant
}
