// A recorded run of the real engine, replayed by km: the same script gives the same, a changed one is told where it differs.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { after, before, test } from "node:test";
import { bin, eventually, startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login, objectId, store, stored, userDocument } from "./tools.mjs";

const dir = tempDir("replay");
let pair, as, port;
const server = http.createServer((req, res) => res.end(req.url === "/raw" ? Buffer.from([0xff, 0, 1]) : "hello s3cr3t-value"));

before(async () => {
  await new Promise((resolve) => server.listen(0, resolve));
  ({ port } = server.address());
  pair = await startPair(dir, { agent: false });
  await pair.engine.stop();
  const hash = stored(pair, "User")[0].config.data.password, rights = { nobody: {}, reader: { all: { Action: "Read" } }, starter: { all: { Action: "Execute" } } };
  store(pair, { User: Object.fromEntries(Object.entries(rights).map(([name, more], i) => [objectId(0xb0 + i), userDocument(objectId(0xb0 + i), name, hash, more)])) });
  await pair.startEngine();
  as = caller(pair, bearer(await login(pair)));
  await as.write("CreateVariable", { name: "TOKEN", value: "s3cr3t-value", is_secret: true });
  await as.write("CreateAction", { name: "child", config: { file_contents: "print(komodo.args.n) if komodo.args.bad then error('broken') end" } });
  await as.write("CreateAction", { name: "lib", config: { library: true, file_contents: "return { twice = function(n) return 2 * n end }" } });
});
after(async () => {
  server.closeAllConnections();
  server.close();
  try { await pair?.stop(); } finally { fs.rmSync(dir, { recursive: true, force: true }); }
});

const source = () => `
  local lib = require("lib")
  local token = assert(komodo.secret("TOKEN"))
  assert(komodo.event.type == "manual" and komodo.event.args.name == "x")
  print("start", lib.twice(4), os.date("!%Y", os.time()) == os.date("!%Y"), komodo.args.name)
  local order = {}
  for i = 1, 20 do order[i] = i end
  for i = #order, 2, -1 do local j = math.random(i) order[i], order[j] = order[j], order[i] end
  komodo.kv.set("order", order)
  komodo.kv.set("at", komodo.now())
  local answers = komodo.all{
    function() return assert(komodo.http.get("http://127.0.0.1:${port}/a", { headers = { X = "t " .. token } })).body end,
    function() return #assert(komodo.http.get("http://127.0.0.1:${port}/raw")).body end,
    function() local n = 0 komodo.http.get("http://127.0.0.1:${port}/raw", { on_chunk = function(b) n = n + #b end }) return n end,
    function() return select(2, komodo.read("GetStack", { stack = "none" })).code end,
    function() return select(2, komodo.timeout(0.1, function() komodo.lock("a", function() komodo.sleep(60) end) end)).code end,
  }
  print(answers)
  komodo.stage("Child", function()
    assert(komodo.actions.run("child", { args = { n = #order } }))
    print(select(2, komodo.execute("RunAction", { action = "child", args = { n = 1, bad = true } })).code)
  end)
  return { answers = answers, first = order[1], time = komodo.time.format(komodo.now()) }
`;

