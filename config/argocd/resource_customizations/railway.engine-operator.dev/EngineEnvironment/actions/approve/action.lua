-- Copyright The engine-operator Authors.
-- SPDX-License-Identifier: Apache-2.0

-- Approves the revision that waits for it, and no other.
local annotations = obj.metadata.annotations or {}
annotations["railway.engine-operator.dev/approve"] = obj.status.promotion.candidate
annotations["railway.engine-operator.dev/approved-by"] = "Argo CD"
obj.metadata.annotations = annotations
return obj
