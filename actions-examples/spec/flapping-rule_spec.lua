local testing = require("komodo.testing")

describe("flapping-rule", function()
  it("counts changes of state over polls", function()
    local t = testing.new { event = { type = "poll", target = { name = "web-1" } } }
    local function poll(state)
      t.event.containers = { { name = "app", state = state }, { name = "db", state = "running" } }
      t.clock.now = t.clock.now + 30000
      local outcome = t:run("actions-examples/flapping-rule.lua")
      assert(outcome.ok, outcome.error)
      return outcome.result
    end
    for _, state in ipairs({ "running", "restarting", "running", "restarting" }) do assert.is_nil(poll(state)) end
    local alert = poll("running")
    assert.equal("app", alert.key)
    assert.equal("web-1: container app is flapping", alert.message)
    t.clock.now = t.clock.now + 3600000
    assert.is_nil(poll("running"))
  end)
end)
