// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// world is all that the local Railway knows. Its maps are keyed by id. Everything in it survives a JSON round trip, which is
// how older versions are kept for reads that lag.
type world struct {
	Workspaces   map[string]*workspace
	Users        map[string]*user
	Projects     map[string]*project
	Environments map[string]*environment
	Services     map[string]*service
	Domains      map[string]*domain
	Proxies      map[string]*proxy
	Volumes      map[string]*volume
	Triggers     map[string]*trigger
	Deployments  map[string]*deployment
	Patches      map[string]*patch
	Tokens       map[string]*token
	// Created remembers when each user last created a project or environment, for Railway's throttles
	// (railway-api.md, "Errors").
	Created map[string]time.Time
	// ServicesCreated remembers when each user created services.
	ServicesCreated map[string][]time.Time
	// Region is where a service runs that names none; empty is Railway's default.
	Region string
	// Tags are the digests that image tags were pushed to, by repository:tag; Contents are known bytes by digest.
	Tags     map[string]string
	Contents map[string]*content
	// HideDigests leaves imageDigest out of what a deployment of a pinned image tells.
	HideDigests bool
	// Registries are by host.
	Registries map[string]*SeedRegistry
	// Heads are the newest commits that were pushed, by repository and branch.
	Heads map[string]string

	index index
}

type workspace struct {
	ID, Name, Plan string
	// SharedLimit is true when its tokens share one limit of requests.
	SharedLimit bool
	CreatedAt   time.Time
}

type user struct{ ID, Name, Email string }

type project struct {
	ID, Name, Description, WorkspaceID string
	CreatedAt                          time.Time
	DeletedAt                          *time.Time
	Public, PRDeploys                  bool
	// BotPREnvironments and FocusedPREnvironments are settings of pull request environments.
	BotPREnvironments, FocusedPREnvironments bool
	// BaseEnvironmentID is empty while it is the oldest environment.
	BaseEnvironmentID string
}

type environment struct {
	ID, Name, ProjectID, SourceID string
	Ephemeral                     bool
	CreatedAt, UpdatedAt          time.Time
	DeletedAt                     *time.Time
	// Config is what was declared, without platform defaults: services by id, sharedVariables
	// (railway-api.md, "EnvironmentConfig").
	Config map[string]any
	// Staged is the staging area (railway-api.md, "Staged changes and history").
	Staged map[string]any
	// StagedID is empty while nothing was ever staged.
	StagedID  string
	Instances map[string]*instance
}

type instance struct {
	ID        string
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt *time.Time
}

type service struct {
	ID, Name, Icon, ProjectID string
	CreatedAt                 time.Time
	DeletedAt                 *time.Time
}

type domain struct {
	ID, Host, EnvironmentID, ServiceID string
	Custom                             bool
	// Certificate is the state of a custom domain's certificate.
	Certificate string
	Port        *int
	CreatedAt   time.Time
	DeletedAt   *time.Time
}

type proxy struct {
	ID, EnvironmentID, ServiceID string
	ApplicationPort, ProxyPort   int
	CreatedAt                    time.Time
	DeletedAt                    *time.Time
}

type volume struct {
	ID, Name, ProjectID string
	CreatedAt           time.Time
	DeletedAt           *time.Time
	Instances           map[string]*volumeInstance // by environment
}

type volumeInstance struct {
	ID, ServiceID, MountPath, Region string
	SizeMB                           int
	CreatedAt                        time.Time
	DeletedAt                        *time.Time
}

type trigger struct {
	ID, EnvironmentID, ServiceID, Provider, Repository, Branch string
	CheckSuites                                                bool
	CreatedAt                                                  time.Time
}

type patch struct {
	ID, EnvironmentID, Message, AppliedBy, Error string
	Patch                                        map[string]any
	CreatedAt                                    time.Time
	Order                                        int
}

type token struct {
	Name, Kind, Value, WorkspaceID, ProjectID, EnvironmentID, UserID, ID string
	RequestsPerHour                                                      int
}

func newWorld() *world {
	return &world{
		Workspaces: map[string]*workspace{}, Users: map[string]*user{}, Projects: map[string]*project{},
		Environments: map[string]*environment{}, Services: map[string]*service{}, Domains: map[string]*domain{},
		Proxies: map[string]*proxy{}, Volumes: map[string]*volume{}, Triggers: map[string]*trigger{},
		Deployments: map[string]*deployment{}, Patches: map[string]*patch{}, Tokens: map[string]*token{},
		Created: map[string]time.Time{}, Tags: map[string]string{}, Contents: map[string]*content{},
		ServicesCreated: map[string][]time.Time{}, Registries: map[string]*SeedRegistry{}, Heads: map[string]string{},
		index: newIndex(),
	}
}

