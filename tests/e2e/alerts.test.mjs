// Alert rules, event triggers and alerters: a real engine and agent, a server of our own that takes what is delivered.
import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { after, before, test } from "node:test";
import { eventually, root, startPair, tempDir } from "./harness.mjs";
import { at, beat, probes } from "./probes.mjs";
import { bearer, caller, login, post } from "./tools.mjs";

const dir = tempDir("alerts");
let pair, as, inbox, server;

/** A server that keeps every request; `answer` says how. */
function startInbox() {
  const got = [];
  const s = http.createServer((request, response) => {
    const parts = [];
    request.on("data", (d) => parts.push(d));
    request.on("end", () => {
      got.push({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(parts).toString() });
      response.writeHead(s.status ?? 200);
      response.end(s.text ?? "ok");
    });
  });
  s.got = got;
  return new Promise((resolve) => s.listen(0, "127.0.0.1", () => { s.url = `http://127.0.0.1:${s.address().port}`; resolve(s); }));
}

before(async () => {
  inbox = await startInbox();
  pair = await startPair(dir, { env: { KOMODO_MONITORING_INTERVAL: "2-sec", KOMODO_TIMEZONE: "UTC", KOMODO_ENABLE_NEW_USERS: "true" } });
  as = caller(pair, bearer(await login(pair)));
  server = await eventually("the server is there", async () => {
    const [one] = await as.read("ListServers", {});
    return one?.info.state === "Ok" && one;
  });
});
after(async () => {
  try { await pair?.stop(); } finally { inbox?.close(); inbox?.closeAllConnections(); fs.rmSync(dir, { recursive: true, force: true }); }
});

const poll = (more = {}) => ({ type: "poll", ...more });
const create = (name, file_contents, triggers, more = {}) => as.write("CreateAction", { name, config: { file_contents, triggers, failure_alert: false, ...more } });
const save = (name, config) => as.write("UpdateAction", { id: name, config });
const remove = (...names) => Promise.all(names.map((id) => as.write("DeleteAction", { id })));
const alerts = async (query) => (await as.read("ListAlerts", { query })).alerts;
const customs = (message, more = {}) => alerts({ "data.data.message": message, ...more });
const rule = (action) => as.read("GetAlertRule", { action });
const complete = (id) => eventually("the update ends", async () => { const u = await as.read("GetUpdate", { id }); return u.status === "Complete" && u; });
const runsOf = async (action) => {
  const { _id } = await as.read("GetAction", { action });
  return (await as.read("ListUpdates", { query: { operation: "RunAction", "target.id": _id.$oid } })).updates;
};
const words = (u) => u.logs.map((l) => l.stdout + l.stderr).join("\n");

test("a rule fires on live stats, changes, and resolves", async () => {
  const text = (level, limit) => `
    local event = komodo.event
    if event.stats.mem_total_gb > ${limit} and #event.history(5) >= 0 then
      print("looked at", event.target.name, event.state)
      return { level = "${level}", message = "memory of " .. event.target.name, details = "here" }
    end`;
  await create("memory", text("WARNING", 0), [poll({ targets: { servers: "Lo*" } })]);
  const [opened] = await eventually("the alert opens", async () => { const list = await customs("memory of Local"); return list.length && list; });
  assert.deepEqual(opened.target, { type: "Server", id: server.id });
  assert.deepEqual([opened.level, opened.resolved, opened.resolved_ts], ["WARNING", false, null]);
  assert.deepEqual(opened.data, { type: "Custom", data: { message: "memory of Local", details: "here" } });
  const state = await eventually("two polls", async () => { const r = await rule("memory"); return r.polls >= 2 && r; });
  assert.equal(state.state, "Ok");
  assert.equal(state.targets, 1);
  assert.equal(state.evaluations, state.polls);
  assert.match(state.log, /looked at\tLocal\tOk/);
  assert.deepEqual(state.alerts.map((a) => a._id), [opened._id]);
  assert.equal((await as.read("GetAlert", { id: opened._id.$oid })).level, "WARNING");

  await save("memory", { file_contents: text("CRITICAL", 0) });
  await eventually("the level changes", async () => (await customs("memory of Local"))[0].level === "CRITICAL");
  await save("memory", { file_contents: text("WARNING", 1e9) });
  const [ended] = await eventually("it resolves", async () => { const list = await customs("memory of Local", { resolved: true }); return list.length && list; });
  assert.deepEqual(ended._id, opened._id);
  assert.ok(ended.resolved_ts >= ended.ts);
  await remove("memory");
});

