local testing = require("komodo.testing")

local function image(name) return { image = { type = "Image", params = { image = name } }, server_id = "s1" } end

describe("pin-digests", function()
  local t
  before_each(function()
    t = testing.new {
      servers = { { name = "s1", images = { { name = "x", tags = { "ghcr.io/me/api:2" },
        digests = { "other@sha256:00", "ghcr.io/me/api@sha256:abc123" } } } } },
      deployments = { { name = "api", tags = { "pin" }, config = image("ghcr.io/me/api:2") },
        { name = "old", tags = { "pin" }, config = image("nginx@sha256:ff") },
        { name = "new", tags = { "pin" }, config = image("redis:7") }, { name = "free", config = image("ghcr.io/me/api:2") } } }
  end)

  it("pins what has a digest", function()
    assert.same({ dry_run = false, pinned = { "api" } }, t:run("actions-examples/pin-digests.lua").result)
    assert.equal("ghcr.io/me/api:2@sha256:abc123", t.fleet:find("Deployment", "api").config.image.params.image)
    assert.equal("ghcr.io/me/api:2", t.fleet:find("Deployment", "free").config.image.params.image)
    assert.equal(1, #t:calls_of("read", "ListImages"))
  end)

  it("only lists in a dry run", function()
    local outcome = t:run("actions-examples/pin-digests.lua", { dry_run = true })
    assert.same({ "api" }, outcome.result.pinned)
    assert.equal(0, #t:calls_of("write"))
    assert.matches("redis:7 has no digest", outcome.log)
  end)
end)
