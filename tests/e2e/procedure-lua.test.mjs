// What Procedures have beyond Komodo's (spec lua.md 2): conditions, results of Actions, inline scripts, stops that reach what they started.
import assert from "node:assert/strict";
import fs from "node:fs";
import { after, before, test } from "node:test";
import { eventually, startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login, post } from "./tools.mjs";

const dir = tempDir("procedure-lua");
let pair, komodo;

before(async () => {
  pair = await startPair(dir, { agent: false, env: { KOMODO_ENABLE_NEW_USERS: "true", KOMODO_PROCEDURE_PARALLELISM: "3" } });
  komodo = caller(pair, bearer(await login(pair)));
});
after(async () => {
  try { await pair?.stop(); } finally { fs.rmSync(dir, { recursive: true, force: true }); }
});

const complete = (id) => eventually(`update ${id} is complete`, async () => {
  const u = await komodo.read("GetUpdate", { id });
  return u.status === "Complete" && u;
});
const run = async (name, params) => complete((await komodo.execute(name, params))._id.$oid);
const runs = async (res, operation) => (await komodo.read("ListUpdates", { query: { "target.id": res._id.$oid, operation } })).updates;
const one = (type, params = {}, more = {}) => ({ execution: { type, params }, enabled: true, ...more });
const act = (action, more) => one("RunAction", { action }, more);
const stage = (name, ...executions) => ({ name, enabled: true, executions });
const procedure = (name, ...stages) => komodo.write("CreateProcedure", { name, config: { stages } });
const action = (name, file_contents, config = {}) => komodo.write("CreateAction", { name, config: { file_contents, concurrency: "parallel", ...config } });
const plain = (text) => text.replace(/<[^>]*>/g, "");
const lines = (u) => plain(u.logs[0].stdout).split("\n").slice(1).map((l) => l.replace("INFO: ", "").replace(/ in [\d.]+ m?s/, ""));
const words = (u) => plain(u.logs.map((l) => l.stdout + l.stderr).join("\n"));

test("conditions decide over stages and executions, by what earlier ones returned", async () => {
  await action("gives", 'return { version = "2.0", list = { 1, 2 } }');
  const never = await action("never", "print(1)"), ran = await action("ran", "print(1)");
  await procedure("conditions",
    stage("Build", act("gives"), one("None")),
    { ...stage("off", act("never")), enabled: false },
    { ...stage("no", act("never")), when: 'results.Build.executions[1].result.version == "1.0"' },
    stage("some", act("never", { when: "results.no.ok" }), act("ran", { when: "results[1].ok and not results[3].ok and results[3].skipped" }),
      one("BatchRunAction", { pattern: "never" }, { when: "nil" })),
    { ...stage("end", one("None")), when: `#results == 4 and results.off.skipped and results.some.executions[1].skipped
      and results.some.executions[2].target == "ran" and results.Build.executions[1].update_id and #results.Build.executions[1].result.list == 2
      and event.type == "manual" and event.user == "admin"` });
  const u = await run("RunProcedure", { procedure: "conditions" });
  assert.equal(u.success, true, words(u));
  assert.deepEqual(lines(u).sort(), ["Executing stage: 'Build'", "Executing: RunAction 'gives'", "Executing: None", "Finished execution: None",
    "Finished execution: RunAction 'gives'", "Finished stage 'Build' execution", "Skipped stage: 'no'", "Executing stage: 'some'",
    "Skipped execution: RunAction 'never'", "Skipped execution: BatchRunAction", "Executing: RunAction 'ran'", "Finished execution: RunAction 'ran'",
    "Finished stage 'some' execution", "Executing stage: 'end'", "Executing: None", "Finished execution: None", "Finished stage 'end' execution"].sort());
  assert.deepEqual(u.steps.map((s) => [s.stage, s.execution, s.type, s.state, s.done, s.updates.length]), [
    [0, 0, "RunAction", "Ok", 1, 1], [0, 1, "None", "Ok", 1, 0], [3, 0, "RunAction", "Skipped", 1, 0], [3, 2, "BatchRunAction", "Skipped", 1, 0],
    [3, 1, "RunAction", "Ok", 1, 1], [4, 0, "None", "Ok", 1, 0]]);
  assert.equal((await runs(never, "RunAction")).length, 0);
  assert.equal((await runs(ran, "RunAction")).length, 1);
});

