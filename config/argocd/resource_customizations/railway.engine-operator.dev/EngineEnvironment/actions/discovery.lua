-- Copyright The engine-operator Authors.
-- SPDX-License-Identifier: Apache-2.0

local suspended = obj.spec.suspend == true
return {
  reconcile = {disabled = suspended},
  suspend = {disabled = suspended},
  resume = {disabled = not suspended},
}
