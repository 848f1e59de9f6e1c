-- komodo.script.capability and limits: spec lua.md 5, 6.
local capability = require("komodo.script.capability")
local limits = require("komodo.script.limits")

local function allows(texts, group, name, target)
  return capability.allows(capability.list(texts), group, name, function() return target end)
end

local function message(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err.message .. " " .. table.concat(err.trace or {}, " ")
end

describe("capability", function()
  it("allows what it names", function()
    assert.is_true(allows({ "*" }, "write", "DeleteServer", "web"))
    assert.is_true(allows({ "read:*" }, "read", "ListStacks"))
    assert.is_false(allows({ "read:*" }, "write", "ListStacks"))
    assert.is_true(allows({ "read:List*" }, "read", "ListStacks"))
    assert.is_false(allows({ "read:List*" }, "read", "GetStack"))
    assert.is_true(allows({ "kv" }, "kv"))
    assert.is_false(allows({ "read:*", "secret:A" }, "kv"))
    assert.is_true(allows({ "secret:GH_*" }, "secret", "GH_TOKEN"))
    assert.is_false(allows({}, "read", "GetVersion"))
  end)

  it("keeps to the resources it names", function()
    assert.is_true(allows({ "execute:DeployStack@web-*" }, "execute", "DeployStack", "web-1"))
    assert.is_false(allows({ "execute:DeployStack@web-*" }, "execute", "DeployStack", "db"))
    assert.is_false(allows({ "execute:BatchDeployStack@web-*" }, "execute", "BatchDeployStack", nil))
    assert.is_true(allows({ "execute:*@web-*", "execute:*@db" }, "execute", "DestroyStack", "db"))
  end)

  it("refuses what is none", function()
    for _, text in ipairs({ "", "reads:*", "read", "read:", "execute:Deploy@", "kv:a", "http:" }) do
      assert.matches("no capability", message(capability.list, { text }), nil, true)
    end
    assert.matches("capabilities[2]", message(capability.list, { "*", "x" }), nil, true)
  end)

  it("names what is missing", function()
    assert.matches('"execute:Deploy@web"', message(capability.require, {}, "execute", "Deploy", function() return "web" end), nil, true)
    assert.matches('"kv"', message(capability.require, {}, "kv"), nil, true)
  end)
end)

describe("limits", function()
  it("takes what is in range", function()
    limits.check({ cpu_seconds = 0.5, wall_seconds = 604800, memory_mb = 1024, tasks = 1, http_kb = 1 })
    assert.same({ tasks = 1 }, limits.of_run({ tasks = 1, http_kb = 1 }))
    assert.same({}, limits.of_run(nil))
  end)

  it("names the key of what is not", function()
    for key, value in pairs({ cpu = 1, tasks = 0, memory_mb = 1025, api_calls = 1.5, cpu_seconds = "1", wall_seconds = 0 / 0 }) do
      assert.matches("config.limits." .. key, message(limits.check, { [key] = value }), nil, true)
    end
  end)
end)
