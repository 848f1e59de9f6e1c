--- What the parts of the `komodo` module in komodo/_core find as their `core`, without an engine: the parts that fakes and
--- replays use are those of the engine. What C does comes from the module "komodo.native", which km has; plain busted has a few of
--- these in Lua and says so about the others.

local json = require("komodo.testing.json")

local M = {}

-- ---- what C does in the engine ----

local plain = {}

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function refused(what) return nil, M.problem({ code = "invalid", status = 400, message = what .. ": invalid" }) end

function plain.hex(text) return (text:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end

function plain.unhex(text)
  if #text % 2 ~= 0 or text:find("[^%x]") then return refused("hex") end
  return (text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

function plain.base64(text)
  local out = {}
  for i = 1, #text, 3 do
    local a, b, c = text:byte(i, i + 2)
    local n = a << 16 | (b or 0) << 8 | (c or 0)
    for shift = 18, 0, -6 do
      local at = (n >> shift & 63) + 1
      out[#out + 1] = (shift == 6 and not b or shift == 0 and not c) and "=" or ALPHABET:sub(at, at)
    end
  end
  return table.concat(out)
end

function plain.unbase64(text)
  local body, padding = text:match("^([%w+/]*)(=*)$")
  if not body or #padding > 2 or (#body + #padding) % 4 ~= 0 then return refused("base64") end
  local out, bits, count = {}, 0, 0
  for c in body:gmatch(".") do
    bits, count = (bits << 6 | ALPHABET:find(c, 1, true) - 1) & 0xFFFFFF, count + 6
    if count >= 8 then
      count = count - 8
      out[#out + 1] = string.char(bits >> count & 255)
    end
  end
  return table.concat(out)
end

function plain.percent(text) return (text:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end)) end

function plain.unpercent(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(pair) return string.char(tonumber(pair, 16)) end))
end

local in_words = { hash = "komodo.hash", hmac = "komodo.hmac", untoml = "komodo.toml.decode", unyaml = "komodo.yaml.decode",
  zone_offset = "time zones", zone_find = "time zones", schedule_next = "komodo.time.next" }
for name, words in pairs(in_words) do
  plain[name] = function() error(("komodo.testing: %s needs `km script test`; busted alone cannot do it"):format(words), 0) end
end

-- What C decodes has its marks of arrays and null; here they are those of the tests.
local function with_our_marks(value)
  local theirs = package.loaded["engine.json"]
  if value == theirs.null then return json.null end
  if type(value) ~= "table" then return value end
  local made = {}
  for key, inner in pairs(value) do made[key] = with_our_marks(inner) end
  return theirs.is_array(value) and json.array(made) or made
end

local function decoder(fn)
  return function(text)
    local value, problem = fn(text)
    if value == nil then return nil, problem end
    return with_our_marks(value)
  end
end

-- ---- the parts ----

local error_mt = { __tostring = function(e) return table.concat({ e.message, table.unpack(e.trace or {}) }, ": ") end }

--- An error as the module returns it.
function M.problem(fields)
  fields.trace = fields.trace or json.array()
  return setmetatable(fields, error_mt)
end

-- A read-only view; with `call` it can be called.
local function freeze(t, call)
  return setmetatable({}, { __index = t, __call = call, __newindex = function(_, name) error("this table is read-only (writing '" .. tostring(name) .. "')", 2) end,
    __pairs = function() return next, t, nil end, __metatable = false })
end

-- The chunk of a part, wherever modules come from.
local function chunk_of(name)
  for _, search in ipairs(package.searchers) do
    local loader = search("komodo._core." .. name)
    if type(loader) == "function" then return loader end
  end
  error("komodo.testing: there is no komodo/_core/" .. name .. ".lua", 0)
end

--- The `core` of a module. `more` has what belongs to the run: log, ask, tell, read …
function M.new(komodo, more)
  local native_found, native = pcall(require, "komodo.native")
  local core = { err = M.problem, freeze = freeze, freeze_data = function(t) return t end, public = komodo, part = function(name) return require("komodo._core." .. name) end }
  for name, fn in pairs(plain) do core[name] = fn end
  for name, fn in pairs(native_found and native or {}) do core[name] = name:find("^un[ty]") and decoder(fn) or fn end
  for name, fn in pairs(more or {}) do core[name] = fn end
  return core
end

--- Adds the functions of a part (komodo/_core/<name>.lua) to the module.
function M.load(name, komodo, core) chunk_of(name)(komodo, core, json) end

return M
