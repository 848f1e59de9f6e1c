local testing = require("komodo.testing")

describe("drain-server", function()
  it("stops and starts the same things", function()
    local t = testing.new { servers = { "web-1", "web-2" }, stacks = { { name = "a", config = { server_id = "web-1" } },
      { name = "b", state = "stopped", config = { server_id = "web-1" } }, { name = "c", config = { server_id = "web-2" } } },
      deployments = { { name = "d", config = { server_id = "web-1" } } } }
    local function run(mode) return t:run("actions-examples/drain-server.lua", { server = "web-1", mode = mode }) end
    assert.same({ drained = 2 }, run("drain").result)
    assert.same({ drained = 2 }, run("drain").result)
    t:fail("execute", "StartStack", { stack = "a" }, "busy")
    assert.matches("not started: a", run("fill").error)
    assert.same({ started = 2 }, run("fill").result)
    assert.same({ started = 0 }, run("fill").result)
    assert.same({ "StopStack a", "StopDeployment d", "StartDeployment d", "StartStack a", "StartDeployment d", "StartStack a" },
      t:trace("execute"))
  end)
end)
