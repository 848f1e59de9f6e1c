--- What is put in order once at start (spec monitoring.md 9), before the API answers.
local alert = require("komodo.alert")
local engine = require("engine")
local events = require("komodo.alert.events")
local execute = require("komodo.execute")
local fail = require("komodo.fail")
local endings = require("komodo.script.endings")
local insist = require("komodo.insist")
local login = require("komodo.auth.login")
local prune = require("komodo.prune")
local resource = require("komodo.resource")
local records = require("komodo.script.records")
local rules = require("komodo.alert.rules")
local runs = require("komodo.runs")
local schedules = require("komodo.schedules")
local source = require("komodo.script.source")
local tag = require("komodo.write.tag")
local update = require("komodo.update")

local conf, json, log, store = engine.conf, engine.json, engine.log, engine.store

-- A full disk is no reason not to start, since reads go on: what has to be put in order is stored when there is space.
local function store_all(collection, documents, what, also)
  if #documents == 0 then return end
  insist.later(function()
    local change = store.change()
    for _, doc in ipairs(documents) do
      change:put(collection, doc._id["$oid"], doc)
      if also then also(change, doc) end
    end
    fail.unless(nil, change:commit())
  end, function(reason) log.error(("%s cannot be stored yet: %s"):format(what, reason)) end)
end

-- Records that were running when the engine ended.
local function close_interrupted()
  local found = fail.unless(nil, store.find("Update", { status = "InProgress" }, {}))
  for _, u in ipairs(found) do
    u.status, u.success = "Complete", false
    update.push(u, update.error_log("Komodo shutdown", u.operation == "RunAction" and endings.interrupted or
      "Komodo shutdown during execution. If this is a build, the builder may not have been terminated."))
  end
  store_all("Update", found, "the end of what was interrupted", function(change, u)
    if u.operation == "RunAction" then records.interrupted(change, u) end
  end)
end

-- Is there anything that will resolve this alert?
local function is_followed(doc)
  local kind, rule = doc.target.type, doc.rule
  if kind == "System" or not store.row(kind, doc.target.id) then return false end
  if rule then return store.row("Action", rule.action) ~= nil end
  return kind == "Server" or kind == "ResourceSync"
end

-- Alerts whose resource is gone will never be resolved by a check.
local function close_orphaned_alerts()
  local closed = {}
  for _, doc in ipairs(alert.load()) do
    if not is_followed(doc) then
      doc.resolved, doc.resolved_ts = true, engine.now()
      closed[#closed + 1] = doc
    end
  end
  alert.drop(closed)
  store_all("Alert", closed, "the end of alerts whose resource is gone")
end

local function text_of(value) return type(value) == "string" and value or "" end

local function create_first_server()
  local name, address = text_of(conf("first_server_name")), text_of(conf("first_server_address"))
  if (name == "" and address == "") or store.count("Server") > 0 then return end
  name = name ~= "" and name or "Local"
  local ctx = resource.as("System")
  local server = resource.create(ctx, "Server", name, { address = address, enabled = true })
  if store.count("Builder") == 0 then
    local ids = json.array({ resource.id(server) })
    resource.create(ctx, "Builder", name, { type = "Server", params = { server_ids = ids } })
  end
end

local procedures = {
  { "Backup Core Database", "BackupCoreDatabase", json.object({}), "Every day at 01:00",
    "Triggers the Core database backup at the scheduled time." },
  { "Global Auto Update", "GlobalAutoUpdate", { skip_auto_update = false }, "Every day at 03:00",
    "Pulls and auto updates Stacks and Deployments using 'poll_for_updates' or 'auto_update'." },
  { "Rotate Server Keys", "RotateAllServerKeys", json.object({}), "Every day at 06:00",
    "Rotates all currently connected Server keys." },
}

local function create_first_resources()
  if conf("disable_init_resources") or store.count("Procedure") > 0 or store.count("Tag") > 0 then return end
  local ctx = resource.as("System")
  local system = tag.create(ctx, "system", "Red")
  for _, row in ipairs(procedures) do
    local name, request, params, schedule, description = table.unpack(row)
    local stage = { name = "Stage 1", enabled = true, executions = { { execution = { type = request, params = params }, enabled = true } } }
    local made = resource.create(ctx, "Procedure", name, { stages = json.array({ stage }), schedule = schedule })
    made = store.latest("Procedure", resource.id(made))
    made.description = description
    made.tags = json.array({ system._id["$oid"] })
    resource.save("Procedure", made)
  end
end

-- The first user: configured, or none until somebody signs up.
local function create_first_user()
  local name = text_of(conf("init_admin_username"))
  if store.count("User") > 0 then return end
  if name ~= "" then
    local ok, err = pcall(login.sign_up, name, conf("init_admin_password"))
    if not ok then
      log.error("the first admin could not be created: " .. fail.from(err).message)
      return
    end
  end
  create_first_resources()
end

engine.handle("engine/start", function()
  close_interrupted()
  close_orphaned_alerts()
  runs.load()
  create_first_user()
  schedules.start()
  source.start()
  records.follow()
  events.start()
  rules.start()
  prune.start()
  -- Its agent may not be there yet, and the API need not wait for it.
  engine.spawn(create_first_server)
end)

-- Actions that are to run at every start, one after another: now that the API answers, their scripts can call it.
local function run_actions()
  for _, action in ipairs(store.list("Action")) do
    if action.config.run_at_startup and not engine.closing() then
      local ok, err = pcall(execute.triggered, "Action", resource.id(action), {}, "Action", { type = "startup" })
      if not ok and not engine.closing() then
        log.error(("Action '%s' did not run at start: %s"):format(action.name, fail.from(err).message))
      end
    end
  end
end

engine.handle("engine/listening", function()
  schedules.catch_up()
  run_actions()
end)
