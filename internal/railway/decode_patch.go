// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"cmp"
	"slices"
	"strings"

	"github.com/engine-operator/engine-operator/internal/railway/gql"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

const (
	patchStaged   = "STAGED"
	patchApplying = "APPLYING"
)

// addHistory adds the committed patches and the staging area. The staging area is never null: with nothing staged it is a
// placeholder, so only its content tells (railway-api.md, "Staged changes and history").
func addHistory(operation string, env *model.Environment, r *gql.ReadEnvironmentResponse) error {
	if r.EnvironmentStagedChanges.Status == "" || r.EnvironmentPatches.Edges == nil {
		return incomplete(operation, "the history of changes")
	}
	staged := decodePatch(r.EnvironmentStagedChanges)
	switch staged.Status {
	case patchStaged:
		env.Staged = staged.Paths
	case patchApplying:
		env.Applying = true
	}
	for _, edge := range r.EnvironmentPatches.Edges {
		patch := decodePatch(edge.Node)
		if patch.Status == patchStaged {
			continue
		}
		env.Applying = env.Applying || patch.Status == patchApplying
		env.Patches = append(env.Patches, patch)
	}
	slices.SortFunc(env.Patches, func(a, b model.Patch) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return nil
}

// maxPerson bounds the name of a person, in bytes: it stands in the status beside each field that differs.
const maxPerson = 128

func decodePatch(p gql.Patch) model.Patch {
	patch := model.Patch{
		ID: p.Id, Status: p.Status, Message: text(p.Message),
		Error:     sanitise(text(p.LastAppliedError), nil),
		CreatedAt: p.CreatedAt, AppliedAt: instant(p.AppliedAt), Paths: leafPaths(p.Patch),
	}
	if by := p.AppliedBy; by != nil {
		patch.AppliedBy = truncate(cmp.Or(text(by.Name), text(by.Username), by.Email), maxPerson)
	}
	return patch
}

// leafPaths lists the paths of the patch's leaves in order, keys joined by dots, values left out. A variable is one leaf:
// its fields say nothing more.
func leafPaths(raw []byte) []string {
	tree, _ := decodeTree(raw)
	var paths []string
	tree.Leaves(func(keys []string, _ any) {
		if i := slices.IndexFunc(keys, isVariables); i >= 0 && len(keys) > i+2 {
			keys = keys[:i+2]
		}
		paths = append(paths, strings.Join(keys, "."))
	})
	slices.Sort(paths)
	return slices.Compact(paths)
}

func isVariables(key string) bool { return key == "variables" || key == "sharedVariables" }
