-- Copyright The engine-operator Authors.
-- SPDX-License-Identifier: Apache-2.0

-- Keeps what runs: nothing is promoted here until somebody ends the hold. The reason is shown to whoever asks why.
local os = require("os")
local reason = actionParams["reason"]
if reason == nil or reason == "" then
  reason = "By Argo CD at: " .. os.date("!%Y-%m-%dT%X")
end
local annotations = obj.metadata.annotations or {}
annotations["railway.engine-operator.dev/hold"] = reason
obj.metadata.annotations = annotations
return obj
