local testing = require("komodo.testing")
local json = testing.json

local function new(spec)
  spec = spec or {}
  spec.servers = spec.servers or { { name = "web-1", images = { { name = "a", in_use = true }, { name = "b", in_use = false } },
    containers = { { name = "c", state = "running" } } }, { name = "gone", state = "NotOk" } }
  spec.stacks = spec.stacks or { { name = "shop", tags = { "prod" }, config = { server_id = "web-1" } }, { name = "blog", state = "stopped" } }
  return testing.new(spec)
end

local function run(t, source, args)
  local outcome = t:run_source(source, args)
  assert(outcome.ok, outcome.error)
  return outcome.result
end

describe("komodo.testing", function()
  it("runs commands", function()
    local t = new { capabilities = { "terminal:server@web-1", "secret:KEY" }, secrets = { KEY = "k3y" } }
    t:answer("terminal", "use k3y", { stdout = "one\n\nlast", code = 2 })
    assert.same({ 2, "one||last|", 2 }, run(t, [[
      local seen = ""
      local r = komodo.terminal({ server = "web-1" }, "use " .. komodo.secret("KEY"), { on_line = function(l) seen = seen .. l .. "|" end })
      return { r.code, seen, #r.stdout - 7 }
    ]]))
    assert.equal("forbidden", run(t, "local _, e = komodo.terminal({ server = 'web-1', container = 'c' }, 'x') return e.code"))
    assert.equal("forbidden", run(t, "local _, e = komodo.terminal('web-2', 'x') return e.code"))
  end)

  it("lists and gets", function()
    local t = new()
    assert.equal("shop", run(t, "return komodo.read('ListStacks', { query = { tags = { 'prod' } } })[1].name"))
    assert.equal("stopped", run(t, "return komodo.read('ListStacks', { query = { names = { 'blog' } } })[1].info.state"))
    assert.equal("main", run(t, "return komodo.read('GetStack', { stack = 'shop' }).config.branch"))
    assert.equal("web-1", run(t, "return komodo.stacks.list()[2].info.server_name"))
    local bare = run(t, "return komodo.read('ListStacks', { query = { names = { 'blog' } } })[1].info")
    assert.same({ "", "null", 0, false }, { bare.repo, tostring(bare.deployed_hash), #bare.services, bare.project_missing })
    assert.equal("not_found", run(t, "local _, e = komodo.read('GetStack', { stack = 'nope' }) return e.code"))
    assert.equal("unavailable", run(t, "local _, e = komodo.read('ListContainers', { server = 'gone' }) return e.code"))
  end)

  it("changes the fleet", function()
    local t = new()
    run(t, "komodo.execute('DeployStack', { stack = 'blog' }) komodo.execute('PruneImages', { server = 'web-1' })")
    assert.equal("running", t.fleet:find("Stack", "blog").state)
    assert.equal(1, #t.fleet:find("Server", "web-1").images)
    run(t, "komodo.stacks.stop('blog') komodo.execute('StopContainer', { server = 'web-1', container = 'c' })")
    assert.equal("stopped", t.fleet:find("Stack", "blog").state)
    assert.equal("exited", t.fleet:find("Server", "web-1").containers[1].state)
    run(t, "komodo.write('UpdateStack', { id = 'blog', config = { branch = 'x' } })")
    assert.equal("x", t.fleet:find("Stack", "blog").config.branch)
    assert.same({ "DeployStack blog", "PruneImages web-1", "StopStack blog", "StopContainer web-1/c" }, t:trace("execute"))
  end)

  it("refuses what the engine refuses, and typing mistakes", function()
    local t = new()
    assert.equal("shape", run(t, "local _, e = komodo.execute('DeployStack', {}) return e.code"))
    assert.matches("did you mean 'stack'", t:run_source("komodo.execute('DeployStack', { stak = 'x' })").error)
    assert.matches("unknown request", t:run_source("komodo.read('Nope')").error)
    assert.matches("knows no answer", t:run_source("komodo.read('GetStackLog', { stack = 'shop', services = {} })").error)
    t.capabilities = { "read:*" }
    assert.matches("missing capability 'execute:DeployStack'", run(t, "return select(2, komodo.execute('DeployStack', { stack = 'shop' })).message"))
  end)

  it("fails and answers to order", function()
    local t = new()
    t:fail("execute", "DeployStack", { stack = "shop" }, "no space left")
    assert.equal("DeployStack failed: DeployStack: no space left",
      run(t, "local _, e = komodo.execute('DeployStack', { stack = 'shop' }) return tostring(e)"))
    assert.is_true(run(t, "return komodo.execute('DeployStack', { stack = 'shop' }).success"))
    t:fail("read", "ListStacks", nil, "down", { times = 2, code = "unavailable" })
    assert.equal("unavailable", run(t, "komodo.read('ListStacks') return select(2, komodo.read('ListStacks')).code"))
    assert.equal(2, run(t, "return #komodo.read('ListStacks')"))
    t:answer("read", "GetStackLog", function(p) return { stdout = p.stack } end)
    assert.equal("shop", run(t, "return komodo.read('GetStackLog', { stack = 'shop', services = {} }).stdout"))
    t:answer("http", "https://x.test/a", { status = 201, json = { a = 1 } })
    assert.equal(1, run(t, "return komodo.json.decode(komodo.http.post('https://x.test/a', { json = { b = 2 } }).body).a"))
    assert.equal(1, #t:calls_of("http", nil, { method = "POST", json = { b = 2 } }))
    t:expect("execute", "DeployStack", { stack = "shop" }, { times = 2 })
    t:verify()
    t:expect("write", "DeleteStack")
    assert.has_error(function() t:verify() end)
  end)

  it("has a clock of its own", function()
    local t = new { now = "2026-03-01T02:00:00Z" }
    assert.equal("2026-03-01 03:00", run(t, "komodo.sleep(3600) return os.date('!%Y-%m-%d %H:%M')"))
    t.durations.DeployStack = 90
    local before = t.clock.now
    run(t, [[komodo.all({ function() komodo.stacks.deploy('shop') end, function() komodo.stacks.deploy('blog') end })]])
    assert.equal(90000, t.clock.now - before)
    run(t, [[komodo.all({ function() komodo.stacks.deploy('shop') end, function() komodo.stacks.deploy('blog') end }, { max = 1 })]])
    assert.equal(270000, t.clock.now - before)
    assert.equal("timeout", run(t, "local _, e = komodo.timeout(5, function() komodo.sleep(10) end) return e.code"))
    assert.equal("timeout", run(t, "local _, e = komodo.execute('DeployStack', { stack = 'shop' }, { timeout = 1 }) return e.code"))
    assert.equal("quick", run(t, "return komodo.race { function() komodo.sleep(9) end, function() komodo.sleep(1) return 'quick' end }"))
    assert.equal(3, run(t, "local x = komodo.spawn(function(a) komodo.sleep(1) return a end, 3) return x:wait()"))
    assert.matches("boom", t:run_source("komodo.all { function() error('boom') end, function() komodo.sleep(1e6) end }").error)
    t:after(60, function() t.fleet:find("Stack", "blog").state = "dead" end)
    assert.equal(60, run(t, [[local from = komodo.now()
      while komodo.read('ListStacks', { query = { names = { 'blog' } } })[1].info.state ~= 'dead' do komodo.sleep(10) end
      return (komodo.now() - from) // 1000]]))
  end)

  it("keeps secrets, state, logs, stages", function()
    local t = new { secrets = { HOOK = "https://h.test/s3cret" }, variables = { A = "1" }, args = { x = 1 } }
    local outcome = t:run_source([[
      local hook = komodo.secret("HOOK")
      print(hook, { a = 1 })
      komodo.http { url = "https://h.test", method = "POST", body = hook }
      assert(not pcall(komodo.http.get, hook))
      komodo.log.warn("careful")
      komodo.stage("part", function() komodo.sleep(2) end)
      komodo.kv.set("k", { n = 1 }) komodo.kv.incr("c", 2)
      return { komodo.kv.get("k").n, komodo.kv.incr("c"), komodo.var("A"), komodo.args.x, ARGS.x, #komodo.kv.list("") }]])
    assert(outcome.ok, outcome.error)
    assert.same({ 1, 3, "1", 1, 1, 2 }, outcome.result)
    assert.equal('<HOOK>\t{"a":1}\nWARN: careful', outcome.log)
    assert.equal("https://h.test/s3cret", t:calls_of("http")[1].params.body)
    assert.same({ "part", true, 2000 }, { outcome.stages[1].stage, outcome.stages[1].success, outcome.stages[1].end_ts - outcome.stages[1].start_ts })
  end)

  it("compares versions, joins secrets, waits for what was started", function()
    local t = new { secrets = { TOKEN = "t0p" } }
    local result = run(t, [[
      local _, version = komodo.kv.get("k")
      assert(version == 0 and komodo.kv.set("k", 1, { version = 0 }) == 1)
      local _, err = komodo.kv.set("k", 2, { version = 0 })
      local header = "Bearer " .. komodo.secret("TOKEN") .. "!"
      komodo.http.get("https://x.test", { headers = { Authorization = header } })
      local update = komodo.start("DeployStack", { stack = "shop" })
      assert(update.status == "InProgress")
      return { err.code, tostring(header), komodo.wait(update, 5).status, komodo.kv.delete("k"), komodo.kv.delete("k") }]])
    assert.same({ "conflict", "Bearer <TOKEN>!", "Complete", true, false }, result)
    assert.equal("Bearer t0p!", t:calls_of("http")[1].params.headers.Authorization)
  end)

  it("gives batches, and shows what a script may not do", function()
    local t = new()
    assert.equal(1, run(t, "return #komodo.execute('BatchDeployStack', { pattern = 'sh*' })"))
    assert.matches("index a nil value %(global 'io'%)", t:run_source("io.open('x')").error)
    assert.matches("needs `km script test`", t:run_source("return komodo.yaml.decode('x')").error)
    assert.equal("2026-01-02T00:00:01Z", run(t, "return komodo.time.format(komodo.time.add(komodo.now(), { days = 1 }))"))
    assert.equal("a: b\n", run(t, "return komodo.yaml.encode{ a = 'b' }"))
    assert.same({ "aGk=", "hi", "6869", true }, run(t, [[local k = komodo
      return { k.base64.encode("hi"), k.base64.decode("aGk="), k.hex.encode("hi"), k.glob("a*", "abc") }]]))
    assert.is_false(t:run_source("x = = 1").ok)
  end)

  it("encodes and decodes JSON", function()
    local text = '{"a":[1,2.5,"x\\u00e4\\n",null,true,[]],"b":{},"c":"\\ud83d\\ude00"}'
    local value = assert(json.decode(text))
    assert.equal('{"a":[1,2.5,"xä\\n",null,true,[]],"b":{},"c":"😀"}', json.encode(value))
    for _, bad in ipairs({ "", "{", "[1,]", '{"a"}', "1 2", '"', "nul", '{"a":1,}', ("["):rep(200) }) do assert.is_nil((json.decode(bad))) end
  end)

  it("reads the head of a script", function()
    assert.same({ title = "Does things.", capabilities = { "read:*", "kv", "write:X" } },
      testing.header("--- Does things.\n-- capabilities: read:*, kv\n-- capabilities: write:X\nreturn 1"))
  end)
end)
