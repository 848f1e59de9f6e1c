--- komodo.http: requests of scripts to other servers (spec lua.md 3, 6): each host, also of a redirect, within the
--- capabilities; what is inside this machine only when a capability names that very host.
local engine = require("engine")
local fail = require("komodo.fail")
local http = {}

local TIMEOUT_S, TIMEOUT_MAX_S, REDIRECTS_MAX, BODY_KB = 30, 3600, 5, 16384
local fields = { url = "string", method = "string", headers = "table", body = "string", json = true, form = "table", timeout = "number" }
local kept = { accept = true, ["accept-language"] = true, ["content-type"] = true, ["user-agent"] = true }

local function check(p)
  for key, value in pairs(p) do
    local want = fields[key]
    if not want then fail.raise("invalid", "komodo.http: the field '%s' is unknown", tostring(key)) end
    if want ~= true and type(value) ~= want then fail.raise("invalid", "komodo.http: the field '%s' must be a %s", key, want) end
  end
  if not p.url then fail.raise("invalid", "komodo.http: the field 'url' is missing") end
  if (p.body and 1 or 0) + (p.json ~= nil and 1 or 0) + (p.form and 1 or 0) > 1 then
    fail.raise("invalid", "komodo.http: only one of 'body', 'json' and 'form' can be sent")
  end
  local timeout = p.timeout or TIMEOUT_S
  if not (timeout > 0 and timeout <= TIMEOUT_MAX_S) then
    fail.raise("invalid", "komodo.http: 'timeout' must be between 0 and %d seconds", TIMEOUT_MAX_S)
  end
  return timeout
end

local function escape(s)
  return (tostring(s):gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- The body, and its type.
local function body_of(p)
  if p.json ~= nil then return engine.json.encode(p.json), "application/json" end
  if not p.form then return p.body or "", nil end
  local pairs_ = {}
  for name, value in pairs(p.form) do pairs_[#pairs_ + 1] = escape(name) .. "=" .. escape(value) end
  table.sort(pairs_)
  return table.concat(pairs_, "&"), "application/x-www-form-urlencoded"
end

local function headers_of(p, content_type)
  local out, has_type = {}, false
  for name, value in pairs(p.headers or {}) do
    if type(name) ~= "string" then fail.raise("invalid", "komodo.http: 'headers' is a table of names and values") end
    has_type = has_type or name:lower() == "content-type"
    out[#out + 1] = { name, tostring(value) }
  end
  if content_type and not has_type then out[#out + 1] = { "Content-Type", content_type } end
  return out
end

local function origin(url) return (url:match("^%a+://[^/?#]+") or url):lower() end

-- What goes to another server than the one it was meant for.
local function for_stranger(headers)
  local out = {}
  for _, header in ipairs(headers) do
    if kept[header[1]:lower()] then out[#out + 1] = header end
  end
  return out
end

--- The answer, whatever its status: { status, headers, body, url }.
---@async
---@param run ScriptRun
---@param p table Parameters with the secrets in them revealed.
function http.request(run, p)
  local timeout = check(p)
  local body, content_type = body_of(p)
  local headers, url, method = headers_of(p, content_type), p.url, (p.method or (body ~= "" and "POST" or "GET")):upper()
  local deadline = engine.time.mono() + timeout * 1000
  for _ = 0, REDIRECTS_MAX do
    local host = fail.unless(nil, engine.http.host(url))
    run:require("http", host)
    local left = math.max(1, math.floor(deadline - engine.time.mono()))
    local answer = fail.unless("komodo.http: the request to " .. host .. " failed", engine.http.send({
      method = method, url = url, headers = headers, body = body, timeout_ms = left,
      body_max = (run.http_kb or BODY_KB) * 1024, inside = run:names("http:" .. host),   -- as it is spelled
    }))
    local next_url = answer.redirect
    if not next_url then
      if not utf8.len(answer.body) then fail.raise("media", "komodo.http: the answer of %s is no UTF-8 text", host) end
      return { status = answer.status, headers = engine.json.object(answer.headers), body = answer.body, url = url }
    end
    if answer.status == 303 or (method == "POST" and answer.status <= 302) then method, body = "GET", "" end
    if origin(next_url) ~= origin(url) then
      if body ~= "" then fail.raise("forbidden", "komodo.http: %s redirects what it was sent to another server", host) end
      headers = for_stranger(headers)
    end
    url = next_url
  end
  fail.raise("protocol", "komodo.http: more than %d redirects", REDIRECTS_MAX)
end

return http
