// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// addConsole adds what a human on the dashboard does, the request log and the faults.
func (s *Sim) addConsole(mux *http.ServeMux) {
	mux.HandleFunc("GET /_sim/requests", func(w http.ResponseWriter, r *http.Request) {
		since, _ := strconv.Atoi(r.URL.Query().Get("since"))
		list := []Request{}
		for _, request := range s.Requests() {
			if request.Seq > since {
				list = append(list, request)
			}
		}
		reply(w, list, nil)
	})
	mux.HandleFunc("DELETE /_sim/requests", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearRequests()
		reply(w, map[string]bool{"ok": true}, nil)
	})
	mux.HandleFunc("GET /_sim/deployments", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.Deployments(), nil) })
	mux.HandleFunc("GET /_sim/visits", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.Visits(), nil) })
	mux.HandleFunc("GET /_sim/state", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.State(), nil) })
	mux.HandleFunc("DELETE /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearFaults()
		reply(w, map[string]bool{"ok": true}, nil)
	})
	handle(mux, "/_sim/faults", func(faults []Fault) error {
		for _, f := range faults {
			if err := s.AddFault(f); err != nil {
				return err
			}
		}
		return nil
	})
	handle(mux, "/_sim/variable", s.EditVariable)
	handle(mux, "/_sim/settings", s.EditSettings)
	handle(mux, "/_sim/stage", s.Stage)
	handle(mux, "/_sim/configfile", s.SetConfigFile)
	handle(mux, "/_sim/service/delete", s.DeleteService)
	handle(mux, "/_sim/environment/delete", s.DeleteEnvironment)
	handle(mux, "/_sim/deployment/crash", s.CrashDeployment)
	handle(mux, "/_sim/deployment/sleep", s.SleepDeployment)
}

// handle serves a console action that takes T as JSON. Unknown fields are refused.
func handle[T any](mux *http.ServeMux, path string, act func(T) error) {
	mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		var input T
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&input); err != nil {
			reply(w, nil, fmt.Errorf("%s: %w", path, err))
			return
		}
		reply(w, map[string]bool{"ok": true}, act(input))
	})
}

func reply(w http.ResponseWriter, value any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		value = map[string]string{"error": err.Error()}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(value)
}

// Place names a service in an environment. Project, environment and service are names or ids; project may be left out while
// there is one.
type Place struct {
	Project     string `json:"project"`
	Environment string `json:"environment"`
	Service     string `json:"service"`
}

// find resolves the place. The lock is held. An empty service is allowed.
func (s *Sim) find(at Place) (*environment, string, error) {
	var found *environment
	for _, id := range sortedKeys(s.world.Environments) {
		e := s.world.Environments[id]
		p := s.world.Projects[e.ProjectID]
		if e.DeletedAt != nil || (at.Project != "" && at.Project != p.ID && at.Project != p.Name) || (at.Environment != e.ID && at.Environment != e.Name) {
			continue
		}
		if found != nil {
			return nil, "", fmt.Errorf("environment %q is in more than one project: name the project", at.Environment)
		}
		found = e
	}
	if found == nil {
		return nil, "", fmt.Errorf("there is no environment %q", at.Environment)
	}
	if at.Service == "" {
		return found, "", nil
	}
	for id := range found.Instances {
		if found.live(id) && (id == at.Service || s.world.Services[id].Name == at.Service) {
			return found, id, nil
		}
	}
	return nil, "", fmt.Errorf("environment %q has no service %q", at.Environment, at.Service)
}

// human is who edits on the dashboard: the seed's first user.
func (s *Sim) human() string {
	if users := s.options.Seed.Users; len(users) > 0 {
		return users[0].ID
	}
	return ""
}

// edit commits a change as a human.
func (s *Sim) edit(at Place, change func(serviceID string) (map[string]any, error), skipDeploys bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, serviceID, err := s.find(at)
	if err != nil {
		return err
	}
	patch, err := change(serviceID)
	if err != nil {
		return err
	}
	defer s.remember()
	_, err = s.commit(e, patch, "", s.human(), skipDeploys)
	return err
}

// VariableEdit is a human's edit of a variable. An empty service means a shared variable; a null value deletes.
type VariableEdit struct {
	Place
	Name  string  `json:"name"`
	Value *string `json:"value"`
	// SkipDeploys keeps the edit from starting a deployment.
	SkipDeploys bool `json:"skipDeploys"`
}

// EditVariable edits a variable as a human on the dashboard does.
func (s *Sim) EditVariable(edit VariableEdit) error {
	if edit.Name == "" {
		return fmt.Errorf("name is needed")
	}
	return s.edit(edit.Place, func(serviceID string) (map[string]any, error) {
		change := map[string]any{edit.Name: nil}
		if edit.Value != nil {
			change[edit.Name] = map[string]any{"value": *edit.Value}
		}
		if serviceID == "" {
			return map[string]any{"sharedVariables": change}, nil
		}
		return map[string]any{"services": map[string]any{serviceID: map[string]any{"variables": change}}}, nil
	}, edit.SkipDeploys)
}

// SettingsEdit is a human's edit of a service's settings, in the shape of Railway's config: {"deploy":{"startCommand":"…"}}.
type SettingsEdit struct {
	Place
	Config map[string]any `json:"config"`
}

