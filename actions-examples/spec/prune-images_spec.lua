local testing = require("komodo.testing")

local function server(name, used) return { name = name, stats = { disks = { { mount = "/", used_gb = used, total_gb = 100 } } } } end

describe("prune-images", function()
  it("prunes what is too full, side by side", function()
    local t = testing.new { servers = { server("a", 85), server("b", 20), server("c", 99), { name = "off", state = "NotOk" }, "new" } }
    local before = t.clock.now
    local outcome = t:run("actions-examples/prune-images.lua")
    assert.same({ "a", "c" }, outcome.result.pruned)
    assert.equal(2000, t.clock.now - before)
    assert.matches("WARN: new", outcome.log)
    assert.equal(4, #t:calls_of("execute"))
  end)

  it("takes another threshold", function()
    local t = testing.new { servers = { server("a", 85) } }
    assert.same({}, t:run("actions-examples/prune-images.lua", { percent = 90 }).result.pruned)
  end)
end)