test("a rule may say nothing for long, several things at once, and something else of each target", async () => {
  await create("several", `return {
    { level = "WARNING", message = "one", key = "a" }, { level = "WARNING", message = "two", key = "b" },
    { level = "CRITICAL", message = "late", key = "c", for_seconds = 3600 } }`, [poll()]);
  await eventually("both open", async () => (await rule("several")).alerts.length === 2);
  await eventually("another poll", async () => (await rule("several")).polls >= 3);
  assert.deepEqual((await rule("several")).alerts.map((a) => a.data.data.message).sort(), ["one", "two"]);
  // A closed one opens again, since the condition is still there.
  const [one] = await customs("one");
  await as.write("CloseAlert", { id: one._id.$oid });
  assert.ok((await as.read("GetAlert", { id: one._id.$oid })).resolved_ts > 0);
  await eventually("it opens again", async () => (await customs("one")).length === 2);
  await as.write("DeleteAction", { id: "several" });
  assert.equal((await alerts({ resolved: false })).length, 0);
});

test("wrong triggers are refused when the Action is saved", async () => {
  const refused = async (trigger, pattern) => {
    const answer = await as.ask("write", "CreateAction", { name: "never", config: { triggers: [trigger] } });
    assert.ok(answer.status >= 400 && answer.status < 500, answer.text);
    assert.match(answer.text, pattern);
  };
  await refused(poll({ targets: { machines: "*" } }), /config\.triggers\[0\]\.targets\.machines is unknown/);
  await refused(poll({ targets: { servers: 7 } }), /targets\.servers must be text or a list/);
  await refused(poll({ targets: { servers: "\\(\\" } }), /targets\.servers is invalid/);
  await refused(poll({ targets: "web-*" }), /targets must be a table/);
  await refused({ type: "event" }, /config\.triggers\[0\]\.on must be a list/);
  await refused({ type: "event", on: ["deploy"] }, /on\[0\] must look like/);
  await refused({ type: "event", on: ["update:DeployStak"] }, /no operation called 'DeployStak'/);
  await refused({ type: "event", on: ["alert:ServerGpu"] }, /no kind of alert called 'ServerGpu'/);
  await refused({ type: "event", on: ["update:*"], filter: "update.success and" }, /filter is no Lua expression/);
});

test("a rule that fails three polls in a row is off, says so, and is on again when it is saved", async () => {
  await create("broken", `local x = nil\nreturn x.y`, [poll()]);
  const off = await eventually("it is disabled", async () => { const r = await rule("broken"); return r.state === "Disabled" && r; });
  assert.equal(off.polls, 3);
  assert.match(off.error, /Server Local: broken:2: attempt to index a nil value/);
  const [about] = off.alerts;
  assert.equal(about.target.type, "Action");
  assert.equal(about.level, "CRITICAL");
  assert.match(about.data.data.details, /broken:2/);
  await save("broken", { file_contents: `return { level = "SEVERE", message = "x" }` });
  const failing = await eventually("it is tried again", async () => { const r = await rule("broken"); return r.state === "Failing" && r; });
  assert.match(failing.error, /the returned value\.level must be "WARNING" or "CRITICAL", not SEVERE/);
  assert.equal((await as.read("GetAlert", { id: about._id.$oid })).resolved, true);
  await save("broken", { file_contents: `return nil` });
  await eventually("it is fine", async () => (await rule("broken")).state === "Ok");
  await remove("broken");
});

