// The `komodo` module of user scripts, through the real API.
import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import { after, before, test } from "node:test";
import { eventually, startPair, tempDir } from "./harness.mjs";
import { KomodoClient } from "komodo_client";

const dir = tempDir("lua");
let pair, komodo;

before(async () => {
  pair = await startPair(dir, { agent: false });
  const nobody = KomodoClient(pair.url, { type: "jwt", params: { jwt: "" } });
  const answer = await nobody.auth.login("LoginLocalUser", { username: "admin", password: pair.password });
  komodo = KomodoClient(pair.url, { type: "jwt", params: { jwt: answer.data.jwt } });
  await komodo.write("CreateVariable", { name: "PLAIN", value: "seen" });
  await komodo.write("CreateVariable", { name: "TOKEN", value: "s3cr3t-value", is_secret: true });
  await komodo.write("CreateVariable", { name: "COPY", value: "", is_secret: true });
});
after(async () => { try { await pair?.stop(); } finally { fs.rmSync(dir, { recursive: true, force: true }); } });

let number = 0;
const create = async (source, config = {}) => {
  const name = `script-${++number}`;
  await komodo.write("CreateAction", { name, config: { file_contents: source, ...config } });
  return name;
};
const finished = (id) => eventually("the run ends", async () => { const u = await komodo.read("GetUpdate", { id }); return u.status === "Complete" && u; });
const start = async (action, params = {}) => (await komodo.execute("RunAction", { action, ...params }))._id.$oid;
const run = async (source, config, params) => finished(await start(await create(source, config), params));
const main = (update) => update.logs.find((l) => l.stage === "Execute Action");
/** Runs a script that must end well; what it printed. */
const output = async (source, config, params) => {
  const u = await run(source, config, params);
  assert.equal(u.success, true, JSON.stringify(u.logs));
  return main(u).stdout;
};
const failure = async (source, config) => {
  const u = await run(source, config);
  assert.equal(u.success, false, JSON.stringify(u.logs));
  return main(u).stderr;
};

test("functions run together, and the first error cancels the others", async () => {
  assert.match(await output(`
    local begin = komodo.now()
    local names = komodo.all{
      function() komodo.sleep(0.5) return assert(komodo.read("GetVersion")).version end,
      function() komodo.sleep(0.5) return komodo.read("GetCoreInfo") ~= nil end,
    }
    print("got", names, komodo.now() - begin < 900)
    print(select(2, komodo.timeout(0.05, function() komodo.sleep(60) end)).code)
  `), /got\t\["[\d.]+",true\]\ttrue\ntimeout\n/);
  assert.match(await failure(`komodo.all{ function() komodo.sleep(60) end, function() assert(komodo.read("GetStack", { stack = "none" })) end }`),
    /none/);
});

test("an execution is waited for, its stages are told, and its time is bounded", async () => {
  const child = await create(`komodo.sleep(komodo.args.seconds) print("child done")`);
  assert.match(await output(`
    local started = assert(komodo.start("RunAction", { action = "${child}", args = { seconds = 0.2 } }))
    print(started.status, assert(komodo.wait(started)).status)
    local stages = {}
    assert(komodo.execute("RunAction", { action = "${child}", args = { seconds = 0 } }, { on_log = function(l) stages[#stages + 1] = l.stage end }))
    print(stages)
    local u, e = komodo.execute("RunAction", { action = "${child}", args = { seconds = 3 } }, { timeout = 0.1 })
    print(u, e.code)
    print(select(2, komodo.wait("0123456789abcdef01234567")).code)
  `), /InProgress\tComplete\n\["Execute Action"\]\nnil\ttimeout\nnot_found\n/);
});

