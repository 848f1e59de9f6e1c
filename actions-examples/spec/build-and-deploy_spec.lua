local testing = require("komodo.testing")

describe("build-and-deploy", function()
  local t
  before_each(function()
    t = testing.new { builds = { { name = "api", id = "b1", config = { version = { major = 1, minor = 2, patch = 3 } } } }, deployments = {
      { name = "one", info = { build_id = "b1" } }, { name = "two", info = { build_id = "b1" } },
      { name = "idle", state = "not_deployed", info = { build_id = "b1" } }, { name = "other", info = { build_id = "b2" } } } }
  end)
  local function run() return t:run("actions-examples/build-and-deploy.lua", { build = "api" }) end

  it("deploys what runs the image", function()
    assert.same({ version = "1.2.4", deployed = { "one", "two" } }, run().result)
    assert.same({ "RunBuild api", "Deploy one", "Deploy two" }, t:trace("execute"))
  end)

  it("deploys nothing of a broken build, and says what was not deployed", function()
    t:fail("execute", "RunBuild", nil, "exit 1")
    assert.matches("RunBuild failed", run().error)
    assert.equal(1, #t:calls_of("execute"))
    t:fail("execute", "Deploy", { deployment = "two" }, "no space")
    assert.matches("not deployed: two: ", run().error)
  end)
end)
