// Sixteen clients write; the engine is killed again and again in the middle of it. What it had acknowledged must be there
// afterwards, and what it had not acknowledged is there whole or not at all.
import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import { after, before, test } from "node:test";
import { startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login, sql, stored } from "./tools.mjs";

const CLIENTS = 16, KILLS = 20;
const dir = tempDir("kill");
let pair, headers;

before(async () => {
  pair = await startPair(dir, { agent: false });
  headers = bearer(await login(pair));
});
after(async () => {
  try { await pair?.stop(); } finally { fs.rmSync(dir, { recursive: true, force: true }); }
});

// What must be there: name -> value. `may`: what a request under way when the engine died may have made of it.
const ABSENT = undefined;
class Promised {
  constructor() { this.now = new Map(); this.may = new Map(); }
  check(kind, found) {
    for (const [name, value] of this.now) {
      if (this.may.has(name)) continue;
      assert.equal(found.get(name), value, `${kind} ${name} was acknowledged`);
    }
    for (const [name, value] of this.may) {
      const got = found.get(name);
      assert.ok(got === value || got === this.now.get(name), `${kind} ${name} is ${got}, neither ${this.now.get(name)} nor ${value}`);
      if (got === ABSENT) this.now.delete(name); else this.now.set(name, got);
    }
    this.may.clear();
    for (const name of found.keys()) assert.ok(this.now.has(name), `nobody asked for ${kind} ${name}`);
  }
}
const variables = new Promised(), tags = new Promised(), procedures = new Promised();
const acknowledged = [];   // [operation, what its Update says]
let serial = 0, requests = 0;

/** One change: remembered as possible, asked for, remembered as made. False when the engine is gone. */
async function change(as, promised, name, value, request, params, update) {
  promised.may.set(name, value);
  let answer;
  try { answer = await as.ask("write", request, params); } catch { return false; }
  assert.equal(answer.status, 200, `${request}: ${answer.text}`);
  promised.may.delete(name);
  if (value === ABSENT) promised.now.delete(name); else promised.now.set(name, value);
  if (update) acknowledged.push([request, update(answer.json)]);
  requests++;
  return true;
}

async function client(as, number) {
  const mine = [];
  for (let round = 0; ; round++) {
    const id = serial++, name = `V${number}_${id}`, value = `value ${id}`;
    if (!await change(as, variables, name, value, "CreateVariable", { name, value }, () => `name: ${name}\n`)) return;
    mine.push(name);
    const fresh = `changed ${id}`;
    if (!await change(as, variables, name, fresh, "UpdateVariableValue", { name, value: fresh }, () => `to: ${fresh}`)) return;
    if (round % 2 === 0 && !await change(as, tags, `t${id}`, "Blue", "CreateTag", { name: `t${id}`, color: "Blue" })) return;
    if (round % 3 === 0 && !await change(as, procedures, `p${id}`, "", "CreateProcedure", { name: `p${id}` }, (p) => p._id.$oid)) return;
    if (round % 4 === 3) {
      const gone = mine.shift();
      if (!await change(as, variables, gone, ABSENT, "DeleteVariable", { name: gone }, () => `name: ${gone}\n`)) return;
    }
  }
}

async function check() {
  const as = caller(pair, headers);
  variables.check("Variable", new Map((await as.read("ListVariables")).map((v) => [v.name, v.value])));
  tags.check("Tag", new Map((await as.read("ListTags")).filter((t) => t.name !== "system").map((t) => [t.name, t.color])));
  const list = await as.read("ListProcedures", { limit: 0, query: { terms: ["p"] } });
  procedures.check("Procedure", new Map(list.filter((p) => /^p\d+$/.test(p.name)).map((p) => [p.name, ""])));
}

test(`nothing that was acknowledged is lost in ${KILLS} kills`, { timeout: 120000 }, async () => {
  for (let kill = 0; kill < KILLS; kill++) {
    const agent = new http.Agent({ keepAlive: true });
    const clients = Array.from({ length: CLIENTS }, (_, n) => client(caller(pair, headers, { agent }), n));
    const before = requests;
    // Not before it writes, and each time at another moment of what it does.
    const until = before + 5 + (kill * 37) % 150;
    while (requests < until) await new Promise((r) => setImmediate(r));
    await pair.engine.stop("SIGKILL");
    await Promise.all(clients);
    agent.destroy();
    if (kill % 3 === 2) {   // once more, while it puts itself in order
      const starting = pair.startEngine();
      await Promise.race([starting.catch(() => {}), new Promise((r) => setTimeout(r, kill * 8))]);
      await pair.engine.stop("SIGKILL");
      await starting.catch(() => {});
    }
    await pair.startEngine();
    await check();
  }
  assert.ok(requests > KILLS * 5);
});

test("the file is intact and every acknowledged change has its Update", async () => {
  await pair.engine.stop();
  assert.equal(sql(pair, "PRAGMA quick_check;").trim(), "ok");
  const updates = stored(pair, "Update"), said = new Map();
  for (const u of updates) {
    assert.equal(u.status, "Complete", `${u.operation} is not left in progress`);
    const list = said.get(u.operation) ?? said.set(u.operation, []).get(u.operation);
    list.push(`${u.target.id}\n${u.logs.map((l) => l.stdout).join("\n")}\n`);
  }
  const all = new Map([...said].map(([operation, list]) => [operation, list.join("\0")]));
  for (const [operation, text] of acknowledged) assert.ok(all.get(operation)?.includes(text), `${operation} '${text}' has no Update`);
  // A change and its record are one commit: what was on its way when the engine was killed has both or neither.
  const ids = new Set(updates.filter((u) => u.operation === "CreateProcedure").map((u) => u.target.id));
  for (const p of stored(pair, "Procedure")) assert.ok(ids.has(p._id.$oid), `Procedure ${p.name} has no Update`);
  await pair.startEngine();
  await check();
});