test("a rule that does not end is stopped while the API answers", async () => {
  await create("endless", `while true do pcall(string.rep, "x", 10) end`, [poll()], { limits: { cpu_seconds: 0.2 } });
  await create("waiting", `komodo.sleep(3600)`, [poll()], { limits: { wall_seconds: 0.5 } });
  await eventually("it is stopped", async () => /limits\.cpu_seconds/.test((await rule("endless")).error ?? ""));
  await eventually("the other too", async () => /limits\.wall_seconds/.test((await rule("waiting")).error ?? ""));
  const begun = Date.now();
  for (let i = 0; i < 20; i++) await as.read("GetVersion", {});
  assert.ok(Date.now() - begun < 5000);
  await eventually("both are off", async () => (await rule("endless")).state === "Disabled" && (await rule("waiting")).state === "Disabled");
  await remove("endless", "waiting");
});

test("hostile rules are stopped and disabled each, while others are evaluated and the API answers", { timeout: 300000 }, async () => {
  const all = probes().filter((p) => ["cpu", "memory", "time"].includes(p.end) && !p.cancel && !/Echo|Slow|Keep/.test(p.source));
  const some = all.filter((_, i) => i % 8 === 3);
  await create("steady", `komodo.kv.incr("polls") return { level = "WARNING", message = "steady says so" }`, [poll()]);
  const agent = new http.Agent({ keepAlive: true }), heart = beat(pair, bearer(await login(pair)), agent);
  await Promise.all(some.map((p, i) => create(`hostile-${i}`, p.source, [poll()], { limits: { ...p.limits, cpu_seconds: 0.1, wall_seconds: 5 } })));
  const before = (await rule("steady")).polls;
  for (const [i, p] of some.entries()) {
    const off = await eventually(`${p.name} is disabled`, async () => { const r = await rule(`hostile-${i}`); return r.state === "Disabled" && r; }, 120000);
    assert.equal(off.polls, 3, p.name);
    assert.match(off.error, /stopped: .*limits\.(cpu_seconds|memory_mb|wall_seconds)/, p.name);
    assert.equal(off.alerts.length, 1, p.name);
    assert.match(off.alerts[0].data.data.message, /failed in 3 polls in a row and is disabled/);
  }
  const times = await heart.stop();
  agent.destroy();
  const steady = await eventually("the steady rule goes on", async () => { const r = await rule("steady"); return r.polls >= before + 3 && r; });
  assert.deepEqual([steady.state, steady.error ?? null], ["Ok", null]);
  assert.equal((await customs("steady says so", { resolved: false })).length, 1);
  console.log(`${some.length} hostile rules; API median ${at(times, 0.5).toFixed(1)} ms, 99% ${at(times, 0.99).toFixed(1)} ms`);
  assert.ok(at(times, 0.99) < 500, `99% of the API's answers within ${at(times, 0.99)} ms`);
  await remove("steady", ...some.map((_, i) => `hostile-${i}`));
});

test("a rule is tried out without opening anything", async () => {
  const target = { type: "Server", id: server.id };
  const fine = await as.read("TestAlertRule", { file_contents: `print("hi") return { level = "WARNING", message = komodo.event.target.name }`, target });
  assert.deepEqual([fine.result, fine.error, fine.log], [{ level: "WARNING", message: "Local" }, null, "hi\n"]);
  const wrong = await as.read("TestAlertRule", { file_contents: `return { level = "WARNING" }`, target });
  assert.match(wrong.error, /the returned value\.message is missing/);
  const broken = await as.read("TestAlertRule", { file_contents: `= 7`, target });
  assert.match(broken.error, /rule:1:/);
  assert.equal((await alerts({ resolved: false })).length, 0);
});

