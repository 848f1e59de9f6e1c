local testing = require("komodo.testing")

describe("git-drift", function()
  it("reports, and deploys what follows", function()
    local t = testing.new { stacks = {
      { name = "a", tags = { "follow" }, info = { repo = "me/a", deployed_hash = "1", latest_hash = "2" } },
      { name = "b", info = { repo = "me/b", deployed_hash = "1", latest_hash = "2" } },
      { name = "c", tags = { "follow" }, info = { repo = "me/c", deployed_hash = "2", latest_hash = "2" } },
      { name = "ui", info = { repo = "" } } } }
    assert.same({ drifted = { "a", "b" }, deployed = {} }, t:run("actions-examples/git-drift.lua").result)
    assert.equal(3, #t:calls_of("write", "RefreshStackCache"))
    assert.same({ drifted = { "a", "b" }, deployed = { "a" } }, t:run("actions-examples/git-drift.lua", { deploy_tag = "follow" }).result)
    assert.same({ "DeployStack a" }, t:trace("execute"))
  end)
end)
