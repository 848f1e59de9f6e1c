local testing = require("komodo.testing")

local function new(alert)
  return testing.new { args = { url = "https://ntfy.test/ops" }, secrets = { NTFY_TOKEN = "tk" }, event = { type = "event", alert = alert } }
end
local cpu = { level = "CRITICAL", resolved = false, data = { type = "ServerCpu", data = { name = "web-1" } } }

describe("alert-to-ntfy", function()
  it("sends an alert", function()
    local t = new(cpu)
    assert.is_true(t:run("actions-examples/alert-to-ntfy.lua").ok)
    local sent = t:calls_of("http", "https://ntfy.test/ops")[1].params
    assert.same({ Title = "server cpu", Priority = "5", Tags = "rotating_light", Authorization = "Bearer tk" }, sent.headers)
    assert.equal("web-1: server cpu", sent.body)
  end)

  it("says what is resolved, and takes custom alerts", function()
    local t = new { level = "WARNING", resolved = true, data = { type = "Custom", data = { message = "disk", details = "90 %" } } }
    t:run("actions-examples/alert-to-ntfy.lua")
    local sent = t:calls_of("http")[1].params
    assert.equal("Resolved: custom", sent.headers.Title)
    assert.equal("disk\n90 %", sent.body)
  end)

  it("leaves out, and fails aloud", function()
    local t = new { level = "WARNING", data = { type = "Test" } }
    t:run("actions-examples/alert-to-ntfy.lua", { only = "CRITICAL" })
    assert.equal(0, #t:calls_of("http"))
    t = new(cpu)
    t:answer("http", "*", { status = 403 })
    assert.equal("ntfy answered 403", t:run("actions-examples/alert-to-ntfy.lua").error)
  end)
end)
