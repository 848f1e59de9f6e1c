--- What the request files share: a list that grows, and the parameters that name a resource.

local S = require("komodo.schema.dsl")
local resources = require("komodo.schema.resources")

local M = {}

--- A function that declares requests of `group`, and the list they go to. Parameters may be fields or lists of fields.
function M.group(group)
  local join = require("komodo.schema.fields").join
  local requests = {}
  local function request(name, result, access, doc, ...)
    assert(access, name .. ": needs an access rule")
    assert(type(doc) == "string" and doc ~= "", name .. ": needs a doc")
    local made = { name = name, group = group, doc = doc, params = join(...), result = result, access = access }
    requests[#requests + 1] = made
    return made
  end
  return request, requests
end

--- The parameter that names a resource of this type.
function M.named(type_name, more)
  local resource = resources[type_name]
  return S.must(resource.param, "string", resource.called .. " id or name.", more)
end

--- The same, where it may also be spelled `id` or `name` (spec api.md 8.1).
function M.named_any(type_name)
  return M.named(type_name, { aliases = { "id", "name" } })
end

--- Access: `level` on the resource that the usual parameter names.
function M.on(type_name, level, ...)
  local specific = { ... }
  return S.on(type_name, resources[type_name].param, level, #specific > 0 and specific or nil)
end

--- `pattern` and `tags` of batch requests.
function M.batch(what)
  return {
    S.must("pattern", "string", "Names of " .. what .. ", by line or comma; wildcards, or a regular expression between backslashes."),
    S.list("tags", "string", "Only those with all of these tags (ids or names)."),
  }
end

return M
