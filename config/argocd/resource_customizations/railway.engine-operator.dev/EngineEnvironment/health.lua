-- Copyright The engine-operator Authors.
-- SPDX-License-Identifier: Apache-2.0

-- This is kstatus, as Flux, Helm and kubectl wait read it, plus Suspended, plus the verdict: a wave waits while it is PENDING.
-- Suspended is what waits for a person, without anything wrong: spec.suspend, and a plan that writePolicy keeps from being written.
-- Argo CD gives scripts no string library.
local status = obj.status
if status == nil or status.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "the operator has not observed the newest spec yet"}
end

local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end

-- What a person may do about it in Argo CD, beside the kubectl command of the message.
local function action()
  if obj.spec.suspend then
    return " (action: resume)"
  end
  if conditions.Ready.reason == "AwaitingPlanApproval" then
    return " (action: approve-plan)"
  end
  if status.rollback ~= nil then
    return " (action: resume after the rollback)"
  end
  if status.promotion ~= nil and status.promotion.state == "AwaitingApproval" then
    return " (action: approve)"
  end
  if conditions.Promoted ~= nil and conditions.Promoted.reason == "PromotionHeld" then
    return " (action: end the hold)"
  end
  return ""
end

local function health(state, condition)
  return {status = state, message = condition.reason .. ": " .. condition.message .. action()}
end

local function verdict(state)
  local reasons = table.concat(status.verdictReasons or {}, "; ")
  return {status = state, message = "verdict " .. status.verdict .. ": " .. reasons .. action()}
end

local function is(kind)
  return conditions[kind] ~= nil and conditions[kind].status == "True"
end

if conditions.Ready == nil then
  return {status = "Progressing", message = "the operator has not said yet whether it is ready"}
end
local withheld = conditions.Ready.reason == "Observing" or conditions.Ready.reason == "AwaitingPlanApproval"
if obj.spec.suspend or withheld then
  return health("Suspended", conditions.Ready)
end
if is("Stalled") then
  return health("Degraded", conditions.Stalled)
end
if is("Reconciling") then
  return health("Progressing", conditions.Reconciling)
end
if status.verdict == "PENDING" then
  return verdict("Progressing")
end
if is("Ready") and status.verdict == "NO-GO" then
  return verdict("Healthy")
end
if is("Ready") then
  return health("Healthy", conditions.Ready)
end
return health("Progressing", conditions.Ready)
