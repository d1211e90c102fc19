// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"fmt"
)

// What a person does on the dashboard.

// human is who edits on the dashboard: the seed's first user.
func (s *Sim) human() string {
	if users := s.options.Seed.Users; len(users) > 0 {
		return users[0].ID
	}
	return ""
}

// edit commits a change as a human.
func (s *Sim) edit(at Place, change func(e *environment, serviceID string) (map[string]any, error), skipDeploys bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, serviceID, err := s.find(at)
	if err != nil {
		return err
	}
	patch, err := change(e, serviceID)
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
	return s.edit(edit.Place, func(_ *environment, serviceID string) (map[string]any, error) {
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

// SealVariable seals a variable that is there; its value stays, and never comes back.
func (s *Sim) SealVariable(edit VariableEdit) error {
	return s.edit(edit.Place, func(e *environment, serviceID string) (map[string]any, error) {
		if _, there := scopeOf(e, serviceID)[edit.Name]; !there {
			return nil, fmt.Errorf("there is no variable %q", edit.Name)
		}
		change := map[string]any{edit.Name: map[string]any{"isSealed": true}}
		if serviceID == "" {
			return map[string]any{"sharedVariables": change}, nil
		}
		return map[string]any{"services": map[string]any{serviceID: map[string]any{"variables": change}}}, nil
	}, true)
}

// SettingsEdit is a human's edit of a service's settings, in the shape of Railway's config: {"deploy":{"startCommand":"…"}}.
type SettingsEdit struct {
	Place
	Config map[string]any `json:"config"`
}

// EditSettings edits a service's settings as a human on the dashboard does.
func (s *Sim) EditSettings(edit SettingsEdit) error {
	return s.edit(edit.Place, func(_ *environment, serviceID string) (map[string]any, error) {
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
	return s.edit(edit.Place, func(_ *environment, serviceID string) (map[string]any, error) {
		return map[string]any{"services": map[string]any{serviceID: map[string]any{"configFile": file}}}, nil
	}, true)
}
