// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"fmt"
	"slices"
	"time"
)

// What plans allow, and how often things may be made
// (railway-api.md, "Errors", "Rate limits", "Object model", "Service settings", "Environments").

// SeedLimits are limits of the plan; 0 takes the plan's own.
type SeedLimits struct {
	// Services and Environments are per project; plans have no documented limit of them.
	Services     int `json:"services"`
	Environments int `json:"environments"`
	// Replicas and CustomDomains are per service, Volumes per project.
	Replicas      int `json:"replicas"`
	CustomDomains int `json:"customDomains"`
	Volumes       int `json:"volumes"`
	VolumeSizeMB  int `json:"volumeSizeMB"`
	// RequestsPerHour and RequestsPerSecond are each token's; a token's own requestsPerHour comes first.
	RequestsPerHour   int `json:"requestsPerHour"`
	RequestsPerSecond int `json:"requestsPerSecond"`
	// Breadth is what the root fields of one request may cost together; EnvironmentsPerRequest is how many of them may be an
	// environment. 0 takes 500, and any number.
	Breadth                int `json:"breadth"`
	EnvironmentsPerRequest int `json:"environmentsPerRequest"`
	// Region is where a service runs that names none. Default: us-west2.
	Region string `json:"region"`
	// ServicesPerDay bounds the services that one user creates in 24 hours, as for new accounts
	// (railway-api.md, "Rate limits"); 0 does not.
	ServicesPerDay int `json:"servicesPerDay"`
	// NameReserved is how long the name of a deleted environment stays taken, as has been seen for about 30s
	// (railway-api.md, "Environments"). Default: 0s.
	NameReserved string `json:"nameReserved"`
	// EnvironmentCreateInterval, ProjectCreateInterval and VolumeCreateInterval are the least time between two creates of one
	// user. Default: 30s (railway-api.md, "Errors"), for volumes 10s [assumption: only the message is known]. "0s"
	// turns the throttle off.
	EnvironmentCreateInterval *string `json:"environmentCreateInterval"`
	ProjectCreateInterval     *string `json:"projectCreateInterval"`
	VolumeCreateInterval      *string `json:"volumeCreateInterval"`
}

// throttle is a mutation that one user may send only so often.
type throttle struct {
	seed     func(SeedLimits) *string
	interval time.Duration
	message  string
}

var throttles = map[string]throttle{
	"environmentCreate": {
		func(l SeedLimits) *string { return l.EnvironmentCreateInterval }, 30 * time.Second,
		"Whoa there pal! Only one environment can be created per user every 30s. Try again in a sec",
	},
	"projectCreate": {
		func(l SeedLimits) *string { return l.ProjectCreateInterval }, 30 * time.Second,
		"You're creating projects too quickly. You can create 1 project per 30 seconds",
	},
	"volumeCreate": {
		func(l SeedLimits) *string { return l.VolumeCreateInterval }, 10 * time.Second,
		"You are creating volumes too quickly. Please try again later",
	},
}

// throttle refuses a mutation that comes too early after the user's last one.
func (c call) throttle(mutation string) error {
	rule := throttles[mutation]
	interval := rule.interval
	if text := rule.seed(c.s.options.Seed.Limits); text != nil {
		interval, _ = time.ParseDuration(*text) // check has been here
	}
	if last, ok := c.w().Created[mutation+"/"+c.user()]; ok && c.s.now().Sub(last) < interval {
		return refused("%s", rule.message)
	}
	c.w().Created[mutation+"/"+c.user()] = c.s.now()
	return nil
}

// user is whose throttles count: the token's user, or the token when it has none.
func (c call) user() string { return orElse(c.token.UserID, c.token.ID) }

// countService counts a service that is created, and refuses it when the user has created too many in the last 24 hours.
func (c call) countService() error {
	limit := c.s.options.Seed.Limits.ServicesPerDay
	recent := slices.DeleteFunc(c.w().ServicesCreated[c.user()], func(at time.Time) bool { return c.s.now().Sub(at) >= 24*time.Hour })
	if limit > 0 && len(recent) >= limit {
		return refused("You can create %d services per day. Please try again later", limit)
	}
	c.w().ServicesCreated[c.user()] = append(recent, c.s.now())
	return nil
}

func (l SeedLimits) check() []error {
	var problems []error
	for name, rule := range throttles {
		if text := rule.seed(l); text != nil {
			if _, err := time.ParseDuration(*text); err != nil {
				problems = append(problems, fmt.Errorf("seed: limits.%sInterval: %q is no duration such as 30s", name, *text))
			}
		}
	}
	if _, err := time.ParseDuration(orElse(l.NameReserved, "0s")); err != nil {
		problems = append(problems, fmt.Errorf("seed: limits.nameReserved: %q is no duration such as 30s", l.NameReserved))
	}
	return problems
}

// reserved reports whether the name belongs to an environment that was deleted a moment ago.
func (s *Sim) reserved(projectID, name string) bool {
	span, _ := time.ParseDuration(orElse(s.options.Seed.Limits.NameReserved, "0s")) // check has been here
	for _, e := range s.world.index.environments[projectID] {
		if e.Name == name && e.DeletedAt != nil && s.now().Sub(*e.DeletedAt) < span {
			return true
		}
	}
	return false
}

// allowance is what a plan allows.
type allowance struct{ requestsPerHour, requestsPerSecond, replicas, customDomains, volumes, volumeSizeMB int }

// plans are Railway's. Free has no documented requests per second, replicas and custom domains.
var plans = map[string]allowance{
	"Free":  {100, 10, 1, 1, 1, 500},
	"Hobby": {1000, 10, 6, 2, 10, 5000},
	"Pro":   {10000, 50, 42, 20, 20, 50000},
}

// allows is what a plan allows here: the seed's numbers come first.
func (s *Sim) allows(plan string) allowance {
	a, l := plans[plan], s.options.Seed.Limits
	for number, chosen := range map[*int]int{
		&a.requestsPerHour: l.RequestsPerHour, &a.requestsPerSecond: l.RequestsPerSecond, &a.replicas: l.Replicas,
		&a.customDomains: l.CustomDomains, &a.volumes: l.Volumes, &a.volumeSizeMB: l.VolumeSizeMB,
	} {
		if chosen > 0 {
			*number = chosen
		}
	}
	return a
}

// allowed is what the project's plan allows.
func (s *Sim) allowed(projectID string) allowance {
	return s.allows(s.world.plan(s.world.Projects[projectID]))
}