test("the examples are rules, and who may see a rule is who may see its Action", async () => {
  for (const name of ["disk-full-rule", "flapping-rule"]) {
    await create(name, fs.readFileSync(path.join(root, "actions-examples", `${name}.lua`), "utf8"), [poll()], { capabilities: ["kv", "read:GetHistoricalServerStats"] });
  }
  for (const name of ["disk-full-rule", "flapping-rule"]) {
    const state = await eventually(name, async () => { const r = await rule(name); return r.polls >= 2 && r; });
    assert.equal(state.state, "Ok", state.error);
  }
  assert.equal((await post(`${pair.url}/auth/login/SignUpLocalUser`, { username: "reader", password: "reader-password" })).status, 200);
  const reader = caller(pair, bearer(await login(pair, "reader", "reader-password")));
  assert.equal((await reader.ask("read", "GetAlertRule", { action: "disk-full-rule" })).status, 403);
  assert.equal((await reader.ask("read", "TestAlertRule", { action: "disk-full-rule", target: { type: "Server", id: server.id } })).status, 403);
  assert.equal((await reader.ask("read", "TestAlertRule", { file_contents: "return nil", target: { type: "Server", id: server.id } })).status, 403);
  assert.equal((await reader.read("ListAlerts", {})).alerts.length, 0);
  await remove("disk-full-rule", "flapping-rule");

  // A rule that runs as somebody looks at what that user can read; so does a listener.
  await create("limited", `return { level = "WARNING", message = "seen" }`, [poll()], { run_as: "reader" });
  await create("limited-ear", `print("heard")`, [{ type: "event", on: ["update:CreateVariable"] }], { run_as: "reader" });
  await as.write("CreateVariable", { name: "UNHEARD", value: "x" });
  await create("open-ear", `print("heard")`, [{ type: "event", on: ["update:DeleteVariable"] }]);
  await as.write("DeleteVariable", { name: "UNHEARD" });
  await eventually("the other one hears", async () => (await runsOf("open-ear")).length === 1);
  await create("beat", "return nil", [poll()]);
  await eventually("polls have passed", async () => (await rule("beat")).polls >= 2);
  assert.deepEqual([(await rule("limited")).targets, (await customs("seen")).length, (await runsOf("limited-ear")).length], [0, 0, 0]);
  await remove("limited", "limited-ear", "open-ear", "beat");

  // Values of secrets are not shown.
  await as.write("CreateVariable", { name: "HIDDEN", value: "hush-hush-value", is_secret: true });
  await create("leaky", `print("[[HIDDEN]]") if komodo.event.state == "Ok" then error("it is [[HIDDEN]]") end`, [poll()]);
  const leaky = await eventually("it failed", async () => { const r = await rule("leaky"); return r.error && r; });
  assert.match(leaky.error, /it is <HIDDEN>/);
  assert.doesNotMatch(JSON.stringify(leaky) + pair.engine.text(), /hush-hush/);
  await remove("leaky");
});

test("open alerts outlive the engine, once each", async () => {
  await create("steady", `return { level = "WARNING", message = "steady", key = komodo.event.target.name }`, [poll()]);
  const [before] = await eventually("it opens", async () => { const list = await customs("steady"); return list.length && list; });
  for (let i = 0; i < 2; i++) {
    await pair.engine.stop("SIGKILL");
    await pair.startEngine();
    as = caller(pair, bearer(await login(pair)));
    await eventually("it is evaluated", async () => (await rule("steady")).polls >= 2);
  }
  const list = await customs("steady");
  assert.deepEqual(list.map((a) => [a._id.$oid, a.resolved]), [[before._id.$oid, false]]);
  await save("steady", { triggers: [] });
  await eventually("it ends with the trigger", async () => (await customs("steady"))[0].resolved);
  assert.equal((await as.ask("read", "GetAlertRule", { action: "steady" })).status, 404);
  await remove("steady");
});

