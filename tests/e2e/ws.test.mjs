// /ws/update from below: logins, what comes before them, slow and many subscribers (spec api.md 13.1, 13.2).
import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { after, before, test } from "node:test";
import { eventually, startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login, post, raw, request, resident, websocket } from "./tools.mjs";

const LOGIN_DEADLINE_MS = 30000;
const dir = tempDir("ws");
let pair, jwt, as, url, key, quiet, silent, silentFor;

before(async () => {
  // Freed memory is given back at once, or the sanitizer's own hoard would hide what the engine keeps.
  pair = await startPair(dir, { agent: false, env: { ASAN_OPTIONS: "detect_leaks=1:quarantine_size_mb=1" } });
  jwt = await login(pair);
  const agent = new http.Agent({ keepAlive: true });
  as = caller(pair, bearer(jwt), { agent });
  url = `${pair.url.replace("http", "ws")}/ws/update`;
  key = await as.manage("CreateApiKey", { name: "ws" });
  await as.write("CreateVariable", { name: "V", value: "0" });
  quiet = await startPair(path.join(dir, "quiet"), { agent: false });
  silent = websocket(`${quiet.url.replace("http", "ws")}/ws/update`);
  await silent.opened;
  const since = Date.now();
  silentFor = silent.closed.then(() => Date.now() - since);
});
after(async () => {
  try { await pair?.stop(); await quiet?.stop(); } finally { fs.rmSync(dir, { recursive: true, force: true }); }
});

let value = 0;
const change = () => as.write("UpdateVariableValue", { name: "V", value: String(++value) });
const loginFrame = () => ({ type: "Jwt", params: { jwt } });
async function subscribe(options) {
  const ws = websocket(url, options);
  await ws.opened;
  ws.send(loginFrame());
  await eventually("logged in", () => ws.frames.includes("LOGGED_IN"));
  return ws;
}
const updates = (ws) => ws.frames.filter((f) => f.startsWith("{")).map((f) => JSON.parse(f));
const events = (ws) => updates(ws).filter((u) => u.operation === "UpdateVariableValue");
const engineText = (name) => fs.readFileSync(`/proc/${pair.engine.child.pid}/${name}`, "utf8");
const openFiles = () => fs.readdirSync(`/proc/${pair.engine.child.pid}/fd`).length;

test("both kinds of credentials log in, as text or as bytes", async () => {
  for (const credentials of [loginFrame(), { type: "Jwt", params: { jwt: `Bearer ${jwt}` } }, { type: "ApiKeys", params: key }])
    for (const binary of [false, true]) {
      const ws = websocket(url);
      await ws.opened;
      ws.socket.send(Buffer.from(JSON.stringify(credentials)), { binary });
      await eventually(`${credentials.type} logs in`, () => ws.frames.length);
      assert.deepEqual(ws.frames, ["LOGGED_IN"]);
      ws.socket.close();
      await ws.closed;
    }
});

