--- RunAction and CancelAction: a user's script, run by the script workers (spec lua.md 4, resources.md 15).
local engine = require("engine")
local execute = require("komodo.execute")
local fail = require("komodo.fail")
local resource = require("komodo.resource")
local secrets = require("komodo.secrets")
local state = require("komodo.state")
local text = require("komodo.text")
local update = require("komodo.update")
local users = require("komodo.users")

local json = engine.json
local STAGE = "Execute Action"   -- clients look it up by this name

local parsers = {
  key_value = function(s)
    local list, err = text.pairs(s)
    if not list then fail.raise("invalid", "%s", err) end
    local out = json.object({})
    for _, pair in ipairs(list) do out[pair.key] = pair.value end
    return out
  end,
  toml = engine.parse.toml,
  yaml = engine.parse.yaml,
  json = engine.parse.json,
}

local function default_args(config)
  if text.trim(config.arguments) == "" then return json.object({}) end
  local ok, args = pcall(parsers[config.arguments_format], config.arguments)
  if not ok then error(fail.context("Failed to parse default Action arguments", args), 0) end
  if type(args) ~= "table" or json.is_array(args) then
    fail.raise("invalid", "Failed to parse default Action arguments: config.arguments must be a table of names and values")
  end
  return args
end

-- The request's arguments over the defaults: objects merge, lists extend, anything else replaces.
local function merge_args(base, given, path)
  for key, value in pairs(given) do
    local old = base[key]
    local at = path .. tostring(key)
    if type(old) == "table" and old ~= json.null and value ~= json.null then
      if type(value) ~= "table" or json.is_array(old) ~= json.is_array(value) then
        fail.raise("invalid", "args.%s: its type differs from that of the default", at)
      end
      if json.is_array(old) then
        for _, element in ipairs(value) do old[#old + 1] = element end
      else
        merge_args(old, value, at .. ".")
      end
    else
      base[key] = value
    end
  end
  return base
end

-- Whose permissions the script's calls have: never more than those of whoever started it.
local function run_user(job)
  local name = job.target.config.run_as
  if type(name) ~= "string" or name == "" then return job.user.admin and users.builtin("Action") or job.user end
  local user = engine.store.resolve("User", name)
  if not user or not user.enabled then fail.raise("invalid", "config.run_as: no enabled user '%s'", name) end
  if not job.user.admin and user._id["$oid"] ~= job.user.id then
    fail.raise("forbidden", "config.run_as: only an admin may start an Action that runs as another user")
  end
  return { id = user._id["$oid"], username = user.username, admin = user.admin, enabled = true }
end

-- What the log ends with: how it went, and what it cost.
local function closing_line(outcome)
  return ("completed in %d ms · cpu %d ms · peak %d KiB · %d API calls"):format(
    outcome.wall_ms, math.floor(outcome.cpu_ms + 0.5), outcome.peak_bytes // 1024, outcome.api_calls)
end

local function describe_failure(outcome)
  local out = { outcome.message or "the script failed" }
  if outcome.traceback and outcome.traceback ~= "" then out[#out + 1] = outcome.traceback end
  return table.concat(out, "\n")
end

-- Secret values that reached the script never reach its log.
local function redactor(it)
  local list = {}
  for name, value in pairs(it.used_secrets) do
    if #value > 0 then list[#list + 1] = { value, "<" .. name .. ">" } end
  end
  table.sort(list, function(a, b) return #a[1] > #b[1] end)
  return function(s)
    for _, pair in ipairs(list) do s = text.replace(s, pair[1], pair[2]) end
    return s
  end
end

execute.define("RunAction", "Action", function(job)
  local u, config = job.update, job.target.config
  state.counted("Action", job.id, "running", function()
    update.broadcast(u)
    local args = merge_args(default_args(config), job.params.args or json.object({}), "")
    local it = secrets.interpolator()
    local source = require("komodo.interpolate").text(it, config.file_contents)
    secrets.push_logs(it, u)
    local redact = redactor(it)
    local log = { stage = STAGE, command = "", stdout = "", stderr = "", success = true, start_ts = engine.now(), end_ts = engine.now() }
    update.push(u, log)
    local outcome = fail.unless(nil, engine.script.run({
      id = update.id(u),
      source = source,
      name = job.target.name,
      args = args,
      user = run_user(job).id,
      run = { id = update.id(u), action = job.target.name, user = job.user.username },
      limits = config.limits,
      on_log = function(lines)
        log.stdout = log.stdout .. redact(lines)
        log.end_ts = engine.now()
        update.broadcast(u)
      end,
    }))
    log.end_ts = engine.now()
    log.success = outcome.status == "ok"
    if log.success then
      log.stdout = log.stdout .. closing_line(outcome) .. "\n"
    else
      log.stderr = redact(describe_failure(outcome)) .. "\n"
    end
  end)
end)

engine.handle("execute/CancelAction", function(params, ctx)
  local target = resource.require(ctx, "Action", params.action, "Execute")
  return execute.start("CancelAction", "Action", target, params, ctx.user)
end)

execute.work.CancelAction = function(job)
  local id = job.params.update_id
  if not id or id == "" then id = update.running_of("RunAction", job.id)[1] end
  if not id then fail.raise("not_found", "No active run to cancel found") end
  local record = update.running(id)
  if not record or record.target.id ~= job.id or not engine.script.cancel(id) then
    fail.raise("not_found", "Action run cancel token not found")
  end
  update.log(job.update, "Cancel Triggered", "The run is stopped.")
end

execute.define_batch("BatchRunAction", "RunAction", "Action")

--- A script calls the API (the runner asks through this handler): the request as its user would send it; an execution is
--- waited for until its record is complete.
engine.handle("script/call", function(group, name, params, user)
  local result = fail.unless(nil, engine.dispatch(user, group == "start" and "execute" or group, name, params))
  if group ~= "execute" then return result end
  local function finished(item)
    return item._id and update.wait(update.id(item)) or item
  end
  if not json.is_array(result) then return finished(result) end
  for _, item in ipairs(result) do
    if item.status == "Ok" then item.data = finished(item.data) end
  end
  return result
end)
