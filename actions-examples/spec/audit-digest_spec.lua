local testing = require("komodo.testing")

describe("audit-digest", function()
  it("counts over pages", function()
    local t = testing.new { now = "2026-03-02T07:00:00Z" }
    local now = t.clock.now
    local function update(who, operation, success, ago)
      return { username = who, operator = "id", operation = operation, success = success, start_ts = now - ago * 3600000 }
    end
    local pages = {
      { updates = { update("ann", "DeployStack", true, 1), update("ann", "DeployStack", false, 2), update("System", "X", true, 1) }, next_page = 1 },
      { updates = { update("bob", "UpdateStack", true, 3), update("bob", "UpdateStack", true, 30) }, next_page = testing.json.null },
    }
    t:answer("read", "ListUpdates", function(params) return pages[params.page + 1] end)
    local outcome = t:run("actions-examples/audit-digest.lua")
    assert.same({ operations = 3, failed = 1 }, outcome.result)
    assert.equal("ann: DeployStack x2\nbob: UpdateStack x1\nfailed: DeployStack by ann", outcome.log)
    assert.equal(outcome.log, t:calls_of("execute", "SendAlert")[1].params.details)
  end)

  it("sends nothing about nothing", function()
    local t = testing.new {}
    assert.equal(0, t:run("actions-examples/audit-digest.lua").result.operations)
    assert.equal(0, #t:calls_of("execute"))
  end)
end)
