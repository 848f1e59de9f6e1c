local testing = require("komodo.testing")

describe("canary", function()
  local t
  before_each(function()
    t = testing.new { deployments = { { name = "c", tags = { "api" } }, { name = "x", tags = { "api" } }, { name = "y", tags = { "api" } } } }
  end)
  local function run() return t:run("actions-examples/canary.lua", { canary = "c", tag = "api" }) end

  it("goes on when the log stays clean", function()
    t:answer("read", "SearchDeploymentLog", { stdout = "" })
    local before = t.clock.now
    assert.same({ deployed = 2 }, run().result)
    assert.same({ "Deploy c", "Deploy x", "Deploy y" }, t:trace("execute"))
    assert.is_true(t.clock.now - before >= 300000)
  end)

  it("stops the canary when it does not", function()
    local n = 0
    t:answer("read", "SearchDeploymentLog", function()
      n = n + 1
      return { stdout = n > 3 and "ERROR one\nERROR two\n" or "" }
    end)
    local outcome = run()
    assert.equal("c logged 2 bad lines; nothing else was deployed", outcome.error)
    assert.matches("ERROR one", outcome.log)
    assert.same({ "Deploy c", "StopDeployment c" }, t:trace("execute"))
  end)
end)
