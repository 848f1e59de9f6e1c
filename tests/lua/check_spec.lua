local check = require("komodo.check")
local parser = require("komodo.check.parser")

local function first(source, capabilities)
  local d = check.script(source, { capabilities = capabilities })[1]
  return d and ("%d:%d %s %s"):format(d.line, d.column, d.severity, d.message)
end

local function codes(source, capabilities)
  local list = {}
  for i, d in ipairs(check.script(source, { capabilities = capabilities })) do list[i] = d.code end
  return list
end

describe("check", function()
  it("is silent about a right script", function()
    assert.same({}, check.script([[
      local komodo = require("komodo")
      local read <const> = komodo.read
      local stacks = assert(read("ListStacks", { query = { tags = { "prod" } } }))
      for i, s in ipairs(stacks) do
        goto next
        ::next::
        print(i, s.name, ARGS.x, os.time(), ("x"):rep(3), #stacks // 2, ~1, -2 ^ 2)
      end
      function helper(...) return ... end
      helper(komodo.execute("DeployStack", { stack = "web", services = {} }, { timeout = 3 }))
      repeat local done = true until done
      komodo.log.warn("x"); komodo.stacks.deploy("web")
      return { a = 1, ["b c"] = 2, 3; [4] = 5 }
    ]]))
  end)

  it("says where the syntax is wrong", function()
    local d = check.script("local x = 1\nlocal y = = 2\n")
    assert.equal(1, #d)
    assert.same({ 2, 11, "error", "syntax" }, { d[1].line, d[1].column, d[1].severity, d[1].code })
    assert.matches("unexpected symbol", d[1].message)
    assert.equal("syntax", codes("x = [[ never closed")[1])
    assert.equal("syntax", codes("goto nowhere")[1])
    assert.equal("syntax", codes("break")[1])
  end)

  it("finds undefined globals", function()
    assert.equal("1:1 warning undefined global 'prnt', did you mean 'print'?", first("prnt('x')"))
    assert.equal("2:3 warning undefined global 'y'", first("local x\nx=y"))
    assert.same({}, codes("x = 1\nprint(x)"))
    assert.same({}, codes("local function f() return g() end function g() return 1 end f()"))
    assert.matches("files are not available", first("io.open('x')"))
    assert.matches("not available in scripts", first("os.execute('x')"))
  end)

  it("knows the scopes of names", function()
    assert.same({ "undefined-global" }, codes("do local x = 1 end print(x)"))
    assert.same({ "undefined-global" }, codes("local x = x"))
    assert.same({}, codes("local function f() return f end"))
    assert.same({ "undefined-global" }, codes("for i = 1, 2 do end print(i)"))
    assert.same({}, codes("local t = {} function t:m() return self end"))
  end)

  it("knows the requests", function()
    assert.equal("1:13 error komodo.read: unknown request 'ListStack', did you mean 'ListStacks'?", first("komodo.read('ListStack')"))
    assert.equal("1:14 error 'ListStacks' is no write request; use komodo.read", first("komodo.write('ListStacks')"))
    assert.equal("unknown-request", codes("local k = require('komodo') local w = k.write w('Nope')")[1])
    assert.same({}, codes("local w = komodo.write w = print w('Nope')"))
    assert.equal("1:8 error komodo.raed does not exist, did you mean 'read'?", first("komodo.raed('x')"))
  end)

  it("holds parameters against the schema", function()
    assert.matches("DeployStack: stack: missing", first("komodo.execute('DeployStack', {})"))
    assert.matches("DeployStack: stack: missing", first("komodo.start('DeployStack')"))
    assert.equal("1:32 warning DeployStack: stak: unknown field, did you mean 'stack'?",
      first("komodo.execute('DeployStack', {stak='x', stack='y'})"))
    assert.matches("stack: expected text, got a number", first("komodo.execute('DeployStack', {stack=1})"))
    assert.matches("services: expected a list", first("komodo.execute('DeployStack', {stack='x', services={a='b'}})"))
    assert.matches("fields have names", first("komodo.execute('DeployStack', {'web', stack='x'})"))
    assert.same({}, codes("komodo.execute('DeployStack', {stack=name(), [key]=1}) function name() end key=1"))
    assert.matches("config.branhc: unknown field, did you mean 'branch'",
      first("komodo.write('UpdateStack', {id='x', config={branhc='main'}})"))
    assert.same({}, codes("komodo.write('UpdateStack', {id='x', config={branch='main', links='a,b', environment='A=1'}})"))
  end)

  it("names missing capabilities", function()
    assert.matches("missing capability 'write:DeleteStack'", first("komodo.write('DeleteStack', {id='x'})", { "read:*" }))
    assert.same({}, codes("komodo.write('DeleteStack', {id='x'})", { "write:*" }))
    assert.same({}, codes("komodo.execute('DeployStack', {stack='web-1'})", { "execute:DeployStack@web-*" }))
    assert.same({ "capability" }, codes("komodo.execute('DeployStack', {stack='db'})", { "execute:DeployStack@web-*" }))
    assert.same({}, codes("komodo.execute('DeployStack', {stack=x}) x=1", { "execute:DeployStack@web-*" }))
    assert.same({ "capability" }, codes("komodo.http.get('https://evil.test/x')", { "http:hooks.slack.com" }))
    assert.same({}, codes("komodo.http{url='https://hooks.slack.com/x'}", { "http:hooks.slack.com" }))
    local allowed = { "terminal:server@web-*", "terminal:container@db" }
    assert.same({}, codes("komodo.terminal('web-1', 'x') komodo.terminal({ server = 'any', container = 'db' }, 'x')", allowed))
    assert.same({}, codes("komodo.terminal({ server = ARGS.server }, 'x')", allowed))
    assert.same({ "capability", "capability" }, codes("komodo.terminal('db-1', 'x') komodo.terminal({ deployment = 'd' }, 'x')", allowed))
    assert.same({ "capability", "capability" }, codes("komodo.kv.get('x') komodo.secret('A')", { "read:*" }))
  end)

  it("knows what stands behind komodo.time and the like", function()
    assert.equal("1:13 error komodo.time.nxt does not exist, did you mean 'next'?", first("komodo.time.nxt('x')"))
    assert.equal("1:25 error komodo.time.ad does not exist, did you mean 'add'?", first("local t = komodo.time t.ad()"))
    assert.matches("komodo.log.infoo does not exist, did you mean 'info'", first("komodo.log.infoo(1)"))
    assert.matches("komodo.users does not exist", first("komodo.users.list()"))
    assert.same({}, codes("print(komodo.json.null, komodo.toml.decode(''), komodo.yaml.encode{}, komodo.hash('md5', ''), komodo.http.get('http://x').body)"))
  end)

  it("looks into the short names of requests", function()
    assert.matches("DeployStack: servces: unknown field, did you mean 'services'", first("komodo.stacks.deploy('web', { servces = {} })"))
    assert.equal("1:15 error komodo.stacks.deplyo: there is no execution 'DeplyoStack', did you mean 'deploy'?", first("komodo.stacks.deplyo('web')"))
    assert.matches("prune_images", first("komodo.servers.prune_imges('x')"))
    assert.matches("UpdateStack: config.branhc: unknown field", first("komodo.stacks.update('x', { branhc = 'a' })"))
    assert.matches("ListStacks: query.tagz: unknown field", first("komodo.stacks.list({ tagz = {} })"))
    assert.matches("StartContainer: container: missing", first("komodo.servers.start_container('a')"))
    assert.matches("stack: missing", first("komodo.stacks.deploy()"))
    assert.same({}, codes("komodo.stacks.deploy(x, y, z) komodo.stacks.deploy('a', { [x] = 1 }) x, y, z = 1, 2, 3"))
    assert.matches("missing capability 'execute:DeployStack'", first("komodo.stacks.deploy('db')", { "execute:DeployStack@web-*" }))
    assert.same({}, codes("komodo.stacks.deploy('web-1') komodo.stacks.list()", { "execute:DeployStack@web-*", "read:ListStacks" }))
    assert.matches("missing capability 'read:GetVariable'", first("komodo.var('A')", { "read:GetVariable@B" }))
  end)

  it("knows what the trigger gives", function()
    local function of(trigger, source)
      local d = check.script(source, { trigger = trigger })[1]
      return d and d.message
    end
    assert.matches("komodo.event.method is nil when the run is started by poll", of("poll", "print(komodo.event.method)"))
    assert.is_nil(of({ type = "http", path = "x" }, "print(komodo.event.method) komodo.respond('x')"))
    assert.matches("http triggers alone", of("schedule", "komodo.respond('x')"))
    assert.is_nil(of(nil, "print(komodo.event.anything)"))
  end)

  it("documents what each trigger gives", function()
    local events = require("komodo.check.events")
    local file <close> = assert(io.open("docs/scripting.md"))
    local docs = file:read("a")
    for kind, fields in pairs(events.fields) do
      for name in pairs(fields) do
        assert.is_truthy(docs:find("[`{ ]" .. name .. "[`,( }]"), kind .. " events have a field '" .. name .. "', which docs/scripting.md does not name")
      end
    end
    for kind, named in docs:gmatch("\n| `(%l+)` | (`[^|\n]*) |") do
      if events.fields[kind] then
        for name in named:gsub("%b()", ""):gsub(";.*", ""):gmatch("`([%w_]+)`") do assert.is_true(events.fields[kind][name], kind .. "." .. name) end
      end
    end
  end)

  it("says where a mistake begins and ends", function()
    local d = check.script("local x = 1\nprint(x, yy)\nkomodo.read('Nope')")
    assert.same({ 2, 10, 2, 12 }, { d[1].line, d[1].column, d[1].end_line, d[1].end_column })
    assert.same({ 3, 13, 3, 19 }, { d[2].line, d[2].column, d[2].end_line, d[2].end_column })
    d = check.script("x = = 1")[1]
    assert.same({ 1, 5, 1, 6 }, { d.line, d.column, d.end_line, d.end_column })
  end)

  it("is bounded", function()
    assert.same({ "syntax" }, codes(("("):rep(30000)))
    assert.same({ "syntax" }, codes(("x={"):rep(20000)))
    assert.same({ "size" }, codes((" "):rep(check.SOURCE_MAX + 1)))
    assert.equal(200, #check.script(("x{y=undefined_one}; "):rep(1000)))
  end)

  it("parses whatever Lua does", function()
    for _, source in ipairs({ "a.b['c']:d{1}'x'[[y]].z = 3", "local a <close> = nil",
      "return 0xA.8p1, 1e-3, .5, 3., 0x.1, 1//2", "return 'a\\z\n  b\\x41\\u{48}\\065\\\n'", "--[==[ ]] ]==] return", "::a:: goto a",
      "return function(...) local a, b = ... return a .. b, #a end", "for k, v in next, {} do end", "if a then elseif b then else end",
      "while true do break end;;;", "a, b.c = 1, 2", "return not -~#a ^ 2 .. 'x'" }) do
      assert(load(source), source)
      assert(parser.parse(source), source)
    end
  end)
end)
