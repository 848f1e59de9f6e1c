--- Deploys stacks one by one, checks each, and rolls all back when one does not become healthy.
--
-- What: for every stack with the tag: remember its commit, set the new one, deploy, wait until it runs and stays running.
--       The first that fails stops the rollout; what was changed gets its old commit back and is deployed again.
-- Args: tag = "prod", commit = "a1b2c3d", settle = 30 (seconds a stack must stay running), patience = 300 (seconds to get there)
-- Trigger: a person, or a procedure
-- capabilities: read:ListStacks, read:GetStack, write:UpdateStack, execute:DeployStack

local tag = assert(komodo.args.tag, "args.tag: which stacks?")
local commit = assert(komodo.args.commit, "args.commit: what to roll out?")
local settle, patience = komodo.args.settle or 30, komodo.args.patience or 300

local function state_of(name)
  local found = assert(komodo.read("ListStacks", { query = { names = { name } } }))
  return found[1] and found[1].info.state or "missing"
end

-- Running, and still running `settle` seconds later.
local function is_healthy(name)
  local deadline = komodo.now() + patience * 1000
  repeat
    if state_of(name) == "running" then
      komodo.sleep(settle)
      if state_of(name) == "running" then return true end
    end
    komodo.sleep(5)
  until komodo.now() > deadline
  return false, "is " .. state_of(name) .. " after " .. patience .. " s"
end

local function deploy(name, to)
  local ok, err = komodo.write("UpdateStack", { id = name, config = { commit = to } })
  if not ok then return nil, err end
  return komodo.execute("DeployStack", { stack = name })
end

local function roll_back(changed)
  for i = #changed, 1, -1 do
    local stack = changed[i]
    local ok, err = deploy(stack.name, stack.commit)
    komodo.log(stack.name .. ": " .. (ok and "back at " .. stack.commit or "NOT rolled back: " .. tostring(err)))
  end
end

local changed = {}
for _, item in ipairs(assert(komodo.read("ListStacks", { query = { tags = { tag } } }))) do
  local stack = assert(komodo.read("GetStack", { stack = item.name }))
  table.insert(changed, { name = item.name, commit = stack.config.commit })
  local ok, why = deploy(item.name, commit)
  if ok then ok, why = is_healthy(item.name) end
  if not ok then
    komodo.log.error(item.name .. ": " .. tostring(why) .. "; rolling back")
    roll_back(changed)
    error("rollout of " .. commit .. " stopped at " .. item.name, 0)
  end
  komodo.log(item.name .. ": " .. commit .. " is healthy")
end
return { commit = commit, stacks = #changed }
