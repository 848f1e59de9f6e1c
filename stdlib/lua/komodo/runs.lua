--- How the last runs of builds, repos, procedures and actions ended, from the audit log (spec api.md 17.13).
local engine = require("engine")
local fail = require("komodo.fail")
local runs = {}

local operations = {
  RunBuild = "Build", CloneRepo = "Repo", PullRepo = "Repo", BuildRepo = "Repo", RunProcedure = "Procedure", RunAction = "Action",
}
local last = {}   -- "Kind/id" -> { state, at }

--- A run is over.
function runs.note(u)
  local kind = operations[u.operation]
  if kind ~= u.target.type then return end   -- a script of a Procedure's own is no run of an Action
  local key = kind .. "/" .. u.target.id
  local known = last[key]
  if known and known.at > u.start_ts then return end
  last[key] = { state = u.success and "Ok" or "Failed", at = u.start_ts }
  engine.model.touch(kind, u.target.id)
end

function runs.state(kind, id)
  local known = last[kind .. "/" .. id]
  return known and known.state or "Ok"
end

--- Start of the newest complete run, or nil.
function runs.last_at(kind, id)
  local known = last[kind .. "/" .. id]
  return known and known.at
end

--- Reads the newest runs at start.
---@async
function runs.load()
  for operation in pairs(operations) do
    local found = fail.unless(nil, engine.store.find("Update", { operation = operation, status = "Complete" },
      { sort = "start_ts", desc = true, limit = 1000 }))
    for _, u in ipairs(found) do runs.note(u) end
  end
end

return runs
