-- komodo.images: spec resources.md 8.7, 12.3.
local images = require("komodo.images")

local function build(config, info)
  local full = { image_name = "", image_tag = "", image_registry = {}, include_version_tags = true, include_commit_tag = true, repo = "",
    linked_repo = "" }
  for key, value in pairs(config or {}) do full[key] = value end
  return { name = "web", config = full, info = info or {} }
end
local version = { major = 1, minor = 2, patch = 3 }

describe("images", function()
  it("takes the registry of a name, or docker's", function()
    for name, domain in pairs({
      ["ghcr.io/a/b:1"] = "ghcr.io", ["registry.local:5000/demo/box"] = "registry.local:5000", ["golden/busybox:1"] = "docker.io",
      busybox = "docker.io", ["localhost/x"] = "docker.io",
    }) do assert.equal(domain, images.domain(name)) end
  end)

  it("names a build's images by registry, owner and name", function()
    assert.same({ "web" }, images.names(build()))
    assert.same({ "other" }, images.names(build({ image_name = "other" })))
    assert.same({ "ghcr.io/me/web", "r.io/org/web", "web", "web" }, images.names(build({ image_registry = {
      { domain = "ghcr.io", account = "me", organization = "" },
      { domain = "r.io", account = "me", organization = "org" },
      { domain = "r.io", account = "", organization = "org" },
      { domain = "", account = "me", organization = "org" },
    } })))
  end)

  it("runs a build's version, its commit or the latest", function()
    assert.equal("web:1.2.3", images.deployed(build(), version))
    assert.equal("web:1.2.3-arm", images.deployed(build({ image_tag = "arm" }), version))
    local git = { include_version_tags = false, repo = "a/b", image_tag = "arm" }
    assert.equal("web:abc1234-arm", images.deployed(build(git, { built_hash = "abc1234" }), version))
    assert.equal("web:latest", images.deployed(build(git), version))
    git.repo = ""
    assert.equal("web:latest", images.deployed(build(git, { built_hash = "abc1234" }), version))
    git.linked_repo, git.include_commit_tag = "x", false
    assert.equal("web:latest", images.deployed(build(git, { built_hash = "abc1234" }), version))
  end)

  it("pulls a build's version whatever else it is tagged with", function()
    assert.equal("web:1.2.3-arm", images.pulled(build({ include_version_tags = false, image_tag = "arm" }), version))
  end)
end)
