--- komodo.http: requests of scripts to other servers (spec lua.md 3, 6): each host, also of a redirect, within the
--- capabilities; what is inside this machine only when a capability names that very host.
local engine = require("engine")
local fail = require("komodo.fail")
local http = {}

local TIMEOUT_S, TIMEOUT_MAX_S, REDIRECTS_MAX, BODY_KB, STREAMS_MAX = 30, 3600, 5, 16384, 64
local fields = { url = "string", method = "string", headers = "table", body = "string", body_base64 = "string", json = true, form = "table",
  timeout = "number" }
local kept = { accept = true, ["accept-language"] = true, ["content-type"] = true, ["user-agent"] = true }

local function check(p, timeout)
  for key, value in pairs(p) do
    local want = fields[key]
    if not want then fail.raise("invalid", "komodo.http: the field '%s' is unknown", tostring(key)) end
    if want ~= true and type(value) ~= want then fail.raise("invalid", "komodo.http: the field '%s' must be a %s", key, want) end
  end
  if not p.url then fail.raise("invalid", "komodo.http: the field 'url' is missing") end
  if p.body_base64 then p.body = fail.unless(nil, engine.crypto.from_base64(p.body_base64)) end
  if (p.body and 1 or 0) + (p.json ~= nil and 1 or 0) + (p.form and 1 or 0) > 1 then
    fail.raise("invalid", "komodo.http: only one of 'body', 'json' and 'form' can be sent")
  end
  timeout = p.timeout or timeout
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

-- Follows redirects; `transfer` makes one request of what engine.http.send takes. Returns its answer and the URL at the end.
---@async
local function follow(run, p, timeout, transfer)
  local body, content_type = body_of(p)
  local headers, url, method = headers_of(p, content_type), p.url, (p.method or (body ~= "" and "POST" or "GET")):upper()
  local deadline = engine.time.mono() + timeout * 1000
  for _ = 0, REDIRECTS_MAX do
    local host = fail.unless(nil, engine.http.host(url))
    run:require("http", host)
    local left = math.max(1, math.floor(deadline - engine.time.mono()))
    local answer, err = transfer({
      method = method, url = url, headers = headers, body = body, timeout_ms = left, inside = run:names("http:" .. host),   -- as it is spelled
    })
    if err and err.code == "forbidden" then
      err = fail.new("forbidden", ('its address is loopback, link-local or of this machine, which needs the very capability "http:%s"'):format(host))
    end
    fail.unless("komodo.http: the request to " .. host .. " failed", answer, err)
    local next_url = answer.redirect
    if not next_url then return answer, url end
    if answer.status == 303 or (method == "POST" and answer.status <= 302) then method, body = "GET", "" end
    if origin(next_url) ~= origin(url) then
      if body ~= "" then fail.raise("forbidden", "komodo.http: %s redirects what it was sent to another server", host) end
      headers = for_stranger(headers)
    end
    url = next_url
  end
  fail.raise("protocol", "komodo.http: more than %d redirects", REDIRECTS_MAX)
end

-- Bytes as they can travel in JSON, without the secrets of the run.
local function packed(run, out, name, bytes)
  if next(run.used_secrets) then bytes = run:redact(bytes) end
  if utf8.len(bytes) then out[name] = bytes else out[name .. "_base64"] = engine.crypto.base64(bytes) end
  return out
end

--- The answer, whatever its status: { status, headers, url, body or body_base64 }.
---@async
---@param run ScriptRun
---@param p table Parameters with the secrets in them revealed.
function http.request(run, p)
  local answer, url = follow(run, p, check(p, TIMEOUT_S), function(request)
    request.body_max = (run.http_kb or BODY_KB) * 1024
    return engine.http.send(request)
  end)
  return packed(run, { status = answer.status, headers = engine.json.object(answer.headers), url = url }, "body", answer.body)
end

-- The head of an answer and its stream, read to its end when it leads elsewhere.
---@async
local function open_stream(request)
  local stream, err = engine.http.open(request)
  if not stream then return nil, err end
  local head
  head, err = stream:head()
  if head and head.status >= 300 and head.status < 400 and head.headers.location then
    repeat local piece = stream:read() until not piece
    head, err = stream:head()
  end
  if not head or head.redirect then stream:close() else head.stream = stream end
  return head, err
end

--- As request, but the body is left to http.read: { id, status, headers, url }.
---@async
function http.open(run, p)
  run.streams = run.streams or {}
  local open = 0
  for _ in pairs(run.streams) do open = open + 1 end
  if open >= STREAMS_MAX then fail.raise("limit", "komodo.http: %d answers are being read already", STREAMS_MAX) end
  local answer, url = follow(run, p, check(p, TIMEOUT_MAX_S), open_stream)
  run.last_stream = (run.last_stream or 0) + 1
  run.streams[run.last_stream] = answer.stream
  return { id = run.last_stream, status = answer.status, headers = engine.json.object(answer.headers), url = url }
end

--- The next piece of a body: { data or data_base64 }, or { over = true }.
---@async
function http.read(run, p)
  local stream = run.streams and run.streams[p.id]
  if not stream then fail.raise("closed", "komodo.http: this answer is not open") end
  local piece, err = stream:read()
  if piece then return packed(run, {}, "data", piece) end
  http.close(run, p)
  if err then fail.unless("komodo.http: the answer broke off", nil, err) end
  return { over = true }
end

function http.close(run, p)
  local stream = run.streams and run.streams[p.id]
  if stream then
    run.streams[p.id] = nil
    stream:close()
  end
  return { closed = stream ~= nil }
end

--- With the run go the answers that it did not read to the end.
function http.close_all(run)
  for id in pairs(run.streams or {}) do http.close(run, { id = id }) end
end

return http
