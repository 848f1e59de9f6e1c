--- What an Action may call (spec lua.md 6): "read:*", "execute:DeployStack@web-*", "http:hooks.slack.com", "kv", "*". Pure.
local fail = require("komodo.fail")
local match = require("komodo.match")
local capability = {}

local groups = { read = true, write = true, execute = true, http = true, terminal = true, secret = true }

local function no_regex() fail.raise("invalid", "regular expressions are not known here, only * and ?") end
local function matcher(pattern) return match.predicate(pattern, no_regex) end

---@class Capability
---@field text? string As it was written.
---@field group string "*": everything
---@field name? fun(name: string): boolean
---@field target? fun(name: string): boolean Only resources that are called so.
---@field name_text? string
---@field target_text? string

--- One capability; raises when it is none.
---@param s string
---@return Capability
function capability.parse(s)
  if s == "*" or s == "kv" then return { group = s } end
  local group, name, target = tostring(s):match("^(%l+):([^@]+)@?(.*)$")
  if not group or not groups[group] or (target == "" and s:sub(-1) == "@") then
    fail.raise("invalid", "'%s' is no capability; they look like \"read:*\", \"execute:DeployStack@web-*\", \"secret:NAME\", \"kv\" or \"*\"", s)
  end
  return {
    text = s, group = group, name = matcher(name), name_text = name,
    target = target ~= "" and matcher(target) or nil, target_text = target,
  }
end

--- The list of a config; raises with the number of the wrong element.
---@return Capability[]
function capability.list(texts)
  local out = {}
  for i, s in ipairs(texts) do
    local ok, one = pcall(capability.parse, s)
    if not ok then error(fail.context(("config.capabilities[%d] is invalid"):format(i), one), 0) end
    out[i] = one
  end
  return out
end

--- Is it allowed? `target` names the resource the request is about; nil: none, or several.
---@param list Capability[]
---@param group string
---@param name? string
---@param target? fun(): string?
function capability.allows(list, group, name, target)
  local resource, known = nil, false
  for _, c in ipairs(list) do
    if c.group == "*" then return true end
    if c.group == group and (not c.name or c.name(name)) then
      if not c.target then return true end
      if not known then resource, known = target and target(), true end
      if resource and c.target(resource) then return true end
    end
  end
  return false
end

-- Does the pattern match whatever the other one matches? Says no where that is not plain.
local function contains(pattern, other)
  if pattern == "*" or pattern == other then return true end
  if other:find("[\\,#\n]") then return false end
  local prefix = pattern:match("^([^*?\\,#\n]*)%*$")
  if prefix then return other:sub(1, #prefix) == prefix end
  return not other:find("[*?]") and matcher(pattern)(other)
end

--- Is everything that a capability allows allowed by the list?
---@param list Capability[]
---@param text string
function capability.covers(list, text)
  local wanted = capability.parse(text)
  for _, c in ipairs(list) do
    if c.group == "*" then return true end
    if c.group == wanted.group and (not c.text or contains(c.name_text, wanted.name_text)) then
      if not c.target or (wanted.target and contains(c.target_text, wanted.target_text)) then return true end
    end
  end
  return false
end

--- Raises unless it is allowed, naming what is missing.
function capability.require(list, group, name, target)
  if capability.allows(list, group, name, target) then return end
  local at = target and target()
  local missing = group .. (name and ":" .. name or "") .. (at and "@" .. at or "")
  fail.raise("forbidden", "the capability \"%s\" is missing in config.capabilities of this Action", missing)
end

return capability
