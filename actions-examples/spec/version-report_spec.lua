local testing = require("komodo.testing")

describe("version-report", function()
  it("lists and posts", function()
    local t = testing.new { servers = { "s2", "s1" }, secrets = { REPORT_AUTH = "Bearer x" },
      stacks = { { name = "shop", config = { server_id = "s2" }, info = { services = {
        { service = "api", image = "api:1", update_available = true }, { service = "db", image = "pg:16", update_available = false } } } } },
      deployments = { { name = "proxy", config = { server_id = "s1", image = { type = "Image", params = { image = "caddy:2" } } } } } }
    local outcome = t:run("actions-examples/version-report.lua", { post = "https://chat.test/hook" })
    assert.same({ rows = 3, outdated = 1 }, outcome.result)
    assert.matches("| s1 | proxy | `caddy:2` |  |\n| s2 | shop/api | `api:1` | yes |", outcome.log, 1, true)
    assert.equal(outcome.log, t:calls_of("http")[1].params.json.text)
  end)

  it("posts only when asked", function()
    local t = testing.new {}
    assert.same({ rows = 0, outdated = 0 }, t:run("actions-examples/version-report.lua").result)
    assert.equal(0, #t:calls_of("http"))
  end)
end)
