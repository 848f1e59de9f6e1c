local testing = require("komodo.testing")

describe("scale-by-time", function()
  local function new(now)
    return testing.new { now = now, deployments = { { name = "r1", tags = { "replica" } }, { name = "r2", tags = { "replica" } },
      { name = "r3", tags = { "replica" }, state = "exited" }, { name = "db" } } }
  end

  it("starts for the day", function()
    local t = new("2026-03-01T07:00:00Z")
    local outcome = t:run("actions-examples/scale-by-time.lua")
    assert.same({ wanted = 4, started = 1, stopped = 0 }, outcome.result)
    assert.matches("4 replicas are wanted, there are 3", outcome.log)
  end)

  it("stops for the night, and does nothing twice", function()
    local t = new("2026-03-01T20:00:00Z")
    assert.same({ wanted = 1, started = 0, stopped = 1 }, t:run("actions-examples/scale-by-time.lua").result)
    assert.same({ "StopDeployment r2" }, t:trace("execute"))
    assert.equal(0, t:run("actions-examples/scale-by-time.lua").result.stopped)
  end)
end)
