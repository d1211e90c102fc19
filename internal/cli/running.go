// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// token finds Railway's token for a live tier: in the environment, else in its Secret.
func (s *session) token(ctx context.Context, world World, tier *v1alpha1.EngineEnvironment) (railway.Credentials, error) {
	if found, ok := credentials(world.Getenv); ok {
		return found, nil
	}
	name := tier.Spec.Railway.TokenSecretRef.Name
	data, _ := s.secret(ctx, tier.Namespace, name)
	if found, ok := credentials(func(key string) string { return data[key] }); ok {
		return found, nil
	}
	return railway.Credentials{}, fmt.Errorf("%w, or be allowed to read the Secret %s in namespace %s", errNoToken, name, tier.Namespace)
}

// running reads the tier's environment, with the services called as the spec calls them.
func (r *reach) running(ctx context.Context, world World, s *session, tier *v1alpha1.EngineEnvironment) (*railway.Client, *model.Environment, error) {
	if tier.Spec.Railway == nil {
		return nil, nil, fmt.Errorf("%s is a Local tier: nothing of it runs on Railway", tier.Name)
	}
	found, err := s.token(ctx, world, tier)
	if err != nil {
		return nil, nil, err
	}
	pool, err := r.pool(world)
	if err != nil {
		return nil, nil, err
	}
	at, err := find(ctx, pool.Client(found), tier.Spec.Railway.ProjectID, tier.Spec.RailwayEnvironment())
	switch {
	case err != nil:
		return nil, nil, err
	case at.environment == nil:
		return nil, nil, fmt.Errorf("there is no environment %q on Railway yet", tier.Spec.RailwayEnvironment())
	}
	return at.client, at.environment.Named(recordOf(tier, world.Now()).ServiceIDs), nil
}

// serviceNames are the services that the spec declares, the engine first.
func serviceNames(tier *v1alpha1.EngineEnvironment) []string {
	names := []string{tier.Spec.Engine.Name}
	for i := range tier.Spec.Services {
		names = append(names, tier.Spec.Services[i].Name)
	}
	return names
}

// declaredService is the named service, or the engine for an empty name.
func declaredService(tier *v1alpha1.EngineEnvironment, name string) (string, error) {
	names := serviceNames(tier)
	if name == "" {
		return names[0], nil
	}
	for _, known := range names {
		if known == name {
			return name, nil
		}
	}
	return "", fmt.Errorf("%s declares no service %q; there is %s", tier.Name, name, strings.Join(names, ", "))
}
