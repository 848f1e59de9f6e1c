--- /hook/{action}/{path}: requests that start an Action, answered by its script (spec lua.md 2). Repeated deliveries are the
--- script's affair: a sender's id of the delivery and komodo.kv tell them apart.
local engine = require("engine")
local calls = require("komodo.script.calls")
local execute = require("komodo.execute")
local fail = require("komodo.fail")
local http_trigger = require("komodo.script.http_trigger")
local response = require("komodo.script.response")
local sender = require("komodo.sender")
local update = require("komodo.update")
local users = require("komodo.users")

local json, store = engine.json, engine.store
local USER = users.builtin("Git Webhook")
local ANSWER_MS = 10000
-- Runs that requests started and that have not ended.
local RUNS_MAX, RUNS_OF_ACTION_MAX, BYTES_MAX = 1000, 100, 64 * 1024 * 1024
local QUERY_MAX = 200
-- A stranger learns nothing about which of them it was.
local NOBODY = "There is no such hook, or the request does not show that it comes from somebody who may use it"

-- ---- the request ----

local function decoded(s) return (s:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)) end

-- Name or id of the Action, and the rest of the path.
local function split(path)
  local parts = {}
  for part in path:gsub("^/hook/", "", 1):gmatch("[^/]+") do parts[#parts + 1] = decoded(part) end
  return table.remove(parts, 1) or "", table.concat(parts, "/")
end

-- The first value of each name.
local function query_of(text)
  local out, count = json.object({}), 0
  for pair in text:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    name, value = decoded((name:gsub("%+", " "))), decoded((value:gsub("%+", " ")))
    count = count + 1
    if count > QUERY_MAX then fail.raise("invalid", "The query has more than %d parts", QUERY_MAX) end
    if not utf8.len(name) or not utf8.len(value) then fail.raise("invalid", "The query must be UTF-8") end
    out[name] = out[name] or value
  end
  return out
end

-- Bytes of headers beyond ASCII are Latin-1, unless they are UTF-8.
local function text_of(s)
  return utf8.len(s) and s or (s:gsub("[\128-\255]", function(c) return utf8.char(c:byte()) end))
end

-- What the script gets as komodo.event; a body that is no text goes as base64 (_core/event.lua makes bytes of it again).
local function event_of(request, path)
  local headers = json.object({})
  for name, value in pairs(request.headers) do headers[text_of(name)] = text_of(value) end
  local event = { type = "http", method = request.method, path = path, query = request.query, headers = headers, ip = request.ip }
  if utf8.len(request.body) then event.body = request.body else event.body_base64 = engine.crypto.base64(request.body) end
  return event
end

-- The Action and its trigger; raises for strangers.
local function admit(request, name, path)
  local res = utf8.len(name) and store.resolve("Action", name)
  local trigger = res and res.config.webhook_enabled and http_trigger.find(res.config.triggers, request.method, path)
  if not trigger then fail.raise("unauthorized", NOBODY) end
  if trigger.auth == "none" then return res, trigger end
  local secret = sender.secret(res)
  if not secret then
    fail.raise("unauthorized", "This hook has no secret to compare with: set the Action's webhook_secret, or that of the engine")
  end
  if sender.problem(trigger.auth, secret, request) then fail.raise("unauthorized", NOBODY) end
  return res, trigger
end

-- ---- the answer ----

local function refusal(...) return response.refusal(...) end

-- In place of the script, when it gave none.
local function answer_to(outcome, failure)
  if failure and failure.code == "busy" then return refusal(409, "The Action is running; send this again later", json, 5) end
  if (failure and failure.code == "limit") or (outcome and outcome.status == "limit") then
    return refusal(503, "A limit is reached; the log of the Action says which", json, 30)
  end
  return refusal(500, "The Action failed; its log says why", json)
end

local runs, bytes, runs_of = 0, 0, {}   -- runs_of: by the Action's id

local function count(id, size, by)
  runs, bytes = runs + by, bytes + by * size
  local mine = (runs_of[id] or 0) + by
  runs_of[id] = mine > 0 and mine or nil
end

-- Starts the run, and waits until there is something to answer.
local function run(res, event, size)
  local id = res._id["$oid"]
  if (runs_of[id] or 0) >= RUNS_OF_ACTION_MAX then return refusal(429, "Too many requests to this hook are being worked on", json, 10) end
  if runs >= RUNS_MAX or bytes + size > BYTES_MAX then return refusal(503, "Too many requests are being worked on", json, 30) end
  local gate, answer, is_late = engine.gate(), nil, false
  count(id, size, 1)
  local ok, record, job = pcall(execute.start, "RunAction", "Action", res, { action = id }, USER, {
    event = event,
    on_respond = function(value)
      if is_late then fail.raise("timeout", "the client was told already that this takes too long") end
      if answer then fail.raise("conflict", "komodo.respond: this request was answered already") end
      answer = response.of(value, json)
      gate:open()
    end,
    -- Sent once the run is over and recorded: who sends the next request at once is not told that it is busy.
    on_outcome = function(outcome)
      if not answer and outcome.ok then answer = response.of(outcome.result, json) end
    end,
  })
  if not ok then
    count(id, size, -1)
    local e = fail.from(record)
    if e.code == "busy" or e.code == "limit" then return answer_to(nil, e) end
    error(e, 0)
  end
  engine.spawn(function()
    local guard <close> = setmetatable({}, { __close = function() count(id, size, -1) end })
    update.wait(update.id(record))
    gate:open()
  end)
  local opened, err = gate:wait(ANSWER_MS)
  if not opened and err.code ~= "timeout" then error(err, 0) end
  is_late = not opened
  if is_late then return refusal(504, "The Action did not answer within 10 seconds; it goes on", json) end
  return answer or answer_to(job.outcome, job.failure)
end

engine.handle("http/hook", function(request)
  local name, path = split(request.path)
  request.query = query_of(request.query)
  local res, trigger = admit(request, name, path)
  sender.forget(trigger.auth, request)
  return run(res, event_of(request, path), #request.body)
end)

--- komodo.respond
function calls.own.respond(script, p)
  if not script.on_respond then fail.raise("unsupported", "komodo.respond: no request waits, since this run was not started by an http trigger") end
  script.on_respond(p.response)
  return { answered = true }
end
