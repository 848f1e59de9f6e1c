local testing = require("komodo.testing")

describe("clean-orphans", function()
  local t
  before_each(function()
    t = testing.new { servers = {
      { name = "s1", volumes = { { name = "used", in_use = true }, { name = "left", in_use = false }, { name = "shop_db", in_use = false } },
        networks = { { name = "bridge", in_use = false }, { name = "old_net", in_use = false } } },
      { name = "s2", state = "NotOk" } } }
  end)

  it("only lists unless told otherwise", function()
    local outcome = t:run("actions-examples/clean-orphans.lua", { keep = { "_db$" } })
    assert.same({ dry_run = true, removed = 2, failed = 0 }, outcome.result)
    assert.equal(0, #t:calls_of("execute"))
    assert.matches("volume left would be removed", outcome.log)
  end)

  it("removes what is not kept, and goes on after a failure", function()
    t:fail("execute", "DeleteVolume", { name = "left" }, "volume is in use")
    local outcome = t:run("actions-examples/clean-orphans.lua", { keep = { "_db$" }, dry_run = false })
    assert.same({ dry_run = false, removed = 1, failed = 1 }, outcome.result)
    assert.equal(1, #t.fleet:find("Server", "s1").networks)
    assert.equal(3, #t.fleet:find("Server", "s1").volumes)
  end)
end)
