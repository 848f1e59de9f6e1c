--- Backs up the volumes of a stack, then deploys it; without a backup nothing is deployed.
--
-- What: stops the stack, packs each named volume into a dated archive on its server, starts the stack by deploying it.
-- Args: stack = "shop", volumes = { "shop_db" }, folder = "/var/backups/volumes"
-- Trigger: a person, or a procedure before a release
-- capabilities: read:GetStack, execute:StopStack, execute:StartStack, execute:DeployStack, terminal:server

local stack = assert(komodo.args.stack, "args.stack: which stack?")
local volumes = assert(komodo.args.volumes, "args.volumes: which volumes?")
local folder = komodo.args.folder or "/var/backups/volumes"

-- What becomes part of a command is held against a pattern first.
local function plain(text, what)
  if not text:find("^[%w_./-]+$") then error(what .. ": letters, digits, _ . / - only", 0) end
  return text
end
plain(folder, "args.folder")
for _, volume in ipairs(volumes) do plain(volume, "args.volumes") end

local server = assert(komodo.read("GetStack", { stack = stack })).config.server_id
local day = os.date("!%Y%m%d-%H%M%S", komodo.now() // 1000)

local function back_up(volume)
  local command = ("mkdir -p %s && docker run --rm -v %s:/from:ro -v %s:/to alpine tar czf /to/%s-%s.tar.gz -C /from ."):format(
    folder, volume, folder, volume, day)
  local result, err = komodo.terminal({ server = server }, command)
  if not result then return nil, err end
  if result.code ~= 0 then return nil, result.stderr ~= "" and result.stderr or "exit code " .. result.code end
  return ("%s/%s-%s.tar.gz"):format(folder, volume, day)
end

assert(komodo.execute("StopStack", { stack = stack }))
local made = komodo.json.array({})
for _, volume in ipairs(volumes) do
  local path, err = komodo.stage("Backup " .. volume, function() return back_up(volume) end)
  if not path then
    assert(komodo.execute("StartStack", { stack = stack }))
    error(("backup of %s failed, %s is as it was: %s"):format(volume, stack, tostring(err)), 0)
  end
  made[#made + 1] = path
end
assert(komodo.execute("DeployStack", { stack = stack }))
return { backups = made }
