// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

// Undeployed reports whether the service must be deployed by request: its config is as declared and it never had a deployment. A
// commit that changes nothing deploys nothing, so that it would wait for ever
// (railway-api.md, "Config patches"). Who requests it says so in Input.Commit.
func Undeployed(in Input) bool {
	return in.settled() && in.Instance.Latest == nil && len(in.Instance.Active) == 0
}

// Stale reports whether a pinned revision must be deployed by request: the config names it, and the newest deployment and all that
// serve are provably of another commit or digest. One that failed with the pinned revision is not tried again. Who requests a
// deployment bounds how often: Railway may deploy something else once more.
func Stale(in Input) bool {
	latest := in.Instance.Latest
	if !in.settled() || latest == nil || latest.Status.InProgress() || !differs(in.Desired, latest.Meta) {
		return false
	}
	for _, d := range in.Instance.Active {
		if d.Status.Serving() && !differs(in.Desired, d.Meta) {
			return false
		}
	}
	return true
}

// settled reports whether the service's config is as declared, has something to run, and nothing is awaited.
func (in Input) settled() bool {
	return in.Instance.ServiceID != "" && in.HasSource && in.Synced && !in.awaits()
}
