--- What komodo.event has, by what started the run (spec lua.md 2): the checker, the editor's completions and the class in
--- the LuaCATS file are made of this one list. Pure.

local M = {}

-- kinds, name, type, what the class says of it
local rows = {
  { "manual", "user", "string", "Of people: who started it." },
  { "manual", "args", "table<string, any>", "Of people: the arguments, as komodo.args has them." },
  { "schedule", "at", "integer", "Of schedules: when it was due, in milliseconds." },
  { "schedule", "missed", "boolean", "Of schedules: it was due while the engine was off." },
  { "webhook", "branch", "string", "Of git services: what was pushed to." },
  { "webhook http", "body", "string|table", "Of git services: the decoded delivery; of http triggers: the bytes." },
  { "webhook http", "headers", "table<string, string>", "Names in lower case." },
  { "http", "method", "string", "Of http triggers, as the next ones." },
  { "http", "path", "string" },
  { "http", "query", "table<string, string>" },
  { "http", "json", "any", "The decoded body, when its type says JSON." },
  { "http", "form", "table<string, string>", "The decoded body, when its type says so." },
  { "http", "ip", "string" },
  { "poll", "target", "{ type: string, id: string, name: string, tags: string[], server: string? }", "Of alert rules: what they look at." },
  { "poll", "state", "string", "Of alert rules: the state of the target." },
  { "poll", "stats", "komodo.SystemStats", "Of alert rules: the last stats of the target's server." },
  { "poll", "containers", "komodo.ContainerListItem[]", "Of alert rules: those of the target." },
  { "poll", "history", "fun(minutes: number): komodo.SystemStatsRecord[]", "Of alert rules: stored stats, oldest first." },
  { "event", "name", "string", 'Of events: "update:DeployStack", "alert:ServerCpu".' },
  { "event", "update", "komodo.Update" },
  { "event", "alert", "komodo.Alert" },
  { "event", "dropped", "integer", "Events that were left out before this one, since too many waited." },
  { "event", "sample_by", "string", "Who made the event up to try the script; nil: it happened." },
  { "procedure", "procedure", "string", "Of steps of Procedures, as the next ones." },
  { "procedure", "stage", "string" },
  { "procedure", "results", "table", "What the stages before did and returned, by number and by name." },
}

local kinds = { "manual", "schedule", "webhook", "startup", "http", "poll", "event", "procedure" }

--- Fields of komodo.event by its `type`.
M.fields = {}
for _, kind in ipairs(kinds) do M.fields[kind] = { type = true } end
for _, row in ipairs(rows) do
  for kind in row[1]:gmatch("%S+") do M.fields[kind][row[2]] = true end
end

--- The class komodo.Event.
function M.luacats()
  local lines = { "---@class komodo.Event", '---@field type "' .. table.concat(kinds, '"|"') .. '"' }
  for _, row in ipairs(rows) do lines[#lines + 1] = ("---@field %s? %s %s"):format(row[2], row[3], row[4] or ""):gsub("%s+$", "") end
  return table.concat(lines, "\n") .. "\n"
end

--- The kind of a trigger as the checker is told it: its name, or the trigger of a config; nil when it is none.
function M.kind(trigger)
  local name = type(trigger) == "table" and trigger.type or trigger
  return M.fields[name] and name or nil
end

return M
