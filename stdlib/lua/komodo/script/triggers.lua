--- The triggers of an Action's config (spec lua.md 2): checked when it is saved, found when something happens. Pure.
local fail = require("komodo.fail")
local triggers = {}

local TRIGGERS, PATH_BYTES = 100, 200
local methods = { GET = true, POST = true, PUT = true, PATCH = true, DELETE = true }
local algorithms = { sha256 = true, sha512 = true, sha1 = true }
local words_of_auth = '"github", "gitlab", "token", { hmac = { header, algorithm } }, or "none", which lets anybody start it'

--- The path without the slashes around it: what is compared.
function triggers.path(path) return ((path or ""):gsub("^/+", ""):gsub("/+$", "")) end

local function check_hmac(how, where)
  if type(how) ~= "table" then fail.raise("invalid", "%s.hmac: expected { header, algorithm }", where) end
  for name in pairs(how) do
    if name ~= "header" and name ~= "algorithm" then fail.raise("invalid", "%s.hmac.%s is unknown", where, tostring(name)) end
  end
  if type(how.header) ~= "string" or not how.header:find("^[%w_-]+$") then
    fail.raise("invalid", "%s.hmac.header: expected the name of the header that has the signature", where)
  end
  if how.algorithm ~= nil and not algorithms[how.algorithm] then
    fail.raise("invalid", '%s.hmac.algorithm: expected "sha256", "sha512" or "sha1"', where)
  end
end

local function check_auth(auth, where)
  if auth == nil then fail.raise("invalid", "%s is missing: %s", where, words_of_auth) end
  if auth == "github" or auth == "gitlab" or auth == "token" or auth == "none" then return end
  if type(auth) ~= "table" or auth.hmac == nil then fail.raise("invalid", "%s: expected %s", where, words_of_auth) end
  for name in pairs(auth) do
    if name ~= "hmac" then fail.raise("invalid", "%s.%s is unknown", where, tostring(name)) end
  end
  check_hmac(auth.hmac, where)
end

local checks = {}

function checks.http(trigger, where, seen)
  local path, method = triggers.path(trigger.path), trigger.method or "POST"
  if #path > PATH_BYTES or path:find("[%c?#]") or path:find("//", 1, true) then
    fail.raise("invalid", "%s.path: expected at most %d bytes like \"release\" or \"a/b\", without ? and #", where, PATH_BYTES)
  end
  if not methods[method] then fail.raise("invalid", "%s.method: expected GET, POST, PUT, PATCH or DELETE", where) end
  check_auth(trigger.auth, where .. ".auth")
  local key = method .. " " .. path
  if seen[key] then fail.raise("invalid", "%s.path: %s has the same method and path", where, seen[key]) end
  seen[key] = where
end

--- Fields of each type besides `type`.
local fields = { http = { path = true, method = true, auth = true } }

--- Raises for what is wrong, naming the place.
---@param list table[] config.triggers
---@param null any What stands for an absent field.
function triggers.check(list, null)
  if #list > TRIGGERS then fail.raise("invalid", "config.triggers: at most %d", TRIGGERS) end
  local seen = {}
  for i, given in ipairs(list) do
    local where, trigger = ("config.triggers[%d]"):format(i - 1), {}
    for name, value in pairs(given) do
      if value ~= null then
        local known = fields[given.type]
        if known and name ~= "type" and not known[name] then
          fail.raise("invalid", "%s.%s does not belong to a trigger of type %s", where, tostring(name), given.type)
        end
        trigger[name] = value
      end
    end
    if checks[trigger.type] then checks[trigger.type](trigger, where, seen) end
  end
end

--- The http trigger of this method and path, or nil.
---@param list table[]
---@param method string
---@param path string As triggers.path gives it.
function triggers.http(list, method, path)
  for _, trigger in ipairs(list) do
    if trigger.type == "http" and (trigger.method or "POST") == method and triggers.path(trigger.path) == path then return trigger end
  end
end

return triggers
