--- Stored resources as TOML: komodo.export with the engine's names for ids (spec api.md 17.10).
local engine = require("engine")
local export = require("komodo.export")

local toml = {}

local function name_of(kind, id)
  local row = engine.store.row(kind, id)
  return row and (row.name or row.username) or nil
end

--- One resource as a TOML block.
---@param kind string
---@param res table
---@return string
function toml.resource(kind, res) return export.resource(kind, res, name_of) end

-- Sections in this order, whatever order they were asked for in.
local order = {}
for i, kind in ipairs({ "Server", "Swarm", "Stack", "Deployment", "Build", "Repo", "Procedure", "Action", "Alerter", "Builder",
  "ResourceSync" }) do order[kind] = i end

--- A whole document. Secret values are for admins alone.
---@param entries { kind: string, resource: table }[]
---@param variables table[]
---@param is_admin boolean
---@return string
function toml.document(entries, variables, is_admin)
  local sorted, blocks = {}, {}
  for i, entry in ipairs(entries) do sorted[i] = { entry, i } end
  table.sort(sorted, function(a, b)
    local x, y = order[a[1].kind], order[b[1].kind]
    if x ~= y then return x < y end
    return a[2] < b[2]
  end)
  for _, pair in ipairs(sorted) do
    local entry = pair[1]
    if export.is_exported(entry.kind, entry.resource) then blocks[#blocks + 1] = toml.resource(entry.kind, entry.resource) end
  end
  for _, v in ipairs(variables) do
    if v.is_secret and not is_admin then v.value = ("#"):rep(#v.value) end
    blocks[#blocks + 1] = export.variable(v)
  end
  return export.document(blocks)
end

return toml
