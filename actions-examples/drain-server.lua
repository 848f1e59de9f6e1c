--- Empties a server for maintenance, and fills it again.
--
-- What: "drain" stops the running stacks and deployments of a server and notes them; "fill" starts what was noted.
-- Args: server = "web-1", mode = "drain" or "fill"
-- Trigger: a person
-- capabilities: read:ListStacks, read:ListDeployments, execute:StopStack, execute:StartStack, execute:StopDeployment
-- capabilities: execute:StartDeployment, read:GetServer, kv

local server = assert(komodo.read("GetServer", { server = assert(komodo.args.server, "args.server: which server?") }))
local key = "drained/" .. server.name
local kinds = {
  { list = "ListStacks", stop = "StopStack", start = "StartStack", param = "stack" },
  { list = "ListDeployments", stop = "StopDeployment", start = "StartDeployment", param = "deployment" },
}

local function drain()
  local noted = komodo.kv.get(key) or komodo.json.array({})
  for _, kind in ipairs(kinds) do
    for _, item in ipairs(assert(komodo.read(kind.list, { query = { specific = { server_ids = { server._id["$oid"] } } } }))) do
      if item.info.state == "running" then
        assert(komodo.execute(kind.stop, { [kind.param] = item.name }))
        noted[#noted + 1] = { start = kind.start, param = kind.param, name = item.name }
        assert(komodo.kv.set(key, noted))
      end
    end
  end
  return { drained = #noted }
end

local function fill()
  local failed, noted = {}, komodo.kv.get(key) or {}
  for i = #noted, 1, -1 do   -- the last one stopped is the first one started
    local item = noted[i]
    local ok, err = komodo.execute(item.start, { [item.param] = item.name })
    if not ok then table.insert(failed, item.name .. ": " .. tostring(err)) end
  end
  if #failed > 0 then error("not started: " .. table.concat(failed, "; "), 0) end
  komodo.kv.delete(key)
  return { started = #noted }
end

if komodo.args.mode == "fill" then return fill() end
return drain()
