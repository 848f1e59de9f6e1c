--- What alerts say in messages, word for word as Komodo words them (spec monitoring.md 6.5). Pure.
---
---   text.plain(alert, host)    Ntfy, Pushover      text.markdown(alert, host)   Discord
---   text.slack(alert, host) -> { text, blocks }    blocks: { { "header" | "section", words }, … }
--- An alert without words (None) gives "" and nil.
local text = {}

local levels = { OK = "OK ✅", WARNING = "WARNING ‼️", CRITICAL = "CRITICAL 🚨" }
local states = {
  ContainerStateChange = { running = "Running ▶️", exited = "Exited 🛑", restarting = "Restarting 🔄", not_deployed = "Not Deployed" },
  StackStateChange = { running = "Running ▶️", stopped = "Stopped 🛑", restarting = "Restarting 🔄", down = "Down ⬇️" },
}
local paths = {
  Swarm = "swarms", Server = "servers", Stack = "stacks", Deployment = "deployments", Build = "builds", Repo = "repos",
  Procedure = "procedures", Action = "actions", ResourceSync = "resource-syncs", Builder = "builders", Alerter = "alerters",
}

local function known(value) return type(value) == "string" and value ~= "" end
local function number(n) return ("%.1f"):format(n) end
local function percent(d) return number(d.percentage or (d.total_gb > 0 and 100 * d.used_gb / d.total_gb or 0)) end
local function version(v) return ("v%d.%d.%d"):format(v.major, v.minor, v.patch) end
local function quote(s)
  return '"' .. tostring(s):gsub("[\\\"\n\r\t]", { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }) .. '"'
end

-- An error as Komodo dumps it.
local function dump(err)
  local trace = "[],"
  if #err.trace > 0 then
    local lines = {}
    for i, line in ipairs(err.trace) do lines[i] = "        " .. quote(line) .. ",\n" end
    trace = "[\n" .. table.concat(lines) .. "    ],"
  end
  return ("Serror {\n    error: %s,\n    trace: %s\n}"):format(quote(err.error), trace)
end

