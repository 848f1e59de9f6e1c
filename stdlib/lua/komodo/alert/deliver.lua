--- Alerts go out through Alerters (spec monitoring.md 6). Each Alerter has a queue of its own, so that one that does not answer
--- holds up nobody else and what it gets stays in order.
local engine = require("engine")
local fail = require("komodo.fail")
local interpolate = require("komodo.interpolate")
local secrets = require("komodo.secrets")
local text = require("komodo.alert.text")
local window = require("komodo.alert.window")

local json, store = engine.json, engine.store
local deliver = {}

local TIMEOUT_MS, ANSWER_MAX, ANSWER_SHOWN = 10000, 64 * 1024, 2000
local WAITING_MAX = 1000   -- alerts of one Alerter

local function id_of(res) return res._id["$oid"] end

--- The alert as Komodo's clients know it, in their order of fields.
function deliver.body(alert)
  local seen = {}
  for name, value in pairs(alert) do
    if name ~= "rule" then seen[name] = value end
  end
  return seen
end

-- ---- requests ----

local JSON = { { "Content-Type", "application/json" } }
local function escape(s) return (s:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end)) end

-- By endpoint type: the headers and body of an alert, or nil when there is nothing to say.
local requests = {
  Custom = function(alert) return JSON, json.encode(deliver.body(alert)) end,
  Slack = function(alert, host)
    local message = text.slack(alert, host)
    if message then return JSON, json.encode(message) end
  end,
  Discord = function(alert, host)
    local words = text.markdown(alert, host)
    if words ~= "" then return JSON, json.encode({ content = words }) end
  end,
  Ntfy = function(alert, host, params)
    local words = text.plain(alert, host)
    if words == "" then return nil end
    local headers = { { "Title", "Komodo Alert" } }
    if type(params.email) == "string" and params.email ~= "" then headers[2] = { "X-Email", params.email } end
    return headers, words
  end,
  Pushover = function(alert, host)
    local words = text.plain(alert, host)
    if words ~= "" then return { { "Content-Type", "application/x-www-form-urlencoded" } }, "message=" .. escape(words) end
  end,
}

local refused = {
  Custom = "post to alerter failed | %d | %s",
  Slack = "status: %d | text: %s",
  Discord = "Failed to send message to Discord | %d | %s",
  Ntfy = "Failed to send message to ntfy | %d | %s",
  Pushover = "Failed to send message to Pushover | %d | %s",
}

local function post(alert, endpoint, it)
  local host = engine.conf("host") or ""
  local headers, body = requests[endpoint.type](alert, host, endpoint.params)
  if not body then return end
  local answer = fail.unless("failed at post request to alerter", engine.http.send({
    method = "POST", url = interpolate.text(it, endpoint.params.url), headers = headers, body = body, timeout_ms = TIMEOUT_MS,
    body_max = ANSWER_MAX, inside = true,
  }))
  local ok = answer.status == 200 or (endpoint.type ~= "Slack" and answer.status >= 200 and answer.status < 300)
  if not ok then
    local said = utf8.len(answer.body) and answer.body:sub(1, ANSWER_SHOWN) or "(no text)"
    fail.raise("remote", "%s", refused[endpoint.type]:format(answer.status, said))
  end
end

-- What the URL had in it of secrets is named instead of shown.
local function redact(err, it)
  local list = interpolate.replacers(it)
  table.sort(list, function(a, b) return #a[1] > #b[1] end)
  local function clean(s)
    for _, pair in ipairs(list) do
      if pair[1] ~= "" then s = require("komodo.text").replace(s, pair[1], "<" .. pair[2] .. ">") end
    end
    return s
  end
  err.message = clean(err.message)
  for i, line in ipairs(err.trace or {}) do err.trace[i] = clean(line) end
  return err
end

--- Sends one alert through one Alerter, unless a maintenance window of it is open; raises when that fails.
---@async
function deliver.send(alerter, alert)
  local config = alerter.config
  if window.is_open(config.maintenance_windows, engine.now()) then return end
  local it = secrets.interpolator()
  local ok, err = pcall(post, alert, config.endpoint, it)
  if ok then return end
  error(fail.context(("Failed to send alert to %s Alerter %s"):format(config.endpoint.type, alerter.name), redact(fail.from(err), it)), 0)
end

-- ---- which Alerters ----

local function holds(targets, target)
  for _, t in ipairs(targets) do
    if t.type == target.type and t.id == target.id then return true end
  end
  return false
end

--- Whether an Alerter passes on alerts of this kind, wherever they are about.
function deliver.takes_kind(config, kind)
  local types, any = config.alert_types, #config.alert_types == 0
  for _, name in ipairs(types) do any = any or name == kind end
  return any
end

--- Whether an Alerter passes this alert on.
function deliver.accepts(config, alert)
  return config.enabled and deliver.takes_kind(config, alert.data.type) and not holds(config.except_resources, alert.target)
    and (#config.resources == 0 or holds(config.resources, alert.target))
end

-- ---- queues ----

local queues, dropped = {}, {}   -- Alerter id -> alerts, the first of which is being sent; how many were left out

local function log_failure(err)
  err = fail.from(err)
  engine.log.error(table.concat({ err.message, table.unpack(err.trace or {}) }, ": "))
end

local function run_queue(id)
  local queue = queues[id]
  while queue[1] and not engine.closing() do
    local alerter, ok, err = store.row("Alerter", id), true, nil
    if alerter and alerter.config.enabled then ok, err = pcall(deliver.send, alerter, queue[1]) end
    if not ok and engine.closing() then break end
    if not ok then log_failure(err) end
    table.remove(queue, 1)
  end
  if queue[1] then engine.log.error(("Alerter %s: %d alerts were not sent, since the engine stops"):format(id, #queue)) end
  if dropped[id] then engine.log.error(("Alerter %s: %d alerts were left out, since %d waited already"):format(id, dropped[id], WAITING_MAX)) end
  queues[id], dropped[id] = nil, nil
end

local function enqueue(id, alert)
  local queue = queues[id]
  if queue and #queue >= WAITING_MAX then
    dropped[id] = (dropped[id] or 0) + 1
  elseif queue then
    queue[#queue + 1] = alert
  else
    queues[id] = { alert }
    engine.spawn(run_queue, id)
  end
end

--- Sends an alert through every Alerter that takes it, or those of them that `only` names; does not wait. Failures are logged.
---@param only? string[] Ids or names.
function deliver.everywhere(alert, only)
  if engine.closing() then return end
  local wanted
  for _, name in ipairs(only or {}) do
    wanted = wanted or {}
    wanted[name] = true
  end
  for _, alerter in ipairs(store.list("Alerter")) do
    if (not only or (wanted and (wanted[id_of(alerter)] or wanted[alerter.name]))) and deliver.accepts(alerter.config, alert) then
      enqueue(id_of(alerter), alert)
    end
  end
end

return deliver
