local testing = require("komodo.testing")

describe("restart-unhealthy", function()
  it("restarts, and gives up with one alert", function()
    local t = testing.new { servers = { { name = "s1", containers = {
      { name = "app", state = "running", status = "Up 2 hours (unhealthy)" }, { name = "pg", state = "running", status = "Up (unhealthy)" },
      { name = "ok", state = "running", status = "Up (healthy)" } } } } }
    local function run() return t:run("actions-examples/restart-unhealthy.lua", { most = 2, skip = { "pg" } }).result end
    assert.same({ restarted = 1, given_up = 0 }, run())
    assert.same({ restarted = 1, given_up = 0 }, run())
    assert.same({ restarted = 0, given_up = 1 }, run())
    assert.same({ restarted = 0, given_up = 0 }, run())
    assert.same({ "RestartContainer s1/app", "RestartContainer s1/app", "SendAlert" }, t:trace("execute"))
    t.clock.now = t.clock.now + 86400000
    assert.same({ restarted = 1, given_up = 0 }, run())
  end)
end)
