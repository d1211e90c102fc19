// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/engine-operator/engine-operator/internal/railway/gql"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// Every method here but MayCreate and AwaitPause sends one mutation, and never repeats one that Railway may have carried out. When the
// error is Ambiguous the mutation may have been applied: read before writing again.

// AwaitPause waits out a short pause of the token: what is announced then is sent at once.
func (c *Client) AwaitPause(ctx context.Context) { _, _ = c.Budget().open(ctx, Write) }

// MayCreate returns nil when CreateEnvironment would be sent now, else the error that it would return without asking Railway: who
// announces a create before it is sent asks first. Once Railway has refused one, who asks has a slot from then on.
func (c *Client) MayCreate(projectID, name string) error {
	const operation = "CreateEnvironment"
	if err := c.creating.ask(operation, callerOf(projectID, name)); err != nil {
		return err
	}
	if wait := c.Budget().opensIn(Write); wait > 0 {
		return c.gql.heldBack(operation, wait)
	}
	return nil
}

// callerOf tells those apart that create environments with one token.
func callerOf(projectID, name string) string { return projectID + "/" + name }

// CreateEnvironment creates an empty environment and returns it as a read would. Railway lets a user create one every 30 s
// (railway-api.md, "Errors"): once it has refused one, callers with this token, told apart by project and name, get a
// slot each, and the error of who comes too early is RateLimited with the time until its slot. Who does not come back
// within half a slot loses it. Nor is a pause of the token waited out, but for a short one that Railway asks for in its answer: whoever
// creates has its project's turn. MayCreate says beforehand whether it would be sent.
func (c *Client) CreateEnvironment(ctx context.Context, projectID, name string) (*model.Environment, error) {
	const operation = "CreateEnvironment"
	if err := needs(operation, "project id", projectID, "name", name); err != nil {
		return nil, err
	}
	var response *gql.CreateEnvironmentResponse
	err := c.creating.pass(operation, callerOf(projectID, name), func() (err error) {
		if wait := c.Budget().opensIn(Write); wait > 0 {
			return c.gql.heldBack(operation, wait)
		}
		response, err = gql.CreateEnvironment(ctx, c.gql, projectID, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	env, err := decodeEnvironment(operation, &response.EnvironmentCreate)
	if err != nil {
		return nil, unsure(err)
	}
	return env, nil
}

// CreateService creates a service and returns its id. It has no source, so that nothing is deployed
// (railway-api.md, "Mutations of one field"). Reads may show it only later (railway-api.md, "Consistency").
func (c *Client) CreateService(ctx context.Context, projectID, environmentID, name string) (string, error) {
	const operation = "CreateService"
	if err := needs(operation, "project id", projectID, "environment id", environmentID, "name", name); err != nil {
		return "", err
	}
	response, err := gql.CreateService(ctx, c.gql, projectID, environmentID, name)
	if err != nil {
		return "", err
	}
	return created(operation, "the service's id", response.ServiceCreate.Id)
}

// CreateRailwayDomain gives the service a generated domain. With port 0 Railway chooses the target port.
func (c *Client) CreateRailwayDomain(ctx context.Context, environmentID, serviceID string, port int) (model.Domain, error) {
	const operation = "CreateRailwayDomain"
	if err := needs(operation, "environment id", environmentID, "service id", serviceID); err != nil {
		return model.Domain{}, err
	}
	var target *int
	if port != 0 {
		target = &port
	}
	response, err := gql.CreateRailwayDomain(ctx, c.gql, environmentID, serviceID, target)
	if err != nil {
		return model.Domain{}, err
	}
	d := response.ServiceDomainCreate
	if _, err := created(operation, "the domain", d.Domain); err != nil {
		return model.Domain{}, err
	}
	return decodeDomain(d.Id, d.Domain, d.TargetPort, true), nil
}

// Commit merges the patch into the environment's config and deploys each service that it changes once; null deletes
// (railway-api.md, "Config patches"). What humans have staged stays as it is. Railway applies the patch after it has
// answered.
func (c *Client) Commit(ctx context.Context, environmentID string, patch model.Tree, message string) error {
	const operation = "CommitPatch"
	if err := needs(operation, "environment id", environmentID); err != nil {
		return err
	}
	if len(patch) == 0 {
		return &Error{Class: Invalid, Operation: operation, Message: "the patch is empty"}
	}
	if slices.Contains(patch.Sub("services").Keys(), "") {
		return &Error{Class: Invalid, Operation: operation, Message: "the patch has a service without an id"}
	}
	body, err := json.Marshal(patch)
	if err != nil {
		return &Error{Class: Invalid, Operation: operation, Message: "the patch is not JSON"}
	}
	_, err = gql.CommitPatch(ctx, c.gql, environmentID, body, message)
	return err
}

// Deploy starts a deployment with the current config and variables and returns its id. It is the first deployment, too, of a
// service that never had one: patches leave such a service undeployed for ever
// (railway-api.md, "Config patches"). With a commitSHA a service that is built from a repository builds that
// commit, without one the source that is configured; Railway refuses an unknown commit (Invalid).
func (c *Client) Deploy(ctx context.Context, environmentID, serviceID, commitSHA string) (string, error) {
	const operation = "DeployService"
	if err := needs(operation, "environment id", environmentID, "service id", serviceID); err != nil {
		return "", err
	}
	response, err := gql.DeployService(ctx, c.gql, environmentID, serviceID, unlessZero(commitSHA))
	if err != nil {
		return "", err
	}
	return created(operation, "the deployment's id", response.ServiceInstanceDeployV2)
}

// DisableAutoDeploy deletes a deployment trigger, so that pushes no longer deploy past the operator
// (railway-api.md, "Auto-deploy"). A commit that changes the source may make another one: read again after it. Project
// tokens may not do this (Unauthorized, railway-api.md, "Auto-deploy").
func (c *Client) DisableAutoDeploy(ctx context.Context, triggerID string) error {
	const operation = "DeleteTrigger"
	if err := needs(operation, "trigger id", triggerID); err != nil {
		return err
	}
	response, err := gql.DeleteTrigger(ctx, c.gql, triggerID)
	if err != nil {
		return err
	}
	return confirmed(operation, response.DeploymentTriggerDelete)
}

// DeleteServices deletes the services from this one environment, by one patch. Railway's serviceDelete is never called: outside
// a fork it deletes the service from every environment that is not one, whatever environment it is given
// (railway-api.md, "Service mutations and forks").
func (c *Client) DeleteServices(ctx context.Context, environmentID string, serviceIDs []string, message string) error {
	patch := model.Tree{}
	for _, id := range serviceIDs {
		patch.Set(true, "services", id, "isDeleted")
	}
	return c.Commit(ctx, environmentID, patch, message)
}

// DeleteEnvironment deletes the environment with everything in it. There is no way back
// (railway-api.md, "Object model").
func (c *Client) DeleteEnvironment(ctx context.Context, environmentID string) error {
	const operation = "DeleteEnvironment"
	if err := needs(operation, "environment id", environmentID); err != nil {
		return err
	}
	response, err := gql.DeleteEnvironment(ctx, c.gql, environmentID)
	if err != nil {
		return err
	}
	return confirmed(operation, response.EnvironmentDelete)
}

// created checks that a mutation named what it made.
func created(operation, what, id string) (string, error) {
	if id == "" {
		return "", unsure(incomplete(operation, what))
	}
	return id, nil
}

// confirmed checks a mutation's Boolean. What false means is not documented, so it proves nothing.
func confirmed(operation string, done bool) error {
	if !done {
		return &Error{Class: Ambiguous, Operation: operation, Message: "Railway did not confirm the deletion"}
	}
	return nil
}

// unsure turns an unusable answer to a mutation into Ambiguous: the mutation was accepted.
func unsure(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	ambiguous := *e
	ambiguous.Class = Ambiguous
	return &ambiguous
}
