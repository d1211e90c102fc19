// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"maps"
	"slices"
	"time"

	"github.com/engine-operator/engine-operator/internal/railwaysim/graphql"
)

// Root fields by name; each behaviour brings its own.

// query resolves a root field of Query.
type query func(c call, args map[string]any) (any, error)

var queries = map[string]query{}

// mutation resolves a root field of Mutation. The lock is held; it works on the newest world, whatever reads see.
type mutation func(c call, args map[string]any) (any, error)

var mutations = map[string]mutation{}

func init() {
	for _, family := range []map[string]query{
		accessQueries, projectQueries, environmentQueries, patchQueries, serviceQueries, variableQueries, domainQueries, volumeQueries,
		deploymentQueries, triggerQueries, logQueries, usageQueries,
	} {
		maps.Copy(queries, family)
	}
	for _, family := range []map[string]mutation{
		accessMutations, projectMutations, environmentMutations, patchMutations, serviceMutations, settingMutations, variableMutations,
		domainMutations, customDomainMutations, proxyMutations, volumeMutations, deploymentMutations, triggerMutations,
	} {
		maps.Copy(mutations, family)
	}
}

func (c call) w() *world { return c.s.world }

// fresh is the view that a mutation's own answer is made from: it never lags.
func (c call) fresh() view { return view{c.s.world, c.s.now(), c.token, nil} }

type (
	node = graphql.Node
	lazy = graphql.Lazy
)

// view builds the objects that resolvers return, from one version of the world.
type view struct {
	w     *world
	now   time.Time
	token *token
	// read takes the ids of the environments whose config is read; nil takes none.
	read *[]string
}

// environments lists the project's environments that the token reaches: a project token reaches one
// (railway-api.md, "Tokens").
func (v view) environments(projectID string) []*environment {
	return slices.DeleteFunc(v.w.environmentsOf(projectID), func(e *environment) bool { return !v.reaches(e.ID) })
}

func (v view) reaches(environmentID string) bool {
	return v.token.Kind != tokenProject || v.token.EnvironmentID == environmentID
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func optionalStamp(t *time.Time) any {
	if t == nil {
		return nil
	}
	return stamp(*t)
}

func optional(value string) any {
	if value == "" {
		return nil
	}
	return value
}

func listOf(value any) any {
	if list, ok := value.([]any); ok {
		return list
	}
	return []any{}
}
