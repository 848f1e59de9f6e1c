--- What the HTTP routes outside the request groups ask policy for.
local engine = require("engine")
local fail = require("komodo.fail")
local users = require("komodo.users")

--- GET /user: the caller, sanitised, also when disabled.
engine.handle("user/self", function(id)
  local user = engine.store.row("User", id)
  if user then return users.sanitise(user) end
  local builtin = users.find_builtin(id)
  if not builtin then fail.raise("not_found", "No user found matching '%s'", id) end
  return { _id = { ["$oid"] = builtin.id }, username = builtin.username, enabled = true, admin = true, super_admin = false }
end)

--- GET /docs/openapi.json: the document as text, since its order is part of what makes it readable.
engine.handle("docs/openapi", function() return require("komodo.schema.gen.openapi").generate() end)
