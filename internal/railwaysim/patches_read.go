// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

func (v view) patch(p *patch) node {
	n := node{
		"__typename": "EnvironmentPatch", "id": p.ID, "environmentId": p.EnvironmentID, "status": "COMMITTED", "message": optional(p.Message),
		"lastAppliedError": optional(p.Error), "appliedAt": stamp(p.CreatedAt), "createdAt": stamp(p.CreatedAt), "updatedAt": stamp(p.CreatedAt),
		"appliedBy":   nil,
		"environment": lazy(func(map[string]any) (any, error) { return v.environment(v.w.Environments[p.EnvironmentID]), nil }),
		"patch":       lazy(func(args map[string]any) (any, error) { return shownPatch(p.Patch, args), nil }),
	}
	if u := v.w.Users[p.AppliedBy]; u != nil {
		n["appliedBy"] = node{"id": u.ID, "name": u.Name, "username": u.Name, "email": u.Email, "avatar": nil}
	}
	return n
}

func shownPatch(p map[string]any, args map[string]any) map[string]any {
	if args["decryptVariables"] != true {
		return masked(p)
	}
	shown := deepCopy(p)
	dropSealedValues(shown)
	return shown
}

// staged is the staging area: never null, and an empty placeholder while nothing is staged
// (railway-api.md, "Staged changes and history").
func (v view) staged(e *environment) node {
	id := "<empty>"
	if len(e.Staged) > 0 {
		id = e.StagedID
	}
	return node{
		"__typename": "EnvironmentPatch", "id": id, "environmentId": e.ID, "status": "STAGED", "message": nil, "lastAppliedError": nil,
		"appliedAt": nil, "appliedBy": nil, "createdAt": stamp(e.CreatedAt), "updatedAt": stamp(e.UpdatedAt),
		"environment": lazy(func(map[string]any) (any, error) { return v.environment(e), nil }),
		"patch": lazy(func(args map[string]any) (any, error) {
			if e.Staged == nil {
				return map[string]any{}, nil
			}
			return shownPatch(e.Staged, args), nil
		}),
	}
}
