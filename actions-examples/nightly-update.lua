--- Updates the images of tagged stacks at night, inside a maintenance window.
--
-- What: pulls and redeploys every stack with the tag one at a time, and stops starting new ones when the window ends.
-- Args: tag = "auto-update", from = 2, to = 5 (hours; a window may pass midnight), zone = "Europe/Berlin" (absent:
--       UTC), force = false
-- Trigger: schedule, "every day at 02:00"
-- capabilities: read:ListStacks, execute:PullStack, execute:DeployStack

local tag = komodo.args.tag or "auto-update"
local from, to = komodo.args.from or 2, komodo.args.to or 5

local function in_window()
  if komodo.args.force then return true end
  local hour = assert(komodo.time.parts(nil, komodo.args.zone)).hour
  if from <= to then return hour >= from and hour < to end
  return hour >= from or hour < to
end

local done, failed, left = {}, {}, {}
for _, stack in ipairs(assert(komodo.read("ListStacks", { query = { tags = { tag } } }))) do
  if stack.info.state ~= "running" then
    komodo.log(stack.name .. ": is " .. stack.info.state .. ", left alone")
  elseif not in_window() then
    table.insert(left, stack.name)
  else
    local ok, err = komodo.execute("PullStack", { stack = stack.name })
    if ok then ok, err = komodo.execute("DeployStack", { stack = stack.name }) end
    table.insert(ok and done or failed, stack.name)
    komodo.log(stack.name .. ": " .. (ok and "updated" or tostring(err)))
  end
end

if #left > 0 then komodo.log.warn("the window is over; not updated: " .. table.concat(left, ", ")) end
if #failed > 0 then error("failed: " .. table.concat(failed, ", "), 0) end
return { updated = komodo.json.array(done), left = komodo.json.array(left) }