-- What an alert is made of, for all three forms. `mark` is what stands on both sides of bold text.
local function parts(alert, host, mark)
  local d, kind = alert.data.data, alert.data.type
  local p = { d = d, kind = kind, level = levels[alert.level] or alert.level, open = not alert.resolved }
  function p.b(s) return mark .. tostring(s) .. mark end
  p.region = known(d.region) and (" (%s)"):format(d.region) or ""
  local place = paths[kind == "ScheduleRun" and d.resource_type or alert.target.type]
  p.link = place and ("%s/%s/%s"):format(host, place, kind == "ScheduleRun" and d.id or alert.target.id) or ""
  if known(d.swarm_name) then
    p.where = "swarm: " .. p.b(d.swarm_name)
  elseif known(d.server_name) then
    p.where = "server: " .. p.b(d.server_name)
  end
  p.at = p.where and "\n" .. p.where or ""
  if type(d.err) == "table" then p.err = dump(d.err) end
  p.state = states[kind] and (states[kind][d.to] or d.to)
  if kind == "StackAutoUpdated" then
    p.images = (#d.images == 1 and "image: " or "images: ") .. p.b(table.concat(d.images, ", "))
  end
  return p
end

-- ---- plain and Markdown: the same lines, bold in one of them ----

local lines = {}

function lines.Test(p)
  return ("%s | If you see this message, then Alerter %s is %s\n%s"):format(p.level, p.b(p.d.name), p.b("working"), p.link)
end

local function health(p, bad, good, subject)
  if not p.open then return ("%s | %s is now %s\n%s"):format(p.level, subject, p.b(good), p.link) end
  local err = p.err and ("\n%s: %s"):format(p.b("error"), p.err) or ""
  return ("%s | %s is %s ❌\n%s%s"):format(p.level, subject, p.b(bad), p.link, err)
end

function lines.SwarmUnhealthy(p) return health(p, "unhealthy", "healthy", "Swarm " .. p.b(p.d.name)) end
function lines.ServerUnreachable(p) return health(p, "unreachable", "connected", p.b(p.d.name) .. p.region) end

function lines.ServerVersionMismatch(p)
  local subject = p.b(p.d.name) .. p.region
  if not p.open then return ("%s | %s | Periphery version now matches Core version ✅\n%s"):format(p.level, subject, p.link) end
  return ("%s | %s | Version mismatch detected ⚠️\nPeriphery: %s | Core: %s\n%s"):format(p.level, subject, p.b(p.d.server_version),
    p.b(p.d.core_version), p.link)
end

function lines.ServerCpu(p)
  return ("%s | %s%s cpu usage at %s\n%s"):format(p.level, p.b(p.d.name), p.region, p.b(percent(p.d) .. "%"), p.link)
end

function lines.ServerMem(p)
  return ("%s | %s%s memory usage at %s%s💾\n\nUsing %s / %s\n%s"):format(p.level, p.b(p.d.name), p.region, p.b(percent(p.d) .. "%"),
    p.gap, p.b(number(p.d.used_gb) .. " GiB"), p.b(number(p.d.total_gb) .. " GiB"), p.link)
end

function lines.ServerDisk(p)
  return ("%s | %s%s disk usage at %s%s💿\nmount point: %s\nusing %s / %s\n%s"):format(p.level, p.b(p.d.name), p.region,
    p.b(percent(p.d) .. "%"), p.gap, p.gap ~= "" and "`" .. p.d.path .. "`" or quote(p.d.path), p.b(number(p.d.used_gb) .. " GiB"),
    p.b(number(p.d.total_gb) .. " GiB"), p.link)
end

function lines.ContainerStateChange(p)
  return ("📦%sDeployment %s is now %s%s\nprevious: %s\n%s"):format(p.gap, p.b(p.d.name), p.b(p.state), p.at, p.b(p.d.from), p.link)
end

function lines.StackStateChange(p)
  return ("🥞 Stack %s is now %s%s\nprevious: %s\n%s"):format(p.b(p.d.name), p.state, p.at, p.b(p.d.from), p.link)
end

function lines.DeploymentImageUpdateAvailable(p)
  return ("⬆ Deployment %s has an update available%s\nimage: %s\n%s"):format(p.b(p.d.name), p.at, p.b(p.d.image), p.link)
end

function lines.DeploymentAutoUpdated(p)
  return ("⬆ Deployment %s was updated automatically%s%s\nimage: %s\n%s"):format(p.b(p.d.name), p.gap ~= "" and " ⏫" or "", p.at,
    p.b(p.d.image), p.link)
end

function lines.StackImageUpdateAvailable(p)
  return ("⬆ Stack %s has an update available%s\nservice: %s\nimage: %s\n%s"):format(p.b(p.d.name), p.at, p.b(p.d.service),
    p.b(p.d.image), p.link)
end

function lines.StackAutoUpdated(p)
  return ("⬆ Stack %s was updated automatically ⏫%s\n%s\n%s"):format(p.b(p.d.name), p.at, p.images, p.link)
end

function lines.AwsBuilderTerminationFailed(p)
  return ("%s | Failed to %s AWS builder instance\ninstance id: %s\n%s"):format(p.level, p.gap ~= "" and "terminated" or "terminate",
    p.b(p.d.instance_id), p.d.message)
end

function lines.ResourceSyncPendingUpdates(p)
  return ("%s | Pending resource sync updates on %s\n%s"):format(p.level, p.b(p.d.name), p.link)
end

function lines.BuildFailed(p)
  return ("%s | Build %s failed\nversion: %s\n%s"):format(p.level, p.b(p.d.name), p.b(version(p.d.version)), p.link)
end

function lines.RepoBuildFailed(p) return ("%s | Repo build for %s failed\n%s"):format(p.level, p.b(p.d.name), p.link) end
function lines.ProcedureFailed(p) return ("%s | Procedure %s failed\n%s"):format(p.level, p.b(p.d.name), p.link) end
function lines.ActionFailed(p) return ("%s | Action %s failed\n%s"):format(p.level, p.b(p.d.name), p.link) end

function lines.ScheduleRun(p)
  return ("%s | %s (%s) | Scheduled run started 🕝\n%s"):format(p.level, p.b(p.d.name), p.d.resource_type, p.link)
end

function lines.Custom(p)
  return ("%s | %s%s"):format(p.level, p.d.message, known(p.d.details) and "\n" .. p.d.details or "")
end

local function message(alert, host, mark, gap)
  local make = lines[alert.data.type]
  if not make then return "" end
  local p = parts(alert, host, mark)
  p.gap = gap
  return make(p)
end

function text.plain(alert, host) return message(alert, host, "", "") end
function text.markdown(alert, host) return message(alert, host, "**", " ") end

-- ---- Slack: a first line, and blocks ----

local slack = {}

-- A level as header, then what is said of a subject, further sections, and where to look.
local function leveled(p, said, ...)
  return ("%s | %s"):format(p.level, said), { p.level, said, ... }
end

local function slack_health(p, bad, good, subject)
  if not p.open then return leveled(p, ("%s is now %s"):format(subject, p.b(good))) end
  return leveled(p, ("%s is %s ❌%s"):format(subject, p.b(bad), p.err and "\nerror: " .. p.err or ""), p.link)
end

function slack.Test(p) return leveled(p, ("If you see this message, then Alerter %s is %s"):format(p.b(p.d.name), p.b("working")), p.link) end
function slack.SwarmUnhealthy(p) return slack_health(p, "unhealthy", "healthy", "Swarm " .. p.b(p.d.name)) end
function slack.ServerUnreachable(p) return slack_health(p, "unreachable", "connected", p.b(p.d.name) .. p.region) end

function slack.ServerVersionMismatch(p)
  local said = p.open and ("Version mismatch detected ⚠️\nPeriphery: %s | Core: %s"):format(p.b(p.d.server_version), p.b(p.d.core_version))
    or "Periphery version now matches Core version ✅"
  local full = ("%s | %s%s | %s"):format(p.level, p.b(p.d.name), p.region, said)
  return full, { full, p.link }
end

function slack.ServerCpu(p)
  return leveled(p, ("%s%s cpu usage at %s%s"):format(p.b(p.d.name), p.region, p.b(percent(p.d) .. "%"), p.d_is_ok and "" or " 📈"), p.link)
end

local function use(p) return ("using %s / %s"):format(p.b(number(p.d.used_gb) .. " GiB"), p.b(number(p.d.total_gb) .. " GiB")) end

function slack.ServerMem(p)
  return leveled(p, ("%s%s memory usage at %s 💾"):format(p.b(p.d.name), p.region, p.b(percent(p.d) .. "%")), use(p), p.link)
end

function slack.ServerDisk(p)
  return leveled(p, ("%s%s disk usage at %s 💿"):format(p.b(p.d.name), p.region, p.b(percent(p.d) .. "%")),
    ("mount point: %s | %s"):format(quote(p.d.path), use(p)), p.link)
end

local function headed(header, ...) return header, { header, ... } end
local function after_where(p, said) return (p.where and p.where .. "\n" or "") .. said end

function slack.ContainerStateChange(p)
  return headed(("📦 Container %s is now %s"):format(p.b(p.d.name), p.b(p.state)), after_where(p, "previous: " .. p.d.from), p.link)
end

function slack.StackStateChange(p)
  return headed(("🥞 Stack %s is now %s"):format(p.b(p.d.name), p.b(p.state)), after_where(p, "previous: " .. p.b(p.d.from)), p.link)
end

function slack.DeploymentImageUpdateAvailable(p)
  return headed(("⬆ Deployment %s has an update available"):format(p.b(p.d.name)), after_where(p, "image: " .. p.b(p.d.image)), p.link)
end

function slack.DeploymentAutoUpdated(p)
  return headed(("⬆ Deployment %s was updated automatically ⏫"):format(p.b(p.d.name)), after_where(p, "image: " .. p.b(p.d.image)), p.link)
end

function slack.StackImageUpdateAvailable(p)
  return headed(("⬆ Stack %s has an update available"):format(p.b(p.d.name)),
    after_where(p, ("service: %s\nimage: %s"):format(p.b(p.d.service), p.b(p.d.image))), p.link)
end

function slack.StackAutoUpdated(p)
  return headed(("⬆ Stack %s was updated automatically ⏫"):format(p.b(p.d.name)), after_where(p, p.images), p.link)
end

function slack.AwsBuilderTerminationFailed(p)
  return headed(p.level .. " | Failed to terminated AWS builder instance ", ("instance id: %s\n%s"):format(p.b(p.d.instance_id), p.d.message))
end

function slack.ResourceSyncPendingUpdates(p)
  return headed(("%s | Pending resource sync updates on %s"):format(p.level, p.b(p.d.name)),
    ("sync id: %s\nsync name: %s"):format(p.b(p.d.id), p.b(p.d.name)), p.link)
end

function slack.BuildFailed(p)
  return headed(("%s | Build %s has failed"):format(p.level, p.b(p.d.name)), "version: " .. p.b(version(p.d.version)), p.link)
end

local function has_failed(what)
  return function(p) return headed(("%s | %s %s has %s"):format(p.level, what, p.b(p.d.name), p.b("failed")), p.link) end
end
slack.RepoBuildFailed = has_failed("Repo build for")
slack.ProcedureFailed = has_failed("Procedure")
slack.ActionFailed = has_failed("Action")

function slack.ScheduleRun(p)
  return headed(("%s | %s (%s) | Scheduled run started 🕝"):format(p.level, p.b(p.d.name), p.d.resource_type), p.link)
end

function slack.Custom(p)
  local first = ("%s | %s"):format(p.level, p.d.message)
  return headed(first, p.d.details)
end

--- Empty sections are left out: Slack refuses them.
---@return { text: string, blocks: table[] }?
function text.slack(alert, host)
  local make = slack[alert.data.type]
  if not make then return nil end
  local p = parts(alert, host, "*")
  p.d_is_ok = alert.level == "OK"
  local first, words = make(p)
  local blocks = {}
  for i, said in ipairs(words) do
    if i == 1 then
      blocks[1] = { type = "header", text = { type = "plain_text", text = said } }
    elseif said ~= "" then
      blocks[#blocks + 1] = { type = "section", text = { type = "mrkdwn", text = said } }
    end
  end
  return { text = first, blocks = blocks }
end

return text
