--- Whose rights the calls of a script have, and within which capabilities (spec lua.md 1, 6). Nobody gains by a script:
-- - an Action runs with no more rights than whoever saved it last has now, unless an admin did;
-- - what a script starts has no more rights than the script: both capabilities and both users must allow a call;
-- - what a script saves keeps those bounds, however it is started later.
local engine = require("engine")
local capability = require("komodo.script.capability")
local fail = require("komodo.fail")
local kinds = require("komodo.kinds")
local users = require("komodo.users")

local store = engine.store
local OWNERS = "ScriptOwner"
local DEPTH_MAX = 16   -- scripts and Procedures that start each other
local rights = {}

---@class Bounds
---@field user User As whom the calls are made.
---@field lists Capability[][] Each of them must allow a call.
---@field texts string[][] The same as they are written.
---@field chain string[] Ids of the Actions and Procedures that started each other, the last one runs.

---@class ScriptOwner
---@field user string Id of who saved it last.
---@field ts integer When, in milliseconds.
---@field within? string[][] Capabilities of the script that saved it.

local open = {}   -- by id of the run

--- Makes the bounds of a run known while it runs: requests that name it as `by` (engine.dispatch) are held to them.
function rights.open(id, bounds) open[id] = bounds end
function rights.close(id) open[id] = nil end

--- The bounds of the run that makes a request; nil when a person does. Handlers ask before they wait for anything.
---@return Bounds?
function rights.of(ctx)
  if not ctx.by then return nil end
  return open[ctx.by] or fail.raise("closed", "the run that asks for this is over")
end

-- ---- who saved it ----

