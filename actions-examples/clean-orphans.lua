--- Removes volumes and networks that nothing uses.
--
-- What: lists what no container of a server uses; removes it unless dry_run. Names that match a keep pattern stay.
-- Args: dry_run = true (say false to remove), keep = { "_db$", "^backup" } (Lua patterns), servers = { … } (absent: all)
-- Trigger: a person, or a schedule
-- capabilities: read:ListServers, read:ListVolumes, read:ListNetworks, execute:DeleteVolume, execute:DeleteNetwork

local dry_run = komodo.args.dry_run ~= false
local keep = komodo.args.keep or {}
local builtin = { bridge = true, host = true, none = true }

local function is_kept(name)
  for _, pattern in ipairs(keep) do
    if name:find(pattern) then return true end
  end
  return builtin[name] or false
end

local kinds = {
  { list = "ListVolumes", remove = "DeleteVolume", what = "volume" },
  { list = "ListNetworks", remove = "DeleteNetwork", what = "network" },
}

local removed, failed = 0, 0
for _, server in ipairs(assert(komodo.read("ListServers", { query = { names = komodo.args.servers or {} } }))) do
  for _, kind in ipairs(server.info.state == "Ok" and kinds or {}) do
    for _, item in ipairs(assert(komodo.read(kind.list, { server = server.name }))) do
      if not item.in_use and not is_kept(item.name) then
        local ok, err = true, nil
        if not dry_run then ok, err = komodo.execute(kind.remove, { server = server.name, name = item.name }) end
        komodo.log(("%s: %s %s %s"):format(server.name, kind.what, item.name,
          dry_run and "would be removed" or ok and "removed" or tostring(err)))
        if ok then removed = removed + 1 else failed = failed + 1 end
      end
    end
  end
end
return { dry_run = dry_run, removed = removed, failed = failed }