test("events start Actions, filtered, in order, and not for ever", async () => {
  await create("listener", `komodo.sleep(0.1) print("got", komodo.event.name, komodo.event.update.success, komodo.event.update.logs[1].stdout)`,
    [{ type: "event", on: ["update:*Variable", "update:RunAction"], filter: `update.operation == "CreateVariable"` }]);
  for (const name of ["FIRST", "SECOND", "THIRD"]) await as.write("CreateVariable", { name, value: "x" });
  await as.write("DeleteVariable", { name: "THIRD" });
  const runs = await eventually("they run", async () => { const list = await runsOf("listener"); return list.filter((u) => u.status === "Complete").length === 3 && list; });
  const texts = [];
  for (const { id } of runs.reverse()) texts.push(words(await as.read("GetUpdate", { id })));
  for (const [i, name] of ["FIRST", "SECOND", "THIRD"].entries()) assert.match(texts[i], new RegExp(`got\tupdate:CreateVariable\ttrue\t[^]*${name}`));
  await remove("listener");

  // Two that start each other; neither starts itself.
  await create("ping", "-- nothing", [{ type: "event", on: ["update:RunAction"] }]);
  const before = (await runsOf("ping")).length;
  await complete((await as.execute("RunAction", { action: "ping" }))._id.$oid);
  await create("pong", "-- nothing", [{ type: "event", on: ["update:RunAction"] }]);
  assert.equal((await runsOf("ping")).length, before + 1);
  await as.execute("RunAction", { action: "ping" });
  await eventually("the chain is cut", async () => /would be the 9\. run that one event causes/.test(pair.engine.text()));
  assert.equal((await runsOf("ping")).length + (await runsOf("pong")).length, before + 1 + 1 + 8);

  // What a script writes and executes is part of the chain too.
  await remove("ping", "pong");
  await create("writer", `assert(komodo.write("UpdateVariableValue", { name = "FIRST", value = komodo.run.id }))`,
    [{ type: "event", on: ["update:UpdateVariableValue"] }]);
  await as.write("UpdateVariableValue", { name: "FIRST", value: "go" });
  await eventually("that is cut too", async () => (pair.engine.text().match(/would be the 9\. run/g) ?? []).length === 2);
  assert.equal((await runsOf("writer")).length, 8);
  await remove("writer");
});

test("an event is made up: whether it starts an Action and why not, and a run with it", async () => {
  const trigger = { type: "event", on: ["update:Deploy*", "alert:Custom"], filter: `alert or update.success == false` };
  const { _id } = await create("rehearsed", `local e = komodo.event return { user = komodo.run.user, by = e.sample_by, name = e.name }`, [trigger]);
  const { _id: _, ...real } = await as.read("GetUpdate", { id: (await as.read("ListUpdates", { query: { operation: "CreateAction" } })).updates[0].id });
  const update = { ...real, operation: "DeployStack", success: false, target: { type: "Server", id: server.id } };
  const said = async (event, more = {}) => {
    const { name, starts, reason } = await as.read("TestEventTrigger", { action: "rehearsed", event, ...more });
    return [name, starts, reason];
  };
  assert.deepEqual(await said({ update }), ["update:DeployStack", true, null]);
  assert.deepEqual(await said({ update: { ...update, success: true } }), ["update:DeployStack", false, "its filter is false for this event"]);
  assert.deepEqual(await said({ update: { ...update, operation: "RunSync" } }), ["update:RunSync", false, "none of its events is update:RunSync"]);
  assert.match((await said({ update }, { trigger: { ...trigger, filter: "update.nothing.here" } }))[2], /its filter failed: .*attempt to index a nil value \(field 'nothing'\)/);
  assert.equal((await said({ update: { ...update, operation: "RunAction", target: { type: "Action", id: _id.$oid } } }, { trigger: { type: "event", on: ["update:*"] } }))[2],
    "the end of its own run does not start it");
  const alert = { ts: 1, resolved: false, level: "WARNING", target: { type: "Server", id: server.id }, data: { type: "Custom", data: { message: "m", details: "" } }, resolved_ts: null };
  assert.deepEqual(await said({ alert }), ["alert:Custom", true, null]);
  assert.match((await as.ask("read", "TestEventTrigger", { action: "rehearsed", event: {} })).text, /either update or alert/);
  for (const [event, problem] of [[{ update, alert }, /either update or alert/], [{ update: { operation: "Deploi" } }, /event\.update is not as GetUpdate has it/]])
    for (const answer of [await as.ask("read", "TestEventTrigger", { action: "rehearsed", event }), await as.ask("execute", "RunAction", { action: "rehearsed", event })]) {
      assert.ok(answer.status === 400 || answer.status === 422, answer.text);
      assert.match(answer.text, problem);
    }
  const bad = await as.ask("read", "TestEventTrigger", { action: "rehearsed", event: { update }, trigger: { type: "event", on: ["x"] } });
  assert.match(bad.text, /trigger\.on\[0\] must look like/);

  const { _id: { $oid: id } } = await as.execute("RunAction", { action: "rehearsed", event: { update }, dry_run: true });
  await complete(id);
  const record = await eventually("its record is over", async () => { const r = await as.read("GetActionRun", { id }); return r.status !== "running" && r; });
  assert.deepEqual([record.status, record.dry_run, record.trigger, record.result], ["ok", true, "manual", { user: "Action", by: "admin", name: "update:DeployStack" }]);
  await remove("rehearsed");
});

