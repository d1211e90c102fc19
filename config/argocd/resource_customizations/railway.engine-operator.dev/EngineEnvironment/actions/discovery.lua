-- Copyright The engine-operator Authors.
-- SPDX-License-Identifier: Apache-2.0

local suspended = obj.spec.suspend == true
local promotion = obj.status ~= nil and obj.status.promotion or {}
local held = obj.status ~= nil and obj.status.rollback ~= nil
return {
  reconcile = {disabled = suspended},
  suspend = {disabled = suspended},
  resume = {disabled = not suspended},
  approve = {disabled = suspended or promotion.state ~= "AwaitingApproval"},
  ["try-again"] = {disabled = suspended or not held},
}
