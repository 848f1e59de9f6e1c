local testing = require("komodo.testing")

describe("certificate-expiry", function()
  local t
  before_each(function()
    t = testing.new { now = "2026-03-01T08:00:00Z", servers = { "web-1" } }
    t:answer("terminal", "*", function(_, command)
      if command:find("fresh", 1, true) then return { stdout = "notAfter=Jun 30 10:00:00 2026 GMT\n" } end
      if command:find("old", 1, true) then return { stdout = "notAfter=Mar  8 10:00:00 2026 GMT\n" } end
      return { code = 1 }
    end)
  end)
  local function run(...) return t:run("actions-examples/certificate-expiry.lua", { server = "web-1", hosts = { ... } }) end

  it("is silent about fresh certificates", function()
    assert.same({ checked = 1, warned = 0 }, run("fresh.test").result)
    assert.equal(0, #t:trace("execute"))
  end)

  it("sends one alert for all that expire or are missing", function()
    local outcome = run("fresh.test", "old.test:8443", "none.test")
    assert.same({ checked = 3, warned = 2 }, outcome.result)
    local details = t:calls_of("execute", "SendAlert")[1].params.details
    assert.equal("old.test:8443: expires in 7 days\nnone.test: no certificate", details)
    assert.matches("fresh.test: 121 days", outcome.log)
  end)

  it("takes no commands for hosts", function()
    assert.matches("is no host", run("x;reboot").error)
  end)
end)
