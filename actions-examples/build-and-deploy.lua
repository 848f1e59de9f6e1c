--- Builds an image and deploys everything that runs it.
--
-- What: runs the build, then deploys the deployments made of it, at most `max` side by side.
-- Args: build = "api", max = 2
-- Trigger: git webhook, or a person
-- capabilities: read:GetBuild, read:ListDeployments, execute:RunBuild, execute:Deploy

local name = assert(komodo.args.build, "args.build: which build?")
assert(komodo.execute("RunBuild", { build = name }, { timeout = 3600 }))
local build = assert(komodo.read("GetBuild", { build = name }))
local version = build.config.version
local text = ("%d.%d.%d"):format(version.major, version.minor, version.patch)
komodo.log(name .. " " .. text .. " is built")

local jobs, failed, done = {}, {}, komodo.json.array({})
for _, deployment in ipairs(assert(komodo.read("ListDeployments"))) do
  if deployment.info.build_id == build._id["$oid"] and deployment.info.state ~= "not_deployed" then
    table.insert(jobs, function()
      local ok, err = komodo.execute("Deploy", { deployment = deployment.name })
      if ok then done[#done + 1] = deployment.name else table.insert(failed, deployment.name .. ": " .. tostring(err)) end
    end)
  end
end
komodo.all(jobs, { max = komodo.args.max or 2 })
if #failed > 0 then error("not deployed: " .. table.concat(failed, "; "), 0) end
table.sort(done)
return { version = text, deployed = done }
