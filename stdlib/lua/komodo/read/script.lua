--- What the script editor asks for: diagnostics, definitions, completions (spec lua.md 7).
local engine = require("engine")
local fail = require("komodo.fail")

local json = engine.json

local function given(value)
  if value == json.null then return nil end
  return value
end

--- POST /lua/check: { source | file_contents, capabilities?, trigger? } -> { diagnostics = { { line, column, end_line, end_column, severity,
--- code, message }, … } }. `trigger`: a name such as "http", or a trigger as in config.triggers.
engine.handle("lua/check", function(body)
  if type(body) ~= "table" then fail.raise("shape", "expected an object with source") end
  local source, trigger = given(body.source) or given(body.file_contents), given(body.trigger)
  if type(source) ~= "string" then fail.raise("shape", "source: expected the script as text") end
  if trigger ~= nil and not require("komodo.check.events").kind(trigger) then
    fail.raise("shape", "trigger: expected manual, schedule, webhook, http, poll, event or procedure, or a table with one of them as its type")
  end
  local capabilities = given(body.capabilities)
  if capabilities ~= nil then
    if not json.is_array(capabilities) then fail.raise("shape", "capabilities: expected a list of texts") end
    for i, capability in ipairs(capabilities) do
      if type(capability) ~= "string" then fail.raise("shape", "capabilities[%d]: expected text", i - 1) end
    end
  end
  return { diagnostics = json.array(require("komodo.check").script(source, { capabilities = capabilities, trigger = trigger })) }
end)

--- GET /lua/komodo.lua
engine.handle("docs/luacats", function() return require("komodo.schema.gen.luacats").generate() end)

--- GET /lua/completions.json
engine.handle("docs/completions", function() return require("komodo.check.completions").generate(json.array) end)
