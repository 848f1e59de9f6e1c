--- Pins the images of deployments to the digests they run, as Renovate does for files.
--
-- What: finds the digest of each tagged deployment's image on its server and writes "image:tag@sha256:…" into the deployment.
--       With dry_run the changes are only listed.
-- Args: tag = "pin", dry_run = false
-- Trigger: a person, or a schedule
-- capabilities: read:ListDeployments, read:GetDeployment, read:ListImages, write:UpdateDeployment

local tag, dry_run = komodo.args.tag or "pin", komodo.args.dry_run
local images = {}   -- by server

local function digest_of(server, image)
  images[server] = images[server] or assert(komodo.read("ListImages", { server = server }))
  for _, item in ipairs(images[server]) do
    for _, name in ipairs(item.tags) do
      if name == image then
        local repository = image:gsub(":[^:/]*$", "")
        for _, digest in ipairs(item.digests) do
          local owner, sum = digest:match("^(.+)@(sha256:%x+)$")
          if owner == repository then return sum end
        end
      end
    end
  end
end

local changed = komodo.json.array({})
for _, item in ipairs(assert(komodo.read("ListDeployments", { query = { tags = { tag } } }))) do
  local config = assert(komodo.read("GetDeployment", { deployment = item.name })).config
  local image = config.image.type == "Image" and config.image.params.image or ""
  if image == "" then
    komodo.log(item.name .. ": has no image of its own")
  elseif image:find("@sha256:", 1, true) then
    komodo.log(item.name .. ": is pinned")
  else
    local digest = digest_of(config.server_id, image)
    if not digest then
      komodo.log.warn(item.name .. ": " .. image .. " has no digest on its server; deploy it first")
    else
      local pinned = image .. "@" .. digest
      if not dry_run then
        assert(komodo.write("UpdateDeployment", { id = item.name, config = { image = { type = "Image", params = { image = pinned } } } }))
      end
      komodo.log(item.name .. ": " .. pinned)
      changed[#changed + 1] = item.name
    end
  end
end
return { dry_run = dry_run and true or false, pinned = changed }
