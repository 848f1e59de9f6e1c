-- komodo/_core/sugar.lua: every execution on a resource has its verb, and every name leads to a request of the schema.
local schema = require("komodo.schema")
local kinds = require("komodo.kinds")

local function load_sugar(called)
  local function caller(group)
    return function(name, params, opts)
      called[#called + 1] = { group = group, name = name, params = params, opts = opts }
      return true
    end
  end
  local public = { read = caller("read"), write = caller("write"), execute = caller("execute") }
  local komodo = {}
  local function freeze(t)
    return setmetatable({}, { __index = t, __newindex = function() error("this table is read-only", 2) end })
  end
  local function part(name) return require("komodo._core." .. name) end
  assert(loadfile("stdlib/lua/komodo/_core/sugar.lua"))(komodo, { public = public, freeze = freeze, part = part })
  return komodo
end

local function plural(kind) return kind.param .. "s" end

local function snake(s) return (s:gsub("(%l)(%u)", "%1_%2"):lower()) end

describe("sugar", function()
  it("has a verb for every execution on one resource", function()
    local called = {}
    local komodo, n = load_sugar(called), 0
    for _, request in ipairs(schema.requests) do
      local first = request.params[1]
      for _, kind in ipairs(kinds) do
        if request.group == "execute" and first and first.name == kind.param and not request.name:find("^Batch") then
          local short = kind.type == "ResourceSync" and "Sync" or kind.type
          local verb = snake(kind.type == "Server" and request.name or (request.name:gsub(short, "", 1)))
          komodo[plural(kind)][verb]("x", { a = 1 }, { timeout = 1 })
          assert.same({ group = "execute", name = request.name, params = { [kind.param] = "x", a = 1 }, opts = { timeout = 1 } },
            called[#called])
          n = n + 1
        end
      end
    end
    assert.is_true(n > 40, "only " .. n)
  end)

  it("names requests that are there", function()
    local called = {}
    local komodo = load_sugar(called)
    for _, kind in ipairs(kinds) do
      local own = komodo[plural(kind)]
      own.list({})
      own.get("x")
      own.create({ name = "x" })
      own.update("x", {})
      own.delete("x")
    end
    for _, call in ipairs(called) do
      assert.is_truthy(schema.request(call.group, call.name), call.name)
      for field in pairs(call.params) do
        local found = false
        for _, param in ipairs(schema.request(call.group, call.name).params) do found = found or param.name == field end
        assert.is_true(found, call.name .. "." .. field)
      end
    end
  end)

  it("is read-only, and wants a name", function()
    local komodo = load_sugar({})
    assert.has_error(function() komodo.stacks.deploy = 1 end)
    assert.has_error(function() komodo.stacks.deploy({}) end)
  end)
end)