--- Adds who saves an Action or Procedure to the change that stores it.
function rights.store(change, id, ctx)
  local bounds = rights.of(ctx)
  change:put(OWNERS, id, { user = ctx.user.id, ts = engine.now(), within = bounds and #bounds.texts > 0 and bounds.texts or nil })
end

function rights.forget(change, id) change:delete(OWNERS, id) end

--- Who saved it last; nil when that was before this was written down.
---@async
---@return ScriptOwner?
function rights.owner(id)
  local owner, err = store.get(OWNERS, id)
  if not owner and err.code ~= "not_found" then error(err, 0) end
  return owner
end

local function as_user(row) return { id = row._id["$oid"], username = row.username, admin = row.admin, enabled = row.enabled } end

--- A user by id as he is now, stored or built in; nil: gone.
---@return User?
function rights.find(id)
  local builtin = users.find_builtin(id)
  if builtin then return builtin end
  local row = store.row("User", id)
  return row and as_user(row)
end

-- Who saved it, as he is now; raises when nobody may run it for him.
local function saver_of(owner)
  local saver = rights.find(owner.user)
  if not saver then
    fail.raise("forbidden", "the user who saved this Action last does not exist any more: somebody who may has to save it again")
  end
  if not saver.enabled then
    fail.raise("forbidden", "'%s', who saved this Action last, is disabled: somebody else has to save it again", saver.username)
  end
  return saver
end

local function named(run_as)
  local row = store.resolve("User", run_as)
  local user = row and as_user(row)
  if not user or not user.enabled then fail.raise("invalid", "config.run_as: no enabled user '%s'", run_as) end
  return user
end

--- As whom the calls of an Action are made.
---@param run_as? string Of its config.
---@param owner? ScriptOwner
---@param starter User
---@return User
function rights.user(run_as, owner, starter)
  local giver = owner and saver_of(owner) or starter
  local wanted = run_as and run_as ~= "" and named(run_as)
  if giver.admin then return wanted or users.builtin("Action") end
  if wanted and wanted.id ~= giver.id then
    fail.raise("forbidden", "config.run_as: an Action that runs as '%s' must have been saved by an admin or by that user; this one has '%s'",
      wanted.username, giver.username)
  end
  return giver
end

-- ---- bounds ----

local function is_all(texts)
  for _, text in ipairs(texts) do
    if text == "*" then return true end
  end
  return false
end

local function add(bounds, texts, always)
  if not always and is_all(texts) then return end
  bounds.texts[#bounds.texts + 1] = not is_all(texts) and texts or nil
  bounds.lists[#bounds.lists + 1] = capability.list(texts)
end

-- The one of two users who may less.
local function narrower(outer, inner, starter)
  if outer.admin or outer.id == inner.id then return inner end
  if inner.admin then return outer end
  fail.raise("forbidden", "this Action runs as '%s' and %s as '%s': neither has all rights of the other",
    inner.username, starter or "the script that starts it", outer.username)
end

local function begin(job, owner)
  local outer = job.bounds
  local chain = { table.unpack(outer and outer.chain or job.chain or {}) }
  if #chain >= DEPTH_MAX then fail.raise("limit", "more than %d scripts and Procedures started each other", DEPTH_MAX) end
  -- A script of a Procedure's own is part of that, which is there already.
  local is_step = job.update.operation == "RunAction" and job.update.target.type == "Procedure"
  if not is_step then chain[#chain + 1] = job.id end
  local bounds = { lists = {}, texts = {}, chain = chain }
  return bounds, function()
    for _, texts in ipairs(owner and owner.within or {}) do add(bounds, texts) end
    for _, texts in ipairs(outer and outer.texts or {}) do add(bounds, texts) end
  end
end

--- The bounds of a run of an Action. Its own capabilities are the first list.
---@async
---@param job Job With `bounds` when a script started it, `capabilities` when its trigger narrows them, an `event` that has
---  `sample_by` when that was made up: then the run may no more than whoever did.
---@return Bounds
function rights.of_action(job)
  local config, owner = job.target.config, rights.owner(job.id)
  local bounds, rest = begin(job, owner)
  local user = rights.user(config.run_as, owner, job.user)
  bounds.user = job.bounds and narrower(job.bounds.user, user) or user
  if job.event and job.event.sample_by then bounds.user = narrower(job.user, bounds.user, "whoever made up its event") end
  add(bounds, config.capabilities or { "*" }, true)
  if job.capabilities then add(bounds, job.capabilities) end
  rest()
  return bounds
end

--- The bounds of a run of a Procedure; nil: none, neither did a script start nor save it.
---@async
---@param job Job
---@return Bounds?
function rights.of_procedure(job)
  local owner = rights.owner(job.id)
  if not job.bounds and not (owner and owner.within) then return nil end
  local bounds, rest = begin(job, owner)
  bounds.user = job.bounds and job.bounds.user or users.builtin("Procedure")
  rest()
  return bounds
end

--- Do all of its lists allow it?
---@param bounds Bounds
---@param target? fun(): string?
function rights.allows(bounds, group, name, target)
  for _, list in ipairs(bounds.lists) do
    if not capability.allows(list, group, name, target) then return false end
  end
  return true
end

--- Raises unless all of its lists allow it, naming what is missing.
function rights.require(bounds, group, name, target)
  for _, list in ipairs(bounds.lists) do capability.require(list, group, name, target) end
end

--- The name of the resource a request is about, as "@" patterns mean it; nil when there is none or are several.
---@param name string
---@param params table
---@return string?
function rights.target_of(name, params)
  local kind
  for _, k in ipairs(kinds) do
    if name:find(k.type, 1, true) and (not kind or #k.type > #kind.type) then kind = k end
  end
  local keys = kind and { kind.param, "id", "name" } or { "name" }
  if not kind then
    for _, k in ipairs(kinds) do   -- Deploy{ deployment }, PruneImages{ server }
      if type(params[k.param]) == "string" then kind, keys = k, { k.param } break end
    end
  end
  for _, key in ipairs(keys) do
    local value = params[key]
    if type(value) == "string" and value ~= "" then
      local found = kind and store.resolve(kind.type, value)
      return found and found.name or value
    end
  end
end

-- ---- saving ----

--- Refuses an Action whose saver would gain by it.
---@param config table As it will be stored, whole.
---@param ctx table
---@param before? table The config it replaces.
function rights.admit_action(config, ctx, before)
  local run_as = config.run_as
  if type(run_as) == "string" and run_as ~= "" and (not ctx.user.admin or not before or before.run_as ~= run_as) then
    local user = named(run_as)
    if not ctx.user.admin and user.id ~= ctx.user.id then
      fail.raise("forbidden", "config.run_as: only an admin may have an Action run as another user than himself")
    end
  end
  local bounds = rights.of(ctx)
  if not bounds then return end
  for _, list in ipairs(bounds.lists) do
    for i, text in ipairs(config.capabilities or { "*" }) do
      if not capability.covers(list, text) then
        fail.raise("forbidden", "config.capabilities[%d]: \"%s\" is more than the script has that saves this Action", i, text)
      end
    end
    if config.library and not capability.covers(list, "*") then
      fail.raise("forbidden", "config.library: a script whose capabilities are not \"*\" cannot save what other Actions require")
    end
  end
end

--- Refuses a Procedure with executions that the script which saves it may not start.
---@param config table As it will be stored, whole.
function rights.admit_procedure(config, ctx)
  local bounds = rights.of(ctx)
  if not bounds then return end
  for s, stage in ipairs(config.stages) do
    for e, entry in ipairs(stage.executions) do
      local ok, err = pcall(rights.require_execution, bounds, entry.execution)
      if not ok then error(fail.context(("config.stages[%d].executions[%d] cannot be saved by this script"):format(s - 1, e - 1), err), 0) end
    end
  end
end

--- Raises unless the bounds allow an execution of a Procedure.
---@param execution { type: string, params: table }
function rights.require_execution(bounds, execution)
  local name, params = execution.type, execution.params
  if name == "None" or name == "Sleep" then return end
  rights.require(bounds, name == "CommitSync" and "write" or "execute", name, function() return rights.target_of(name, params) end)
end

return rights
