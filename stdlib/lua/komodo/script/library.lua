--- What require("name") of scripts finds outside of the engine's own modules (spec lua.md 3): files beside a script from git,
--- and Actions that are libraries.
local engine = require("engine")
local fail = require("komodo.fail")
local interpolate = require("komodo.interpolate")
local rights = require("komodo.script.rights")
local secrets = require("komodo.secrets")
local source = require("komodo.script.source")

local store = engine.store
local library = {}

-- Its code runs with the rights of whoever requires it, so it must not come from somebody who has less.
local function check_saver(run, action)
  local owner = rights.owner(action._id["$oid"])
  local saver = owner and rights.find(owner.user)
  if saver and saver.enabled and (saver.admin or saver.id == run.user.id) then return end
  fail.raise("forbidden", "the library '%s' was saved last by %s, who may less than this run: an admin%s has to save it", action.name,
    saver and ("'%s'"):format(saver.username) or "nobody known", run.user.admin and "" or " or the user of this run")
end

-- An Action with `library = true` of that name: Read on it and the capability "read:GetAction@name" are needed.
local function from_action(run, name)
  local found = store.resolve("Action", name)
  if not found or found.name ~= name then return nil end
  run:require("read", "GetAction", function() return name end)
  local action = engine.model.require(run.user, "Action", name, "Read")
  if not action.config.library then
    fail.raise("forbidden", "the Action '%s' is no library: set its config.library", name)
  end
  check_saver(run, action)
  local it = secrets.interpolator()
  local text = interpolate.text(it, action.config.file_contents)
  run:hide(it.used_secrets)
  return text
end

-- What looks for a module, one after another: fun(run: ScriptRun, name: string): text: string?, chunk_name: string?
local finders = { source.module, from_action }

--- The source of a module; raises when there is none.
---@async
---@param run ScriptRun
---@param name string
---@return { source: string, name: string }
function library.find(run, name)
  if type(name) ~= "string" or name:find("^komodo%.") then fail.raise("not_found", "there is no module '%s' for scripts", tostring(name)) end
  for _, finder in ipairs(finders) do
    local text, chunk = finder(run, name)
    if text then return { source = text, name = (chunk or name):gsub("[%c\127-\255]", "_"):sub(1, 50) } end
  end
  fail.raise("not_found", "there is no module '%s' for scripts: the engine has none, it is no file beside a script from git, and no Action of that name is a library", name)
end

return library