test("a refused login is told why, then closed", async () => {
  const refused = [
    [{ type: "Jwt", params: { jwt: "x.y.z" } }, /^\[401 Unauthorized\]: Invalid user credentials$/],
    [{ type: "Jwt", params: { jwt: "" } }, /^\[401 Unauthorized\]: /],
    [{ type: "ApiKeys", params: { key: "K_x_K", secret: "S_x_S" } }, /^\[401 Unauthorized\]: Invalid user credentials$/],
    [{ type: "ApiKeys", params: { key: key.key, secret: "S_x_S" } }, /^\[401 Unauthorized\]: Invalid user credentials$/],
    [{ type: "ApiKeys", params: { key: key.key } }, /^\[400 Bad Request\]: Invalid login message/],
    [{ type: "Jwt" }, /^\[400 Bad Request\]: Invalid login message/], [{ type: "Other", params: { jwt } }, /^\[400 /],
    [{ jwt }, /^\[400 /], ["LOGIN", /^\[400 /], ["", /^\[400 /], ["[]", /^\[400 /], ["null", /^\[400 /], [`${"[".repeat(5000)}`, /^\[400 /],
  ];
  for (const [message, answer] of refused) {
    const ws = websocket(url);
    await ws.opened;
    ws.send(message);
    await ws.closed;
    assert.equal(ws.frames.length, 1, JSON.stringify(message));
    assert.match(ws.frames[0], answer, JSON.stringify(message));
    assert.ok(!ws.frames[0].includes(jwt.slice(-20)));
  }
});

test("nothing is sent to a client whose login was refused", async () => {
  const ws = websocket(url);
  await ws.opened;
  await change();
  ws.send({ type: "Jwt", params: { jwt: "x" } });
  ws.send(loginFrame());
  await change();
  await ws.closed;
  assert.equal(ws.frames.length, 1);
  assert.match(ws.frames[0], /^\[401 /);
});

test("changes between the upgrade and the login come after it, in order", async () => {
  for (const credentials of [loginFrame(), { type: "ApiKeys", params: key }]) {
    const ws = websocket(url);
    await ws.opened;
    const first = value;
    for (let i = 0; i < 5; i++) await change();
    assert.deepEqual(ws.frames, []);
    ws.send(credentials);
    await Promise.all([change(), change()]);
    await eventually("all are there", () => events(ws).length === 7);
    assert.equal(ws.frames[0], "LOGGED_IN");
    assert.equal(new Set(updates(ws).map((u) => u.id)).size, 7);
    assert.equal(value, first + 7);
    ws.socket.close();
  }
});

test("an event is the list item of its Update", async () => {
  const ws = await subscribe();
  await change();
  await eventually("it came", () => events(ws).length === 1);
  const [event] = events(ws);
  const listed = (await as.read("ListUpdates", { query: { operation: "UpdateVariableValue" } })).updates[0];
  assert.deepEqual(event, listed);
  assert.deepEqual([event.username, event.status, event.success, event.target], ["admin", "Complete", true, { type: "System", id: "system" }]);
  ws.socket.close();
});

test("what a client says after its login is ignored, pings are answered, Close is answered", async () => {
  const ws = await subscribe();
  for (const message of ["hello", loginFrame(), { type: "Jwt", params: { jwt: "x" } }, ""]) ws.send(message);
  ws.socket.send(Buffer.from([1, 2, 3]));
  const pong = new Promise((resolve) => ws.socket.once("pong", resolve));
  ws.socket.ping("there?");
  assert.equal((await pong).toString(), "there?");
  await change();
  await eventually("still subscribed", () => events(ws).length === 1);
  ws.socket.close(1000);
  assert.equal(await ws.closed, 1000);
});

test("frames that are too long, broken or unmasked end the connection, not the engine", async () => {
  const long = websocket(url);
  await long.opened;
  long.send("x".repeat(100 * 1024));
  assert.equal(await long.closed, 1009);
  const upgrade = "GET /ws/update HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  for (const [what, bytes] of [["unmasked", [0x81, 0x02, 0x7b, 0x7d]], ["a reserved opcode", [0x83, 0x80, 1, 2, 3, 4]],
    ["a reserved bit", [0xc1, 0x80, 1, 2, 3, 4]], ["a fragmented ping", [0x09, 0x80, 1, 2, 3, 4]], ["text that is none", [0x81, 0x81, 0, 0, 0, 0, 0xff]],
    ["a length of 2^63", [0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4]], ["a continuation of nothing", [0x80, 0x80, 1, 2, 3, 4]]]) {
    const text = await raw(pair, Buffer.concat([Buffer.from(upgrade), Buffer.from(bytes)]));
    assert.match(text, /^HTTP\/1\.1 101 /, what);
  }
  assert.equal((await request(`${pair.url}/version`)).status, 200);
});

test("a request that is no upgrade is refused", async () => {
  assert.equal((await request(`${pair.url}/ws/update`)).status, 400);
  for (const change_ of [{ "Sec-WebSocket-Version": "8" }, { "Sec-WebSocket-Key": "" }, { Upgrade: "h2c" }]) {
    const headers = { Connection: "close, Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", ...change_ };
    const lines = Object.entries(headers).map(([k, v]) => `${k}: ${v}\r\n`).join("");
    assert.match(await raw(pair, `GET /ws/update HTTP/1.1\r\nHost: x\r\n${lines}\r\n`, (t) => t.includes("trace")), /^HTTP\/1\.1 400 /, JSON.stringify(change_));
  }
  assert.equal((await post(`${pair.url}/ws/update`, {})).status, 405);
});

test("clients that leave while their key is checked leave nothing behind", async () => {
  const files = openFiles();
  const wrong = { type: "ApiKeys", params: { key: key.key, secret: "S_never_seen_before_S" } };
  await Promise.all(Array.from({ length: 40 }, async (_, i) => {
    const ws = websocket(url);
    await ws.opened;
    ws.send({ ...wrong, params: { ...wrong.params, secret: `S_${i}_S` } });
    if (i % 2) ws.socket.terminate(); else ws.socket.close();
    await ws.closed;
  }));
  await change();
  await eventually("their sockets are closed", () => openFiles() <= files);
});

test("an engine that stops while keys are checked ends cleanly", async () => {
  const other = await startPair(path.join(dir, "other"), { agent: false });
  const fresh = await caller(other, bearer(await login(other))).manage("CreateApiKey", { name: "fresh" });
  const sockets = await Promise.all(Array.from({ length: 8 }, async () => {
    const ws = websocket(`${other.url.replace("http", "ws")}/ws/update`);
    await ws.opened;
    return ws;
  }));
  for (const [i, ws] of sockets.entries()) ws.send({ type: "ApiKeys", params: { key: fresh.key, secret: `S_${i}_S` } });
  await other.stop();
  await Promise.all(sockets.map((ws) => ws.closed));
});

test("three hundred subscribers hear every change, and leave nothing behind", async () => {
  const files = openFiles();
  const all = await Promise.all(Array.from({ length: 300 }, () => subscribe()));
  const first = value;
  for (let i = 0; i < 10; i++) await change();
  for (const ws of all) await eventually("everybody heard of all", () => events(ws).length === 10);
  const ids = updates(all[0]).map((u) => u.id);
  for (const ws of all) assert.deepEqual(updates(ws).map((u) => u.id), ids);
  assert.equal(value, first + 10);
  // Half say goodbye, half are just gone.
  all.forEach((ws, i) => (i % 2 ? ws.socket.close() : ws.socket.terminate()));
  await eventually("their sockets are closed", () => openFiles() <= files);
  await change();
});

test("a subscriber that never reads is dropped, and others miss nothing", { timeout: 60000 }, async () => {
  const before = resident(engineText("status"));
  const slow = await Promise.all(Array.from({ length: 20 }, () => subscribe()));
  for (const ws of slow) ws.socket._socket.pause();
  const fast = await subscribe();
  // Writers in parallel; each waits for its answer, so what is sent is what is counted.
  let sent = 0, peak = 0;
  const names = Array.from({ length: 16 }, (_, i) => `W${i}`);
  await Promise.all(names.map((name) => as.write("CreateVariable", { name, value: "0" })));
  const files = openFiles();
  await eventually("the slow ones are dropped", async () => {
    await Promise.all(names.map(async (name) => {
      for (let i = 0; i < 20; i++, sent++) await as.write("UpdateVariableValue", { name, value: `v${sent}` });
    }));
    peak = Math.max(peak, resident(engineText("status")));
    return openFiles() <= files - slow.length;
  }, 50000);
  assert.ok(peak - before < 64 << 20, `it grew by ${(peak - before) >> 20} MB`);
  await eventually("the fast one has all", () => events(fast).length === sent);
  assert.equal(new Set(events(fast).map((u) => u.id)).size, sent);
  for (const ws of slow) ws.socket._socket.resume();
  await Promise.all(slow.map((ws) => ws.closed));
  for (const ws of slow) assert.ok(events(ws).length < sent);
  fast.socket.close();
});

test("a client that lets too much happen before its login is closed", async () => {
  const ws = websocket(url);
  await ws.opened;
  for (let i = 0; i < 60; i++) await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((n) => as.write("UpdateVariableValue", { name: `W${n}`, value: `early ${i}` })));
  await ws.closed;
  assert.deepEqual(ws.frames, []);
});

test("a client that never logs in is closed after half a minute, not before", { timeout: 60000 }, async () => {
  const waited = await silentFor;
  assert.ok(waited > LOGIN_DEADLINE_MS - 1000 && waited < LOGIN_DEADLINE_MS + 5000, `${waited} ms`);
  assert.deepEqual(silent.frames, []);
});
