--- Reports stacks whose deployed commit is not the newest, and redeploys those that allow it.
--
-- What: refreshes every git stack, compares deployed and latest commit; stacks with the tag are deployed.
-- Args: deploy_tag = "follow" (absent: report only)
-- Trigger: schedule, "every hour"
-- capabilities: read:ListStacks, write:RefreshStackCache, execute:DeployStack

local follow = {}
if komodo.args.deploy_tag then
  for _, stack in ipairs(assert(komodo.read("ListStacks", { query = { tags = { komodo.args.deploy_tag } } }))) do
    follow[stack.name] = true
  end
end

local jobs = {}
for _, stack in ipairs(assert(komodo.read("ListStacks"))) do
  if stack.info.repo ~= "" then
    table.insert(jobs, function() return komodo.write("RefreshStackCache", { stack = stack.name }) end)
  end
end
komodo.all(jobs, { max = 5 })

local drifted, deployed = komodo.json.array({}), komodo.json.array({})
for _, stack in ipairs(assert(komodo.read("ListStacks"))) do
  local has, newest = stack.info.deployed_hash, stack.info.latest_hash
  if type(has) == "string" and type(newest) == "string" and has ~= newest then
    komodo.log(("%s: %s, newest is %s"):format(stack.name, has, newest))
    drifted[#drifted + 1] = stack.name
    if follow[stack.name] and stack.info.state == "running" then
      assert(komodo.execute("DeployStack", { stack = stack.name }))
      deployed[#deployed + 1] = stack.name
    end
  end
end
return { drifted = drifted, deployed = deployed }
