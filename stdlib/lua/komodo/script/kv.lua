--- komodo.kv: small durable state of one Action (spec lua.md 3): 1,000 keys, 64 KB each, every change with a version.
local engine = require("engine")
local fail = require("komodo.fail")
local locks = require("komodo.script.locks")

local json, store = engine.json, engine.store
local KEYS_MAX, KEY_BYTES, VALUE_BYTES = 1000, 256, 64 * 1024
local kv = {}

local known = {}   -- action id -> { key = true }, once somebody needed it

local function check_key(key)
  if type(key) ~= "string" or key == "" or #key > KEY_BYTES then
    fail.raise("invalid", "komodo.kv: a key is a text of 1 to %d bytes", KEY_BYTES)
  end
end

local function id_of(action, key) return action .. "/" .. key end

local function keys_of(action)
  if not known[action] then
    local found, keys = fail.unless(nil, store.find("kv", { action = action }, {})), {}
    for _, doc in ipairs(found) do keys[doc.key] = true end
    known[action] = keys
  end
  return known[action]
end

local function load(action, key)
  local doc, err = store.get("kv", id_of(action, key))
  if not doc and err.code ~= "not_found" then error(err, 0) end
  return doc
end

local function save(action, key, value, version)
  if #json.encode(value) > VALUE_BYTES then fail.raise("limit", "komodo.kv: the value of '%s' is larger than 64 KB", key) end
  local keys = keys_of(action)
  if not keys[key] then
    local n = 0
    for _ in pairs(keys) do n = n + 1 end
    if n >= KEYS_MAX then fail.raise("limit", "komodo.kv: this Action has %d keys already", KEYS_MAX) end
  end
  local change = store.change()
  change:put("kv", id_of(action, key), { action = action, key = key, value = value, version = version, ts = engine.now() })
  fail.unless(nil, change:commit())
  keys[key] = true
  return { value = value, version = version }
end

local function exclusive(action, fn) return locks.with("kv/" .. action, fn) end

--- { value, version }; version 0 when there is none.
---@async
function kv.get(action, key)
  check_key(key)
  local doc = load(action, key)
  return doc and { value = doc.value, version = doc.version } or { version = 0 }
end

--- Refused with a conflict when `version` is given and is not the one that is stored.
---@async
function kv.set(action, key, value, version)
  check_key(key)
  return exclusive(action, function()
    local doc = load(action, key)
    local now = doc and doc.version or 0
    if version and version ~= now then
      fail.raise("conflict", "komodo.kv: '%s' has version %d, not %s", key, now, tostring(version))
    end
    return save(action, key, value, now + 1)
  end)
end

---@async
function kv.delete(action, key)
  check_key(key)
  return exclusive(action, function()
    if not load(action, key) then return { deleted = false } end
    local change = store.change()
    change:delete("kv", id_of(action, key))
    fail.unless(nil, change:commit())
    if known[action] then known[action][key] = nil end
    return { deleted = true }
  end)
end

---@async
function kv.incr(action, key, by)
  check_key(key)
  if type(by) ~= "number" then fail.raise("invalid", "komodo.kv.incr: the second argument is a number") end
  return exclusive(action, function()
    local doc = load(action, key)
    local value = doc and doc.value or 0
    if type(value) ~= "number" then fail.raise("invalid", "komodo.kv.incr: the value of '%s' is no number", key) end
    return save(action, key, value + by, (doc and doc.version or 0) + 1)
  end)
end

--- Keys that begin with the prefix, in order.
---@async
function kv.list(action, prefix)
  local out = json.array({})
  for key in pairs(keys_of(action)) do
    if key:sub(1, #prefix) == prefix then out[#out + 1] = key end
  end
  table.sort(out)
  return out
end

--- Everything of an Action that is deleted goes into the change.
---@async
function kv.forget(action)
  local change = store.change()
  for key in pairs(keys_of(action)) do change:delete("kv", id_of(action, key)) end
  known[action] = nil
  fail.unless(nil, change:commit())
end

return kv
