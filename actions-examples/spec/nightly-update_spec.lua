local testing = require("komodo.testing")

local function new(now)
  return testing.new { now = now, stacks = { { name = "a", tags = { "auto-update" } }, { name = "b", tags = { "auto-update" } },
    { name = "c", tags = { "auto-update" }, state = "stopped" }, { name = "d" } } }
end

describe("nightly-update", function()
  it("updates what runs", function()
    local t = new("2026-03-01T02:00:00Z")
    local outcome = t:run("actions-examples/nightly-update.lua")
    assert.same({ "a", "b" }, outcome.result.updated)
    assert.same({ "PullStack a", "DeployStack a", "PullStack b", "DeployStack b" }, t:trace("execute"))
    assert.matches("c: is stopped", outcome.log)
  end)

  it("stops when the window ends", function()
    local t = new("2026-03-01T04:50:00Z")
    t.durations.DeployStack = 1200
    assert.same({ updated = { "a" }, left = { "b" } }, t:run("actions-examples/nightly-update.lua").result)
  end)

  it("knows windows over midnight, and force", function()
    local t = new("2026-03-01T23:30:00Z")
    assert.equal(2, #t:run("actions-examples/nightly-update.lua", { from = 23, to = 4 }).result.updated)
    t = new("2026-03-01T12:00:00Z")
    assert.equal(0, #t:run("actions-examples/nightly-update.lua").result.updated)
    assert.equal(2, #t:run("actions-examples/nightly-update.lua", { force = true }).result.updated)
  end)

  it("goes on after a failure and says so", function()
    local t = new("2026-03-01T02:00:00Z")
    t:fail("execute", "PullStack", { stack = "a" }, "registry is down")
    assert.matches("failed: a", t:run("actions-examples/nightly-update.lua").error)
    assert.same({ "PullStack a", "PullStack b", "DeployStack b" }, t:trace("execute"))
  end)
end)