test("a secret does not come back to the script, whole or letter by letter", async () => {
  const out = await output(`
    local token = assert(komodo.secret("TOKEN"))
    local function spell(s) print((tostring(s):gsub(".", "%0 "))) end
    spell(select(2, komodo.write("UpdateVariableValue", { name = "PLAIN", value = "x" .. token .. "y" })))
    assert(komodo.write("UpdateVariableValue", { name = "COPY", value = "x" .. token .. "y" }))
    spell(select(2, komodo.var("COPY")))
    for _, v in ipairs(assert(komodo.read("ListVariables"))) do spell(v.name .. "=" .. v.value) end
    spell(select(2, komodo.write("UpdateVariableValue", { name = token, value = "" })))
    spell(komodo.json.encode(select(2, komodo.write("CreateTag", { name = { token } })) or {}))
  `);
  assert.doesNotMatch(out.replaceAll(" ", ""), /s3cr3t/);
  assert.match(out.replaceAll(" ", ""), /^thevalueofasecretcannotbewritten.*\n.COPY.isasecret/);
});

test("stages are logs of their own, in order", async () => {
  const u = await run(`
    print("before")
    local got = komodo.stage("Inner", function() print("inside") return 7 end)
    print("after", got)
    pcall(komodo.stage, "Bad", function() print("trying") error("broken") end)
    komodo.timeout(0.05, function() komodo.stage("Late", function() komodo.sleep(60) end) end)
  `);
  assert.deepEqual(u.logs.map((l) => [l.stage, l.success]), [["Execute Action", true], ["Inner", true], ["Bad", false], ["Late", false]]);
  assert.match(u.logs[0].stdout, /^before\nafter\t7\n/);
  assert.equal(u.logs[1].stdout, "inside\n");
  assert.equal(u.logs[2].stdout, "trying\n");
  assert.match(u.logs[2].stderr, /broken/);
  assert.match(u.logs[3].stderr, /cancelled/);
});

test("variables are read; a secret becomes its value only in a request, and is never shown", async () => {
  const u = await run(`
    print(komodo.var("PLAIN"), select(2, komodo.var("NONE")).code, select(2, komodo.var("TOKEN")).code)
    local token = assert(komodo.secret("TOKEN"))
    print(token, "Bearer " .. token .. "!")
    local v = assert(komodo.write("UpdateVariableValue", { name = "COPY", value = "x-" .. token }))
    print("it is", v.value)
    print(select(2, komodo.write("UpdateVariableValue", { name = "COPY", value = { ["$secret"] = { { name = "OTHER" } } } })).message)
    print(select(2, komodo.write("UpdateVariableValue", { name = "PLAIN", value = "x-" .. token })).message)
    error("failed with " .. tostring(token))
  `);
  const text = JSON.stringify(u.logs);
  assert.doesNotMatch(text, /s3cr3t/);
  assert.match(main(u).stdout, /^seen\tnot_found\tforbidden\n<TOKEN>\tBearer <TOKEN>!\nit is\t<COPY>\n.*komodo\.secret.*\n.*make the variable 'PLAIN' a secret/);
  assert.match(main(u).stderr, /failed with <TOKEN>/);
  assert.equal((await komodo.read("GetVariable", { name: "COPY" })).value, "x-s3cr3t-value");
});

test("kv keeps values between runs, compares and sets, and has limits", async () => {
  const action = await create(`
    local n = assert(komodo.kv.incr("runs"))
    print("run", n)
    if n == 1 then
      print(komodo.kv.get("a"))
      local v = assert(komodo.kv.set("a", { list = { 1, 2 } }, { version = 0 }))
      print(v, select(2, komodo.kv.set("a", 1, { version = 0 })).code, komodo.kv.set("a", { list = { 3 } }, { version = v }))
      print(select(2, komodo.kv.set("big", ("x"):rep(70000))).code, select(2, komodo.kv.set("", 1)).code)
      komodo.all({ function() for i = 1, 20 do komodo.kv.incr("c") end end, function() for i = 1, 20 do komodo.kv.incr("c", 2) end end })
      print(komodo.kv.get("c"))
    else
      print(komodo.kv.get("a"))
      print(komodo.kv.list(), komodo.kv.delete("a"), komodo.kv.delete("a"), komodo.kv.list("r"))
    end
  `);
  const first = await finished(await start(action)), second = await finished(await start(action));
  assert.match(main(first).stdout, /^run\t1\nnil\t0\n1\tconflict\t2\nlimit\tinvalid\n60\t40\n/);
  assert.match(main(second).stdout, /^run\t2\n\{"list":\[3\]\}\t2\n\["a","c","runs"\]\ttrue\tfalse\t\["runs"\]\n/);
  assert.match(await output(`print(komodo.kv.get("runs"))`), /^nil\t0\n/);
});

