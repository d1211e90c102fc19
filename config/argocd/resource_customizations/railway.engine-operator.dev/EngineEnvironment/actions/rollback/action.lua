-- Copyright The engine-operator Authors.
-- SPDX-License-Identifier: Apache-2.0

-- Puts a revision that was verified here before in place of what runs. The parameter is its name, number, source or tag, as
-- kubectl engine history lists them, or previous.
local to = actionParams["to"]
if to == nil or to == "" then
  error("to is required: a revision's name, number, source or tag, or previous", 0)
end
local annotations = obj.metadata.annotations or {}
annotations["railway.engine-operator.dev/rollback"] = to
obj.metadata.annotations = annotations
return obj
