// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

const (
	// repairWindow is how far back repairs count, and repairLimit how many make a contest. A contested field is left alone until
	// the window has passed.
	repairWindow = time.Hour
	repairLimit  = 3
	// repairsAtMost bounds the record, far above what people or other tools contest.
	repairsAtMost = 1024
)

// Contested returns the fields that were repaired too often lately, and until when each is left alone.
func (j *Journal) Contested(now time.Time) map[string]time.Time {
	contested := map[string]time.Time{}
	for _, repair := range j.record.Repairs {
		if until := repair.LastTime.Add(repairWindow); repair.Count >= repairLimit && now.Before(until) {
			contested[repair.Path] = until
		}
	}
	return contested
}

// CountRepairs counts one repair of each field.
func (j *Journal) CountRepairs(paths []string, now time.Time) {
	j.dropOldRepairs(now)
	for _, path := range paths {
		i := slices.IndexFunc(j.record.Repairs, func(r v1alpha1.Repair) bool { return r.Path == path })
		if i < 0 {
			if len(j.record.Repairs) == repairsAtMost {
				continue
			}
			j.record.Repairs = append(j.record.Repairs, v1alpha1.Repair{Path: path})
			i = len(j.record.Repairs) - 1
		}
		j.record.Repairs[i].Count++
		j.record.Repairs[i].LastTime = metav1.NewTime(now)
	}
}

// ForgetRepairs starts the count of the fields anew, because their declared value did; no path means all.
func (j *Journal) ForgetRepairs(paths ...string) {
	j.record.Repairs = slices.DeleteFunc(j.record.Repairs, func(r v1alpha1.Repair) bool {
		return len(paths) == 0 || slices.Contains(paths, r.Path)
	})
}

// dropOldRepairs drops what does not count any more. It is done when something is counted, and not by itself.
func (j *Journal) dropOldRepairs(now time.Time) {
	j.record.Repairs = slices.DeleteFunc(j.record.Repairs, func(r v1alpha1.Repair) bool {
		return now.Sub(r.LastTime.Time) >= repairWindow
	})
}