// clone copies the world.
func (w *world) clone() *world {
	raw, err := json.Marshal(w)
	if err != nil {
		panic("railwaysim: the world is not JSON: " + err.Error())
	}
	copied := newWorld()
	if err := json.Unmarshal(raw, copied); err != nil {
		panic("railwaysim: the world does not survive a copy: " + err.Error())
	}
	copied.reindex()
	return copied
}

// plan is the plan of the project's workspace.
func (w *world) plan(p *project) string {
	if ws := w.Workspaces[p.WorkspaceID]; ws != nil {
		return ws.Plan
	}
	return "Pro"
}

// environmentsOf lists the project's live environments, oldest first.
func (w *world) environmentsOf(projectID string) []*environment {
	return sortedBy(w.index.environments[projectID], func(e *environment) (bool, time.Time, string) {
		return e.DeletedAt == nil, e.CreatedAt, e.ID
	})
}

// affected lists the environments that a service mutation changes. Given a fork it is that fork alone, else every environment
// that is no fork, whichever was given: so say the descriptions of serviceCreate, serviceDelete and serviceInstanceUpdate
// (railway-api.md, "Service mutations and forks").
func (w *world) affected(projectID, environmentID string) []*environment {
	if given := w.Environments[environmentID]; given != nil && given.fork() {
		return []*environment{given}
	}
	return slices.DeleteFunc(w.environmentsOf(projectID), (*environment).fork)
}

// fork reports whether the environment was made from another one.
func (e *environment) fork() bool { return e.SourceID != "" || e.Ephemeral }

// servicesOf lists the project's live services, oldest first.
func (w *world) servicesOf(projectID string) []*service {
	return sortedBy(w.index.services[projectID], func(s *service) (bool, time.Time, string) {
		return s.DeletedAt == nil, s.CreatedAt, s.ID
	})
}

// everyServiceOf lists the project's services with the deleted ones, which reads still show
// (railway-api.md, "Object model").
func (w *world) everyServiceOf(projectID string) []*service {
	return sortedBy(w.index.services[projectID], func(s *service) (bool, time.Time, string) { return true, s.CreatedAt, s.ID })
}

// deploymentsOf lists the deployments of a service in an environment, newest first. An empty service means all of them.
func (w *world) deploymentsOf(environmentID, serviceID string) []*deployment {
	list := sortedBy(w.index.deployments[environmentID], func(d *deployment) (bool, time.Time, string) {
		return serviceID == "" || d.ServiceID == serviceID, d.CreatedAt, d.ID
	})
	slices.SortStableFunc(list, func(a, b *deployment) int { return b.Order - a.Order })
	return list
}

// domainsOf lists the live domains of a service in an environment, oldest first.
func (w *world) domainsOf(environmentID, serviceID string, custom bool) []*domain {
	return sortedBy(w.index.domains[environmentID], func(d *domain) (bool, time.Time, string) {
		return d.ServiceID == serviceID && d.Custom == custom && d.DeletedAt == nil, d.CreatedAt, d.ID
	})
}

// patchesOf lists the environment's history, newest first.
func (w *world) patchesOf(environmentID string) []*patch {
	list := slices.Clone(w.index.patches[environmentID])
	slices.SortFunc(list, func(a, b *patch) int { return b.Order - a.Order })
	return list
}

// sortedBy returns those that are picked, in the order of their times.
func sortedBy[T any](all []*T, pick func(*T) (bool, time.Time, string)) []*T {
	list := slices.DeleteFunc(slices.Clone(all), func(t *T) bool { keep, _, _ := pick(t); return !keep })
	slices.SortFunc(list, func(a, b *T) int {
		_, at, aid := pick(a)
		_, bt, bid := pick(b)
		if c := at.Compare(bt); c != 0 {
			return c
		}
		if aid < bid {
			return -1
		}
		return 1
	})
	return list
}

// live reports whether the service has an instance in the environment.
func (e *environment) live(serviceID string) bool {
	i, ok := e.Instances[serviceID]
	return ok && i.DeletedAt == nil
}

// all lists the objects of a map, in no order.
func all[T any](byID map[string]*T) []*T { return slices.Collect(maps.Values(byID)) }