test("alerts go out as each endpoint wants them", async () => {
  const endpoints = {
    Custom: { url: `${inbox.url}/custom` }, Slack: { url: `${inbox.url}/slack` }, Discord: { url: `${inbox.url}/discord` },
    Ntfy: { url: `${inbox.url}/[[TOPIC]]`, email: "ops@example.com" }, Pushover: { url: `${inbox.url}/1/messages.json?token=[[PUSH_TOKEN]]&user=u` },
  };
  await as.write("CreateVariable", { name: "TOPIC", value: "ntfy-topic" });
  await as.write("CreateVariable", { name: "PUSH_TOKEN", value: "t0ps3cret", is_secret: true });
  for (const [type, params] of Object.entries(endpoints)) {
    await as.write("CreateAlerter", { name: `to-${type}`, config: { enabled: true, endpoint: { type, params } } });
  }
  inbox.got.length = 0;
  const sent = await complete((await as.execute("SendAlert", { level: "CRITICAL", message: "fire", details: "room 7 & 8" }))._id.$oid);
  assert.ok(sent.success, words(sent));
  assert.deepEqual(sent.logs.map((l) => l.stage), ["Send alert"]);
  const by = (path) => inbox.got.find((r) => r.url.startsWith(path));
  const custom = JSON.parse(by("/custom").body);
  assert.deepEqual(Object.keys(custom).sort(), ["data", "level", "resolved", "resolved_ts", "target", "ts"]);
  assert.deepEqual(custom.data, { type: "Custom", data: { message: "fire", details: "room 7 & 8" } });
  assert.equal(by("/custom").headers["content-type"], "application/json");
  assert.deepEqual(JSON.parse(by("/slack").body), { text: "CRITICAL 🚨 | fire", blocks: [
    { type: "header", text: { type: "plain_text", text: "CRITICAL 🚨 | fire" } }, { type: "section", text: { type: "mrkdwn", text: "room 7 & 8" } }] });
  assert.deepEqual(JSON.parse(by("/discord").body), { content: "CRITICAL 🚨 | fire\nroom 7 & 8" });
  const ntfy = by("/ntfy-topic");
  assert.deepEqual([ntfy.headers.title, ntfy.headers["x-email"], ntfy.body], ["Komodo Alert", "ops@example.com", "CRITICAL 🚨 | fire\nroom 7 & 8"]);
  const push = by("/1/");
  assert.equal(push.url, "/1/messages.json?token=t0ps3cret&user=u");
  assert.equal(new URLSearchParams(push.body).get("message"), "CRITICAL 🚨 | fire\nroom 7 & 8");
  assert.equal(push.headers["content-type"], "application/x-www-form-urlencoded");

  inbox.got.length = 0;
  const tried = await complete((await as.execute("TestAlerter", { alerter: "to-Ntfy" }))._id.$oid);
  assert.deepEqual(tried.logs.map((l) => [l.stage, l.success]), [["Test Alerter", true]]);
  assert.match(words(tried), /Alert sent successfully/);
  const { id } = (await as.read("ListAlerters", {})).find((a) => a.name === "to-Ntfy");
  assert.equal(inbox.got[0].body, `OK ✅ | If you see this message, then Alerter to-Ntfy is working\n${pair.url}/alerters/${id}`);

  inbox.status = 500;
  inbox.text = "no room";
  const failed = await complete((await as.execute("TestAlerter", { alerter: "to-Pushover" }))._id.$oid);
  assert.equal(failed.success, false);
  assert.match(words(failed), /Failed to send alert to Pushover Alerter to-Pushover[^]*500[^]*no room/);
  delete inbox.status;
  await as.write("UpdateAlerter", { id: "to-Pushover", config: { endpoint: { type: "Pushover", params: { url: "http://127.0.0.1:9/?token=[[PUSH_TOKEN]]" } } } });
  const refused = await complete((await as.execute("TestAlerter", { alerter: "to-Pushover" }))._id.$oid);
  assert.equal(refused.success, false);
  assert.doesNotMatch(JSON.stringify(refused), /t0ps3cret/);
  await as.write("UpdateAlerter", { id: "to-Slack", config: { enabled: false } });
  assert.match(words(await complete((await as.execute("TestAlerter", { alerter: "to-Slack" }))._id.$oid)), /Alerter is disabled/);
  assert.match(words(await complete((await as.execute("SendAlert", { message: "x", alerters: ["to-Slack"] }))._id.$oid)), /Could not find any valid alerters/);
  for (const type of Object.keys(endpoints)) if (type !== "Custom") await as.write("DeleteAlerter", { id: `to-${type}` });
});

