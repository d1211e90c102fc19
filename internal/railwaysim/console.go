// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
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
	handle(mux, "/_sim/image/push", s.PushImage)
	handle(mux, "/_sim/registry", s.SetRegistry)
	handle(mux, "/_sim/repo/push", s.PushCommit)
	handle(mux, "/_sim/variable", s.EditVariable)
	handle(mux, "/_sim/settings", s.EditSettings)
	handle(mux, "/_sim/variable/seal", s.SealVariable)
	handle(mux, "/_sim/service/rename", s.RenameService)
	handle(mux, "/_sim/environment/rename", s.RenameEnvironment)
	handle(mux, "/_sim/domain/add", s.AddDomain)
	handle(mux, "/_sim/domain/verify", s.VerifyDomain)
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
