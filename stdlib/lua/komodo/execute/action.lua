--- RunAction and CancelAction: a user's script, run by the script workers (spec lua.md 4, resources.md 15).
local engine = require("engine")
local calls = require("komodo.script.calls")
local capability = require("komodo.script.capability")
local execute = require("komodo.execute")
local fail = require("komodo.fail")
local limits = require("komodo.script.limits")
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

execute.define("RunAction", "Action", function(job)
  local u, config = job.update, job.target.config
  state.counted("Action", job.id, "running", function()
    update.broadcast(u)
    local args = merge_args(default_args(config), job.params.args or json.object({}), "")
    local it = secrets.interpolator()
    local source = require("komodo.interpolate").text(it, config.file_contents)
    secrets.push_logs(it, u)
    local run <close> = calls.open({
      id = update.id(u),
      update = u,
      user = run_user(job),
      action = job.id,
      capabilities = capability.list(config.capabilities or { "*" }),
      used_secrets = it.used_secrets,
      http_kb = config.limits and config.limits.http_kb,
      dry_run = job.params.dry_run == true,
      on_respond = job.on_respond,
    }, STAGE)
    local log = run.log
    local event = job.event or { type = "manual", user = job.user.username, args = args }
    local outcome = fail.unless(nil, engine.script.run({
      id = run.id,
      source = source,
      name = job.target.name,
      args = args,
      user = run.id,
      run = { id = run.id, action = job.target.name, user = job.user.username, dry_run = run.dry_run, event = event },
      limits = limits.of_run(config.limits),
      on_log = function(lines)
        run:print(lines)
        update.broadcast(u)
      end,
    }))
    run:finish()
    job.outcome = outcome
    log.end_ts = engine.now()
    log.success = outcome.status == "ok"
    if log.success then
      log.stdout = log.stdout .. closing_line(outcome) .. "\n"
    else
      log.stderr = run:redact(describe_failure(outcome)) .. "\n"
    end
    if job.on_outcome then job.on_outcome(outcome) end
  end)
end)

execute.cancels.RunAction = engine.script.cancel

engine.handle("execute/CancelAction", function(params, ctx)
  local target = resource.require(ctx, "Action", params.action, "Execute")
  return (execute.start("CancelAction", "Action", target, params, ctx.user))
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
