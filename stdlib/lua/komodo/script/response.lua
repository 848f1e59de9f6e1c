--- What a script answers an http trigger with (spec lua.md 2), checked: it goes to strangers, under the engine's own address.
-- Pure.
local fail = require("komodo.fail")
local response = {}

local HEADERS, HEADERS_BYTES, BODY_BYTES = 24, 16 * 1024, 8 * 1024 * 1024

--- A page that a script serves shares its address with the web interface: in this sandbox it has no access to what that keeps.
local SANDBOX = { "Content-Security-Policy", "sandbox allow-forms allow-popups allow-scripts" }

-- What belongs to the connection, to the server, or to the engine's address as a whole.
local own = {}
for name in ([[connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade
  content-length content-encoding date server vary set-cookie clear-site-data strict-transport-security content-security-policy
  content-security-policy-report-only x-frame-options x-content-type-options x-xss-protection referrer-policy]]):gmatch("%S+") do
  own[name] = true
end

local fields = { status = true, headers = true, body = true, body_base64 = true }

local function refuse(...) fail.raise("invalid", "the answer to the request: " .. select(1, ...), select(2, ...)) end

local function check_header(name, value)
  if type(name) ~= "string" or #name > 100 or not name:find("^[%w!#$%%&'*+%-.^_`|~]+$") then
    refuse("headers: '%s' is no name of a header", tostring(name):sub(1, 100))
  end
  local lower = name:lower()
  if own[lower] or lower:find("^access%-control%-") then refuse("headers: '%s' is set by the engine alone", name) end
  if type(value) == "number" then value = ("%.14g"):format(value) end
  if type(value) ~= "string" then refuse("headers: '%s' must be a text", name) end
  if value:find("[%z\1-\8\10-\31\127]") then refuse("headers: '%s' holds a line break or another control character", name) end
  return value
end

-- The list of pairs, in the order of the names, and whether Content-Type is among them.
local function headers_of(given)
  if type(given) ~= "table" then refuse("'headers' must be a table of names and values") end
  local list, bytes, has_type = {}, 0, false
  for name, value in pairs(given) do
    value = check_header(name, value)
    list[#list + 1] = { name, value }
    bytes = bytes + #name + #value
    has_type = has_type or name:lower() == "content-type"
  end
  if #list > HEADERS or bytes > HEADERS_BYTES then refuse("'headers' are at most %d, of %d bytes together", HEADERS, HEADERS_BYTES) end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list, has_type
end

local function status_of(given)
  local status = math.tointeger(given)
  if type(given) ~= "number" or not status or status < 200 or status > 599 then refuse("'status' must be a whole number from 200 to 599") end
  return status
end

-- Fields of the body, and its type.
local function body_of(value, encode)
  local body, coded = value.body, value.body_base64
  if body ~= nil and coded ~= nil then refuse("only one of 'body' and 'body_base64' can be sent") end
  if coded ~= nil then
    if type(coded) ~= "string" or #coded % 4 ~= 0 or not coded:find("^[%w+/]*=?=?$") then refuse("'body_base64' must be base64") end
    return { body_base64 = coded }, "application/octet-stream", #coded
  end
  if type(body) == "table" then
    local text = encode(body)
    return { body = text }, "application/json", #text
  end
  if body ~= nil and type(body) ~= "string" then refuse("'body' must be a text, or a table that is sent as JSON") end
  return { body = body or "" }, body and "text/plain; charset=utf-8", #(body or "")
end

--- The answer as api/inbound.c sends it: { status, headers = { { name, value }, … }, body | body_base64 }. Raises for what
--- cannot be sent, naming the field.
---@param value any nil: 204; a text: 200; or { status?, headers?, body?, body_base64? }
---@param json table { encode, null }
function response.of(value, json)
  if value == nil or value == json.null then return { status = 204, headers = { SANDBOX }, body = "" } end
  if type(value) == "string" then value = { body = value } end
  if type(value) ~= "table" then refuse("expected nothing, a text, or a table with status, headers and body, not a %s", type(value)) end
  local clean = {}
  for name, field in pairs(value) do
    if not fields[name] then refuse("the field '%s' is unknown; there are status, headers, body, body_base64", tostring(name)) end
    if field ~= json.null then clean[name] = field end
  end
  local headers, has_type = headers_of(clean.headers or {})
  local out, content_type, size = body_of(clean, json.encode)
  if size > BODY_BYTES then refuse("the body is larger than %d bytes", BODY_BYTES) end
  if content_type and not has_type then headers[#headers + 1] = { "Content-Type", content_type } end
  headers[#headers + 1] = SANDBOX
  out.status, out.headers = clean.status and status_of(clean.status) or 200, headers
  return out
end

--- An answer of the engine in the script's place, shaped like its other errors.
---@param status integer
---@param words string
---@param json table
---@param retry_after? integer Seconds.
function response.refusal(status, words, json, retry_after)
  local headers = { { "Content-Type", "application/json" } }
  if retry_after then headers[2] = { "Retry-After", ("%d"):format(retry_after) } end
  return { status = status, headers = headers, body = json.encode({ error = words, trace = json.array({}) }) }
end

return response
