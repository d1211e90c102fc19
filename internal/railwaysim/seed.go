// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"errors"
	"fmt"
	"os"
	"time"

	"sigs.k8s.io/yaml"
)

// Kinds of token (FACTS §1.2).
const (
	tokenAccount   = "account"
	tokenWorkspace = "workspace"
	tokenProject   = "project"
)

// Seed says what exists at the start.
type Seed struct {
	Workspaces []SeedWorkspace `json:"workspaces"`
	Users      []SeedUser      `json:"users"`
	Projects   []SeedProject   `json:"projects"`
	Tokens     []SeedToken     `json:"tokens"`
	Limits     SeedLimits      `json:"limits"`
	Usage      []SeedUsage     `json:"usage"`
}

// SeedUsage is what a service uses while its environment exists, steadily. Names, because environments may be made later; an
// empty project means every project.
type SeedUsage struct {
	Project        string  `json:"project"`
	Environment    string  `json:"environment"`
	Service        string  `json:"service"`
	VCPU           float64 `json:"vcpu"`
	MemoryGB       float64 `json:"memoryGB"`
	DiskGB         float64 `json:"diskGB"`
	EgressGBPerDay float64 `json:"egressGBPerDay"`
}

// SeedWorkspace is a workspace. Plan is Free, Hobby or Pro.
type SeedWorkspace struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Plan string `json:"plan"`
}

// SeedUser is a person.
type SeedUser struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

// SeedProject is a project. Workspace is an id.
type SeedProject struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	Workspace    string            `json:"workspace"`
	Environments []SeedEnvironment `json:"environments"`
	Services     []SeedService     `json:"services"`
}

// SeedEnvironment is an environment. SharedVariables are values by name; Age is how long it has existed, for example 720h.
type SeedEnvironment struct {
	ID              string            `json:"id"`
	Name            string            `json:"name"`
	Ephemeral       bool              `json:"ephemeral"`
	Age             string            `json:"age"`
	SharedVariables map[string]string `json:"sharedVariables"`
}

// SeedService is a service. Environments maps the names of the environments it is in to its config there, in the shape of
// Railway's EnvironmentConfig. One with a source is deployed and serves.
type SeedService struct {
	ID           string                    `json:"id"`
	Name         string                    `json:"name"`
	Environments map[string]map[string]any `json:"environments"`
}

// SeedToken is a token. Kind is account, workspace or project. RequestsPerHour overrides the plan's limit.
type SeedToken struct {
	Name            string `json:"name"`
	Kind            string `json:"kind"`
	Value           string `json:"value"`
	User            string `json:"user"`
	Workspace       string `json:"workspace"`
	Project         string `json:"project"`
	Environment     string `json:"environment"`
	RequestsPerHour int    `json:"requestsPerHour"`
}

// SeedLimits are limits of the plan; 0 takes the plan's own.
type SeedLimits struct {
	Services     int `json:"services"`
	Environments int `json:"environments"`
	Replicas     int `json:"replicas"`
	// EnvironmentCreateInterval and ProjectCreateInterval are the least time between two creates of one user. Default: 30s
	// (FACTS §1.3). "0s" turns the throttle off.
	EnvironmentCreateInterval *string `json:"environmentCreateInterval"`
	ProjectCreateInterval     *string `json:"projectCreateInterval"`
}

func (l SeedLimits) createInterval(what string) time.Duration {
	text := l.EnvironmentCreateInterval
	if what == "project" {
		text = l.ProjectCreateInterval
	}
	if text == nil {
		return 30 * time.Second
	}
	interval, err := time.ParseDuration(*text)
	if err != nil { // plant has checked it
		return 30 * time.Second
	}
	return interval
}

// LoadSeed reads a seed file.
func LoadSeed(path string) (Seed, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Seed{}, fmt.Errorf("read seed: %w", err)
	}
	seed, err := ParseSeed(raw)
	if err != nil {
		return Seed{}, fmt.Errorf("%s: %w", path, err)
	}
	return seed, nil
}

// ParseSeed reads a seed in YAML or JSON. Unknown fields are refused.
func ParseSeed(raw []byte) (Seed, error) {
	var seed Seed
	if err := yaml.UnmarshalStrict(raw, &seed); err != nil {
		return Seed{}, fmt.Errorf("seed: %w", err)
	}
	if _, err := New(Options{Seed: seed}); err != nil {
		return Seed{}, err
	}
	return seed, nil
}

