// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// Claim returns what is known about the right to the environment.
func (j *Journal) Claim() v1alpha1.ClaimRecord {
	if j.record.Claim == nil {
		return v1alpha1.ClaimRecord{}
	}
	return *j.record.Claim.DeepCopy()
}

// Claimed notes that a claim is about to be stored; checked that nobody else claims the same.
func (j *Journal) Claimed(checked bool) {
	claim := j.Claim()
	claim.Unchecked = !checked
	j.setClaim(claim)
}

// TakeOver notes that the object of that uid has taken the environment over, whose history was written at that time last; zero
// when it has none. The same object again changes nothing.
func (j *Journal) TakeOver(uid string, last time.Time) {
	claim := j.Claim()
	if claim.UID == uid {
		return
	}
	claim = v1alpha1.ClaimRecord{UID: uid, Unchecked: claim.Unchecked}
	if !last.IsZero() {
		at := metav1.NewTime(last)
		claim.TakenOver = &at
	}
	j.setClaim(claim)
}

// SeeOther notes a commit of another cluster's operator. It stays noted when Railway's history shows it no more.
func (j *Journal) SeeOther(commitID, object string, at time.Time) {
	claim := j.Claim()
	if claim.OtherCommit == commitID {
		return
	}
	made := metav1.NewTime(at)
	claim.OtherCommit, claim.OtherObject, claim.OtherTime, claim.Overruled = commitID, object, &made, false
	j.setClaim(claim)
}

// Overrule notes that a person has taken the environment back after that commit, and reports whether that is new.
func (j *Journal) Overrule(commitID string) bool {
	claim := j.Claim()
	if commitID == "" || claim.OtherCommit != commitID || claim.Overruled {
		return false
	}
	claim.Overruled = true
	j.setClaim(claim)
	return true
}

func (j *Journal) setClaim(claim v1alpha1.ClaimRecord) {
	j.record.Claim = &claim
	if claim == (v1alpha1.ClaimRecord{}) {
		j.record.Claim = nil
	}
}
