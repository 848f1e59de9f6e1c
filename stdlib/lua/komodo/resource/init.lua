--- The life of every resource, written once (spec resources.md 1, api.md 10): create, copy, update, rename, delete, meta.
-- What is special about a type hangs on its hooks (komodo.resource.<type>):
--   validate(config, ctx, existing)   checks a partial config and may rewrite it (names to ids); raises
--   admit(config, ctx, before)        checks the whole config as it will be stored, in place of `before` (nil: a new one); raises
--   stored(change, id, ctx)           adds to the commit of create, copy and update
--   removed(change, id)               adds to the commit of delete
--   created(res, u, ctx)              after create and copy
--   updated(res, u, ctx, partial)     after update
--   before_update(res, config, ctx)   before the merged config is written
--   rename(res, new_name, u, ctx)     does the whole rename, returning the changed resource; nil: the generic one
--   before_delete(res, u, ctx)        raises to refuse
--   deleted(res, u, ctx)              afterwards
local alert = require("komodo.alert")
local engine = require("engine")
local toml = require("komodo.resource.toml")
local fail = require("komodo.fail")
local kinds = require("komodo.kinds")
local names = require("komodo.names")
local state = require("komodo.state")
local update = require("komodo.update")
local users = require("komodo.users")

local json, model, store = engine.json, engine.model, engine.store
local resource = { hooks = {} }
local followers = {}   -- by type

local function normalise(type_name, value) return fail.unless(nil, engine.schema.normalise(type_name, value, "full")) end

local function new_info(kind, given)
  if not kind.info then return json.null end
  if kind.info == "object" then return json.object({}) end
  return normalise(kind.info, given or json.object({}))
end

--- Calls `fn(res)` when a resource of this type was created, changed or deleted (`is_gone`); it must not wait.
---@param kind string
---@param fn fun(res: table, is_gone: boolean)
function resource.follow(kind, fn)
  followers[kind] = followers[kind] or {}
  table.insert(followers[kind], fn)
end

local function tell_followers(kind, res, is_gone)
  for _, fn in ipairs(followers[kind] or {}) do fn(res, is_gone) end
end

local function hook(kind, name) return (resource.hooks[kind] or {})[name] end

function resource.id(res) return res._id["$oid"] end

--- The stored resource, permission checked; a copy that may be changed.
function resource.require(ctx, kind, id_or_name, level, specific)
  return model.require(ctx.user, kind, id_or_name, level or "Read", specific)
end

--- Commits a change together with its record, so that neither is ever there without the other.
---@async
---@param u table Logs of what comes later may still be added: resource.settle() stores and tells them.
---@param fill fun(change: any)
---@return boolean? ok
---@return Err? err
function resource.commit(u, fill)
  local change = store.change()
  fill(change)
  update.finalize(u)
  update.save(u, change)
  u.stored_logs = #u.logs
  return change:commit()
end

--- After the hooks: stores the record again when they had something to say, and tells everybody.
---@async
function resource.settle(u)
  local said_more = #u.logs ~= u.stored_logs
  u.stored_logs = nil
  if said_more then
    update.finalize(u)
    -- The change itself is stored, with the record as it was then: the request has not failed.
    local ok, err = pcall(update.save, u)
    if not ok then engine.log.error(("logs of %s were not stored: %s"):format(u.operation, fail.from(err).message)) end
  end
  update.broadcast(u)
end

-- ---- creating ----

local function check_create(kind, user)
  if user.admin then return end
  local allowed = kind.create ~= "admin" and not engine.conf("disable_non_admin_create")
  if kind.create == "flag" then
    local stored = store.row("User", user.id)
    allowed = allowed and stored and stored[kind.create_flag]
  end
  if not allowed then fail.raise("forbidden", "User does not have permissions to create %s.", kind.type) end
end

local function check_name(kind, raw)
  if raw == "" then fail.raise("invalid", "Must provide non-empty name for resource") end
  local name = names.normalise(kind.name_rule, raw)
  if name == "" then fail.raise("invalid", "Must provide a name for the resource with at least one letter or digit") end
  if names.is_object_id(name) then fail.raise("invalid", "Valid ObjectIds cannot be used as names") end
  if store.resolve(kind.type, name) then fail.raise("conflict", "Resource with name '%s' already exists", name) end
  return name
end

local function grant_creator(change, kind, user, id)
  if user.admin then return end
  local key = engine.crypto.object_id()
  change:put("Permission", key, {
    _id = { ["$oid"] = key },
    user_target = { type = "User", id = user.id },
    resource_target = { type = kind.type, id = id },
    level = "Write",
    specific = json.array(kind.grants),
  })
end

