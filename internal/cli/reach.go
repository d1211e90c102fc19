// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// The names of Railway's tokens, in the environment and in Secrets (railway-api.md, "Tokens").
const (
	accountToken = "RAILWAY_API_TOKEN" //nolint:gosec // the name of a variable, not a credential
	projectToken = "RAILWAY_TOKEN"     //nolint:gosec // the name of a variable, not a credential
)

const tokenHelp = "It needs a Railway token: RAILWAY_API_TOKEN (account or workspace token) or RAILWAY_TOKEN (project token) in the\n" +
	"environment"

// reach says how Railway is reached.
type reach struct{ endpoint string }

func (r *reach) bind(command *cobra.Command) {
	command.Flags().StringVar(&r.endpoint, "railway-endpoint", railway.DefaultEndpoint, "Railway's GraphQL API; http is accepted on loopback only")
}

// pool makes the clients.
func (r *reach) pool(world World) (*railway.Pool, error) {
	return railway.NewPool(railway.Options{Endpoint: r.endpoint, Version: world.Version, Now: world.Now})
}

// credentials finds a token by a lookup: the project token first, as Railway's own CLI does.
func credentials(lookup func(string) string) (railway.Credentials, bool) {
	if token := strings.TrimSpace(lookup(projectToken)); token != "" {
		return railway.Credentials{Kind: railway.TokenProject, Token: token}, true
	}
	if token := strings.TrimSpace(lookup(accountToken)); token != "" {
		return railway.Credentials{Kind: railway.TokenAccount, Token: token}, true
	}
	return railway.Credentials{}, false
}

var errNoToken = fmt.Errorf("there is no Railway token: set %s (account or workspace token) or %s (project token)", accountToken, projectToken)

// place is a Railway environment, read.
type place struct {
	client *railway.Client
	// environment is nil when the project has none of that name.
	environment *model.Environment
	// names are those of the project's environments, empty with a project token.
	names []string
	// services are the ids of the project's services by name. With a project token only those of the environment are known.
	services map[string]string
}

// find reads the environment of that name, and never writes.
func find(ctx context.Context, client *railway.Client, projectID, name string) (*place, error) {
	at := &place{client: client, services: map[string]string{}}
	id := ""
	if client.Kind() == railway.TokenProject {
		scope, err := client.Scope(ctx)
		if err != nil {
			return nil, unreadable(err)
		}
		if scope.ProjectID != projectID || !strings.EqualFold(scope.EnvironmentName, name) {
			return nil, fmt.Errorf("the project token is for environment %q of project %s, not for %q of %s: use an account or workspace token, as %s",
				scope.EnvironmentName, scope.ProjectID, name, projectID, accountToken)
		}
		id = scope.EnvironmentID
	} else {
		project, err := client.Project(ctx, projectID)
		if err != nil {
			return nil, unreadable(err)
		}
		if id, err = match(project, name); err != nil {
			return nil, err
		}
		for _, environment := range project.Environments {
			at.names = append(at.names, environment.Name)
		}
		for _, service := range project.Services {
			at.services[service.Name] = service.ID
		}
	}
	if id == "" {
		return at, nil
	}
	environment, err := client.Environment(ctx, projectID, id)
	if err != nil {
		return nil, unreadable(err)
	}
	at.environment = environment
	return at, nil
}

// match finds the environment by name or id; the case of names does not count.
func match(project model.Project, name string) (id string, err error) {
	for _, environment := range project.Environments {
		switch {
		case environment.ID == name:
			return name, nil
		case !strings.EqualFold(environment.Name, name):
		case id != "":
			return "", fmt.Errorf("the project has two environments called %q when case is ignored: rename one on Railway", name)
		default:
			id = environment.ID
		}
	}
	return id, nil
}

// unreadable says what to do about a read that failed.
func unreadable(err error) error {
	switch railway.ClassOf(err) {
	case railway.Unauthorized:
		return fmt.Errorf("%w: check the token, the project's id, and what the token may see", err)
	case railway.NotFound:
		return fmt.Errorf("%w: check the project's id, which the dashboard's address shows", err)
	case railway.RateLimited:
		return fmt.Errorf("%w: the token's request budget is used up; try again in %s", err, railway.RetryAfter(err))
	default:
		return err
	}
}
