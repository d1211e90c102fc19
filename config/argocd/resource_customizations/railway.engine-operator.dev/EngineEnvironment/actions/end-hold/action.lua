-- Copyright The engine-operator Authors.
-- SPDX-License-Identifier: Apache-2.0

-- Ends a person's hold: what is declared or promoted is deployed again. A hold after a rollback is ended by try-again.
local annotations = obj.metadata.annotations
annotations["railway.engine-operator.dev/hold"] = nil
if next(annotations) == nil then
  obj.metadata.annotations = nil
end
return obj
