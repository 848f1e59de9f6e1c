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

describe("what a list of capabilities covers", function()
  local function covers(texts, text) return capability.covers(capability.list(texts), text) end

  it("is what it names, and what its patterns plainly match", function()
    for _, row in ipairs({
      { "*", "write:DeleteServer" }, { "*", "*" }, { "kv", "kv" }, { "read:*", "read:List*" }, { "read:List*", "read:ListStacks" },
      { "read:List*", "read:ListSt*" }, { "execute:Deploy", "execute:Deploy@web" }, { "execute:Deploy@web-*", "execute:Deploy@web-1" },
      { "execute:*@web-*", "execute:Deploy@web-a-*" }, { "http:a.b", "http:a.b" },
    }) do assert.is_true(covers({ row[1] }, row[2]), row[1] .. " covers " .. row[2]) end
  end)

  it("is nothing else", function()
    for _, row in ipairs({
      { "read:*", "*" }, { "read:*", "write:X" }, { "read:List*", "read:*" }, { "read:List*", "read:Get*" }, { "execute:Deploy@web", "execute:Deploy" },
      { "execute:Deploy@web-*", "execute:Deploy@*" }, { "execute:Deploy@web-*", "execute:Deploy@web-1,db" }, { "read:*", "kv" },
      { "execute:Deploy@w?b", "execute:Deploy@w*b" }, { "secret:A", "secret:A,B" },
    }) do assert.is_false(covers({ row[1] }, row[2]), row[1] .. " does not cover " .. row[2]) end
  end)
end)

describe("redact", function()
  local redact = require("komodo.script.redact")

  local function clean(s, values) return redact.new(values or { KEY = "p\"ss+w/rd?9" }):text(s) end

  it("takes values out however they are spelled", function()
    for spelled, shown in pairs({
      ['a p"ss+w/rd?9 b'] = "a <KEY> b",
      ['{"v":"p\\"ss+w/rd?9"}'] = '{"v":"<KEY>"}',
      ["p%22ss%2Bw%2Frd%3F9"] = "<KEY>", ["p%22ss%2bw%2frd%3f9"] = "<KEY>",
      ["702273732b772f72643f39"] = "<KEY>", ["702273732B772F72643F39"] = "<KEY>",
    }) do assert.equal(shown, clean(spelled), spelled) end
  end)

  it("takes base64 out wherever the value begins", function()
    -- base64 of the value after 0, 1 and 2 bytes of something else
    for _, spelled in ipairs({ "cCJzcyt3L3JkPzk=", "eHAic3Mrdy9yZD85", "eHhwInNzK3cvcmQ/OQ==" }) do
      local shown = clean(spelled)
      assert.matches("<KEY>", shown, nil, true)
      assert.is_true(#shown <= 5 + 6, shown)
    end
    assert.matches("<KEY>", clean("eHhwInNzK3cvcmQ_OQ"), nil, true)
  end)

  it("takes each line of a value out", function()
    assert.equal("<K>\n2", clean("first line\n2", { K = "first line\nsecond line" }))
    assert.equal("x <K> y", clean("x second line y", { K = "first line\nsecond line" }))
    assert.equal("<K>", clean("first line\nsecond line", { K = "first line\nsecond line" }))
  end)

  it("goes through values, and leaves short ones inside of others alone", function()
    local list = setmetatable({ "tok-12345" }, { __name = "array" })
    local r = redact.new({ T = "tok-12345", S = "ab" })
    local out = r:value({ a = { "x tok-12345", 3, true }, ["tok-12345"] = "ab", c = "cab", list = list })
    assert.same({ a = { "x <T>", 3, true }, ["<T>"] = "<S>", c = "cab", list = { "<T>" } }, out)
    assert.equal(getmetatable(list), getmetatable(out.list))
    assert.equal("c<S>", r:text("cab"))
  end)
end)

describe("endings", function()
  local endings = require("komodo.script.endings")
  local held = { cpu_seconds = 0.5, wall_seconds = 10, memory_mb = 64, result_kb = 1024 }

  it("say in plain words what stopped a script", function()
    for limit, words in pairs({
      cpu = "it used more than 0.5 s of CPU time (limits.cpu_seconds)", time = "it took longer than 10 s (limits.wall_seconds)",
      memory = "it needed more than 64 MB of memory (limits.memory_mb)",
      result = "what it returned is larger than 1024 KB (limits.result_kb)",
    }) do assert.equal("stopped: " .. words, endings.words({ status = "limit", limit = limit }, held)) end
    assert.equal("stopped: it was cancelled", endings.words({ status = "cancelled", message = "cancelled" }, held))
    assert.equal("x:1: boom", endings.words({ status = "error", message = "x:1: boom" }, held))
    assert.is_nil(endings.words({ status = "ok" }, held))
  end)
end)

describe("limits", function()
  local maximum = {
    cpu_seconds = 3600, wall_seconds = 604800, memory_mb = 1024, log_kb = 16384, tasks = 10000, api_calls = 1000000,
    result_kb = 16384, http_kb = 262144,
  }
  it("takes what is in range", function()
    limits.check({ cpu_seconds = 0.5, wall_seconds = 604800, memory_mb = 1024, tasks = 1, http_kb = 1 }, maximum)
    assert.same({ tasks = 1 }, limits.of_run({ tasks = 1, http_kb = 1 }))
    assert.same({ tasks = 5, cpu_seconds = 10, http_kb = 9 },
      limits.effective({ tasks = 5 }, { tasks = 256, cpu_seconds = 10, http_kb = 16 }, { tasks = 10, cpu_seconds = 60, http_kb = 9 }))
    assert.same({ tasks = 1 }, limits.effective(nil, { tasks = 1 }, {}))
  end)

  it("names the key of what is not", function()
    for key, value in pairs({ cpu = 1, tasks = 0, memory_mb = 1025, api_calls = 1.5, cpu_seconds = "1", wall_seconds = 0 / 0 }) do
      assert.matches("config.limits." .. key, message(limits.check, { [key] = value }, maximum), nil, true)
    end
  end)
end)
