-- Copyright The engine-operator Authors.
-- SPDX-License-Identifier: Apache-2.0

-- Ends the hold after a rollback: what is declared is tried again.
local os = require("os")
local annotations = obj.metadata.annotations or {}
annotations["railway.engine-operator.dev/resume"] = "By Argo CD at: " .. os.date("!%Y-%m-%dT%X")
obj.metadata.annotations = annotations
return obj
