--- What git services send to /listener (spec sync.md 16): who sent it is checked and answered at once, the run comes afterwards.
local engine = require("engine")
local execute = require("komodo.execute")
local fail = require("komodo.fail")
local sender = require("komodo.sender")

local json, store = engine.json, engine.store
local USER = "Git Webhook"
local ANY = "__ANY__"
local WAITING_MAX = 100                     -- deliveries of one resource
local WAITING_BYTES_MAX = 64 * 1024 * 1024  -- bodies of all of them

-- ---- who sent it ----

local function refuse(message) fail.raise("unauthorized", message) end

local services = { github = true, gitlab = true }

-- Without a secret anybody could start runs, so there are no deliveries then.
local function check_sender(kind, res, service, request)
  local secret = sender.secret(res)
  if not secret then refuse(("This %s has no webhook secret: set its webhook_secret, or that of the engine"):format(kind)) end
  local problem = sender.problem(service, secret, request)
  if problem then refuse(problem) end
end

-- ---- deliveries of one resource are run one after another ----

local queues, waiting_bytes = {}, 0   -- "Kind/id" -> deliveries, the first of which runs

local function run_all(key)
  local queue = queues[key]
  while queue[1] and not engine.closing() do
    local delivery = queue[1]
    local ok, err = pcall(execute.triggered, delivery.kind, delivery.id, delivery.what())
    if not ok and not engine.closing() then
      engine.log.error(("webhook: %s did not start: %s"):format(key, fail.from(err).message))
    end
    table.remove(queue, 1)
    waiting_bytes = waiting_bytes - delivery.size
  end
  queues[key] = nil
end

---@class Delivery
---@field kind "Procedure"|"Action"
---@field id string
---@field what fun(): table, string, table Parameters, user and event of its run, made when it runs.
---@field size integer Bytes that are kept for it.
local function enqueue(delivery)
  local key = delivery.kind .. "/" .. delivery.id
  local queue = queues[key]
  if queue and #queue >= WAITING_MAX or waiting_bytes + delivery.size > WAITING_BYTES_MAX then
    fail.raise("limit", "Too many deliveries are waiting to be run; send this one again later")
  end
  waiting_bytes = waiting_bytes + delivery.size
  if queue then
    queue[#queue + 1] = delivery
  else
    queues[key] = { delivery }
    engine.spawn(run_all, key)
  end
end

-- ---- what is done about it ----

-- The branch that was pushed to, and the whole body; nil: not a push.
local function push_of(body)
  local ok, decoded = pcall(json.decode, body)
  if not ok or type(decoded) ~= "table" or type(decoded.ref) ~= "string" then return nil end
  return (decoded.ref:gsub("refs/heads/", "")), decoded
end

-- Scripts need not see what proves who sent it.
local proofs = { ["x-hub-signature"] = true, ["x-hub-signature-256"] = true, ["x-gitlab-token"] = true, authorization = true, cookie = true }
local function shown_headers(headers)
  local out = json.object({})
  for name, value in pairs(headers) do
    if not proofs[name:lower()] then out[name] = value end
  end
  return out
end

local function run_procedure(res, branch, request)
  local pushed = push_of(request.body)
  if branch ~= ANY and pushed ~= branch then return end
  enqueue({ kind = "Procedure", id = res._id["$oid"], size = 0, what = function()
    return {}, USER, { type = "webhook", branch = pushed }
  end })
end

local function run_action(res, branch, request)
  local pushed = push_of(request.body)
  if not pushed or (branch ~= ANY and pushed ~= branch) then return end
  local headers = shown_headers(request.headers)
  enqueue({ kind = "Action", id = res._id["$oid"], size = #request.body, what = function()
    local _, body = push_of(request.body)
    return { args = { WEBHOOK_BRANCH = pushed, WEBHOOK_BODY = body } }, USER,
      { type = "webhook", branch = pushed, body = body, headers = headers }
  end })
end

local function set(...)
  local out = {}
  for _, name in ipairs({ ... }) do out[name] = true end
  return out
end

-- By the second part of the path. `option`: what the part after the id may be; nil: there is none. `run` absent: this engine
-- has no such runs.
local routes = {
  build = { kind = "Build" },
  repo = { kind = "Repo", option = set("clone", "pull", "build") },
  stack = { kind = "Stack", option = set("refresh", "deploy") },
  sync = { kind = "ResourceSync", option = set("refresh", "sync") },
  procedure = { kind = "Procedure", option = ANY, run = run_procedure },
  action = { kind = "Action", option = ANY, run = run_action },
}

-- The parts of the path after /listener/, decoded; an empty one is none.
local function parts_of(path)
  local parts = {}
  for part in path:gsub("^/listener/", "", 1):gmatch("[^/]*") do
    if part == "" then return {} end
    parts[#parts + 1] = part:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  end
  return parts
end

engine.handle("http/listener", function(request)
  local parts = parts_of(request.path)
  local service, route, id, option = parts[1], routes[parts[2]], parts[3], parts[4]
  if not services[service] or not route or #parts ~= (route.option and 4 or 3) then
    fail.raise("method", "No deliveries are taken here; a path is /listener/github/procedure/{id}/{branch}, for example")
  end
  if not utf8.len(id) or not utf8.len(option or "") then fail.raise("invalid", "The path must be UTF-8") end
  if route.option and route.option ~= ANY and not route.option[option] then
    fail.raise("invalid", "There is no '%s' of a %s", option, route.kind)
  end
  local res = store.resolve(route.kind, id)
  if not res then
    local e = fail.new("not_found", ("Did not find any %s matching %s"):format(route.kind, id))
    e.status = 400
    error(e, 0)
  end
  check_sender(route.kind, res, service, request)
  if not route.run then fail.raise("unsupported", "Webhooks of a %s are not supported by this engine yet", route.kind) end
  if res.config.webhook_enabled then route.run(res, option, request) end
end)