// plant makes the world of the seed.
func (s *Sim) plant(seed Seed) error {
	var problems []error
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf("seed: "+format, args...)) }
	for i, w := range seed.Workspaces {
		if w.ID == "" || w.Name == "" {
			wrong("workspaces[%d]: id and name are needed", i)
		}
		switch w.Plan {
		case "Free", "Hobby", "Pro":
		default:
			wrong("workspaces[%d].plan: %q is none of Free, Hobby and Pro", i, w.Plan)
		}
		s.world.Workspaces[w.ID] = &workspace{ID: w.ID, Name: w.Name, Plan: w.Plan, CreatedAt: s.now()}
	}
	for _, u := range seed.Users {
		s.world.Users[u.ID] = &user{ID: u.ID, Name: u.Name, Email: u.Email}
	}
	for i, p := range seed.Projects {
		if s.world.Workspaces[p.Workspace] == nil {
			wrong("projects[%d].workspace: there is no workspace %q", i, p.Workspace)
		}
		if p.ID == "" || p.Name == "" {
			wrong("projects[%d]: id and name are needed", i)
		}
		s.plantProject(p, func(format string, args ...any) { wrong("projects[%d]."+format, append([]any{i}, args...)...) })
	}
	for i, t := range seed.Tokens {
		if problem := s.plantToken(t); problem != "" {
			wrong("tokens[%d]: %s", i, problem)
		}
	}
	for name, text := range map[string]*string{"environmentCreateInterval": seed.Limits.EnvironmentCreateInterval, "projectCreateInterval": seed.Limits.ProjectCreateInterval} {
		if text != nil {
			if _, err := time.ParseDuration(*text); err != nil {
				wrong("limits.%s: %q is no duration such as 30s", name, *text)
			}
		}
	}
	return errors.Join(problems...)
}

func (s *Sim) plantProject(p SeedProject, wrong func(string, ...any)) {
	s.world.Projects[p.ID] = &project{ID: p.ID, Name: p.Name, WorkspaceID: p.Workspace, CreatedAt: s.now()}
	byName := map[string]*environment{}
	for i, e := range p.Environments {
		if e.ID == "" || e.Name == "" || byName[e.Name] != nil {
			wrong("environments[%d]: an id and a name of its own are needed", i)
			continue
		}
		age := time.Duration(0)
		if e.Age != "" {
			var err error
			if age, err = time.ParseDuration(e.Age); err != nil || age < 0 {
				wrong("environments[%d].age: %q is no duration such as 720h", i, e.Age)
			}
		}
		shared := map[string]any{}
		for name, value := range e.SharedVariables {
			shared[name] = map[string]any{"value": value}
		}
		byName[e.Name] = &environment{
			ID: e.ID, Name: e.Name, ProjectID: p.ID, Ephemeral: e.Ephemeral, CreatedAt: s.now().Add(time.Duration(i) - age), UpdatedAt: s.now(),
			Config: map[string]any{"sharedVariables": shared}, Instances: map[string]*instance{},
		}
		s.world.Environments[e.ID] = byName[e.Name]
	}
	for i, declared := range p.Services {
		if declared.ID == "" || declared.Name == "" {
			wrong("services[%d]: id and name are needed", i)
			continue
		}
		s.world.Services[declared.ID] = &service{ID: declared.ID, Name: declared.Name, ProjectID: p.ID, CreatedAt: s.now()}
		for name, config := range declared.Environments {
			e := byName[name]
			if e == nil {
				wrong("services[%d].environments: there is no environment %q", i, name)
				continue
			}
			e.Instances[declared.ID] = &instance{ID: s.id(), CreatedAt: s.now(), UpdatedAt: s.now()}
			e.Config = merge(e.Config, map[string]any{"services": map[string]any{declared.ID: deepCopy(config)}})
			if d := s.deploy(e, declared.ID, "", "deploy", ""); d != nil {
				d.CreatedAt = d.CreatedAt.Add(-time.Hour) // it has served for a while
			}
		}
	}
}

func (s *Sim) plantToken(t SeedToken) string {
	switch {
	case t.Value == "" || t.Name == "":
		return "name and value are needed"
	case t.Kind == tokenWorkspace && s.world.Workspaces[t.Workspace] == nil:
		return fmt.Sprintf("there is no workspace %q", t.Workspace)
	case t.Kind == tokenProject && (s.world.Environments[t.Environment] == nil || s.world.Environments[t.Environment].ProjectID != t.Project):
		return fmt.Sprintf("project %q has no environment %q: both are ids", t.Project, t.Environment)
	case t.Kind != tokenAccount && t.Kind != tokenWorkspace && t.Kind != tokenProject:
		return fmt.Sprintf("kind %q is none of account, workspace and project", t.Kind)
	}
	s.world.Tokens[t.Value] = &token{
		ID: s.id(), Name: t.Name, Kind: t.Kind, Value: t.Value, WorkspaceID: t.Workspace, ProjectID: t.Project,
		EnvironmentID: t.Environment, UserID: t.User, RequestsPerHour: t.RequestsPerHour,
	}
	return ""
}
