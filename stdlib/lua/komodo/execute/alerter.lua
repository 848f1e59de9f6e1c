--- TestAlerter and SendAlert (spec monitoring.md 6.6), and the alerts that runs raise (5.8).
local alert = require("komodo.alert")
local deliver = require("komodo.alert.deliver")
local engine = require("engine")
local execute = require("komodo.execute")
local fail = require("komodo.fail")
local update = require("komodo.update")

local store = engine.store

local function sent_now(level, target, data)
  local now = engine.now()
  return { ts = now, resolved = true, level = level, target = target, data = data, resolved_ts = now }
end

execute.define("TestAlerter", "Alerter", function(job)
  local alerter = job.target
  if not alerter.config.enabled then
    update.push(job.update, update.error_log("Test Alerter", "Alerter is disabled. Enable the Alerter to send alerts."))
    return
  end
  local test = sent_now("OK", { type = "Alerter", id = job.id }, { type = "Test", data = { id = job.id, name = alerter.name } })
  local ok, err = pcall(deliver.send, alerter, test)
  if ok then
    update.log(job.update, "Test Alerter", "Alert sent successfully. It should be visible at your alerting destination.")
  else
    update.push(job.update, update.error_log("Test Alerter", err))
  end
end)

-- Those the user may send through, named or all.
local function candidates(user, named)
  local out, wanted = {}, {}
  for _, name in ipairs(named) do wanted[name] = true end
  for _, alerter in ipairs(engine.model.select(user, "Alerter", {}, "Execute")) do
    local is_named = #named == 0 or wanted[alerter.name] or wanted[alerter._id["$oid"]]
    if is_named and alerter.config.enabled and deliver.takes_kind(alerter.config, "Custom") then out[#out + 1] = alerter end
  end
  if #out == 0 then
    fail.raise("forbidden", "Could not find any valid alerters to send to, this required Execute permissions on the Alerter")
  end
  return out
end

execute.define_system("SendAlert", function(job)
  local p = job.params
  local list = candidates(job.user, p.alerters)
  local custom = sent_now(p.level, { type = "System", id = "system" }, { type = "Custom", data = { message = p.message, details = p.details } })
  update.log(job.update, "Send alert", engine.pretty(custom))
  local failures, sends = {}, {}
  for i, alerter in ipairs(list) do
    sends[i] = function()
      if not deliver.accepts(alerter.config, custom) then return end
      local ok, err = pcall(deliver.send, alerter, custom)
      failures[i] = not ok and err or nil
    end
  end
  engine.all(sends, { max = 8 })
  for i = 1, #list do
    if failures[i] then
      update.push(job.update, update.error_log("Send Error", failures[i]))
      return
    end
  end
end)

-- A run that failed, by whatever it was started.
local failed = { RunProcedure = "ProcedureFailed", RunAction = "ActionFailed" }
update.on_complete(function(u)
  local variant, kind = failed[u.operation], u.target.type
  if not variant or u.success then return end
  local res = store.row(kind, u.target.id)
  if not res or not res.config.failure_alert then return end
  alert.tell({ level = "WARNING", target = u.target, data = { type = variant, data = { id = u.target.id, name = res.name } } }, { cause = u })
end)
