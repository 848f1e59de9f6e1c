--- komodo.stacks.deploy("web"): the requests of each resource type by short names (sugar_names.lua).

local komodo, core = ...
local type, error, pairs, setmetatable = type, error, pairs, setmetatable
local public, names = core.public, core.part("sugar_names")

local function one(what, x)
  if type(x) ~= "string" then error(what .. ": the first argument is a name or an id", 3) end
  return x
end

local function methods_of(plural, kind)
  local own, prefix = {}, "komodo." .. plural .. "."
  local function request(verb)
    local _, name = names.plain[verb](kind)
    return name
  end
  function own.list(query) return public.read(request("list"), { query = query }) end
  function own.get(x) return public.read(request("get"), { [kind.param] = one(prefix .. "get", x) }) end
  function own.create(params) return public.write(request("create"), params) end
  function own.update(x, config) return public.write(request("update"), { id = one(prefix .. "update", x), config = config }) end
  function own.delete(x) return public.write(request("delete"), { id = one(prefix .. "delete", x) }) end
  return own
end

for plural, kind in pairs(names.kinds) do
  local own = methods_of(plural, kind)
  komodo[plural] = core.freeze(setmetatable(own, {
    __index = function(_, verb)
      if type(verb) ~= "string" then return nil end
      return function(x, params, opts)
        local request = { [kind.param] = one("komodo." .. plural .. "." .. verb, x) }
        for name, value in pairs(params or {}) do request[name] = value end
        return public.execute(names.execution(kind, verb), request, opts)
      end
    end,
  }))
end
