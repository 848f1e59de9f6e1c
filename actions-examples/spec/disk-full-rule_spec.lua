local testing = require("komodo.testing")

-- A disk that grew by `rate` GB an hour for six hours and has `used` of 100 now.
local function run(rate, used)
  local history = {}
  for i = 0, 36 do
    history[#history + 1] = { ts = i * 600000, disks = { { mount = "/", used_gb = used - rate * (36 - i) / 6, total_gb = 100 } } }
  end
  local t = testing.new { event = { type = "poll", target = { type = "Server", name = "web-1" },
    stats = { disks = { { mount = "/", used_gb = used, total_gb = 100 } } }, history = function() return history end } }
  local outcome = t:run("actions-examples/disk-full-rule.lua")
  assert(outcome.ok, outcome.error)
  return outcome.result
end

describe("disk-full-rule", function()
  it("is silent while there is time", function()
    assert.is_nil(run(0, 95))
    assert.is_nil(run(-1, 95))
    assert.is_nil(run(0.5, 50))
  end)

  it("says when the disk will be full", function()
    local alert = run(1, 80)
    assert.equal("WARNING", alert.level)
    assert.equal("web-1: / is full in 20 hours", alert.message)
    assert.equal("CRITICAL", run(4, 80).level)
  end)
end)
