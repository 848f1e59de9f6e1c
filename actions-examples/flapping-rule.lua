--- Alert rule: a container that keeps restarting.
--
-- What: remembers when each container of the target was seen outside "running"; too many changes within the span is an alert.
-- Args: changes = 4, minutes = 15
-- Trigger: poll, targets: servers, stacks or deployments
-- capabilities: kv

local event = komodo.event
local most, span = komodo.args.changes or 4, (komodo.args.minutes or 15) * 60000
local key = "flapping/" .. event.target.name
local now = komodo.now()
local seen = komodo.kv.get(key) or {}

local worst
local kept = {}
for _, container in ipairs(event.containers or {}) do
  local before = seen[container.name] or { state = container.state, changes = {} }
  local changes = komodo.json.array({})
  for _, at in ipairs(before.changes) do
    if at > now - span then changes[#changes + 1] = at end
  end
  if container.state ~= before.state then changes[#changes + 1] = now end
  kept[container.name] = { state = container.state, changes = changes }
  if #changes >= most and (not worst or #changes > worst.count) then
    worst = { name = container.name, count = #changes, state = container.state }
  end
end
komodo.kv.set(key, kept)

if not worst then return nil end
return {
  level = "CRITICAL",
  key = worst.name,
  message = ("%s: container %s is flapping"):format(event.target.name, worst.name),
  details = ("%d changes of state in %d minutes, now %s"):format(worst.count, span // 60000, worst.state),
  resolve_after = 600,
}
