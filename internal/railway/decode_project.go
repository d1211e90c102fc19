// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"github.com/engine-operator/engine-operator/internal/railway/gql"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// decodeProject leaves deleted environments and services out: Railway goes on listing them
// (railway-api.md, "Object model").
func decodeProject(p gql.ReadProjectProject) model.Project {
	project := model.Project{ID: p.Id, Name: p.Name}
	for _, edge := range p.Environments.Edges {
		if edge.Node.DeletedAt == nil {
			project.Environments = append(project.Environments, model.Named{ID: edge.Node.Id, Name: edge.Node.Name})
		}
	}
	for _, edge := range p.Services.Edges {
		if edge.Node.DeletedAt == nil {
			project.Services = append(project.Services, model.Named{ID: edge.Node.Id, Name: edge.Node.Name})
		}
	}
	return project
}
