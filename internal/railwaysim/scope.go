// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"fmt"
)

// apiError is an error as Railway reports it: HTTP 200, a message, a code (railway-api.md, "Errors").
type apiError struct{ code, message string }

// Error returns the message.
func (e *apiError) Error() string { return e.message }

// Code is the error's extensions.code.
func (e *apiError) Code() string { return e.code }

func notAuthorized() error { return &apiError{"INTERNAL_SERVER_ERROR", "Not Authorized"} }

func notFound(what string) error {
	return &apiError{"INTERNAL_SERVER_ERROR", what + " not found"}
}

func badInput(format string, args ...any) error {
	return &apiError{"BAD_USER_INPUT", fmt.Sprintf(format, args...)}
}

func refused(format string, args ...any) error {
	return &apiError{"INTERNAL_SERVER_ERROR", fmt.Sprintf(format, args...)}
}

func planLimit(format string, args ...any) error {
	return &apiError{"PLAN_LIMIT", fmt.Sprintf(format, args...)}
}

// call is one request's caller and its view of the world.
type call struct {
	s     *Sim
	token *token
	view  view
	// fault is what the request meets, if anything.
	fault *Fault
}

// sees reports whether the token reaches the project (railway-api.md, "Tokens").
func (c call) sees(p *project) bool {
	if p == nil || p.DeletedAt != nil {
		return false
	}
	switch c.token.Kind {
	case tokenProject:
		return c.token.ProjectID == p.ID
	case tokenWorkspace:
		return c.token.WorkspaceID == p.WorkspaceID
	default:
		return true
	}
}

// project finds a project that the token reaches. One that does not exist and one that is not visible look the same
// (railway-api.md, "Errors").
func (c call) project(w *world, id string) (*project, error) {
	p := w.Projects[id]
	if !c.sees(p) {
		return nil, notAuthorized()
	}
	return p, nil
}

// environment finds an environment that the token reaches. A project token reaches one (railway-api.md, "Tokens").
func (c call) environment(w *world, id string) (*environment, error) {
	e := w.Environments[id]
	if e == nil || e.DeletedAt != nil {
		return nil, notAuthorized()
	}
	if _, err := c.project(w, e.ProjectID); err != nil {
		return nil, err
	}
	if c.token.Kind == tokenProject && c.token.EnvironmentID != id {
		return nil, notAuthorized()
	}
	return e, nil
}

func (c call) service(w *world, id string) (*service, error) {
	s := w.Services[id]
	if s == nil || s.DeletedAt != nil {
		return nil, notAuthorized()
	}
	_, err := c.project(w, s.ProjectID)
	return s, err
}

// at finds a service's instance in an environment.
func (c call) at(w *world, environmentID, serviceID string) (*environment, *service, error) {
	e, err := c.environment(w, environmentID)
	if err != nil {
		return nil, nil, err
	}
	s, err := c.service(w, serviceID)
	if err != nil {
		return nil, nil, err
	}
	if !e.live(serviceID) {
		return nil, nil, notFound("ServiceInstance")
	}
	return e, s, nil
}

// within refuses an environment of another project than the one that is named beside it.
func (c call) within(w *world, projectID, environmentID string) (*environment, error) {
	e, err := c.environment(w, environmentID)
	if err != nil {
		return nil, err
	}
	if e.ProjectID != projectID {
		return nil, notAuthorized()
	}
	return e, nil
}

// inside is at for inputs that name the project, too.
func (c call) inside(w *world, args map[string]any) (*environment, *service, error) {
	if _, err := c.within(w, argText(args, "projectId"), argText(args, "environmentId")); err != nil {
		return nil, nil, err
	}
	return c.at(w, argText(args, "environmentId"), argText(args, "serviceId"))
}

func (c call) deployment(w *world, id string) (*deployment, error) {
	d := w.Deployments[id]
	if d == nil {
		return nil, notFound("Deployment")
	}
	_, err := c.environment(w, d.EnvironmentID)
	return d, err
}

// personal refuses project tokens, for what they cannot do (railway-api.md, "Tokens").
func (c call) personal() error {
	if c.token.Kind == tokenProject {
		return notAuthorized()
	}
	return nil
}

func argText(args map[string]any, keys ...string) string { return text(args, keys...) }