// EditSettings edits a service's settings as a human on the dashboard does.
func (s *Sim) EditSettings(edit SettingsEdit) error {
	return s.edit(edit.Place, func(serviceID string) (map[string]any, error) {
		if serviceID == "" {
			return nil, fmt.Errorf("service is needed")
		}
		return map[string]any{"services": map[string]any{serviceID: deepCopy(edit.Config)}}, nil
	}, false)
}

// Stage puts a service's settings, or with an empty service a whole patch, into the staging area without committing it.
func (s *Sim) Stage(edit SettingsEdit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, serviceID, err := s.find(edit.Place)
	if err != nil {
		return err
	}
	change := deepCopy(edit.Config)
	if serviceID != "" {
		change = map[string]any{"services": map[string]any{serviceID: change}}
	}
	s.stage(e, change, true)
	s.remember()
	return nil
}

// ConfigFileEdit says which file of the repository configures a service; empty means none.
type ConfigFileEdit struct {
	Place
	File string `json:"file"`
}

// SetConfigFile makes a railway.json or railway.toml own a service's settings.
func (s *Sim) SetConfigFile(edit ConfigFileEdit) error {
	var file any
	if edit.File != "" {
		file = edit.File
	}
	return s.edit(edit.Place, func(serviceID string) (map[string]any, error) {
		return map[string]any{"services": map[string]any{serviceID: map[string]any{"configFile": file}}}, nil
	}, true)
}

// DeleteService deletes a service from an environment as a human does.
func (s *Sim) DeleteService(at Place) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, serviceID, err := s.find(at)
	if err != nil {
		return err
	}
	if serviceID == "" {
		return fmt.Errorf("service is needed")
	}
	s.removeInstance(e, serviceID)
	s.remember()
	return nil
}

// DeleteEnvironment deletes an environment as a human does.
func (s *Sim) DeleteEnvironment(at Place) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, _, err := s.find(at)
	if err != nil {
		return err
	}
	s.deleteEnvironment(e)
	s.remember()
	return nil
}

// CrashDeployment lets the serving deployment crash.
func (s *Sim) CrashDeployment(at Place) error {
	return s.onServing(at, func(d *deployment, now time.Time) { d.CrashedAt = &now })
}

// SleepDeployment puts the serving deployment to sleep.
func (s *Sim) SleepDeployment(at Place) error {
	return s.onServing(at, func(d *deployment, now time.Time) { d.SleepingAt = &now })
}

func (s *Sim) onServing(at Place, act func(*deployment, time.Time)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, serviceID, err := s.find(at)
	if err != nil {
		return err
	}
	serving := s.world.active(e.ID, serviceID, s.now())
	if serviceID == "" || len(serving) == 0 {
		return fmt.Errorf("service %q has no deployment that serves", at.Service)
	}
	act(serving[0], s.now())
	s.remember()
	return nil
}

// Deployed is a deployment in the console's list.
type Deployed struct {
	ID          string    `json:"id"`
	Project     string    `json:"project"`
	Environment string    `json:"environment"`
	Service     string    `json:"service"`
	Status      string    `json:"status"`
	Cause       string    `json:"cause"`
	PatchID     string    `json:"patchID,omitempty"`
	Image       string    `json:"image,omitempty"`
	Commit      string    `json:"commit,omitempty"`
	CreatedAt   time.Time `json:"createdAt"`
}

// Deployments lists every deployment ever made, oldest first.
func (s *Sim) Deployments() []Deployed {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Deployed{}
	for _, d := range sortedBy(s.world.Deployments, func(d *deployment) (bool, time.Time, string) { return true, d.CreatedAt, d.ID }) {
		e := s.world.Environments[d.EnvironmentID]
		status, _ := s.world.status(d, s.now())
		list = append(list, Deployed{
			ID: d.ID, Project: s.world.Projects[e.ProjectID].Name, Environment: e.Name, Service: s.world.Services[d.ServiceID].Name,
			Status: status, Cause: d.Cause, PatchID: d.PatchID, Image: d.Image, Commit: d.Commit, CreatedAt: d.CreatedAt,
		})
	}
	return list
}

// State is everything there is, without values of variables: environments by project and name, with their config.
func (s *Sim) State() map[string]map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := map[string]map[string]any{}
	for _, id := range sortedKeys(s.world.Projects) {
		p := s.world.Projects[id]
		if p.DeletedAt != nil {
			continue
		}
		environments := map[string]any{}
		for _, e := range s.world.environmentsOf(id) {
			names := map[string]string{}
			for serviceID := range e.Instances {
				if e.live(serviceID) {
					names[serviceID] = s.world.Services[serviceID].Name
				}
			}
			environments[e.Name] = map[string]any{"id": e.ID, "services": names, "config": s.world.shown(e, false), "staged": masked(e.Staged)}
		}
		state[p.Name] = environments
	}
	return state
}

// Variables returns a service's unrendered variables as they are stored, sealed ones too, for tests. An empty service means
// the shared ones.
func (s *Sim) Variables(at Place) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, serviceID, err := s.find(at)
	if err != nil {
		return nil, err
	}
	return values(scopeOf(e, serviceID)), nil
}

// Config returns a service's declared config without variables, for tests.
func (s *Sim) Config(at Place) (map[string]any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, serviceID, err := s.find(at)
	if err != nil {
		return nil, err
	}
	config := deepCopy(sub(e.Config, "services", serviceID))
	delete(config, "variables")
	return config, nil
}
