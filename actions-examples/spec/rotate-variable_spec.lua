local testing = require("komodo.testing")

describe("rotate-variable", function()
  local t
  before_each(function()
    t = testing.new { servers = { "s1" }, variables = { KEY = "old" }, stacks = { { name = "a", tags = { "k" } }, { name = "b", tags = { "k" } } } }
    t:answer("terminal", "openssl rand -hex 32", { stdout = ("ab"):rep(32) .. "\n" })
  end)
  local function run() return t:run("actions-examples/rotate-variable.lua", { variable = "KEY", tag = "k", server = "s1" }) end

  it("writes a value and deploys its users", function()
    local outcome = run()
    assert.same({ variable = "KEY", stacks = 2 }, outcome.result)
    assert.equal(("ab"):rep(32), t.fleet.variables[1].value)
    assert.same({ "DeployStack a", "DeployStack b" }, t:trace("execute"))
    assert.is_nil(outcome.log:find("abab", 1, true))
  end)

  it("returns to the old value", function()
    t:fail("execute", "DeployStack", { stack = "b" }, "does not start")
    assert.matches("KEY was not rotated: b: ", run().error)
    assert.equal("old", t.fleet.variables[1].value)
    assert.same({ "DeployStack a", "DeployStack b", "DeployStack a", "DeployStack b" }, t:trace("execute"))
  end)

  it("changes nothing without a value", function()
    t:answer("terminal", "openssl rand -hex 32", { code = 127, stderr = "not found" })
    assert.matches("made no value", run().error)
    assert.equal(0, #t:calls_of("write"))
  end)
end)