test("a condition that is none is refused; one that fails, fails the stage in its own words", async () => {
  for (const [config, where] of [
    [{ stages: [{ ...stage("s"), when: "results ==" }] }, /config\.stages\[0\]\.when: expected a Lua expression: when:/],
    [{ stages: [stage("s", one("None"), one("None", {}, { when: "local x = 1" }))] }, /config\.stages\[0\]\.executions\[1\]\.when: expected/],
    [{ stages: [{ ...stage("s"), when: `"${"x".repeat(5000)}"` }] }, /config\.stages\[0\]\.when: longer than 4096 bytes/],
    [{ stages: [{ ...stage("s"), parallel: 0 }] }, /config\.stages\[0\]\.parallel: expected 1 to 1000/],
  ]) {
    const answer = await komodo.ask("write", "CreateProcedure", { name: "bad", config });
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.text, where);
  }
  for (const [when, message] of [
    ["results.Biuld.ok", /Failed to evaluate `when` of stage 's'[^]*when:1: attempt to index a nil value \(field 'Biuld'\)/],
    ["(function() while true do end end)()", /limit: cpu|CPU/i], ['("x"):rep(1e9)', /memory/],
    ['assert(komodo.read("ListServers", {}))', /over/], ["io.open('/etc/passwd')", /global 'io'/],
  ]) {
    const name = `failing ${message}`.replace(/\W/g, "").slice(0, 40).toLowerCase();
    await procedure(name, { ...stage("s", one("None")), when });
    const u = await run("RunProcedure", { procedure: name });
    assert.equal(u.success, false);
    assert.match(words(u), message);
    assert.doesNotMatch(words(u), /Executing: None/);
  }
});