--- Creates a resource and its audit record; returns the document as inserted.
---@async
---@param ctx table { user }
---@param kind_name string
---@param raw_name string
---@param partial table
---@param info? table Fields of the info that the request brings.
function resource.create(ctx, kind_name, raw_name, partial, info)
  local kind, start = kinds[kind_name], engine.now()
  check_create(kind, ctx.user)
  local name = check_name(kind, raw_name)
  local validate = hook(kind_name, "validate")
  if validate then validate(partial, ctx) end
  local id = engine.crypto.object_id()
  local res = {
    _id = { ["$oid"] = id },
    name = name,
    description = "",
    template = false,
    tags = json.array({}),
    info = new_info(kind, info),
    config = normalise(kind.config, partial),
    base_permission = "None",
    updated_at = engine.now(),
  }
  local admit, stored = hook(kind_name, "admit"), hook(kind_name, "stored")
  if admit then admit(res.config, ctx) end
  local u = update.new(ctx.user, "Create" .. kind_name, { type = kind_name, id = id })
  u.start_ts = start
  update.log(u, "Create " .. kind_name, ("Created %s\nid: %s\nname: %s"):format(kind_name, id, name))
  update.log(u, "Config", engine.pretty(res.config))
  local ok, err = resource.commit(u, function(change)
    change:insert(kind_name, id, res)
    grant_creator(change, kind, ctx.user, id)
    if stored then stored(change, id, ctx) end
  end)
  if not ok then
    if err.code == "conflict" then fail.raise("conflict", "Resource with name '%s' already exists", name) end
    error(err, 0)
  end
  local created = hook(kind_name, "created")
  if created then created(res, u, ctx) end
  tell_followers(kind_name, res, false)
  resource.settle(u)
  return res
end

--- Creates a resource with the config of another.
---@async
function resource.copy(ctx, kind_name, source_id, name, info)
  local source = resource.require(ctx, kind_name, source_id, kinds[kind_name].copy_level)
  if kind_name == "Build" then source.config.version = { major = 0, minor = 0, patch = 0 } end
  return resource.create(ctx, kind_name, name, source.config, info)
end

-- ---- changing ----

--- Writes a changed document; a commit that fails is raised.
---@async
function resource.save(kind_name, res)
  local change = store.change()
  change:put(kind_name, resource.id(res), res)
  fail.unless(nil, change:commit())
end

--- Sets fields of `info` of the newest stored version.
---@async
function resource.set_info(kind_name, id, fields)
  local res = store.latest(kind_name, id)
  if not res then return end
  for key, value in pairs(fields) do res.info[key] = value end
  resource.save(kind_name, res)
end

local function record_toml(u, key, kind_name, res)
  local ok, text = pcall(toml.resource, kind_name, res)
  if ok then u[key] = text else update.log(u, "Failed export", tostring(fail.from(text).message)) end
end

--- Merges a partial config; without an effect nothing is written.
---@async
function resource.update(ctx, kind_name, id_or_name, partial)
  local kind, start = kinds[kind_name], engine.now()
  local res = resource.require(ctx, kind_name, id_or_name, "Write")
  local id = resource.id(res)
  state.refuse_busy(kind_name, id)
  local validate = hook(kind_name, "validate")
  if validate then validate(partial, ctx, res) end
  local stored = store.latest(kind_name, id)
  local config, changed = engine.schema.merge(kind.config, stored.config, partial)
  if not config then error(changed, 0) end
  if #changed == 0 then return stored end
  local admit, store_too = hook(kind_name, "admit"), hook(kind_name, "stored")
  if admit then admit(config, ctx, stored.config) end
  local before = hook(kind_name, "before_update")
  if before then before(stored, config, ctx) end
  local u = update.new(ctx.user, "Update" .. kind_name, { type = kind_name, id = id })
  u.start_ts = start
  record_toml(u, "prev_toml", kind_name, stored)
  stored.config = config
  record_toml(u, "current_toml", kind_name, stored)
  fail.unless(nil, resource.commit(u, function(change)
    change:put(kind_name, id, stored)
    if store_too then store_too(change, id, ctx) end
  end))
  local updated = hook(kind_name, "updated") or hook(kind_name, "created")
  if updated then updated(stored, u, ctx, partial) end
  tell_followers(kind_name, stored, false)
  resource.settle(u)
  return stored
end

--- Sets name and updated_at of the newest version, together with the record; a taken name is a conflict.
---@async
function resource.set_name(kind_name, res, name, u)
  local taken = store.resolve(kind_name, name)
  if taken and resource.id(taken) ~= resource.id(res) then
    fail.raise("conflict", "Failed to update %s on db. This name may already be taken.", kind_name)
  end
  res = store.latest(kind_name, resource.id(res))
  res.name, res.updated_at = name, engine.now()
  fail.unless(nil, resource.commit(u, function(change) change:put(kind_name, resource.id(res), res) end))
  return res
end

---@async
function resource.rename(ctx, kind_name, id_or_name, raw_name)
  local kind = kinds[kind_name]
  local res = resource.require(ctx, kind_name, id_or_name, "Write")
  local name = names.normalise(kind.name_rule, raw_name)
  if name == "" then fail.raise("invalid", "Must provide non-empty name for resource") end
  if names.is_object_id(name) then fail.raise("invalid", "Valid ObjectIds cannot be used as names") end
  local u = update.new(ctx.user, "Rename" .. kind_name, { type = kind_name, id = resource.id(res) })
  local special = hook(kind_name, "rename")
  if special then
    special(res, name, u, ctx)
  else
    update.log(u, "Rename " .. kind_name, ("Renamed %s %s from %s to %s"):format(kind_name, resource.id(res), res.name, name))
    resource.set_name(kind_name, res, name, u)
  end
  resource.settle(u)
  return u
