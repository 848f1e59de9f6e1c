local testing = require("komodo.testing")

describe("close-stale-alerts", function()
  it("closes what is old and of these kinds", function()
    local day = 86400000
    local t = testing.new { now = 100 * day, alerts = {
      { _id = { ["$oid"] = "1" }, ts = 90 * day, resolved = false, level = "WARNING", data = { type = "BuildFailed" } },
      { _id = { ["$oid"] = "2" }, ts = 99 * day, resolved = false, level = "WARNING", data = { type = "BuildFailed" } },
      { _id = { ["$oid"] = "3" }, ts = 90 * day, resolved = false, level = "WARNING", data = { type = "ServerCpu" } } } }
    assert.same({ closed = 1 }, t:run("actions-examples/close-stale-alerts.lua").result)
    assert.is_true(t.fleet.alerts[1].resolved)
    assert.same({ closed = 0 }, t:run("actions-examples/close-stale-alerts.lua").result)
  end)
end)