test("alerters choose, Actions route, failures are told", async () => {
  const configure = (config) => as.write("UpdateAlerter", { id: "to-Custom", config });
  const bodies = () => inbox.got.map((r) => JSON.parse(r.body));
  const seen = (what, check) => eventually(what, async () => bodies().find(check));
  inbox.got.length = 0;
  await create("failing", `error("no")`, [], { failure_alert: true });
  await as.execute("RunAction", { action: "failing" });
  const told = await seen("ActionFailed", (a) => a.data.type === "ActionFailed");
  assert.deepEqual([told.level, told.resolved, told.data.data.name, told._id], ["WARNING", true, "failing", undefined]);
  assert.equal((await alerts({ "data.type": "ActionFailed" })).length, 0);

  await create("router", `
    local alert = komodo.event.alert
    local message = alert.data.data.message
    if message == "hush" then return false end
    if message == "loud" then return { level = "CRITICAL", message = "very loud", details = alert.level } end`,
    [{ type: "event", on: ["alert:Custom"] }]);
  await create("noise", `
    local level = "WARNING"
    return { { level = level, message = "hush", key = "1" }, { level = level, message = "loud", key = "2" }, { level = level, message = "plain", key = "3" } }`, [poll()]);
  await seen("plain", (a) => a.data.data.message === "plain" && !a.resolved);
  const loud = await seen("loud", (a) => a.data.data.message === "very loud");
  assert.deepEqual([loud.level, loud.data.data.details, loud.target.type, loud.rule], ["CRITICAL", "WARNING", "Server", undefined]);
  await save("noise", { file_contents: "return nil" });
  const ended = await seen("the end", (a) => a.data.data.message === "plain" && a.resolved);
  assert.equal(ended.level, "OK");
  await eventually("all are over", async () => (await alerts({ resolved: false })).length === 0);
  await eventually("the router is done", async () => (await runsOf("router")).filter((u) => u.status === "Complete").length === 6);
  assert.ok(!bodies().some((a) => a.data.data.message === "hush"));

  // Filters of the Alerter, then a maintenance window.
  await remove("router");
  inbox.got.length = 0;
  await configure({ alert_types: ["ServerCpu"] });
  await save("noise", { file_contents: `return { level = "WARNING", message = "first" }` });
  await eventually("first is open", async () => (await customs("first", { resolved: false })).length === 1);
  await configure({ alert_types: [], except_resources: [{ type: "Server", id: server.id }] });
  await save("noise", { file_contents: `return { level = "CRITICAL", message = "second" }` });
  await eventually("second", async () => (await customs("second", { resolved: false })).length === 1);
  const window = { name: "always", schedule_type: "Daily", hour: 0, minute: 0, duration_minutes: 1439, enabled: true };
  await configure({ except_resources: [], maintenance_windows: [window] });
  await save("noise", { file_contents: `return { level = "WARNING", message = "third" }` });
  await eventually("third", async () => (await customs("third", { resolved: false })).length === 1);
  await configure({ maintenance_windows: [] });
  await save("noise", { file_contents: `return { level = "CRITICAL", message = "fourth" }` });
  await seen("fourth", (a) => a.data.data.message === "fourth");
  assert.deepEqual(bodies().map((a) => a.data.data.message), ["fourth"]);
  await remove("noise", "failing");
});