end

-- ---- deleting ----

-- What points at a resource from users and alerters goes with it.
local function forget_references(change, kind_name, id)
  for _, p in ipairs(store.list("Permission")) do
    if p.resource_target.type == kind_name and p.resource_target.id == id then change:delete("Permission", p._id["$oid"]) end
  end
  for _, user in ipairs(store.list("User")) do
    local recent = type(user.recents) == "table" and user.recents[kind_name]
    for i, entry in ipairs(type(recent) == "table" and recent or {}) do
      if entry == id then
        table.remove(recent, i)
        change:put("User", user._id["$oid"], user)
        break
      end
    end
  end
  for _, alerter in ipairs(store.list("Alerter")) do
    local touched = false
    for _, field in ipairs({ "resources", "except_resources" }) do
      local list = alerter.config[field]
      for i = #list, 1, -1 do
        if list[i].type == kind_name and list[i].id == id then
          table.remove(list, i)
          touched = true
        end
      end
    end
    if touched and resource.id(alerter) ~= id then change:put("Alerter", resource.id(alerter), alerter) end
  end
end

---@async
function resource.delete(ctx, kind_name, id_or_name)
  local start = engine.now()
  local res = resource.require(ctx, kind_name, id_or_name, "Write")
  local id = resource.id(res)
  state.refuse_busy(kind_name, id)
  local exported = toml.resource(kind_name, res)
  local u = update.new(ctx.user, "Delete" .. kind_name, { type = kind_name, id = id })
  u.start_ts = start
  local before = hook(kind_name, "before_delete")
  if before then before(res, u, ctx) end
  update.log(u, "Delete " .. kind_name, ("Deleted %s %s"):format(kind_name, res.name))
  update.log(u, "Deleted Toml", exported)
  local removed = hook(kind_name, "removed")
  local alerts_ended
  fail.unless(nil, resource.commit(u, function(change)
    forget_references(change, kind_name, id)
    alerts_ended = alert.end_within(change, alert.about(kind_name, id))
    change:delete(kind_name, id)
    if removed then removed(change, id) end
  end))
  alerts_ended()
  local deleted = hook(kind_name, "deleted")
  if deleted then
    local ok, err = pcall(deleted, res, u, ctx)
    if not ok then update.push(u, update.error_log("Post delete", err)) end
  end
  tell_followers(kind_name, res, true)
  resource.settle(u)
  return res
end

-- ---- requests ----

for _, kind in ipairs(kinds) do
  local t = kind.type
  engine.handle("write/Create" .. t, function(params, ctx)
    local info = params.public_key and { public_key = params.public_key } or nil
    return resource.create(ctx, t, params.name, params.config or json.object({}), info)
  end)
  engine.handle("write/Copy" .. t, function(params, ctx)
    local info = params.public_key and { public_key = params.public_key } or nil
    return resource.copy(ctx, t, params.id, params.name, info)
  end)
  engine.handle("write/Update" .. t, function(params, ctx) return resource.update(ctx, t, params.id, params.config) end)
  engine.handle("write/Rename" .. t, function(params, ctx) return resource.rename(ctx, t, params.id, params.name) end)
  engine.handle("write/Delete" .. t, function(params, ctx) return resource.delete(ctx, t, params.id) end)
  engine.handle("read/Get" .. t .. "ActionState", function(params, ctx)
    return state.get(t, resource.id(resource.require(ctx, t, params[kind.param])))
  end)
end

local function tag_ids(ctx, wanted)
  local tag = require("komodo.write.tag")
  local ids, seen = json.array({}), {}
  for _, name in ipairs(wanted) do
    local found = store.resolve("Tag", name)
    if not found then
      local ok, made = pcall(tag.create, ctx, name)   -- a tag the caller may not create is left out
      found = ok and made or nil
    end
    local id = found and found._id["$oid"]
    if id and not seen[id] then
      seen[id] = true
      ids[#ids + 1] = id
    end
  end
  return ids
end

engine.handle("write/UpdateResourceMeta", function(params, ctx)
  local kind_name = params.target.type
  if kind_name == "System" then fail.raise("invalid", "cannot update meta of System resource target") end
  local id = resource.id(resource.require(ctx, kind_name, params.target.id, "Write"))
  local tags = params.tags and tag_ids(ctx, params.tags)
  local res = store.latest(kind_name, id)
  if params.description then res.description = params.description end
  if params.template ~= nil then res.template = params.template end
  if tags then res.tags = tags end
  resource.save(kind_name, res)
  return json.object({})
end)

--- The engine itself as the caller.
function resource.as(username) return { user = users.builtin(username) } end

return resource