test("a lock is held by one run at a time, and goes with its run", async () => {
  const holder = await create(`komodo.lock("deploy", function() print("held") komodo.sleep(60) end)`);
  const id = await start(holder);
  await eventually("it has the lock", async () => main(await komodo.read("GetUpdate", { id }))?.stdout.includes("held"));
  const waiter = await create(`
    print(select(2, komodo.timeout(0.1, function() return komodo.lock("deploy", function() return "early" end) end)).code)
    print(komodo.lock("deploy", function() return "got it" end))
    komodo.all{ function() komodo.lock("deploy", function() komodo.sleep(0.1) print("one") end) end,
      function() komodo.sleep(0.05) komodo.lock("deploy", function() print("two") end) end }
  `);
  const waiting = await start(waiter);
  await eventually("it waits", async () => main(await komodo.read("GetUpdate", { id: waiting }))?.stdout.includes("timeout"));
  await komodo.execute("CancelAction", { action: holder });
  assert.match(main(await finished(waiting)).stdout, /^timeout\ngot it\none\ntwo\n/);
  assert.equal((await finished(id)).success, false);
});

test("a call outside the capabilities fails and names what is missing", async () => {
  const text = await output(`
    print(komodo.read("GetVersion") ~= nil)
    print(select(2, komodo.write("CreateVariable", { name = "X", value = "" })).message)
    print(komodo.write("UpdateVariableValue", { name = "COPY", value = "z" }) ~= nil)
    print(select(2, komodo.write("UpdateVariableValue", { name = "PLAIN", value = "z" })).message)
    print(select(2, komodo.start("RunAction", { action = "script-1" })).message)
    print(select(2, komodo.kv.get("a")).message)
    print(komodo.secret("TOKEN") ~= nil, select(2, komodo.secret("OTHER")).message)
  `, { capabilities: ["read:*", "write:UpdateVariableValue@CO*", "execute:RunAction@other-*", "secret:TOKEN"] });
  assert.match(text, /^true\n.*"write:CreateVariable@X" is missing.*\ntrue\n.*"write:UpdateVariableValue@PLAIN".*\n.*"execute:RunAction@script-1".*\n.*"kv".*\ntrue\t.*"secret:OTHER"/);
  assert.match(await failure(`assert(komodo.read("GetVersion"))`, { capabilities: [] }), /"read:GetVersion" is missing/);
});

test("limits and capabilities are checked when an Action is saved", async () => {
  for (const [config, words] of [
    [{ limits: { cpu: 1 } }, /limits\.cpu is unknown/], [{ limits: { tasks: "many" } }, /limits\.tasks must be a number/],
    [{ limits: { memory_mb: 4096 } }, /limits\.memory_mb must not be above 1024/], [{ limits: { tasks: 1.5 } }, /limits\.tasks must be a whole/],
    [{ capabilities: ["read:*", "reads:*"] }, /capabilities\[2\]/], [{ capabilities: ["execute:Deploy@"] }, /capabilities\[1\]/],
  ]) await assert.rejects(create("", config), (e) => words.test(JSON.stringify(e.result)), JSON.stringify(config));
  const name = await create("print(1)", { limits: { cpu_seconds: 0.5, http_kb: 100, wall_seconds: 30 } });
  assert.equal((await finished(await start(name))).success, true);
  await assert.rejects(komodo.write("UpdateAction", { id: name, config: { limits: { tasks: 0 } } }), (e) => /limits\.tasks/.test(JSON.stringify(e.result)));
});

