-- Copyright The engine-operator Authors.
-- SPDX-License-Identifier: Apache-2.0

-- Runs all checks now, by a forced pass. It changes nothing that is declared.
local os = require("os")
local annotations = obj.metadata.annotations or {}
annotations["railway.engine-operator.dev/requested-at"] = "By Argo CD at: " .. os.date("!%Y-%m-%dT%X")
obj.metadata.annotations = annotations
return obj