test("Actions and Procedures learn what started them, and what happened before", async () => {
  const a = await action("asked", `
    local e = komodo.event
    print(e.type, e.procedure, e.stage, #e.results, e.results.first.executions[1].result, e.results[1].name)
    print(komodo.json.encode(e))
    return e`);
  await action("first", "return 41");
  await procedure("inner", stage("in", act("asked", { when: 'event.type == "procedure" and event.results.first == nil and event.results[1].executions[1].result == 41' })));
  await procedure("telling", stage("first", act("first")), stage("second", act("asked"), one("RunProcedure", { procedure: "inner" })));
  const u = await run("RunProcedure", { procedure: "telling" });
  assert.equal(u.success, false, "asked fails in inner, where nothing came before");
  const seen = await Promise.all((await runs(a, "RunAction")).map((x) => komodo.read("GetUpdate", { id: x.id })));
  assert.match(seen.map(words).join("\n"), /procedure\ttelling\tsecond\t1\t41\tfirst\n/);
  assert.match(seen.map(words).join("\n"), /"results":\[\{.*"result":41/);
  assert.equal(seen.length, 2);
});

test("what is returned is kept for later stages up to a bound", async () => {
  await action("large", 'return ("x"):rep(600 * 1024)');
  await procedure("heavy", stage("a", act("large")), stage("b", act("large")),
    { ...stage("c", one("None")), when: "#results.a.executions[1].result == 600 * 1024 and results.b.executions[1].result_dropped" });
  const u = await run("RunProcedure", { procedure: "heavy" });
  assert.equal(u.success, true, words(u));
  assert.match(words(u), /What RunAction 'large' returned is too large to be kept for later stages/);
  assert.match(words(u), /Executing: None/);
});

test("so many executions run at once as the stage says, else the engine", async () => {
  const most = async (parallel) => {
    const started = await komodo.execute("RunProcedure", { procedure: (await procedure(`wide-${parallel}`, { ...stage("s",
      ...Array.from({ length: 6 }, () => one("Sleep", { duration_ms: 300 }))), parallel }))._id.$oid });
    let max = 0;
    await eventually("it ends", async () => {
      const u = await komodo.read("GetUpdate", { id: started._id.$oid }), text = plain(u.logs[0]?.stdout ?? "");
      max = Math.max(max, text.split("Executing: ").length - text.split("Finished execution").length);
      return u.status === "Complete";
    });
    return max;
  };
  assert.equal(await most(undefined), 3);
  assert.equal(await most(2), 2);
});

test("a stop reaches Actions, Procedures and sleeps that a Procedure waits for", async () => {
  const napper = await action("napper", 'local over <close> = setmetatable({}, { __close = function() print("woken") end }) komodo.sleep(600)');
  const inner = await procedure("napping", stage("s", act("napper"), one("Sleep", { duration_ms: 600000 })), stage("t", one("None")));
  await procedure("stopped", stage("s", act("napper"), one("RunProcedure", { procedure: "napping" })), stage("t", one("None")));
  const { _id } = await komodo.execute("RunProcedure", { procedure: "stopped" });
  await eventually("both nap", async () => (await komodo.read("GetActionActionState", { action: "napper" })).running === 2);
  assert.equal((await run("CancelProcedure", { procedure: "stopped" })).success, true);
  const u = await complete(_id.$oid);
  assert.equal(u.success, false);
  assert.match(words(u), /Procedure cancelled before completion/);
  assert.doesNotMatch(words(u), /stage: 't'/);
  const [nested] = await runs(inner, "RunProcedure");
  assert.deepEqual([nested.status, nested.success], ["Complete", false]);
  const states = async (id) => (await komodo.read("GetUpdate", { id })).steps.map((s) => `${s.stage}.${s.execution} ${s.state}`).sort();
  assert.deepEqual([await states(_id.$oid), await states(nested.id)], [["0.0 Failed", "0.1 Failed"], ["0.0 Failed", "0.1 Failed"]]);
  assert.match(words(await komodo.read("GetUpdate", { id: nested.id })), /Procedure cancelled before completion/);
  for (const x of await runs(napper, "RunAction")) assert.deepEqual([x.status, x.success], ["Complete", false]);
});

test("Procedures that start each other in a circle say so", async () => {
  await procedure("loop-a", stage("s", one("None")));
  await procedure("loop-b", stage("s", one("RunProcedure", { procedure: "loop-a" })));
  await komodo.write("UpdateProcedure", { id: "loop-a", config: { stages: [stage("s", one("RunProcedure", { procedure: "loop-b" }))] } });
  const a = await run("RunProcedure", { procedure: "loop-a" });
  assert.equal(a.success, false);
  const b = await komodo.read("GetProcedure", { procedure: "loop-b" });
  const [inner] = await runs(b, "RunProcedure");
  assert.match(words(await komodo.read("GetUpdate", { id: inner.id })), /Self referential procedure detected: loop-a → loop-b → loop-a/);
  for (let i = 11; i >= 1; i--) await procedure(`deep-${i}`, stage("s", i === 11 ? one("None") : one("RunProcedure", { procedure: `deep-${i + 1}` })));
  assert.equal((await run("RunProcedure", { procedure: "deep-1" })).success, false);
  const [last] = await runs(await komodo.read("GetProcedure", { procedure: "deep-10" }), "RunProcedure");
  assert.match(words(await komodo.read("GetUpdate", { id: last.id })), /More than 10 Procedures and Actions start each other: deep-1 → /);
  assert.equal((await run("RunProcedure", { procedure: "deep-2" })).success, true);
});

// ---- scripts of a step's own ----

const script = (file_contents, params = {}) => one("RunAction", { action: "", file_contents, ...params });

test("a step may have a script of its own; what it returns is its result", async () => {
  const p = await procedure("inline",
    stage("one", script('komodo.kv.set("seen", (komodo.kv.get("seen") or 0) + 1) print(komodo.args.n, komodo.event.type) return { n = komodo.args.n + 1 }', { args: { n: 1 } }), script("return 2")),
    { ...stage("two", script("return komodo.event.results.one.executions[1].result.n + komodo.kv.get('seen')")), when: "results.one.executions[2].result == 2" },
    { ...stage("three", one("None")), when: "results.two.executions[1].result == 3 and results.two.executions[1].target == nil" });
  const u = await run("RunProcedure", { procedure: "inline" });
  assert.equal(u.success, true, words(u));
  assert.match(words(u), /Executing: script\n[^]*Executing: None/);
  const list = await runs(p, "RunAction");
  assert.equal(list.length, 3);
  assert.ok(list.every((x) => x.target.type === "Procedure" && x.status === "Complete" && x.success));
  assert.match((await Promise.all(list.map((x) => komodo.read("GetUpdate", { id: x.id })))).map(words).join("\n"), /1\tprocedure\n/);
  assert.equal((await komodo.read("GetActionRun", { id: list[0].id })).trigger, "procedure");
  const toml = await komodo.read("ExportResourcesToToml", { targets: [{ type: "Procedure", id: p._id.$oid }] });
  assert.match(toml.toml, /return 2/);
  await komodo.write("DeleteProcedure", { id: "inline" });
});

test("a script of its own is refused where it cannot be, by its place", async () => {
  await action("plain", "return 1");
  for (const [execution, where] of [
    [script(""), /action: name an Action, or leave it empty and give a script in file_contents/],
    [script("return 1", { action: "plain" }), /file_contents: a step runs either an Action or a script of its own/],
    [script("return 1", { capabilities: ["read:*", "nonsense"] }), /capabilities\[1\] is invalid/],
  ]) {
    const answer = await komodo.ask("write", "CreateProcedure", { name: "odd", config: { stages: [stage("s", execution)] } });
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.text, /config\.stages\[0\]\.executions\[0\]: RunAction cannot be configured/);
    assert.match(answer.text, where);
  }
  const direct = await komodo.ask("execute", "RunAction", { action: "plain", file_contents: "return 2" });
  assert.equal(direct.status, 400, direct.text);
  assert.match(direct.text, /only a step of a Procedure has a script of its own; make an Action of this one/);
  assert.ok((await komodo.ask("execute", "RunAction", { action: "", file_contents: "return 2" })).status >= 400);
});

test("a script of its own has the rights of whoever saved the Procedure, within its capabilities", async () => {
  const maker = await (async () => {
    const answer = await post(`${pair.url}/auth/login/SignUpLocalUser`, { username: "maker", password: "maker-password" });
    if (answer.status !== 200) throw new Error(answer.text);
    return caller(pair, bearer(await login(pair, "maker", "maker-password")));
  })();
  const source = `
    local variable, problem = komodo.write("CreateVariable", { name = "FROM_" .. komodo.args.by, value = "x" })
    print(komodo.run.user, problem and problem.code)`;
  const p = await maker.write("CreateProcedure", { name: "of maker", config: { stages: [stage("s", script(source, { args: { by: "MAKER" } }))] } });
  const seen = async () => { const [last] = await runs(p, "RunAction"); return words(await komodo.read("GetUpdate", { id: last.id })); };
  assert.equal((await run("RunProcedure", { procedure: "of maker" })).success, true);
  assert.match(await seen(), /maker\tforbidden\n/, "an admin who starts it lends no rights");
  await komodo.write("UpdateProcedure", { id: "of maker", config: { stages: [stage("s", script(source, { args: { by: "ADMIN" } }))] } });
  assert.equal((await run("RunProcedure", { procedure: "of maker" })).success, true);
  assert.match(await seen(), /Action\tnil\n/);
  await komodo.write("UpdateProcedure", { id: "of maker", config: { stages: [stage("s", script(source, { args: { by: "NOBODY" }, capabilities: ["read:*"] }))] } });
  assert.equal((await run("RunProcedure", { procedure: "of maker" })).success, true);
  assert.match(await seen(), /Action\tforbidden\n/);
});

test("circles through scripts are seen, and a stop reaches scripts that wait their turn", async () => {
  const p = await procedure("round", stage("s", script('assert(komodo.execute("RunProcedure", { procedure = "round" }))')));
  assert.equal((await run("RunProcedure", { procedure: "round" })).success, false);
  const list = await Promise.all((await runs(p, "RunProcedure")).map((x) => komodo.read("GetUpdate", { id: x.id })));
  assert.match(list.map(words).join("\n"), /Self referential procedure detected: round → round/);
  const queued = await action("queued", "komodo.sleep(600)", { concurrency: "queue" });
  const first = await komodo.execute("RunAction", { action: "queued" });
  await eventually("it runs", async () => (await komodo.read("GetActionActionState", { action: "queued" })).running === 1);
  await procedure("behind", stage("s", act("queued"), script("komodo.sleep(600)")));
  const { _id } = await komodo.execute("RunProcedure", { procedure: "behind" });
  await eventually("both are under way", async () => (await runs(queued, "RunAction")).length === 2
    && (await runs(await komodo.read("GetProcedure", { procedure: "behind" }), "RunAction")).length === 1);
  await komodo.execute("CancelProcedure", { procedure: "behind" });
  const u = await complete(_id.$oid);
  assert.match(words(u), /Procedure cancelled before completion/);
  assert.equal((await komodo.read("GetUpdate", { id: first._id.$oid })).status, "InProgress");
  await run("CancelAction", { action: "queued", update_id: first._id.$oid });
});