const finished = (id) => eventually("the run ends", async () => { const u = await as.read("GetUpdate", { id }); return u.status === "Complete" && u; });
async function record(name, text, config = {}, params = {}) {
  await as.write("CreateAction", { name, config: { file_contents: text, ...config } });
  const { _id } = await as.execute("RunAction", { action: name, record: true, ...params });
  const update = await finished(_id.$oid);
  return { id: _id.$oid, update };
}
const save = (name, value) => { const file = path.join(dir, name); fs.writeFileSync(file, typeof value === "string" ? value : JSON.stringify(value)); return file; };
function replay(...args) {
  const { status, stdout, stderr } = spawnSync(path.join(bin, "km"), ["script", "replay", ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

test("a run is recorded, replayed offline, and a change is found", async () => {
  const { id, update } = await record("recorded", source(), { capabilities: ["*", "http:127.0.0.1"] }, { args: { name: "x" } });
  assert.ok(update.success || update.logs[0].success, JSON.stringify(update.logs));
  const answer = await as.read("GetActionRecording", { id });
  assert.equal(answer.id, id);
  assert.doesNotMatch(JSON.stringify(answer), /s3cr3t/);
  const { recording } = answer;
  assert.equal(recording.version, 1);
  assert.equal(recording.outcome.status, "ok");
  assert.ok(recording.calls.some((c) => c.name === "http" && c.took >= 0 && /<TOKEN>/.test(JSON.stringify(c.answer))));
  const run = save("run.json", answer);
  const same = replay(run);
  assert.deepEqual([same.status, same.stderr], [0, ""], JSON.stringify(same));
  assert.match(same.stdout, /start\t8\ttrue\tx\n\["hello <TOKEN>",3,3,"not_found","timeout"\]\nfailed\nthe same as recorded\n/);
  assert.equal(replay(save("inner.json", answer.recording)).status, 0);

  const script = save("script.lua", source());
  assert.equal(replay(run, script).status, 0);
  const changed = replay(run, save("changed.lua", source().replace('"order", order', '"other", order')));
  assert.equal(changed.status, 1);
  assert.match(changed.stderr, /call 3 differs\n +recorded: komodo kv_set \{"key":"order".*\n +now: +komodo kv_set \{"key":"other"/);
  const fewer = replay(run, save("fewer.lua", source().replace('komodo.kv.set("at", komodo.now())', "komodo.now()")));
  assert.match(fewer.stderr, /call 4 is not made any more\n +recorded: komodo kv_set \{"key":"at"/);
  const more = replay(run, save("more.lua", source().replace("return {", "komodo.read('GetVersion') return {")));
  assert.match(more.stderr, /call \d+ is new\n +now: +read GetVersion \{\}/);
  const other = replay(run, save("other.lua", source().replace("first = order[1]", "first = order[2]")));
  assert.match(other.stderr, /the result differs/);
  assert.match(replay(run, save("bad.lua", "local x = = 1")).stderr, /the script has an error/);
});

test("runs that fail or are stopped are replayed as far as they came", async () => {
  const failing = await record("failing", "print('a') assert(komodo.read('GetStack', { stack = 'none' }))");
  const failed = replay(save("failed.json", await as.read("GetActionRecording", { id: failing.id })));
  assert.deepEqual([failed.status, failed.stderr], [0, ""]);
  assert.match(failed.stdout, /^a\nfails as recorded: .*none/);
  const stopped = await record("stopped", "komodo.read('GetVersion') while true do komodo.sleep(0.01) komodo.kv.get('a') end", { limits: { wall_seconds: 0.2 } });
  const cut = replay(save("cut.json", await as.read("GetActionRecording", { id: stopped.id })));
  assert.deepEqual([cut.status, cut.stderr], [0, ""]);
  assert.match(cut.stdout, /the recording ends here: the run was stopped \(limit: time/);
});

test("recordings are bounded, kept for the newest 20 runs, and not read by those who may not run the Action", async () => {
  const big = await record("big", "for i = 1, 400 do komodo.kv.set('a', ('x'):rep(60000)) end return 1");
  const answer = await as.read("GetActionRecording", { id: big.id });
  const { length } = JSON.stringify(answer);
  assert.ok(length < 18 * 1024 * 1024 && length > 15 * 1024 * 1024, `${length}`);
  assert.equal(answer.recording.truncated, true);
  const first = await record("often", "komodo.kv.incr('n')");
  const whole = (await as.read("GetActionRecording", { id: first.id })).recording;
  const cut = replay(save("cut.json", { ...whole, truncated: true, calls: [] }));
  assert.match(cut.stdout, /reached its size/, JSON.stringify(cut));
  for (let i = 0; i < 20; i++) await finished((await as.execute("RunAction", { action: "often", record: true }))._id.$oid);
  assert.equal((await as.ask("read", "GetActionRecording", { id: first.id })).status, 404);
  const unrecorded = (await as.execute("RunAction", { action: "often" }))._id.$oid;
  await finished(unrecorded);
  assert.equal((await as.ask("read", "GetActionRecording", { id: unrecorded })).status, 404);
  for (const id of ["", "x/text", `${big.id}/text`]) assert.notEqual((await as.ask("read", "GetActionRecording", { id })).status, 200);

  // Reading the Action shows its runs; what a run read and was given is for those who could start it.
  const answers = async (name) => {
    const user = caller(pair, bearer(await login(pair, name)));
    const asked = [["read", "GetActionRun", { id: big.id }], ["read", "GetActionRecording", { id: big.id }], ["execute", "RunAction", { action: "big", record: true }]];
    return Promise.all(asked.map(async ([group, request, params]) => (await user.ask(group, request, params)).status));
  };
  assert.deepEqual(await answers("nobody"), [403, 403, 403]);
  assert.deepEqual(await answers("reader"), [200, 403, 403]);
  assert.deepEqual(await answers("starter"), [200, 200, 200]);
  await eventually("its run is over", async () => (await as.read("GetActionActionState", { action: "big" })).running === 0);
  await as.write("DeleteAction", { id: "big" });
  assert.equal((await as.ask("read", "GetActionRecording", { id: big.id })).status, 404);
});
