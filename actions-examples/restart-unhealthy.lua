--- Restarts containers that docker calls unhealthy, and gives up on those that do not recover.
--
-- What: docker itself leaves an unhealthy container alone. Each is restarted at most `most` times a day; then an alert is sent.
-- Args: most = 3, skip = { "postgres" } (names left alone)
-- Trigger: schedule, "every 5 minutes"
-- capabilities: read:ListAllContainers, execute:RestartContainer, execute:SendAlert, kv

local most, skip = komodo.args.most or 3, {}
for _, name in ipairs(komodo.args.skip or {}) do skip[name] = true end
local today = komodo.time.format():sub(1, 10)

local restarted, given_up = 0, 0
for _, container in ipairs(assert(komodo.read("ListAllContainers", { state = { "running" } }))) do
  local status = type(container.status) == "string" and container.status or ""
  if status:find("(unhealthy)", 1, true) and not skip[container.name] then
    local key = ("restarts/%s/%s"):format(container.server_name, container.name)
    local known = komodo.kv.get(key)
    local times = known and known.day == today and known.times + 1 or 1
    assert(komodo.kv.set(key, { day = today, times = times }))   -- one key for each container, whatever the day
    if times <= most then
      local ok, err = komodo.execute("RestartContainer", { server = container.server_name, container = container.name })
      komodo.log(("%s on %s: restart %d of %d%s"):format(container.name, container.server_name, times, most,
        ok and "" or " failed: " .. tostring(err)))
      restarted = restarted + 1
    elseif times == most + 1 then
      assert(komodo.execute("SendAlert", { level = "CRITICAL",
        message = ("%s on %s stays unhealthy after %d restarts"):format(container.name, container.server_name, most) }))
      given_up = given_up + 1
    end
  end
end
return { restarted = restarted, given_up = given_up }
