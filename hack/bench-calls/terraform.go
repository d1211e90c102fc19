// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import "fmt"

// What the community Terraform provider asks of Railway for the same application. It is not run here: its requests
// follow from its source, terraform-community-providers/terraform-provider-railway v0.6.2 (b1cd755, 2026-04-21), in
// internal/provider/resource_*.go, one request per generated call:
//
//   - variable, variable_collection: Create reads the service, upserts, reads and redeploys; Update upserts, reads and
//     redeploys. The upsert does not skip deployments, so that Railway deploys for it, and the redeploy deploys once
//     more: two deployments each (docs/railway-api.md, "Mutations of one field").
//   - service: Create from an image sends 7 requests and deploys once, from a repository 8; Read sends 5 or 6.
//   - service_domain: Create sends 4 requests, Read 1. custom_domain: Read sends 2.
//   - project, environment: one request each. A project comes with one environment, so that E environments are read as
//     one project and E-1 environments.
const (
	createEnvironment  = 1
	createService      = 7
	createDomain       = 4
	createVariables    = 4
	updateVariables    = 3
	deploysOfVariables = 2

	readProject      = 1
	readEnvironment  = 1
	readService      = 5
	readCustomDomain = 2
	readDomain       = 1
	readVariables    = 1
)

// application is what both are compared on. Variables are those of one service in one environment, domains are all.
type application struct {
	environments, services, variables, customDomains, generatedDomains int
}

// calls is what a change costs.
type calls struct{ requests, deployments int }

func (c calls) String() string {
	return fmt.Sprintf("%d requests, %d deployments", c.requests, c.deployments)
}

// createTier is the first apply of one environment with one service from an image and its generated domain, in a
// project that exists. The resources hold the variables: one railway_variable each, or one collection for all.
func createTier(resources int) calls {
	return calls{
		requests:    createEnvironment + createService + createDomain + resources*createVariables,
		deployments: 1 + resources*deploysOfVariables,
	}
}

// change is an apply that changes variables held by that many resources, without the refresh that comes before it.
func change(resources int) calls {
	return calls{requests: resources * updateVariables, deployments: resources * deploysOfVariables}
}

// refresh is the number of requests of one refresh, which each plan and apply begins with. The resources hold the
// variables of one service in one environment.
func (a application) refresh(resources int) int {
	values := a.environments * a.services * resources * readVariables
	domains := a.customDomains*readCustomDomain + a.generatedDomains*readDomain
	return readProject + (a.environments-1)*readEnvironment + a.services*readService + values + domains
}
