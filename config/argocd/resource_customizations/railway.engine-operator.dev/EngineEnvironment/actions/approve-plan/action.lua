-- Copyright The engine-operator Authors.
-- SPDX-License-Identifier: Apache-2.0

-- Approves the plan that waits for it, and no other: by its hash. Admission asks for the verb approve.
local annotations = obj.metadata.annotations or {}
annotations["railway.engine-operator.dev/approve-plan"] = obj.status.plan.hash
obj.metadata.annotations = annotations
return obj
