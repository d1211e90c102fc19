// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"time"

	"github.com/engine-operator/engine-operator/internal/railway/gql"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

const (
	// maxPages ends a listing whose pages never end.
	maxPages = 50
	// logLines is how many lines of each log a Failure keeps.
	logLines = 20
)

// Project returns the project's live environments and services, in one request unless it has more than 500 of either. Deleted
// ones are left out; a deleted project is NotFound.
func (c *Client) Project(ctx context.Context, projectID string) (model.Project, error) {
	const operation = "ReadProject"
	if err := needs(operation, "project id", projectID); err != nil {
		return model.Project{}, err
	}
	response, err := gql.ReadProject(ctx, c.gql, projectID)
	if err != nil {
		return model.Project{}, err
	}
	p := response.Project
	if p.DeletedAt != nil {
		return model.Project{}, &Error{Class: NotFound, Operation: operation, Message: "the project is deleted"}
	}
	if p.Id != projectID || p.Environments.Edges == nil || p.Services.Edges == nil {
		return model.Project{}, incomplete(operation, "the project")
	}
	if err := c.completeProject(ctx, operation, &p); err != nil {
		return model.Project{}, err
	}
	if p.WorkspaceId != nil {
		go c.workspaces.note(context.WithoutCancel(ctx), c, *p.WorkspaceId) // the caller does not wait for what is asked with other tokens
	}
	return decodeProject(p), nil
}

// completeProject reads the pages that did not fit into the first answer.
func (c *Client) completeProject(ctx context.Context, operation string, p *gql.ReadProjectProject) error {
	err := rest(operation, &p.Environments.Edges, p.Environments.PageInfo,
		func(after string) ([]environmentEdge, gql.Page, error) {
			more, err := gql.ReadProjectEnvironments(ctx, c.gql, p.Id, after)
			if err != nil {
				return nil, gql.Page{}, err
			}
			return more.Project.Environments.Edges, more.Project.Environments.PageInfo, nil
		})
	if err != nil {
		return err
	}
	return rest(operation, &p.Services.Edges, p.Services.PageInfo, func(after string) ([]serviceEdge, gql.Page, error) {
		more, err := gql.ReadProjectServices(ctx, c.gql, p.Id, after)
		if err != nil {
			return nil, gql.Page{}, err
		}
		return more.Project.Services.Edges, more.Project.Services.PageInfo, nil
	})
}

// Environment reads the whole truth of an environment, in one request unless it has more than 500 services, 2000 variables or
// 200 deployment triggers (railway-api.md, "Reading an environment"). Deleted objects are left out; a deleted
// environment is NotFound. Without a right to read it Railway answers Unauthorized, and so it does when the environment
// does not exist (railway-api.md, "Errors").
func (c *Client) Environment(ctx context.Context, projectID, environmentID string) (*model.Environment, error) {
	const operation = "ReadEnvironment"
	if err := needs(operation, "project id", projectID, "environment id", environmentID); err != nil {
		return nil, err
	}
	var found outcome
	c.read(ctx, []want{{environmentRef: environmentRef{projectID, environmentID}}}, func(_ int, o outcome) { found = o })
	return found.held.environment(), found.err
}

// completeEnvironment reads the pages that did not fit into the first answer.
func (c *Client) completeEnvironment(ctx context.Context, operation string, e *gql.Environment) error {
	err := rest(operation, &e.ServiceInstances.Edges, e.ServiceInstances.PageInfo, func(after string) ([]instanceEdge, gql.Page, error) {
		more, err := gql.ReadServiceInstances(ctx, c.gql, e.ProjectId, e.Id, after)
		if err != nil {
			return nil, gql.Page{}, err
		}
		return more.Environment.ServiceInstances.Edges, more.Environment.ServiceInstances.PageInfo, nil
	})
	if err != nil {
		return err
	}
	err = rest(operation, &e.Variables.Edges, e.Variables.PageInfo, func(after string) ([]variableEdge, gql.Page, error) {
		more, err := gql.ReadVariables(ctx, c.gql, e.ProjectId, e.Id, after)
		if err != nil {
			return nil, gql.Page{}, err
		}
		return more.Environment.Variables.Edges, more.Environment.Variables.PageInfo, nil
	})
	if err != nil {
		return err
	}
	return rest(operation, &e.DeploymentTriggers.Edges, e.DeploymentTriggers.PageInfo, func(after string) ([]triggerEdge, gql.Page, error) {
		more, err := gql.ReadTriggers(ctx, c.gql, e.ProjectId, e.Id, after)
		if err != nil {
			return nil, gql.Page{}, err
		}
		return more.Environment.DeploymentTriggers.Edges, more.Environment.DeploymentTriggers.PageInfo, nil
	})
}

// genqlient's names for the entries of a listing.
type (
	environmentEdge = gql.ProjectEnvironmentsEdgesProjectEnvironmentsConnectionEdge
	serviceEdge     = gql.ProjectServicesEdgesProjectServicesConnectionEdge
	instanceEdge    = gql.ServiceInstancesEdgesEnvironmentServiceInstancesConnectionEdge
	variableEdge    = gql.VariablesEdgesEnvironmentVariablesConnectionEdge
	triggerEdge     = gql.TriggersEdgesEnvironmentDeploymentTriggersConnectionEdge
)

// rest appends the further pages of a listing to edges. A listing that cannot be finished is an error, because what is missing from
// it would look deleted; so is a page that is null.
func rest[E any](operation string, edges *[]E, page gql.Page, next func(after string) ([]E, gql.Page, error)) error {
	for range maxPages {
		if !page.HasNextPage {
			return nil
		}
		if text(page.EndCursor) == "" {
			return incomplete(operation, "the cursor of the next page")
		}
		more, following, err := next(*page.EndCursor)
		switch {
		case err != nil:
			return err
		case more == nil:
			return incomplete(operation, "a page")
		}
		*edges, page = append(*edges, more...), following
	}
	return incomplete(operation, "an end")
}

// Failure returns what Railway tells about a deployment: its steps and the last lines of its logs, in one request.
func (c *Client) Failure(ctx context.Context, deploymentID string) (model.Failure, error) {
	const operation = "ReadFailure"
	if err := needs(operation, "deployment id", deploymentID); err != nil {
		return model.Failure{}, err
	}
	response, err := gql.ReadFailure(ctx, c.gql, deploymentID, logLines)
	if err != nil {
		return model.Failure{}, err
	}
	return decodeFailure(response), nil
}

// unlessZero returns a pointer to the value, nil for the zero value.
func unlessZero[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

// Usage returns what the services of the project used between two times, in one request. Project tokens may not be allowed
// to ask (railway-api.md, "Usage and prices").
func (c *Client) Usage(ctx context.Context, projectID string, start, end time.Time) ([]model.Usage, error) {
	const operation = "ReadUsage"
	if err := needs(operation, "project id", projectID); err != nil {
		return nil, err
	}
	response, err := gql.ReadUsage(ctx, c.gql, projectID, start, end, model.Measurements)
	if err != nil {
		return nil, err
	}
	usage := make([]model.Usage, 0, len(response.Usage))
	for _, entry := range response.Usage {
		usage = append(usage, model.Usage{
			EnvironmentID: text(entry.Tags.EnvironmentId), ServiceID: text(entry.Tags.ServiceId),
			Measurement: entry.Measurement, Value: entry.Value,
		})
	}
	return usage, nil
}
