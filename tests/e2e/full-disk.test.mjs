// The disk of the data folder runs full: writes are refused in words, reads go on, and with space it all goes on by itself.
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { eventually, startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login, request } from "./tools.mjs";

const MB = 1 << 20;
const dir = tempDir("disk"), data = path.join(dir, "data");
fs.mkdirSync(data, { recursive: true });
// The small disk is there for the holder of a mount namespace alone, and goes with it.
const tried = spawnSync("unshare", ["--mount", "--propagation", "private", "mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", data]);
const skip = tried.status === 0 ? false : `no private tmpfs can be mounted here: ${tried.error?.message ?? tried.stderr}`;
let holder, inside, pair, headers, as;

before(async () => {
  if (skip) return;
  holder = spawn("unshare", ["--mount", "--propagation", "private", "sh", "-c",
    `mount -t tmpfs -o size=12m tmpfs "${data}" && touch "${data}/.mounted" && exec sleep infinity`], { stdio: "ignore" });
  inside = `/proc/${holder.pid}/root${data}`;
  await eventually("the small disk is mounted", () => fs.existsSync(`${inside}/.mounted`));
  pair = await startPair(dir, { agent: false, through: through() });
  headers = bearer(await login(pair));
  as = caller(pair, headers);
});
after(async () => {
  try { await pair?.stop(); } finally {
    holder?.kill("SIGKILL");
    fs.rmSync(dir, { recursive: true, force: true });
  }
});

const through = () => ["nsenter", "--mount", `--target=${holder.pid}`, "--"];
function sqlite(statement) {
  const [program, ...rest] = [...through(), "sqlite3", path.join(data, "komodo.db"), statement];
  return execFileSync(program, rest, { encoding: "utf8" }).trim();
}

const filler = () => path.join(inside, "filler");
function fill() {
  const fd = fs.openSync(filler(), "a");
  try {
    for (let piece = MB; piece >= 1;) {
      try { fs.writeSync(fd, Buffer.alloc(piece, "x")); } catch (e) {
        if (e.code !== "ENOSPC") throw e;
        piece = Math.floor(piece / 2);
      }
    }
  } finally { fs.closeSync(fd); }
}

const kept = new Map();   // acknowledged variables
let serial = 0, interrupted;
async function write() {
  const name = `V${serial++}`, value = name.padEnd(8000, "v");
  const answer = await as.ask("write", "CreateVariable", { name, value });
  if (answer.status === 200) kept.set(name, value);
  return answer;
}
async function check() {
  const found = new Map((await as.read("ListVariables")).map((v) => [v.name, v.value]));
  assert.deepEqual([...found.keys()].sort(), [...kept.keys()].sort());
  for (const [name, value] of kept) assert.equal(found.get(name), value);
}

test("writes are refused with 507 and words once the disk is full", { skip }, async () => {
  for (let i = 0; i < 10; i++) assert.equal((await write()).status, 200);
  fill();
  let answer;
  for (let i = 0; i < 2000 && answer?.status !== 507; i++) answer = await write();
  assert.equal(answer.status, 507, answer.text);
  assert.match(`${answer.json.error} ${answer.json.trace}`, /no space left/i);
  for (let i = 0; i < 5; i++) assert.equal((await write()).status, 507);
});

test("every kind of write says the same", { skip }, async () => {
  for (const [group, name, params] of [["write", "CreateTag", { name: "t" }], ["write", "CreateProcedure", { name: "p" }],
    ["write", "CreateServer", { name: "s" }], ["auth/manage", "CreateApiKey", { name: "k" }],
    ["write", "SetLastSeenUpdate", {}], ["execute", "TestAlerter", { alerter: "none" }]]) {
    const answer = await as.ask(group, name, params);
    if (name === "TestAlerter") assert.ok(answer.status >= 400);
    else assert.equal(answer.status, 507, `${name}: ${answer.status} ${answer.text}`);
  }
  assert.deepEqual(await as.read("ListProcedures", { query: { names: ["p"] } }), []);
});

test("reads go on, and nothing refused is visible", { skip }, async () => {
  await check();
  const { updates } = await as.read("ListUpdates");
  assert.ok(updates.length >= 10);
  assert.equal((await as.read("GetUpdate", { id: updates[0].id })).operation, updates[0].operation);
  assert.equal((await request(`${pair.url}/user`, { headers })).json.username, "admin");
  assert.ok(await login(pair));
});

test("an engine killed at work on a full disk comes back, and reads", { skip }, async () => {
  fs.rmSync(filler());
  await as.write("CreateAction", { name: "endless", config: { file_contents: "while true do komodo.sleep(1) end" } });
  interrupted = (await as.execute("RunAction", { action: "endless" }))._id.$oid;
  fill();
  for (let i = 0; i < 2000 && (await write()).status !== 507; i++);
  await pair.engine.stop("SIGKILL");
  await pair.startEngine();
  await check();
  assert.equal((await as.read("GetUpdate", { id: interrupted })).operation, "RunAction");
  assert.equal((await write()).status, 507);
});

test("an engine stopped on a full disk starts again, or ends with one clear line", { skip }, async () => {
  await pair.engine.stop();
  fill();
  const before = pair.engine.text().length;
  try { await pair.startEngine(); } catch {
    const end = await pair.engine.ended;
    assert.equal(end.code, 1);
    assert.match(pair.engine.text().slice(before).trim().split("\n").at(-1), /^komodo: .*no space left/i);
    fs.truncateSync(filler(), 0);
    await pair.startEngine();
  }
  await check();
});

test("with space again it goes on by itself, and what ended meanwhile is kept", { skip }, async () => {
  fs.rmSync(filler());
  await as.write("CreateAction", { name: "sleeper", config: { file_contents: 'komodo.sleep(0.5) print("slept well")' } });
  const { _id } = await as.execute("RunAction", { action: "sleeper" });
  const id = _id.$oid;
  fill();
  for (let i = 0; i < 2000 && (await write()).status !== 507; i++);
  const ended = () => eventually("the Action ended", async () => { const u = await as.read("GetUpdate", { id }); return u.status === "Complete" && u; });
  assert.equal((await ended()).success, true);
  const item = (await as.read("ListUpdates", { query: { operation: "RunAction" } })).updates[0];
  assert.deepEqual([item.id, item.status], [id, "Complete"]);
  assert.match(pair.engine.text(), /the end of RunAction [0-9a-f]{24} cannot be stored yet: .*no space left/);
  fs.rmSync(filler());
  assert.equal((await write()).status, 200);
  for (let i = 0; i < 20; i++) assert.equal((await write()).status, 200);
  await check();
  await eventually("its end is stored", () => JSON.parse(sqlite(`SELECT doc FROM "Update" WHERE id='${id}';`)).status === "Complete", 40000);
  await pair.engine.stop("SIGKILL");
  await pair.startEngine();
  await check();
  assert.match(JSON.stringify((await as.read("GetUpdate", { id: interrupted })).logs), /Komodo shutdown/);
  const kept_ = await ended();
  assert.equal(kept_.success, true);
  assert.match(JSON.stringify(kept_.logs), /slept well/);
});

test("the file is intact", { skip }, async () => {
  await pair.engine.stop();
  assert.equal(sqlite("PRAGMA quick_check;"), "ok");
  assert.ok(Number(sqlite('SELECT count(*) FROM "Variable";')) === kept.size);
});
