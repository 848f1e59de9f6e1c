--- What komodo.event has, by what started the run (spec lua.md 2). Pure.

local M = {}

local function set(words)
  local made = { type = true }
  for word in words:gmatch("%S+") do made[word] = true end
  return made
end

--- Fields of komodo.event by its `type`.
M.fields = {
  manual = set("user args"),
  schedule = set("at missed"),
  startup = set(""),
  webhook = set("branch body headers"),
  http = set("method path query headers body json form ip body_base64"),
  poll = set("target stats state containers history"),
  event = set("name update alert dropped sample_by"),
  procedure = set("procedure stage results"),
}

--- The kind of a trigger as the checker is told it: its name, or the trigger of a config; nil when it is none.
function M.kind(trigger)
  local name = type(trigger) == "table" and trigger.type or trigger
  return M.fields[name] and name or nil
end

return M
