// Procedures and what starts them besides people: schedules, start-up, webhooks (spec resources.md 14 to 16, monitoring.md 8, sync.md 16).
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import fs from "node:fs";
import { after, before, test } from "node:test";
import { eventually, startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login, post, request, store } from "./tools.mjs";

const PROCEDURE = "000000000000000000000001";
const dir = tempDir("procedure");
let pair, komodo;

before(async () => {
  pair = await startPair(dir, { agent: false, env: { KOMODO_ENABLE_NEW_USERS: "true" } });
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
const runs = async (type, id, operation) =>
  (await komodo.read("ListUpdates", { query: { "target.type": type, "target.id": id, operation } })).updates;
const one = (type, params = {}, enabled = true) => ({ execution: { type, params }, enabled });
const sleep = (duration_ms, enabled = true) => one("Sleep", { duration_ms }, enabled);
const stage = (name, ...executions) => ({ name, enabled: true, executions });
const procedure = (name, ...stages) => komodo.write("CreateProcedure", { name, config: { stages } });
const action = (name, file_contents, config = {}) => komodo.write("CreateAction", { name, config: { file_contents, ...config } });
const plain = (text) => text.replace(/<[^>]*>/g, "");

test("stages run in their order, what is disabled is left out", async () => {
  const p = await procedure("order", stage("one", sleep(30), sleep(60000, false)), { ...stage("off", sleep(60000)), enabled: false }, stage("two", one("None")));
  const u = await run("RunProcedure", { procedure: "order" });
  assert.equal(u.success, true, JSON.stringify(u.logs));
  assert.deepEqual(u.logs.map((l) => l.stage), ["Execute procedure", "Execution ok"]);
  const lines = plain(u.logs[0].stdout).split("\n").map((l) => l.replace(/ in \d+ ms/, ""));
  assert.deepEqual(lines, ["INFO: executing procedure 'order'", "INFO: Executing stage: 'one'", "INFO: Executing: Sleep 30 ms",
    "INFO: Finished execution: Sleep 30 ms", "INFO: Finished stage 'one' execution", "INFO: Executing stage: 'two'",
    "INFO: Executing: None", "INFO: Finished execution: None", "INFO: Finished stage 'two' execution"]);
  const [item] = await komodo.read("ListProcedures", { query: { names: ["order"] } });
  assert.equal(item.info.state, "Ok");
  assert.equal(item.info.last_run_at, u.start_ts);
  assert.equal(p.config.stages.length, 3);
});

test("the executions of a stage run at the same time, at most eight of them", async () => {
  await procedure("wide", stage("all", ...Array.from({ length: 12 }, () => sleep(400))));
  const started = await komodo.execute("RunProcedure", { procedure: "wide" });
  const counts = [];
  const u = await eventually("it ends", async () => {
    const now = await komodo.read("GetUpdate", { id: started._id.$oid }), text = plain(now.logs[0]?.stdout ?? "");
    counts.push(text.split("Executing: ").length - text.split("Finished execution").length);
    return now.status === "Complete" && now;
  });
  assert.equal(u.success, true);
  assert.equal(Math.max(...counts), 8, `at once: ${counts}`);
  assert.ok(u.end_ts - u.start_ts >= 800, "twelve of 400 ms take two rounds");
});

test("actions run as user Procedure, each with its Update; the first failure ends the run after its stage", async () => {
  const good = await action("good", 'komodo.sleep(0.3) print("done")'), bad = await action("bad", 'error("no luck")');
  await procedure("mixed", stage("first", one("RunAction", { action: "bad" }), one("RunAction", { action: "good" })), stage("never", one("RunAction", { action: "good" })));
  const u = await run("RunProcedure", { procedure: "mixed" });
  assert.equal(u.success, false);
  assert.deepEqual(u.logs.map((l) => l.stage), ["Execute procedure", "Execution error"]);
  const [failed] = await runs("Action", bad._id.$oid, "RunAction"), succeeded = await runs("Action", good._id.$oid, "RunAction");
  assert.equal(failed.operator, PROCEDURE);
  assert.equal(failed.success, false);
  assert.equal(succeeded.length, 1, "the next stage did not run");
  assert.deepEqual([succeeded[0].success, succeeded[0].status], [true, "Complete"], "the stage ended before the run did");
  const words = plain(u.logs[1].stderr);
  assert.match(words, /^ERROR: Failed stage 'first' execution after /);
  assert.ok(words.includes(`Execution not successful, see update: '${pair.url}/updates/${failed.id}'`), words);
  assert.doesNotMatch(plain(u.logs[0].stdout), /never/);
  assert.equal((await komodo.read("ListProcedures", { query: { names: ["mixed"] } }))[0].info.state, "Failed");
});

test("a batch in a stage runs on all that match", async () => {
  const a = await action("batch-a", "print(1)"), b = await action("batch-b", "print(1)"), other = await action("other", "print(1)");
  const inner = await procedure("batch-inner", stage("s", one("None")));
  await procedure("batches", stage("all", one("BatchRunAction", { pattern: "batch-*" }), one("BatchRunProcedure", { pattern: "batch-inner" })));
  const u = await run("RunProcedure", { procedure: "batches" });
  assert.equal(u.success, true, JSON.stringify(u.logs));
  for (const x of [a, b]) assert.equal((await runs("Action", x._id.$oid, "RunAction")).length, 1);
  assert.equal((await runs("Action", other._id.$oid, "RunAction")).length, 0);
  assert.equal((await runs("Procedure", inner._id.$oid, "RunProcedure")).length, 1);
  const answer = await komodo.execute("BatchRunProcedure", { pattern: "batch-in*" });
  assert.deepEqual(answer.map((x) => x.status), ["Ok"]);
  await complete(answer[0].data._id.$oid);
});

test("a procedure does not run itself, neither directly nor around a corner", async () => {
  await procedure("self", stage("s", one("None")));
  const refused = await komodo.ask("write", "UpdateProcedure", { id: "self", config: { stages: [stage("s", one("RunProcedure", { procedure: "self" }))] } });
  assert.equal(refused.status, 400);
  assert.match(refused.text, /Cannot have self-referential procedure/);
  const other = await procedure("corner", stage("s", one("RunProcedure", { procedure: "self" })));
  await komodo.write("UpdateProcedure", { id: "self", config: { stages: [stage("s", one("RunProcedure", { procedure: "corner" }))] } });
  const u = await run("RunProcedure", { procedure: "self" });
  assert.equal(u.success, false);
  const [inner] = await runs("Procedure", other._id.$oid, "RunProcedure");
  assert.equal(inner.success, false);
  await komodo.write("UpdateProcedure", { id: "corner", config: { stages: [stage("s", one("BatchRunProcedure", { pattern: "corner" }))] } });
  const batch = await run("RunProcedure", { procedure: "corner" });
  assert.match(plain(batch.logs[1].stderr), /Self referential procedure detected/);
});

test("references are stored as ids; what does not exist is refused by its place", async () => {
  const a = await action("referred", "print(1)");
  const p = await procedure("refers", stage("s", one("RunAction", { action: "referred" }, false)));
  assert.equal(p.config.stages[0].executions[0].execution.params.action, a._id.$oid);
  const missing = await komodo.ask("write", "CreateProcedure", { name: "lost", config: { stages: [stage("s", one("None"), one("RunAction", { action: "nowhere" }))] } });
  assert.equal(missing.status, 404);
  assert.match(missing.json.error, /config\.stages\[0\]\.executions\[1\]/);
  assert.equal((await komodo.ask("read", "GetProcedure", { procedure: "lost" })).status, 404);
});

test("a user who is no admin configures only what he may execute", async () => {
  const signed = await post(`${pair.url}/auth/login/SignUpLocalUser`, { username: "maker", password: "maker-password" });
  assert.equal(signed.status, 200, signed.text);
  const maker = caller(pair, bearer(await login(pair, "maker", "maker-password")));
  const refused = async (execution, words) => {
    const answer = await maker.ask("write", "CreateProcedure", { name: "mine", config: { stages: [stage("s", execution)] } });
    assert.equal(answer.status, 403, answer.text);
    assert.match(answer.text, words);
  };
  await refused(one("BatchRunAction", { pattern: "*" }), /Non admin user cannot configure Batch executions/);
  await refused(one("BackupCoreDatabase", {}, false), /Non admin user cannot configure/);
  await refused(one("RunAction", { action: "referred" }), /RunAction cannot be configured/);
  await maker.write("CreateProcedure", { name: "mine", config: { stages: [stage("s", one("None"), sleep(1))] } });
});

test("a second start is busy; a cancelled run ends before its next stage", async () => {
  await procedure("long", stage("one", sleep(1500)), stage("two", sleep(60000)));
  const nothing = await run("CancelProcedure", { procedure: "long" });
  assert.match(plain(nothing.logs[0].stderr), /Procedure run cancel token not found/);
  const { _id } = await komodo.execute("RunProcedure", { procedure: "long" });
  await eventually("it runs", async () => (await komodo.read("GetProcedureActionState", { procedure: "long" })).running);
  const second = await run("RunProcedure", { procedure: "long" });
  assert.deepEqual(second.logs.map((l) => [l.stage, plain(l.stderr)]), [["Task Error", "ERROR: Resource is busy"]]);
  const busy = await komodo.ask("write", "UpdateProcedure", { id: "long", config: { schedule: "" , failure_alert: false } });
  assert.equal(busy.status, 409);
  const cancel = await run("CancelProcedure", { procedure: "long" });
  assert.deepEqual(cancel.logs.map((l) => l.stage), ["Cancel Triggered"]);
  const u = await complete(_id.$oid);
  assert.equal(u.success, false);
  assert.match(plain(u.logs.at(-1).stderr), /Procedure cancelled before completion/);
  assert.match(plain(u.logs[0].stdout), /Finished stage 'one'/);
  assert.doesNotMatch(plain(u.logs[0].stdout), /'two'/);
});

// ---- schedules ----

test("what is due is run every second, never twice at once, and stops when it is disabled", async () => {
  const each = { schedule_format: "Cron", schedule: "* * * * * *" };
  const a = await action("each-second", "print(1)", each);
  const p = await komodo.write("CreateProcedure", { name: "each-second", config: { stages: [stage("s", sleep(1200))], ...each } });
  await eventually("the Action ran three times", async () => (await runs("Action", a._id.$oid, "RunAction")).length >= 3);
  await eventually("the Procedure ran twice", async () => (await runs("Procedure", p._id.$oid, "RunProcedure")).filter((u) => u.status === "Complete").length >= 2);
  for (const [type, res] of [["Action", a], ["Procedure", p]]) {
    const id = res._id.$oid;
    const write = (config) => eventually(`${type} is idle`, async () => (await komodo.ask("write", `Update${type}`, { id, config })).status === 200);
    await write({ schedule_enabled: false });
    const list = await runs(type, id, `Run${type}`);
    assert.ok(list.every((u) => u.success), "a Procedure that still runs is not started");
    assert.ok(list.every((u) => u.operator === (type === "Action" ? "000000000000000000000002" : PROCEDURE)));
    const starts = list.map((u) => u.start_ts), seconds = Math.round((Math.max(...starts) - Math.min(...starts)) / 1000);
    assert.ok(starts.length <= seconds + 1, `one a second: ${starts}`);
    const [schedule] = (await komodo.read("ListSchedules", {})).filter((s) => s.target.id === id);
    assert.equal(schedule.enabled, false);
    assert.equal(schedule.next_scheduled_run, null);
    assert.equal(schedule.last_run_at, list[0].start_ts);
  }
  const before = (await runs("Action", a._id.$oid, "RunAction")).length;
  const clock = await action("clock", "print(1)", each);
  await eventually("two seconds are over", async () => (await runs("Action", clock._id.$oid, "RunAction")).length >= 2);
  assert.equal((await runs("Action", a._id.$oid, "RunAction")).length, before);
  await eventually("the clock is idle", async () => (await komodo.ask("write", "DeleteAction", { id: "clock" })).status === 200);
});

test("schedules go on after a restart, runs at start come by themselves, a run that was cut off is closed", async () => {
  const due = await action("after-restart", "print(1)", { schedule_format: "Cron", schedule: "* * * * * *", schedule_enabled: false });
  const first = await action("at-start", 'print(assert(komodo.read("GetVersion", {})).version)', { run_at_startup: true });
  const second = await action("at-start-too", "print(1)", { run_at_startup: true });
  const napper = await action("napper", "komodo.sleep(60)");
  await procedure("cut-off", stage("s", sleep(60000), one("RunAction", { action: "napper" })));
  const cut = await komodo.execute("RunProcedure", { procedure: "cut-off" });
  await eventually("its Action runs", async () => (await komodo.read("GetActionActionState", { action: "napper" })).running === 1);
  await komodo.write("UpdateAction", { id: "after-restart", config: { schedule_enabled: true } });
  await pair.engine.stop();
  await pair.startEngine();
  const u = await complete(cut._id.$oid);
  assert.equal(u.success, false);
  const [napped] = await runs("Action", napper._id.$oid, "RunAction");
  assert.deepEqual([napped.status, napped.success], ["Complete", false]);
  const [begun] = await eventually("the first at start ran", async () => {
    const list = await runs("Action", first._id.$oid, "RunAction");
    return list[0]?.status === "Complete" && list;
  });
  assert.deepEqual([begun.success, begun.operator], [true, "000000000000000000000002"]);
  const [two] = await eventually("the second at start ran", async () => {
    const list = await runs("Action", second._id.$oid, "RunAction");
    return list[0]?.status === "Complete" && list;
  });
  const done = await komodo.read("GetUpdate", { id: begun.id });
  assert.ok(two.start_ts >= done.end_ts, "one after another");
  const start = Math.min(begun.start_ts, two.start_ts);
  await eventually("the schedule goes on", async () => (await runs("Action", due._id.$oid, "RunAction")).some((x) => x.start_ts > start));
  await eventually("it is idle", async () => (await komodo.ask("write", "DeleteAction", { id: "after-restart" })).status === 200);
});

// ---- webhooks ----

const SECRET = "hook secret";
const push = (branch, more = {}) => JSON.stringify({ ref: `refs/heads/${branch}`, ...more });
const sign = (body, secret = SECRET) => ({ "X-Hub-Signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}` });
const deliver = (path, body, headers = sign(body), method = "POST") => request(`${pair.url}/listener/${path}`, { method, headers, body });

test("a signed delivery of the branch starts a run as user Git Webhook, anything else none", async () => {
  const p = await komodo.write("CreateProcedure", { name: "hooked one", config: { webhook_secret: SECRET, stages: [stage("s", sleep(300))] } });
  const id = p._id.$oid, at = "github/procedure/hooked%20one/feat%2Fx";
  for (const [answer, words] of [
    [await deliver(at, push("feat/x"), {}), /No github signature in headers/],
    [await deliver(at, push("feat/x"), sign(push("feat/x"), "other")), /Signature does not equal expected/],
    [await deliver(at, `${push("feat/x")} `, sign(push("feat/x"))), /Signature does not equal expected/],
    [await deliver(`gitlab/procedure/${id}/main`, push("main"), {}), /No gitlab token in headers/],
    [await deliver(`gitlab/procedure/${id}/main`, push("main"), { "X-Gitlab-Token": "other" }), /Webhook secret does not match expected/],
  ]) {
    assert.equal(answer.status, 401, answer.text);
    assert.match(answer.text, words);
  }
  assert.equal((await deliver("github/procedure/nothing/main", push("main"))).status, 400);
  assert.match((await deliver("github/procedure/nothing/main", push("main"))).text, /Did not find any Procedure matching nothing/);
  for (const path of ["github/procedure/hooked%20one", "svn/procedure/hooked%20one/main", "github/nothing/x/main", "github/procedure//main", `${at}/more`])
    assert.equal((await deliver(path, push("main"))).status, 405, path);
  assert.equal((await deliver(at, undefined, {}, "GET")).status, 405);
  const ignored = [push("main"), "{}", "no json", JSON.stringify({ ref: 5 }), JSON.stringify({ ref: "refs/tags/feat/x" })];
  for (const body of ignored) assert.equal((await deliver(at, body)).status, 200);
  const taken = [[at, push("feat/x")], ["github/procedure/hooked%20one/__ANY__", "anything"]];
  for (const [path, body] of taken) {
    const answer = await deliver(path, body);
    assert.deepEqual([answer.status, answer.text], [200, ""]);
  }
  assert.equal((await deliver(`gitlab/procedure/${id}/main`, push("main"), { "X-Gitlab-Token": SECRET })).status, 200);
  const list = await eventually("three runs", async () => {
    const l = await runs("Procedure", id, "RunProcedure");
    return l.length >= 3 && l.every((u) => u.status === "Complete") && l;
  });
  assert.equal(list.length, 3);
  assert.ok(list.every((u) => u.success && u.operator === "000000000000000000000003"), "they waited for each other");
  await komodo.write("UpdateProcedure", { id, config: { webhook_enabled: false } });
  assert.equal((await deliver(at, push("feat/x"))).status, 200);
  await komodo.write("UpdateProcedure", { id, config: { webhook_enabled: true, webhook_secret: "" } });
  for (const headers of [sign(push("feat/x"), ""), {}]) assert.equal((await deliver(at, push("feat/x"), headers)).status, 401, "no secret, no deliveries");
  assert.equal((await deliver(`gitlab/procedure/${id}/main`, push("main"), { "X-Gitlab-Token": "" })).status, 401);
  assert.equal((await runs("Procedure", id, "RunProcedure")).length, 3);
});

test("an Action has branch and body of its delivery as arguments", async () => {
  const a = await action("hooked", "print(komodo.args.WEBHOOK_BRANCH, komodo.args.WEBHOOK_BODY.number, komodo.args.own)",
    { webhook_secret: SECRET, arguments: "own = kept" });
  const id = a._id.$oid;
  assert.equal((await deliver("github/action/hooked/__ANY__", "no json")).status, 200);
  assert.equal((await deliver("github/action/hooked/main", push("dev"))).status, 200);
  const body = push("dev", { number: 42 });
  assert.equal((await deliver("github/action/hooked/__ANY__", body, { "X-Hub-Signature-256": sign(body)["X-Hub-Signature-256"].slice(7) })).status, 200);
  const [only, ...more] = await eventually("it ran", async () => { const l = await runs("Action", id, "RunAction"); return l[0]?.status === "Complete" && l; });
  assert.deepEqual(more, []);
  const u = await komodo.read("GetUpdate", { id: only.id });
  assert.match(u.logs.at(-1).stdout, /^dev\t42\tkept\n/);
});

test("webhooks of what this engine does not run say so, after the signature", async () => {
  await komodo.write("CreateBuild", { name: "hooked", config: { webhook_secret: SECRET } });
  assert.equal((await deliver("github/build/hooked", push("main"), {})).status, 401);
  const answer = await deliver("github/build/hooked", push("main"));
  assert.equal(answer.status, 501);
  assert.match(answer.json.error, /Build/);
  assert.equal((await deliver("github/stack/hooked/nope", push("main"))).status, 400);
});

test("guessing at the listener is slowed down like guessing passwords", async () => {
  const folder = tempDir("procedure-limit");
  const other = await startPair(folder, { agent: false, env: { KOMODO_AUTH_RATE_LIMIT_DISABLED: "false", KOMODO_WEBHOOK_SECRET: SECRET } });
  try {
    const to = (headers) => request(`${other.url}/listener/github/procedure/Global%20Auto%20Update/main`, { method: "POST", headers, body: push("dev") });
    for (const left of [4, 3, 2, 1, 0]) {
      const answer = await to(sign("x"));
      assert.equal(answer.status, 401);
      assert.equal(answer.json.error, `Signature does not equal expected | You have ${left} attempts remaining`);
    }
    const right = await to(sign(push("dev")));
    assert.equal(right.status, 429, right.text);
    assert.match(right.json.error, /^Too many attempts \| Try again in \d+s$/);
  } finally { await other.stop(); fs.rmSync(folder, { recursive: true, force: true }); }
});

// ---- alerts ----

test("an alert that is closed stays closed; one that never was is closed too", async () => {
  const sync = await komodo.write("CreateResourceSync", { name: "alerting" });
  const id = "0123456789abcdef01234567";
  await pair.engine.stop();
  store(pair, { Alert: { [id]: { _id: { $oid: id }, ts: Date.now(), resolved: false, level: "OK", target: { type: "ResourceSync", id: sync._id.$oid },
    data: { type: "ResourceSyncPendingUpdates", data: { id: sync._id.$oid, name: "alerting" } }, resolved_ts: null } } });
  await pair.startEngine();
  const resolved = async () => (await komodo.read("GetAlert", { id })).resolved;
  assert.equal(await resolved(), false);
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(await komodo.write("CloseAlert", { id }), {});
    assert.equal(await resolved(), true);
  }
  assert.deepEqual(await komodo.write("CloseAlert", { id: "0123456789abcdef01234568" }), {});
  assert.equal((await komodo.ask("write", "CloseAlert", { id: "none" })).status, 400);
  const maker = caller(pair, bearer(await login(pair, "maker", "maker-password")));
  assert.equal((await maker.ask("write", "CloseAlert", { id })).status, 403);
});

test("a hundred deliveries of one resource wait, no more; those that wait do not keep the engine from stopping", async () => {
  const p = await komodo.write("CreateProcedure", { name: "flooded", config: { webhook_secret: SECRET, stages: [stage("s", sleep(60000))] } });
  const answers = await Promise.all(Array.from({ length: 105 }, () => deliver("github/procedure/flooded/main", push("main"))));
  assert.equal(answers.filter((a) => a.status === 200).length, 100);
  assert.equal(answers.filter((a) => a.status === 503).length, 5);
  await eventually("the first runs", async () => (await runs("Procedure", p._id.$oid, "RunProcedure")).length === 1);
  await pair.engine.stop();
  await pair.startEngine();
  const list = await runs("Procedure", p._id.$oid, "RunProcedure");
  assert.deepEqual(list.map((u) => [u.status, u.success]), [["Complete", false]]);
});
