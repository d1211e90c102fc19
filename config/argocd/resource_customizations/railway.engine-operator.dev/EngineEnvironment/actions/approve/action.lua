-- Copyright The engine-operator Authors.
-- SPDX-License-Identifier: Apache-2.0

-- Approves the source that waits for it, and no other. Admission holds that approved-by is the user who asks, which is Argo
-- CD's API server for each who presses the button: put its name here if yours has another one (see README.md).
local annotations = obj.metadata.annotations or {}
annotations["railway.engine-operator.dev/approve"] = obj.status.promotion.candidate
annotations["railway.engine-operator.dev/approved-by"] = "system:serviceaccount:argocd:argocd-server"
obj.metadata.annotations = annotations
return obj
