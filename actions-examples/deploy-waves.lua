--- Deploys everything with a tag in waves: one first, then a few, then the rest.
--
-- What: each wave runs side by side; a wave with a failure is the last. Between waves there is a pause to look.
-- Args: tag = "prod", waves = { 1, 3 } (sizes; the rest is the last wave), pause = 60 (seconds)
-- Trigger: a person, or a procedure
-- capabilities: read:ListStacks, execute:DeployStack

local tag = assert(komodo.args.tag, "args.tag: which stacks?")
local sizes, pause = komodo.args.waves or { 1, 3 }, komodo.args.pause or 60

local stacks = assert(komodo.read("ListStacks", { query = { tags = { tag } } }))
local waves, at = {}, 1
for _, size in ipairs(sizes) do
  if at <= #stacks then
    table.insert(waves, { table.unpack(stacks, at, math.min(at + size - 1, #stacks)) })
    at = at + size
  end
end
if at <= #stacks then table.insert(waves, { table.unpack(stacks, at) }) end

local function deploy(wave)
  local failed, jobs = {}, {}
  for i, stack in ipairs(wave) do
    jobs[i] = function()
      local ok, err = komodo.execute("DeployStack", { stack = stack.name })
      if not ok then table.insert(failed, stack.name .. " (" .. tostring(err) .. ")") end
    end
  end
  komodo.all(jobs, { max = 10 })
  return failed
end

local deployed = 0
for i, wave in ipairs(waves) do
  if i > 1 then komodo.sleep(pause) end
  local failed = komodo.stage(("Wave %d of %d"):format(i, #waves), function() return deploy(wave) end)
  if #failed > 0 then
    error(("wave %d failed, %d stacks were not reached: %s"):format(i, #stacks - deployed - #wave, table.concat(failed, ", ")), 0)
  end
  deployed = deployed + #wave
end
return { stacks = deployed, waves = #waves }
