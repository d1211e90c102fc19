-- Copyright The engine-operator Authors.
-- SPDX-License-Identifier: Apache-2.0

local suspended = obj.spec.suspend == true
local unreachable = suspended or obj.spec.tier == "Local"
local promotion = obj.status ~= nil and obj.status.promotion or {}
local plan = obj.status ~= nil and obj.status.plan or {}
local planWaits = obj.spec.writePolicy == "Approve" and plan.hash ~= nil and not plan.approved
local rolledBack = obj.status ~= nil and obj.status.rollback ~= nil
local verified = obj.status ~= nil and obj.status.verified ~= nil
local held = (obj.metadata.annotations or {})["railway.engine-operator.dev/hold"] ~= nil
return {
  reconcile = {disabled = suspended},
  reverify = {disabled = unreachable},
  suspend = {disabled = suspended},
  resume = {disabled = not suspended},
  approve = {disabled = suspended or promotion.state ~= "AwaitingApproval"},
  ["approve-plan"] = {disabled = suspended or not planWaits},
  hold = {disabled = unreachable or held or obj.spec.promotion == nil, params = {{name = "reason"}}},
  ["end-hold"] = {disabled = not held, displayName = "end the hold"},
  rollback = {disabled = unreachable or not verified or obj.spec.writePolicy == "Observe", params = {{name = "to"}}},
  ["try-again"] = {disabled = suspended or not rolledBack, displayName = "resume after the rollback"},
}