test("a dry run reads, and writes down what it would change", async () => {
  const u = await run(`
    print(komodo.run.dry_run, komodo.var("PLAIN"))
    assert(komodo.write("UpdateVariableValue", { name = "COPY", value = komodo.secret("TOKEN") }))
    print(assert(komodo.execute("RunAction", { action = "script-1" })).success)
    print(komodo.wait(assert(komodo.start("RunAction", { action = "script-1" }))).status)
    komodo.kv.set("a", 1)
  `, {}, { dry_run: true });
  assert.equal(u.success, true, JSON.stringify(u.logs));
  assert.match(main(u).stdout, /^true\tseen\ntrue\nComplete\n/);
  const plan = u.logs.find((l) => l.stage === "Dry Run").stdout;
  assert.match(plan, /write UpdateVariableValue .*<TOKEN>.*\nexecute RunAction .*\nexecute RunAction .*\nkv set a/);
  assert.equal((await komodo.read("GetVariable", { name: "PLAIN" })).value, "seen");
});

test("http reaches named hosts, and nothing inside however it is spelled", async () => {
  const seen = [];
  const server = http.createServer((req, res) => {
    let body = "";
    const parts = [];
    req.on("data", (d) => { body += d; parts.push(d); }).on("end", () => {
      seen.push({ method: req.method, url: req.url, headers: req.headers, body });
      if (req.url === "/away") res.writeHead(302, { Location: `http://localhost:${port}/stolen` }).end();
      else if (req.url === "/again") res.writeHead(302, { Location: "/end" }).end();
      else if (req.url === "/loop") res.writeHead(302, { Location: "/loop" }).end();
      else if (req.url === "/big") res.end("x".repeat(5000));
      else if (req.url === "/binary") res.end(Buffer.from([0xff, 0xfe, 0, 0x41]));
      else if (req.url === "/echo") res.end(Buffer.concat(parts));
      else if (req.url.startsWith("/to?")) res.writeHead(302, { Location: `http://${req.url.slice(4)}:${port}/stolen` }).end();
      else if (req.url === "/slow") setTimeout(() => res.end(), 5000).unref();
      else res.writeHead(req.url === "/none" ? 404 : 200, { "X-Kind": "test" }).end(`${req.method} ${body}`);
    });
  });
  await new Promise((resolve) => server.listen(0, resolve));
  const { port } = server.address();
  try {
    const named = { capabilities: ["http:127.0.0.1", "secret:TOKEN"], limits: { http_kb: 2 } };
    const text = await output(`
      local base = "http://127.0.0.1:${port}"
      local r = assert(komodo.http.get(base .. "/a"))
      print(r.status, r.body, r.headers["x-kind"])
      print(komodo.http.post(base .. "/b", { json = { a = 1 }, headers = { Authorization = "Bearer " .. komodo.secret("TOKEN") } }).body)
      print(komodo.http{ url = base .. "/c", method = "put", form = { q = "a b&c", x = 1 } }.body)
      print(komodo.http.get(base .. "/none").status, komodo.http.get(base .. "/again").url == base .. "/end")
      local raw = assert(komodo.http.get(base .. "/binary")).body
      print(#raw, raw == "\\xff\\xfe\\0A", komodo.http.post(base .. "/echo", { body = "\\xc3\\x28\\0" }).body == "\\xc3\\x28\\0")
      for _, path in ipairs{ "/away", "/loop", "/big", "/to?[::1]" } do print(select(2, komodo.http.get(base .. path)).code) end
      print(select(2, komodo.http.get(base .. "/slow", { timeout = 0.2 })).code)
      print(select(2, komodo.http.get("file:///etc/passwd")).code, select(2, komodo.http{ url = base, what = 1 }).code)
    `, named);
    assert.match(text, /^200\tGET \ttest\nPOST \{"a":1\}\nPUT q=a%20b%26c&x=1\n404\ttrue\n4\ttrue\ttrue\nforbidden\nprotocol\ntoo_big\nforbidden\ntimeout\n\w+\tinvalid\n/);
    assert.equal(seen.find((r) => r.url === "/b").headers.authorization, "Bearer s3cr3t-value");
    assert.equal(seen.find((r) => r.url === "/b").headers["content-type"], "application/json");
    assert.ok(!seen.some((r) => r.url === "/stolen"));

    const own = Object.values(os.networkInterfaces()).flat().filter((a) => !a.internal && a.family === "IPv4").map((a) => a.address);
    const hosts = ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1.", "0.0.0.0", "[::1]",
      "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]", "169.254.169.254", "[fe80::1]", "[64:ff9b::7f00:1]",
      "localhost.", "LOCALHOST", "localhost.localdomain", "ip6-localhost", "0", "127.0.1", "0x7f.1", "0177.1", "017700000001", "0x7f.0x0.0x0.0x1", "127.1.2.3",
      "127.0.0.1%2e", "%31%32%37.0.0.1", "[::ffff:0:7f00:1]", "[::127.0.0.1]", "[0:0:0:0:0:ffff:7f00:0001]", "[64:ff9b::127.0.0.1]", "[64:ff9b:1::7f00:1]",
      "[2002:7f00:1::]", "[ff02::1]", "255.255.255.255", "240.0.0.1", "2852039166", "0xa9fea9fe", "[::ffff:169.254.169.254]", os.hostname(), ...own];
    let before = seen.length;
    const inside = await output(`
      for _, host in ipairs(komodo.args.hosts) do
        local r, e = komodo.http.get("http://" .. host .. ":${port}/inside", { timeout = 5 })
        print(host, r and r.status or e.code)
      end
    `, {}, { args: { hosts } });
    for (const host of hosts) assert.match(inside, new RegExp(`^${host.replace(/[.[\]]/g, "\\$&")}\t(forbidden|invalid|io)$`, "m"));
    assert.match(inside, /^127\.0\.0\.1\tforbidden$/m);
    assert.match(inside, /^localhost\tforbidden$/m);
    assert.match(await output(`print(select(2, komodo.http.get("http://127.0.0.1:${port}/inside")))`),
      /^komodo\.http: the request to 127\.0\.0\.1 failed: its address is loopback, .* needs the very capability "http:127\.0\.0\.1"\n/);
    assert.equal(seen.length, before);
    const elsewhere = ["[::1]", "localhost", "0", "127.0.0.2", "[::ffff:127.0.0.1]", "0x7f000002"];
    assert.equal(await output(`
      for _, host in ipairs(komodo.args.hosts) do
        for _, more in ipairs{ {}, { on_chunk = print } } do print(select(2, komodo.http.get("http://127.0.0.1:${port}/to?" .. host, more)).code) end
      end
    `, { capabilities: ["*", "http:127.0.0.1"] }, { args: { hosts: elsewhere } }).then((t) => t.replace(/completed.*\n/, "")), "forbidden\n".repeat(2 * elsewhere.length));
    assert.ok(!seen.some((r) => r.url === "/stolen"));
    before = seen.length;
    const dry = await run(`print(komodo.http.post("http://127.0.0.1:${port}/x", { body = "b" }).status)`, {}, { dry_run: true });
    assert.match(dry.logs.find((l) => l.stage === "Dry Run").stdout, /http POST .*\/x/);
    assert.equal(seen.length, before);
    assert.match(await failure(`assert(komodo.http.get("http://example.com"))`, { capabilities: ["http:*.example.org"] }), /"http:example\.com" is missing/);
  } finally { server.closeAllConnections(); server.close(); }
});

