local testing = require("komodo.testing")

describe("github-release", function()
  local t
  local function run(json)
    t = testing.new { variables = { APP_VERSION = "v1.0" }, stacks = { { name = "api", tags = { "app" } }, { name = "db" } },
      event = { type = "http", method = "POST", json = json } }
    local outcome = t:run("actions-examples/github-release.lua")
    assert(outcome.ok, outcome.error)
    return outcome.result
  end

  it("deploys a published release", function()
    assert.is_nil(run { action = "published", release = { tag_name = "v1.1.0" } })
    assert.same({ status = 202, body = "deploying v1.1.0" }, t.response)
    assert.equal("v1.1.0", t.fleet.variables[1].value)
    assert.equal(1, #t.updates)
  end)

  it("leaves the rest alone", function()
    assert.equal(202, run { action = "edited", release = { tag_name = "v1.1.0" } }.status)
    assert.equal(202, run { action = "published", release = { tag_name = "v2.0", prerelease = true } }.status)
    assert.equal(422, run { action = "published", release = { tag_name = "latest; rm" } }.status)
    assert.equal(202, run(nil).status)
    assert.equal("v1.0", t.fleet.variables[1].value)
  end)
end)
