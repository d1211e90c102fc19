// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/engine-operator/engine-operator/internal/railway/gql"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// decodeEnvironment checks that the answer is whole and makes an Environment of it, without what is deleted
// (railway-api.md, "Object model").
func decodeEnvironment(operation string, e *gql.Environment) (*model.Environment, error) {
	if e.DeletedAt != nil {
		return nil, &Error{Class: NotFound, Operation: operation, Message: "the environment is deleted"}
	}
	if what := missing(e); what != "" {
		return nil, incomplete(operation, what)
	}
	config, ok := decodeTree(e.Config)
	if !ok {
		return nil, incomplete(operation, "the config")
	}
	deleted := dropDeleted(config)
	env := &model.Environment{
		ID: e.Id, Name: e.Name, ProjectID: e.ProjectId, Ephemeral: e.IsEphemeral,
		Fork: e.SourceEnvironment != nil, Config: config, Sealed: map[model.VariableRef]bool{},
	}
	for _, edge := range e.Variables.Edges {
		if v := edge.Node; v.IsSealed {
			env.Sealed[model.VariableRef{ServiceID: text(v.ServiceId), Name: v.Name}] = true
		}
	}
	for _, edge := range e.ServiceInstances.Edges {
		s := edge.Node
		if s.DeletedAt != nil || deleted[s.ServiceId] {
			continue
		}
		instance, ok := decodeInstance(s)
		if !ok {
			return nil, incomplete(operation, "a service instance")
		}
		instance.Triggers = triggersOf(s.ServiceId, e.DeploymentTriggers)
		env.Services = append(env.Services, instance)
	}
	slices.SortFunc(env.Services, func(a, b model.ServiceInstance) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	for _, edge := range e.VolumeInstances.Edges {
		if edge.Node.DeletedAt == nil {
			env.Volumes++
		}
	}
	return env, nil
}

// missing names what the schema promises and the answer lacks, if anything: null and an empty list must never look alike.
func missing(e *gql.Environment) string {
	switch {
	case e.Id == "" || e.Name == "" || e.ProjectId == "":
		return "the environment"
	case e.Variables.Edges == nil:
		return "the variables"
	case e.ServiceInstances.Edges == nil:
		return "the service instances"
	case e.DeploymentTriggers.Edges == nil:
		return "the deployment triggers"
	case e.VolumeInstances.Edges == nil:
		return "the volume instances"
	default:
		return ""
	}
}

// dropDeleted takes services that are deleted, or null, out of the config and returns the ids of the deleted ones.
func dropDeleted(config model.Tree) map[string]bool {
	services := config.Sub("services")
	deleted := map[string]bool{}
	maps.DeleteFunc(services, func(id string, value any) bool {
		if gone, _ := services.Get(id, "isDeleted"); gone == true {
			deleted[id] = true
			return true
		}
		return value == nil
	})
	return deleted
}

func decodeInstance(s gql.ServiceInstance) (model.ServiceInstance, bool) {
	if s.ServiceId == "" || s.ServiceName == "" || s.ActiveDeployments == nil ||
		s.Domains.ServiceDomains == nil || s.Domains.CustomDomains == nil {
		return model.ServiceInstance{}, false
	}
	instance := model.ServiceInstance{
		ID: s.Id, ServiceID: s.ServiceId, Name: s.ServiceName, ConfigFile: text(s.RailwayConfigFile),
	}
	for _, d := range s.Domains.ServiceDomains {
		if d.DeletedAt == nil {
			instance.RailwayDomains = append(instance.RailwayDomains, decodeDomain(d.Id, d.Domain, d.TargetPort, true))
		}
	}
	for _, d := range s.Domains.CustomDomains {
		if d.DeletedAt == nil {
			instance.CustomDomains = append(instance.CustomDomains, decodeDomain(d.Id, d.Domain, d.TargetPort, d.Status.Verified))
		}
	}
	sortDomains(instance.RailwayDomains)
	sortDomains(instance.CustomDomains)
	if s.LatestDeployment != nil {
		latest := decodeDeployment(*s.LatestDeployment)
		instance.Latest = &latest
	}
	for _, d := range s.ActiveDeployments {
		instance.Active = append(instance.Active, decodeDeployment(d))
	}
	slices.SortFunc(instance.Active, func(a, b model.Deployment) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return instance, true
}

// triggersOf picks the service's triggers. One that belongs to no service deploys nothing that we know.
func triggersOf(serviceID string, all gql.Triggers) []model.Trigger {
	var list []model.Trigger
	for _, edge := range all.Edges {
		if t := edge.Node; text(t.ServiceId) == serviceID {
			list = append(list, model.Trigger{ID: t.Id, Repository: t.Repository, Branch: t.Branch})
		}
	}
	slices.SortFunc(list, func(a, b model.Trigger) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

func decodeDomain(id, host string, port *int, verified bool) model.Domain {
	domain := model.Domain{ID: id, Host: host, Verified: verified}
	if port != nil {
		domain.Port = *port
	}
	return domain
}

func sortDomains(domains []model.Domain) {
	slices.SortFunc(domains, func(a, b model.Domain) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.ID, b.ID))
	})
}

// decodeTree decodes a JSON object; ok is false for null and for anything else.
func decodeTree(raw json.RawMessage) (tree model.Tree, ok bool) {
	err := json.Unmarshal(raw, &tree)
	return tree, err == nil && tree != nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
