--- Starts and stops replicas by the time of day.
--
-- What: deployments with the tag, sorted by name, are the replicas; as many run as the hour wants, the rest is stopped.
-- Args: tag = "replica", day = 4, night = 1, from = 7, to = 20 (hours), zone = "Europe/Berlin" (absent: UTC)
-- Trigger: schedule, "every 15 minutes"
-- capabilities: read:ListDeployments, execute:StartDeployment, execute:StopDeployment

local args = komodo.args
local hour = assert(komodo.time.parts(nil, args.zone)).hour
local is_day = hour >= (args.from or 7) and hour < (args.to or 20)
local wanted = is_day and (args.day or 4) or args.night or 1

local replicas = assert(komodo.read("ListDeployments", { query = { tags = { args.tag or "replica" } } }))
table.sort(replicas, function(a, b) return a.name < b.name end)

local started, stopped = 0, 0
for i, replica in ipairs(replicas) do
  local running = replica.info.state == "running"
  if i <= wanted and not running and replica.info.state ~= "not_deployed" then
    assert(komodo.execute("StartDeployment", { deployment = replica.name }))
    started = started + 1
  elseif i > wanted and running then
    assert(komodo.execute("StopDeployment", { deployment = replica.name }))
    stopped = stopped + 1
  end
end
if wanted > #replicas then komodo.log.warn(("%d replicas are wanted, there are %d"):format(wanted, #replicas)) end
return { wanted = wanted, started = started, stopped = stopped }
