local testing = require("komodo.testing")

describe("stop-dev-at-night", function()
  it("starts in the morning what it stopped in the evening", function()
    local t = testing.new { now = "2026-03-02T20:00:00Z", stacks = {
      { name = "a", tags = { "dev" } }, { name = "b", tags = { "dev" }, state = "stopped" }, { name = "c", tags = { "dev", "keep" } },
      { name = "prod" } } }
    local function run(hours)
      t.clock.now = t.clock.now + (hours or 0) * 3600000
      local outcome = t:run("actions-examples/stop-dev-at-night.lua")
      assert(outcome.ok, outcome.error)
      return outcome.result
    end
    assert.same({ stopped = { "a" } }, run())
    assert.same({ stopped = { "a" } }, run(1))
    assert.same({ started = { "a" } }, run(11))
    assert.same({ started = {} }, run(1))
    assert.same({ "StopStack a", "StartStack a" }, t:trace("execute"))
  end)

  it("leaves the weekend alone", function()
    local t = testing.new { now = "2026-03-07T10:00:00Z", kv = { stopped = { "a" } }, stacks = { { name = "a", tags = { "dev" }, state = "stopped" } } }
    assert.same({ stopped = { "a" } }, t:run("actions-examples/stop-dev-at-night.lua").result)
    assert.same({ started = { "a" } }, t:run("actions-examples/stop-dev-at-night.lua", { weekend = true }).result)
  end)
end)
