--- Users as policy sees them: the stored ones and the built-in ones that are never stored (spec api.md 11.3).
local engine = require("engine")
local users = {}

local builtin = {
  "System", "Procedure", "Action", "Git Webhook", "Auto Redeploy", "Resource Sync", "Stack Wizard", "Build Manager", "Repo Manager",
}
local by_id, by_name = {}, {}
for i, name in ipairs(builtin) do
  local user = { id = ("%024d"):format(i - 1), username = name, admin = true, enabled = true, super_admin = false, builtin = true }
  by_id[user.id], by_name[name] = user, user
end

---@class User
---@field id string
---@field username string
---@field admin boolean
---@field enabled boolean

--- A built-in user by its name.
---@param name string
---@return User
function users.builtin(name) return by_name[name] end

--- The built-in user with this id or name, or nil.
function users.find_builtin(id_or_name) return by_id[id_or_name] or by_name[id_or_name] end

--- What live broadcasts and lists show as `username` of an operator.
---@param operator string
---@return string
function users.display(operator)
  if by_id[operator] or by_name[operator] then return operator end
  local user = engine.store.row("User", operator)
  return user and user.username or "unknown"
end

--- A stored user without what nobody may see: hashes, second factors.
---@param user table
---@return table
function users.sanitise(user)
  local function hide(login)
    if type(login) == "table" and login.type == "Local" then login.data.password = "########" end
  end
  hide(user.config)
  if type(user.linked_logins) == "table" then
    for _, login in pairs(user.linked_logins) do hide(login) end
  end
  if type(user.totp) == "table" then
    user.totp.secret = ""
    user.totp.recovery_codes = engine.json.array({})
  end
  if type(user.passkey) == "table" then user.passkey.passkey = engine.json.null end
  return user
end

return users
