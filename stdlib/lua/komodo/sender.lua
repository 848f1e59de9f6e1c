--- Who sent a request that nobody logs in for: deliveries of git services (spec sync.md 16) and http triggers (spec lua.md 2).
-- Every comparison takes as long whether it fails early or late.
local engine = require("engine")
local sender = {}

local crypto = engine.crypto

---@class SenderRequest
---@field headers table<string, string> Names in lower case.
---@field body string As it came.
---@field query? table<string, string>

-- The signature in hex or base64, with or without the name of its algorithm before it.
local function signed(algorithm, secret, body, given)
  local signature = given:gsub("^" .. algorithm .. "=", "", 1)
  local right = crypto.hmac(algorithm, secret, body)
  local in_hex = crypto.equal(signature:lower(), right)
  local in_base64 = crypto.equal(signature, crypto.base64(crypto.from_hex(right)))
  return in_hex or in_base64
end

local checks = {}

function checks.github(secret, request)
  local given = request.headers["x-hub-signature-256"]
  if not given then return "No github signature in headers" end
  -- GitHub writes it in lower case, and so it is compared (recorded behaviour).
  local signature = given:gsub("^sha256=", "", 1)
  if not crypto.equal(signature, crypto.hmac("sha256", secret, request.body)) then return "Signature does not equal expected" end
end

function checks.gitlab(secret, request)
  local given = request.headers["x-gitlab-token"]
  if not given then return "No gitlab token in headers" end
  if not crypto.equal(given, secret) then return "Webhook secret does not match expected." end
end

function checks.token(secret, request)
  local given = (request.headers.authorization or ""):match("^[Bb]earer +(.+)$") or (request.query or {}).token
  if not given then return "No token: send it as `Authorization: Bearer …`, or as `?token=…`" end
  if not crypto.equal(given, secret) then return "The token does not match" end
end

function checks.hmac(secret, request, how)
  local given = request.headers[how.header:lower()]
  if not given then return ("No %s in headers"):format(how.header) end
  if not signed(how.algorithm or "sha256", secret, request.body, given) then return "Signature does not equal expected" end
end

--- What is wrong with the request; nil: it comes from somebody who knows the secret.
---@param auth string|table "github", "gitlab", "token", or { hmac = { header, algorithm? } }
---@param secret string Not empty.
---@param request SenderRequest
---@return string? problem
function sender.problem(auth, secret, request)
  if type(auth) == "table" then return checks.hmac(secret, request, auth.hmac) end
  return checks[auth](secret, request)
end

--- Secret of a resource that takes requests, else the engine's; nil: there is none, and nobody may be let in.
---@return string?
function sender.secret(res)
  local secret = res.config.webhook_secret
  if secret == "" then secret = engine.conf("webhook_secret") or "" end
  return secret ~= "" and secret or nil
end

--- Takes out of the request what showed that the sender knows the secret, so that no script sees it.
---@param auth string|table
---@param request SenderRequest
function sender.forget(auth, request)
  if auth == "gitlab" then request.headers["x-gitlab-token"] = nil end
  if auth == "token" then
    request.headers.authorization = nil
    if request.query then request.query.token = nil end
  end
end

return sender
