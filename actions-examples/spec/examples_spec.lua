-- What every example promises: a head that says what it is, calls covered by its capabilities, a spec of its own.
local check = require("komodo.check")
local testing = require("komodo.testing")

local function read(path)
  local file = io.open(path)
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

local names = {}
local listing = io.popen("ls actions-examples/*.lua")
for path in listing:lines() do names[#names + 1] = path:match("([^/]+)%.lua$") end
listing:close()

describe("actions-examples", function()
  it("are at least 25", function() assert.is_true(#names >= 25, #names .. " examples") end)

  for _, name in ipairs(names) do
    it(name .. " is in order", function()
      local source = read("actions-examples/" .. name .. ".lua")
      local head = testing.header(source)
      assert.truthy(head.title and #head.title > 10)
      for _, part in ipairs({ "What:", "Args:", "Trigger:", "capabilities:" }) do assert.matches("\n%-%- " .. part, source) end
      local found = {}
      for i, d in ipairs(check.script(source, { capabilities = head.capabilities })) do
        found[i] = ("%d:%d %s"):format(d.line, d.column, d.message)
      end
      assert.same({}, found)
      assert.truthy(read("actions-examples/spec/" .. name .. "_spec.lua"), name .. " has no spec")
    end)
  end
end)
