local testing = require("komodo.testing")

describe("rollout", function()
  local t
  before_each(function()
    t = testing.new { stacks = {
      { name = "a", tags = { "prod" }, config = { commit = "old" } }, { name = "b", tags = { "prod" }, config = { commit = "old" } },
      { name = "c", tags = { "prod" }, config = { commit = "old" } }, { name = "dev", config = { commit = "old" } } } }
  end)
  local function run() return t:run("actions-examples/rollout.lua", { tag = "prod", commit = "new" }) end

  it("deploys one after the other", function()
    local outcome = run()
    assert.same({ commit = "new", stacks = 3 }, outcome.result)
    assert.same({ "DeployStack a", "DeployStack b", "DeployStack c" }, t:trace("execute"))
    assert.equal("old", t.fleet:find("Stack", "dev").config.commit)
  end)

  it("rolls back when a deploy fails", function()
    t:fail("execute", "DeployStack", { stack = "b" }, "image not found")
    local outcome = run()
    assert.is_false(outcome.ok)
    assert.matches("stopped at b", outcome.error)
    assert.matches("image not found", outcome.log)
    assert.same({ "DeployStack a", "DeployStack b", "DeployStack b", "DeployStack a" }, t:trace("execute"))
    for _, name in ipairs({ "a", "b", "c" }) do assert.equal("old", t.fleet:find("Stack", name).config.commit) end
  end)

  it("rolls back when a stack dies after its start", function()
    t:after(10, function() t.fleet:find("Stack", "a").state = "restarting" end)
    assert.matches("stopped at a", run().error)
    assert.equal("old", t.fleet:find("Stack", "a").config.commit)
  end)
end)
