--- Prunes images on servers whose disk is fuller than a threshold.
--
-- What: looks at every reachable server's fullest disk; above the threshold its unused images and build caches go.
-- Args: percent = 80, servers = { … } (absent: all)
-- Trigger: schedule, "every day at 04:00"
-- capabilities: read:ListServers, read:GetSystemStats, execute:PruneImages, execute:PruneDockerBuilders

local percent = komodo.args.percent or 80

local function fullest(server)
  local stats, err = komodo.read("GetSystemStats", { server = server })
  if not stats then return nil, err end
  local most = 0
  for _, disk in ipairs(stats.disks) do
    if disk.total_gb > 0 then most = math.max(most, disk.used_gb / disk.total_gb * 100) end
  end
  return most
end

local jobs, pruned = {}, komodo.json.array({})
for _, server in ipairs(assert(komodo.read("ListServers", { query = { names = komodo.args.servers or {} } }))) do
  if server.info.state == "Ok" then
    table.insert(jobs, function()
      local before, err = fullest(server.name)
      if not before then return komodo.log.warn(server.name .. ": " .. tostring(err)) end
      if before < percent then return end
      assert(komodo.execute("PruneImages", { server = server.name }))
      assert(komodo.execute("PruneDockerBuilders", { server = server.name }))
      komodo.log(("%s: was %.0f %% full"):format(server.name, before))
      pruned[#pruned + 1] = server.name
    end)
  end
end
komodo.all(jobs, { max = 8 })
table.sort(pruned)
return { pruned = pruned }
