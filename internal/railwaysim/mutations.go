// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"maps"
)

// mutation resolves a root field of Mutation. The lock is held; it works on the newest world, whatever reads see.
type mutation func(c call, args map[string]any) (any, error)

var mutations = map[string]mutation{}

func init() {
	for _, family := range []map[string]mutation{
		projectMutations, configMutations, variableMutations, serviceMutations, deploymentMutations, networkMutations, storageMutations,
	} {
		maps.Copy(mutations, family)
	}
}

func (c call) w() *world { return c.s.world }

// fresh is the view that a mutation's own answer is made from: it never lags.
func (c call) fresh() view { return view{c.s.world, c.s.now(), c.token} }
