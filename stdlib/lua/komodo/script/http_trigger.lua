--- Triggers of type http (spec lua.md 2): checked when the Action is saved, found when a request comes. Pure.
local fail = require("komodo.fail")
local http_trigger = {}

local PATH_BYTES = 200
local fields = { type = true, path = true, method = true, auth = true }
local methods = { GET = true, POST = true, PUT = true, PATCH = true, DELETE = true }
local algorithms = { sha256 = true, sha512 = true, sha1 = true }
local words_of_auth = '"github", "gitlab", "token", { hmac = { header, algorithm } }, or "none", which lets anybody start it'

--- The path without the slashes around it: what is compared.
function http_trigger.path(path) return ((path or ""):gsub("^/+", ""):gsub("/+$", "")) end

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

-- One trigger; `seen`: where each method and path was met.
local function check(trigger, where, seen)
  for name in pairs(trigger) do
    if not fields[name] then fail.raise("invalid", "%s.%s does not belong to a trigger of type http", where, tostring(name)) end
  end
  local path, method = http_trigger.path(trigger.path), trigger.method or "POST"
  if #path > PATH_BYTES or path:find("[%c?#]") or path:find("//", 1, true) then
    fail.raise("invalid", "%s.path: expected at most %d bytes like \"release\" or \"a/b\", without ? and #", where, PATH_BYTES)
  end
  if not methods[method] then fail.raise("invalid", "%s.method: expected GET, POST, PUT, PATCH or DELETE", where) end
  check_auth(trigger.auth, where .. ".auth")
  local key = method .. " " .. path
  if seen[key] then fail.raise("invalid", "%s.path: %s has the same method and path", where, seen[key]) end
  seen[key] = where
end

--- Raises for what is wrong with those of type http, naming the place.
---@param list table[] config.triggers
---@param null any What stands for an absent field.
function http_trigger.check(list, null)
  local seen = {}
  for i, given in ipairs(list) do
    local trigger = {}
    for name, value in pairs(given) do
      if value ~= null then trigger[name] = value end
    end
    if given.type == "http" then check(trigger, ("config.triggers[%d]"):format(i - 1), seen) end
  end
end

--- The http trigger of this method and path, or nil.
---@param list table[]
---@param method string
---@param path string As http_trigger.path gives it.
function http_trigger.find(list, method, path)
  for _, trigger in ipairs(list) do
    if trigger.type == "http" and (trigger.method or "POST") == method and http_trigger.path(trigger.path) == path then return trigger end
  end
end

return http_trigger
