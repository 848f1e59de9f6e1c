--- Names and tags of images (spec resources.md 8.7, 12.3). Pure.
local images = {}

--- "1.2.3"
---@param v { major: integer, minor: integer, patch: integer }
function images.version_text(v) return ("%d.%d.%d"):format(v.major, v.minor, v.patch) end

--- The registry of an image name: what stands before the first `/` when it looks like a host.
function images.domain(name)
  local first = name:match("^([^/]*)/")
  return first and first:find(".", 1, true) and first or "docker.io"
end

--- What a build's images are called, one name per registry; the plain name when it pushes to none.
---@param build table
---@return string[]
function images.names(build)
  local config, out = build.config, {}
  local name = config.image_name ~= "" and config.image_name or build.name
  for i, registry in ipairs(config.image_registry) do
    local owner = registry.organization ~= "" and registry.organization or registry.account
    local pushes = registry.domain ~= "" and registry.account ~= ""
    out[i] = pushes and ("%s/%s/%s"):format(registry.domain, owner, name) or name
  end
  if #out == 0 then out[1] = name end
  return out
end

local function suffixed(tag, config) return config.image_tag ~= "" and tag .. "-" .. config.image_tag or tag end

--- The image of a build as its deployments pull it: always a version tag.
---@param version { major: integer, minor: integer, patch: integer }
function images.pulled(build, version)
  return ("%s:%s"):format(images.names(build)[1], suffixed(images.version_text(version), build.config))
end

--- The image of a build as its deployments run it: the best tag the build makes.
function images.deployed(build, version)
  local config, hash = build.config, build.info.built_hash
  if config.include_version_tags then return images.pulled(build, version) end
  local in_git = config.repo ~= "" or config.linked_repo ~= ""
  local known = in_git and config.include_commit_tag and type(hash) == "string" and hash ~= ""
  return ("%s:%s"):format(images.names(build)[1], known and suffixed(hash, config) or "latest")
end

return images
