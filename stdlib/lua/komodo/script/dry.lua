--- A dry run (spec lua.md 6): changes are written down instead of made, and answered as they probably would be.
local engine = require("engine")

local json = engine.json
local dry = {}
local Plan = {}
Plan.__index = Plan

---@class DryPlan
---@field lines string[]
---@field updates table<string, table> Records that were answered, by id.
function dry.new() return setmetatable({ lines = {}, updates = {} }, Plan) end

-- Parameters as people read them: secrets by their names.
local function shown(value)
  if type(value) ~= "table" then return value end
  local parts = rawget(value, "$secret")
  local out = setmetatable({}, getmetatable(value))
  if type(parts) ~= "table" then
    for k, v in pairs(value) do out[k] = shown(v) end
    return out
  end
  for i, part in ipairs(parts) do out[i] = type(part) == "table" and "<" .. tostring(part.name) .. ">" or tostring(part) end
  return table.concat(out)
end

function Plan:note(...) self.lines[#self.lines + 1] = table.concat({ ... }, " ") end

--- What the Update shows.
function Plan:text()
  if #self.lines == 0 then return "Nothing would be changed." end
  return "Would be done, and was not:\n" .. table.concat(self.lines, "\n")
end

local function record(name, params)
  local now = engine.now()
  return {
    _id = { ["$oid"] = engine.crypto.object_id() }, operation = name, start_ts = now, end_ts = now, success = true,
    operator = "", target = { type = "System", id = "" }, status = "Complete", version = { major = 0, minor = 0, patch = 0 },
    logs = json.array({ { stage = "Dry Run", command = "", stdout = json.encode(shown(params)), stderr = "", success = true,
      start_ts = now, end_ts = now } }),
  }
end

--- Notes a write or an execution; an execution is answered with a record that went well, a write with what it was given.
function Plan:answer(_, group, name, params)
  self:note(group == "start" and "execute" or group, name, json.encode(shown(params)))
  if group == "write" then return shown(params) end
  if name:find("^Batch") then return json.array({}) end
  local u = record(name, params)
  self.updates[u._id["$oid"]] = u
  return u
end

--- Notes a request to another server.
function Plan:http(p)
  self:note("http", tostring(p.method or "GET"), json.encode(shown(p)))
  return { status = 200, headers = json.object({}), body = "", url = p.url }
end

--- Notes a command; it went well and said nothing.
function Plan:terminal(p)
  self:note("terminal", json.encode(shown({ target = p.target, command = p.command })))
  return { code = 0 }
end

--- Notes a change of kv.
function Plan:kv(change, p)
  self:note("kv", change, tostring(p.key), p.value ~= nil and json.encode({ value = shown(p.value) }) or "")
  return { value = p.value or p.by, version = (p.version or 0) + 1, deleted = true }
end

return dry
