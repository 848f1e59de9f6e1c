--- Tags (spec api.md 18.10).
local engine = require("engine")
local fail = require("komodo.fail")
local kinds = require("komodo.kinds")
local names = require("komodo.names")

local store = engine.store
local tag = {}

local function check_name(name)
  if names.trim(name) == "" then fail.raise("invalid", "Tag name must not be empty") end
  if names.is_object_id(name) then fail.raise("invalid", "Tag name cannot be ObjectId") end
end

local function save(change_name, id, doc)
  local change = store.change()
  change[change_name](change, "Tag", id, doc)
  local ok, err = change:commit()
  if not ok then
    if err.code == "conflict" then fail.raise("conflict", "Tag with name '%s' already exists", doc.name) end
    error(err, 0)
  end
  return doc
end

---@async
function tag.create(ctx, name, color)
  if not ctx.user.admin and engine.conf("disable_non_admin_create") then fail.raise("forbidden", "Non admins cannot create tags") end
  check_name(name)
  if store.resolve("Tag", name) then fail.raise("conflict", "Tag with name '%s' already exists", name) end
  local id = engine.crypto.object_id()
  return save("insert", id, { _id = { ["$oid"] = id }, name = name, owner = ctx.user.id, color = color or "Slate" })
end

local function owned(ctx, id_or_name)
  local found = store.resolve("Tag", id_or_name)
  if not found then fail.raise("not_found", "No tag found matching name or id: %s", id_or_name) end
  if not ctx.user.admin and found.owner ~= ctx.user.id then fail.raise("forbidden", "user must be tag owner or admin") end
  return store.latest("Tag", found._id["$oid"])
end

engine.handle("write/CreateTag", function(params, ctx) return tag.create(ctx, params.name, params.color) end)

engine.handle("write/RenameTag", function(params, ctx)
  local doc = owned(ctx, params.id)
  check_name(params.name)
  local other = store.resolve("Tag", params.name)
  if other and other._id["$oid"] ~= doc._id["$oid"] then fail.raise("conflict", "Tag with name '%s' already exists", params.name) end
  doc.name = params.name
  return save("put", doc._id["$oid"], doc)
end)

engine.handle("write/UpdateTagColor", function(params, ctx)
  local doc = owned(ctx, params.tag)
  doc.color = params.color
  return save("put", doc._id["$oid"], doc)
end)

engine.handle("write/DeleteTag", function(params, ctx)
  local doc = owned(ctx, params.id)
  local id, change = doc._id["$oid"], store.change()
  for _, kind in ipairs(kinds) do
    for _, res in ipairs(store.list(kind.type)) do
      for _, t in ipairs(res.tags) do
        if t == id then
          res = store.latest(kind.type, res._id["$oid"])
          for i = #res.tags, 1, -1 do
            if res.tags[i] == id then table.remove(res.tags, i) end
          end
          change:put(kind.type, res._id["$oid"], res)
          break
        end
      end
    end
  end
  change:delete("Tag", id)
  fail.unless(nil, change:commit())
  return doc
end)

return tag
