// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import "time"

// Stretched rounds the interval in force up to the next doubling of the one asked for, zero when it is not longer. It keeps what it told
// before, last, while that is about right: whoever stores it does not write at each change of the budget.
func Stretched(last, asked, inForce time.Duration) time.Duration {
	switch {
	case inForce <= asked, last == 0 && inForce <= asked*5/4:
		return 0
	case last > 0 && inForce <= last && inForce > last*3/8:
		return last
	}
	told := asked
	for told < inForce {
		told *= 2
	}
	return told
}

// Told is how old the view may get while the budget does not allow the interval asked for, zero while it does; last is what was told
// before. A process that has just begun to follow the fleet does not know yet how many there are: it tells no shorter one until again.
func (s Snapshot) Told(last, asked time.Duration, now time.Time) (told time.Duration, again time.Time) {
	told = Stretched(last, asked, s.Interval)
	if settled := s.FollowedAt.Add(2 * last); told < last && now.Before(settled) {
		return last, settled
	}
	return told, time.Time{}
}
