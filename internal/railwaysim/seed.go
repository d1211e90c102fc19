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

// Kinds of token (railway-api.md, "Tokens").
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
	Registries []SeedRegistry  `json:"registries"`
	// HideDigests leaves meta.imageDigest out for images that are pinned to a digest, as Railway has been seen to do
	// (railway-api.md, "Images and digests").
	HideDigests bool `json:"hideDigests"`
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
	// SharedLimit makes all tokens of the workspace share one limit of requests, which the workspace tells as apiTokenRateLimit. Whether
	// Railway does so is not documented (railway-api.md, "Rate limits"). Default: each token has its own.
	SharedLimit bool `json:"sharedLimit"`
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
// Railway's EnvironmentConfig. One with a source is deployed and serves, unless it says "undeployed": true, as services are in
// environments that were cloned through the API.
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
	s.world.HideDigests, s.world.Region = seed.HideDigests, seed.Limits.Region
	s.plantWorkspaces(seed.Workspaces, wrong)
	s.plantRegistries(seed.Registries, wrong)
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
	return errors.Join(append(problems, seed.Limits.check()...)...)
}

func (s *Sim) plantWorkspaces(workspaces []SeedWorkspace, wrong func(string, ...any)) {
	for i, w := range workspaces {
		if w.ID == "" || w.Name == "" {
			wrong("workspaces[%d]: id and name are needed", i)
		}
		if _, known := plans[w.Plan]; !known {
			wrong("workspaces[%d].plan: %q is none of Free, Hobby and Pro", i, w.Plan)
		}
		s.world.Workspaces[w.ID] = &workspace{
			ID: w.ID, Name: w.Name, Plan: w.Plan, SharedLimit: w.SharedLimit, CreatedAt: s.now(),
		}
	}
}

func (s *Sim) plantRegistries(registries []SeedRegistry, wrong func(string, ...any)) {
	for i, r := range registries {
		if r.Host == "" || r.Private && (r.Username == "" || r.Password == "") {
			wrong("registries[%d]: a host is needed, and a username and password when it is private", i)
		}
		s.world.Registries[r.Host] = &r
	}
}

func (s *Sim) plantProject(p SeedProject, wrong func(string, ...any)) {
	s.world.Projects[p.ID] = &project{ID: p.ID, Name: p.Name, WorkspaceID: p.Workspace, CreatedAt: s.now()}
	byName := map[string]*environment{}
	for i, e := range p.Environments {
		if e.ID == "" || e.Name == "" || byName[e.Name] != nil {
			wrong("environments[%d]: an id and a name of its own are needed", i)
			continue
		}
		age, err := time.ParseDuration(orElse(e.Age, "0s"))
		if err != nil || age < 0 {
			wrong("environments[%d].age: %q is no duration such as 720h", i, e.Age)
		}
		byName[e.Name] = &environment{
			ID: e.ID, Name: e.Name, ProjectID: p.ID, Ephemeral: e.Ephemeral, CreatedAt: s.now().Add(time.Duration(i) - age), UpdatedAt: s.now(),
			Config: map[string]any{"sharedVariables": plainVariables(e.SharedVariables)}, Instances: map[string]*instance{},
		}
		s.world.addEnvironment(byName[e.Name])
	}
	for i, declared := range p.Services {
		if declared.ID == "" || declared.Name == "" {
			wrong("services[%d]: id and name are needed", i)
			continue
		}
		s.world.addService(&service{ID: declared.ID, Name: declared.Name, ProjectID: p.ID, CreatedAt: s.now()})
		for _, name := range sortedKeys(declared.Environments) {
			if byName[name] == nil {
				wrong("services[%d].environments: there is no environment %q", i, name)
				continue
			}
			s.plantInstance(byName[name], declared.ID, declared.Environments[name])
		}
	}
}

// plantInstance puts a service into an environment, where it has served for a while unless it is undeployed.
func (s *Sim) plantInstance(e *environment, serviceID string, config map[string]any) {
	e.Instances[serviceID] = &instance{ID: s.id(), CreatedAt: s.now(), UpdatedAt: s.now()}
	config = deepCopy(config)
	undeployed := config["undeployed"] == true
	delete(config, "undeployed")
	s.configure(e, serviceID, config)
	if undeployed {
		return
	}
	if d := s.deploy(e, serviceID, "", "deploy", ""); d != nil {
		d.CreatedAt = d.CreatedAt.Add(-time.Hour)
	}
}

func plainVariables(values map[string]string) map[string]any {
	variables := map[string]any{}
	for name, value := range values {
		variables[name] = map[string]any{"value": value}
	}
	return variables
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
