--- What the script editor asks for: diagnostics, definitions, completions (spec lua.md 7).
local engine = require("engine")
local fail = require("komodo.fail")

local json = engine.json

--- POST /lua/check: { source, capabilities? } -> { diagnostics }.
engine.handle("lua/check", function(body)
  if type(body) ~= "table" or type(body.source) ~= "string" then fail.raise("shape", "source: expected the script as text") end
  local capabilities = body.capabilities
  if capabilities == json.null then capabilities = nil end
  if capabilities ~= nil then
    if not json.is_array(capabilities) then fail.raise("shape", "capabilities: expected a list of texts") end
    for i, capability in ipairs(capabilities) do
      if type(capability) ~= "string" then fail.raise("shape", "capabilities[%d]: expected text", i - 1) end
    end
  end
  return { diagnostics = json.array(require("komodo.check").script(body.source, { capabilities = capabilities })) }
end)

--- GET /lua/komodo.lua
engine.handle("docs/luacats", function() return require("komodo.schema.gen.luacats").generate() end)

--- GET /lua/completions.json
engine.handle("docs/completions", function() return require("komodo.check.completions").generate(json.array) end)
