// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"encoding/json"

	"github.com/engine-operator/engine-operator/internal/railway/gql"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

func decodeDeployment(d gql.Deployment) model.Deployment {
	deployment := model.Deployment{
		ID: d.Id, Status: model.DeploymentStatus(d.Status),
		CreatedAt: d.CreatedAt, StatusAt: instant(d.StatusUpdatedAt),
		Stopped: d.DeploymentStopped, CanRollback: d.CanRollback,
		Replicas: map[string]int{},
	}
	if d.Meta != nil {
		deployment.Meta = decodeMeta(*d.Meta)
	}
	for _, replica := range d.Instances {
		deployment.Replicas[replica.Status]++
	}
	return deployment
}

// decodeMeta picks what we rely on out of the opaque meta. A key that is missing or has another type than expected counts as
// empty: nothing promises its shape (railway-api.md, "Deployment meta").
func decodeMeta(raw json.RawMessage) model.DeploymentMeta {
	meta, _ := decodeTree(raw)
	pick := func(key string) string {
		value, _ := meta[key].(string)
		return value
	}
	return model.DeploymentMeta{
		Image: pick("image"), ImageDigest: pick("imageDigest"), Repo: pick("repo"), Branch: pick("branch"),
		CommitHash: pick("commitHash"), PatchID: pick("patchId"),
	}
}
