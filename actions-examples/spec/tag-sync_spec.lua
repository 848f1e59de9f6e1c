local testing = require("komodo.testing")

describe("tag-sync", function()
  it("adds, removes, leaves alone", function()
    local t = testing.new { servers = { "web-1", "web-2", "lab" }, stacks = {
      { name = "moved", tags = { "mine", "prod" }, config = { server_id = "web-2" } },
      { name = "right", tags = { "prod" }, config = { server_id = "web-1" } },
      { name = "bare", config = { server_id = "web-1" } },
      { name = "free", tags = { "mine" }, config = { server_id = "lab" } } } }
    local map = { ["web-1"] = "prod", ["web-2"] = "staging" }
    local function run(dry) return t:run("actions-examples/tag-sync.lua", { map = map, dry_run = dry }).result.changed end
    assert.same({ "bare", "moved" }, run(true))
    assert.equal(0, #t:calls_of("write"))
    assert.same({ "bare", "moved" }, run(false))
    assert.same({ "mine", "staging" }, t.fleet:find("Stack", "moved").tags)
    assert.same({}, run(false))
  end)
end)
