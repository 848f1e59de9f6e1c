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
