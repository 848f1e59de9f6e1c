--- What an alert rule is evaluated for: the `targets` of a poll trigger (spec lua.md 2). Pure.
---
---   { servers = "web-*" }   { servers = { "a", "b" }, tags = { "prod" } }   { stacks = "*", deployments = "app-*" }
---
--- Patterns are names with wildcards, or regular expressions between backslashes (komodo.match); `tags` are names or ids, all
--- of which a target must have. Without a type it is all servers.
local fail = require("komodo.fail")
local match = require("komodo.match")
local targets = {}

--- The types in the order they are evaluated in.
targets.kinds = { "Server", "Stack", "Deployment" }

local kind_of = { servers = "Server", stacks = "Stack", deployments = "Deployment" }
local ENTRIES_MAX = 1000

local function is_absent(value) return value == nil or type(value) == "userdata" end

-- A text, or a list of texts, as a list.
local function texts(value, where)
  if type(value) == "string" then value = { value } end
  if type(value) ~= "table" then fail.raise("invalid", "%s must be text or a list of texts", where) end
  local n = 0
  for key, entry in pairs(value) do
    n = n + 1
    if math.type(key) ~= "integer" or type(entry) ~= "string" or entry:find("^%s*$") then
      fail.raise("invalid", "%s must be text or a list of texts, none of them empty", where)
    end
  end
  if n == 0 or n > ENTRIES_MAX then fail.raise("invalid", "%s must have 1 to %d entries", where, ENTRIES_MAX) end
  return value
end

---@class RuleTargets
---@field names table<string, fun(name: string): boolean> By type.
---@field tags string[] Names or ids.
---@field key string The same for targets that are the same.

--- Reads `targets`; raises for what is unknown or of a wrong shape, naming the field.
---@param given any
---@param where string How an error calls it: "config.triggers[0].targets".
---@param regex fun(pattern: string): fun(name: string): boolean
---@return RuleTargets
function targets.parse(given, where, regex)
  local out, some = { names = {}, tags = {} }, false
  if is_absent(given) then given = {} end
  if type(given) ~= "table" then
    fail.raise("invalid", "%s must be a table such as { servers = \"web-*\", tags = { \"prod\" } }", where)
  end
  for key, value in pairs(given) do
    local kind, at = kind_of[key], ("%s.%s"):format(where, tostring(key))
    if is_absent(value) then goto continue end
    if kind then
      local ok, test = pcall(match.predicate, table.concat(texts(value, at), "\n"), regex)
      if not ok then error(fail.context(at .. " is invalid", test), 0) end
      out.names[kind], some = test, true
    elseif key == "tags" then
      out.tags = texts(value, at)
    else
      fail.raise("invalid", "%s is unknown; it may be servers, stacks, deployments and tags", at)
    end
    ::continue::
  end
  if not some then out.names.Server = function() return true end end
  local words = {}
  for key, value in pairs(given) do
    if not is_absent(value) then words[#words + 1] = key .. "\0" .. table.concat(texts(value, where), "\0") end
  end
  table.sort(words)
  out.key = table.concat(words, "\1")
  return out
end

--- Whether a resource is one of them.
---@param self RuleTargets
---@param kind string
---@param res { name: string, tags: string[] }
---@param tag_id fun(name_or_id: string): string? The id of a tag; nil when there is none such.
function targets.match(self, kind, res, tag_id)
  local named = self.names[kind]
  if not named or not named(res.name) then return false end
  for _, wanted in ipairs(self.tags) do
    local id, has = tag_id(wanted), false
    for _, tag in ipairs(res.tags) do has = has or tag == id end
    if not has then return false end
  end
  return true
end

return targets
