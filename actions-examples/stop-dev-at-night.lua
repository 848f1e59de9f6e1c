--- Stops development stacks in the evening and starts the same ones in the morning.
--
-- What: in the evening what runs is stopped and noted; in the morning only what was noted is started. A stack with the tag
--       "keep" stays up.
-- Args: tag = "dev", morning = 7, evening = 20 (hours), zone = "Europe/Berlin" (absent: UTC), weekend = false (true: also start
--       on Saturday and Sunday)
-- Trigger: schedule, "every hour"
-- capabilities: read:ListStacks, execute:StopStack, execute:StartStack, kv

local args = komodo.args
local tag, now = args.tag or "dev", assert(komodo.time.parts(nil, args.zone))
local hour, is_weekend = now.hour, now.weekday >= 6 and not args.weekend
local is_day = hour >= (args.morning or 7) and hour < (args.evening or 20) and not is_weekend

local noted = komodo.kv.get("stopped") or {}

if is_day then
  local started, left = komodo.json.array({}), komodo.json.array({})
  for _, name in ipairs(noted) do
    local ok, err = komodo.execute("StartStack", { stack = name })
    if not ok then komodo.log.error(name .. ": " .. tostring(err)) end
    table.insert(ok and started or left, name)
  end
  if #noted > 0 then assert(komodo.kv.set("stopped", left)) end   -- what did not start is tried again the next time
  return { started = started }
end

local keep, stopped = {}, komodo.json.array({})
for _, name in ipairs(noted) do stopped[#stopped + 1] = name end
for _, stack in ipairs(assert(komodo.read("ListStacks", { query = { tags = { tag, "keep" } } }))) do keep[stack.name] = true end
for _, stack in ipairs(assert(komodo.read("ListStacks", { query = { tags = { tag } } }))) do
  if stack.info.state == "running" and not keep[stack.name] then
    assert(komodo.execute("StopStack", { stack = stack.name }))
    stopped[#stopped + 1] = stack.name
    assert(komodo.kv.set("stopped", stopped))   -- after each, so that nothing is forgotten
  end
end
return { stopped = stopped }