test("a download is handed over in pieces of any number, and waits for the script", async () => {
  const size = 40 * 1024 * 1024, block = Buffer.alloc(64 * 1024, 0xe9);   // no UTF-8
  let sent = 0, closed = 0;
  const server = http.createServer((req, res) => {
    const length = req.url === "/whole" ? size : 1024 * size;
    if (req.url === "/broken") { res.writeHead(200, { "Content-Length": 1000 }); res.write("half"); setTimeout(() => res.destroy(), 50); return; }
    if (req.url === "/moved") { res.writeHead(302, { Location: "/whole" }).end("elsewhere"); return; }
    if (req.url === "/none") { res.writeHead(404).end("nothing"); return; }
    res.writeHead(200, { "Content-Length": length });
    let left = length;
    const more = () => { while (left > 0 && !res.destroyed) { left -= block.length; sent += block.length; if (!res.write(block)) return; } if (left <= 0) res.end(); };
    res.on("drain", more).on("close", () => { closed++; });
    more();
  });
  await new Promise((resolve) => server.listen(0, resolve));
  const base = `http://127.0.0.1:${server.address().port}`;
  try {
    const config = { capabilities: ["http:127.0.0.1"], limits: { http_kb: 1, memory_mb: 16 } };
    assert.match(await output(`
      local size, pieces = 0, 0
      local r = assert(komodo.http{ url = "${base}/moved", on_chunk = function(bytes) size, pieces = size + #bytes, pieces + 1 assert(bytes:byte(1) == 0xe9) end })
      print(r.status, size, pieces > 10, r.body, r.url)
      local parts = {}
      print(komodo.http.get("${base}/none", { on_chunk = function(b) parts[#parts + 1] = b end }).status, table.concat(parts))
      print(select(2, komodo.http.get("${base}/broken", { on_chunk = function() end })).code)
      print(select(2, komodo.http.get("http://127.0.0.2/", { on_chunk = function() end })).code)
    `, config), /^200\t41943040\ttrue\tnil\thttp:.*whole\n404\tnothing\n(io|protocol)\nforbidden\n/);
    sent = closed = 0;
    const slow = await start(await create(`
      komodo.http.get("${base}/endless", { on_chunk = function() print("first") komodo.sleep(60) end })`, config));
    await eventually("the first piece", async () => main(await komodo.read("GetUpdate", { id: slow }))?.stdout.includes("first"));
    let before;
    await eventually("the server waits", async () => { const now = sent; const still = now === before; before = now; return still; });
    assert.ok(sent < 32 * 1024 * 1024, `sent ${sent}`);
    await komodo.execute("CancelAction", { action: (await komodo.read("GetUpdate", { id: slow })).target.id });
    await finished(slow);
    await eventually("the connection is given back", () => closed === 1);
    assert.match(await output(`
      local n = 0
      local r = assert(komodo.http.get("${base}/endless", { on_chunk = function() n = n + 1 return n < 3 end }))
      print(r.status, n)
      local ok, why = pcall(komodo.http.get, "${base}/endless", { on_chunk = function() error("enough") end })
      print(ok, why:match("enough"))
    `, config), /^200\t3\nfalse\tenough\n/);
    await eventually("all connections are given back", () => closed === 3);
  } finally { server.closeAllConnections(); server.close(); }
});

test("resources have short names", async () => {
  assert.match(await output(`
    local made = assert(komodo.actions.create{ name = "short", config = { file_contents = "print(komodo.args.x)" } })
    print(made.name, komodo.actions.get("short").name, #komodo.actions.list{ names = { "short" } })
    assert(komodo.actions.update("short", { run_at_startup = false }))
    print(assert(komodo.actions.run("short", { args = { x = 1 } }, { timeout = 20 })).success)
    print(assert(komodo.actions.delete("short")).name, select(2, komodo.actions.get("short")).code)
    print(select(2, komodo.stacks.deploy("none")).code, #komodo.servers.list())
    assert(komodo.read("ListServers", { query = { names = {}, tags = {} } }))   -- an empty table is an empty list where one is wanted
    assert(komodo.actions.create{ name = "empty", config = { file_contents = "", capabilities = {} } })
    print(komodo.json.is_array(komodo.actions.get("empty").config.capabilities))
  `), /^short\tshort\t1\ntrue\nshort\tnot_found\nnot_found\t0\ntrue\n/);
});
