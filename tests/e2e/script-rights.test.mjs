// Whose rights a script has, and that nobody gains by one: not by whom it is started, what it starts, nor what it saves.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import fs from "node:fs";
import { after, before, test } from "node:test";
import { eventually, startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login, objectId, request, sql, store, stored, userDocument } from "./tools.mjs";

const dir = tempDir("script-rights");
const ids = { bob: objectId(0xb0), eve: objectId(0xe0), carol: objectId(0xc0) };
let pair, admin, bob, eve, carol, hash;

/** Changes users in the database of the engine, which is stopped for it: fields by name, null takes one away. */
async function change(users) {
  await pair.engine.stop();
  const all = { all: { Action: "Write", Procedure: "Execute" } };
  for (const [name, fields] of Object.entries(users)) {
    if (fields) store(pair, { User: { [ids[name]]: userDocument(ids[name], name, hash, { ...all, ...fields }) } });
    else sql(pair, `DELETE FROM "User" WHERE id = '${ids[name]}';`);
  }
  await pair.startEngine();
  admin = caller(pair, bearer(await login(pair)));
}

before(async () => {
  pair = await startPair(dir, { agent: false });
  admin = caller(pair, bearer(await login(pair)));
  await admin.write("CreateVariable", { name: "MARK", value: "" });
  await admin.write("CreateVariable", { name: "TOKEN", value: "s3cr3t-value+1", is_secret: true });
  await admin.write("CreateVariable", { name: "VAULT", value: "", is_secret: true });
  await pair.engine.stop();
  hash = stored(pair, "User")[0].config.data.password;
  await change({ bob: {}, eve: {}, carol: {} });
  [bob, eve, carol] = await Promise.all(["bob", "eve", "carol"].map(async (name) => caller(pair, bearer(await login(pair, name)))));
});
after(async () => { try { await pair?.stop(); } finally { fs.rmSync(dir, { recursive: true, force: true }); } });

let number = 0;
const action = async (file_contents, config = {}) => {
  const made = await admin.write("CreateAction", { name: `rights-${++number}`, config: { file_contents, ...config } });
  return { name: made.name, id: made._id.$oid };
};
/** An Action that this user saved last. */
const saved = async (as, file_contents, config = {}) => {
  const it = await action("", config);
  await as.write("UpdateAction", { id: it.id, config: { file_contents } });
  return it;
};
const finished = (id) => eventually("the run ends", async () => { const u = await admin.read("GetUpdate", { id }); return u.status === "Complete" && u; });
const run = async (it, as = admin, params = {}) => finished((await as.execute("RunAction", { action: it.id, ...params }))._id.$oid);
const words = (u) => u.logs.map((l) => l.stdout + l.stderr).join("\n").replace(/<[^<>]*>/g, "");
const output = async (it, as, params) => {
  const u = await run(it, as, params);
  assert.equal(u.success, true, JSON.stringify(u.logs));
  return u.logs.find((l) => l.stage === "Execute Action").stdout;
};
const failure = async (it, as, params) => {
  const u = await run(it, as, params);
  assert.equal(u.success, false, JSON.stringify(u.logs));
  return words(u);
};
const refused = (promise, pattern) => assert.rejects(promise, (e) => { assert.match(e.message, pattern); return true; });
const write = (value) => `assert(komodo.write("UpdateVariableValue", { name = "MARK", value = "${value}" })) print("as", komodo.run.user)`;
const mark = async () => (await admin.read("GetVariable", { name: "MARK" })).value;

test("what an admin saved runs as Action, whoever starts it", async () => {
  const it = await action(write("by admin"));
  assert.match(await output(it, bob), /^as\tAction\n/);
  assert.equal(await mark(), "by admin");
});

test("what a user saved has that user's rights, also when an admin starts it", async () => {
  const it = await saved(bob, write("by bob"));
  assert.match(await failure(it, admin), /admin only|permission/i);
  assert.notEqual(await mark(), "by bob");
  assert.match(await output(await saved(bob, `print(komodo.run.user, komodo.run.started_by, assert(komodo.read("GetVersion")).version)`), admin),
    /^bob\tadmin\t/);
});

test("renaming and describing change nobody's rights, any change of the config does", async () => {
  const it = await action(write("meta"));
  await bob.write("UpdateResourceMeta", { target: { type: "Action", id: it.id }, description: "bob was here" });
  await bob.write("RenameAction", { id: it.id, name: `${it.name}-new` });
  assert.match(await output(it, admin), /^as\tAction\n/);
  await bob.write("UpdateAction", { id: it.id, config: { failure_alert: false } });
  assert.match(await failure(it, admin), /admin only|permission/i);
  await admin.write("UpdateAction", { id: it.id, config: { failure_alert: true } });
  assert.match(await output(it, bob), /^as\tAction\n/);
});

test("a user may have an Action run as himself alone", async () => {
  const it = await action("print(komodo.run.user)");
  await refused(bob.write("UpdateAction", { id: it.id, config: { run_as: "admin" } }), /run_as: only an admin/);
  await refused(bob.write("UpdateAction", { id: it.id, config: { run_as: "eve" } }), /run_as: only an admin/);
  await refused(admin.write("UpdateAction", { id: it.id, config: { run_as: "nobody" } }), /run_as: no enabled user 'nobody'/);
  await bob.write("UpdateAction", { id: it.id, config: { run_as: "bob" } });
  assert.match(await output(it, admin), /^bob\n/);
  await admin.write("UpdateAction", { id: it.id, config: { run_as: "eve" } });
  assert.match(await output(it, admin), /^eve\n/);
  await refused(bob.write("UpdateAction", { id: it.id, config: { file_contents: "print(1)" } }), /run_as: only an admin/);
});

test("whoever saved it counts as he is now", async () => {
  const it = await saved(carol, "print(komodo.run.user)");
  assert.match(await output(it, admin), /^carol\n/);
  await change({ carol: { enabled: false } });
  assert.match(await failure(it, admin), /'carol', who saved this Action last, is disabled/);
  await change({ carol: { admin: true } });
  assert.match(await output(it, admin), /^Action\n/);
  await change({ carol: {} });
  assert.match(await output(it, admin), /^carol\n/);
  await change({ carol: null });
  assert.match(await failure(it, admin), /does not exist any more: somebody/);
  await admin.write("UpdateAction", { id: it.id, config: { file_contents: "print(2)" } });
  assert.match(await output(it, admin), /^2\n/);
});

test("where nobody wrote down who saved it, starting gives the rights", async () => {
  const it = await action("print(komodo.run.user)");
  await pair.engine.stop();
  sql(pair, `DELETE FROM "ScriptOwner" WHERE id = '${it.id}';`);
  await change({});
  assert.match(await output(it, bob), /^bob\n/);
  assert.match(await output(it, admin), /^Action\n/);
});

test("triggers give no more rights than starting by hand", async () => {
  const it = await saved(bob, `print("from", komodo.event.type, komodo.event.branch, komodo.run.user) ${write("hooked")}`,
    { webhook_secret: "hush", schedule: "" });
  const body = JSON.stringify({ ref: "refs/heads/main" });
  const sent = await request(`${pair.url}/listener/github/action/${it.id}/main`, { method: "POST", body,
    headers: { "X-Hub-Signature-256": `sha256=${createHmac("sha256", "hush").update(body).digest("hex")}` } });
  assert.equal(sent.status, 200, sent.text);
  const u = await eventually("it ran", async () => {
    const [item] = (await admin.read("ListUpdates", { query: { "target.id": it.id, operation: "RunAction" } })).updates;
    return item?.status === "Complete" && admin.read("GetUpdate", { id: item.id });
  });
  assert.match(words(u), /from\twebhook\tmain\tbob/);
  assert.equal(u.success, false);
  assert.notEqual(await mark(), "hooked");
});

// ---- what a script starts ----

test("an Action that a script starts has the capabilities of both", async () => {
  const child = await action(write("child"));
  const wide = await action(`assert(komodo.execute("RunAction", { action = "${child.name}" }))`);
  await output(wide);
  assert.equal(await mark(), "child");
  await admin.write("UpdateVariableValue", { name: "MARK", value: "" });
  for (const call of [`komodo.execute("RunAction", { action = "${child.name}" })`, `komodo.execute("BatchRunAction", { pattern = "${child.name}" })`,
    `komodo.wait(assert(komodo.start("RunAction", { action = "${child.name}" })))`]) {
    const narrow = await action(`local ok, err = ${call} print(ok, err)`, { capabilities: ["execute:RunAction", "execute:BatchRunAction", "read:GetUpdate"] });
    assert.match(await output(narrow), /write:UpdateVariableValue@MARK/, call);
    assert.equal(await mark(), "", call);
  }
  // Its own capabilities hold as well.
  const small = await action(`print(select(2, komodo.read("GetVersion")).message)`, { capabilities: ["kv"] });
  assert.match(await output(await action(`print(komodo.execute("RunAction", { action = "${small.name}" }).logs[1].stdout)`)), /"read:GetVersion" is missing/);
});

test("through any number of Actions and Procedures the bounds of the first script hold", async () => {
  await admin.write("UpdateVariableValue", { name: "MARK", value: "" });
  const last = await action(write("deep"));
  const middle = await action(`assert(komodo.execute("RunAction", { action = "${last.name}" }))`);
  const one = (type, params) => ({ execution: { type, params }, enabled: true });
  const inner = (await admin.write("CreateProcedure", { name: "inner", config: { stages: [
    { name: "a", enabled: true, executions: [one("BatchRunAction", { pattern: middle.name })] }] } }))._id.$oid;
  await admin.write("CreateProcedure", { name: "outer", config: { stages: [
    { name: "a", enabled: true, executions: [one("RunProcedure", { procedure: inner })] }] } });
  const script = (capabilities) => action(`local ok, err = komodo.execute("RunProcedure", { procedure = "outer" }) print(ok ~= nil, err)
    local ok, err = komodo.execute("BatchRunProcedure", { pattern = "outer" }) print(ok ~= nil, err)`, { capabilities });
  const starts = ["execute:RunProcedure", "execute:BatchRunProcedure"];
  assert.match(await output(await script(starts)), /^false\t[^]*false\t/);
  assert.match(await output(await script([...starts, "execute:RunAction"])), /^false\t[^]*false\t/);
  assert.equal(await mark(), "");
  assert.match(await output(await script([...starts, "execute:RunAction", "write:UpdateVariableValue@MARK"])), /^true\tnil\ntrue\t/);
  assert.equal(await mark(), "deep");
});

test("an execution of a Procedure that the script may not start is not run", async () => {
  await admin.write("CreateProcedure", { name: "many", config: { stages: [{ name: "a", enabled: true, executions: [
    { execution: { type: "Sleep", params: { duration_ms: 1 } }, enabled: true }, { execution: { type: "RotateCoreKeys", params: {} }, enabled: true }] }] } });
  const it = await action(`print(select(2, komodo.execute("RunProcedure", { procedure = "many" })))`, { capabilities: ["execute:RunProcedure"] });
  assert.match(await output(it), /execute:RotateCoreKeys/);
});

test("a script of a user starts nothing with more rights than that user has", async () => {
  await admin.write("UpdateVariableValue", { name: "MARK", value: "" });
  const strong = await action(write("lent"));
  await admin.write("CreateProcedure", { name: "lending", config: { stages: [{ name: "a", enabled: true, executions: [
    { execution: { type: "RunAction", params: { action: strong.id } }, enabled: true }] }] } });
  const it = await saved(bob, `print(select(2, komodo.execute("RunAction", { action = "${strong.name}" })))
    print(select(2, komodo.execute("RunProcedure", { procedure = "lending" })))`);
  const text = await output(it, admin);
  assert.match(text, /admin only/i);
  assert.equal(await mark(), "");
  const other = await saved(eve, "print(komodo.run.user)");
  assert.match(await output(await saved(bob, `print(select(2, komodo.execute("RunAction", { action = "${other.name}" })))`)),
    /runs as 'eve' and the script that starts it as 'bob'/);
});

test("with an event that somebody made up a script may no more than he", async () => {
  await admin.write("UpdateVariableValue", { name: "MARK", value: "" });
  const event = { alert: { ts: 1, resolved: false, level: "WARNING", target: { type: "System", id: "system" }, data: { type: "None", data: {} } } };
  const it = await action(`print(komodo.event.sample_by) ${write("lured")}`);
  assert.match(await failure(it, bob, { event }), /admin only|permission/i);
  assert.equal(await mark(), "");
  assert.match(await output(it, admin, { event }), /^admin\nas\tAction\n/);
  assert.match(await failure(await saved(eve, "print(1)"), bob, { event }), /runs as 'eve' and whoever made up its event as 'bob'/);
  await admin.write("UpdateVariableValue", { name: "MARK", value: "" });
});

test("scripts that start each other without end are refused", async () => {
  const name = `rights-${number + 1}`;
  const it = await action(`local ok, err = komodo.execute("RunAction", { action = "${name}" }) if not ok then error(err.message, 0) end`, { concurrency: "parallel" });
  assert.match(await failure(it), /more than 16 scripts and Procedures started each other/);
});

// ---- what a script saves ----

test("a script cannot save an Action with capabilities beyond its own", async () => {
  const victim = await action("print(1)"), harmless = await action("print(1)", { capabilities: ["read:GetVersion"] });
  const narrow = ["write:*", "read:*"];
  const text = await output(await action(`
    local function try(name, params) local ok, err = komodo.write(name, params) print(ok ~= nil, err and err.message) end
    try("CreateAction", { name = "gain-1", config = { file_contents = "x()" } })
    try("CreateAction", { name = "gain-2", config = { capabilities = { "*" }, run_at_startup = true } })
    try("CreateAction", { name = "gain-3", config = { capabilities = { "read:*", "execute:RunAction" } } })
    try("UpdateAction", { id = "${victim.id}", config = { file_contents = "x()" } })
    try("UpdateAction", { id = "${victim.id}", config = { schedule = "every 1 second" } })
    try("UpdateAction", { id = "${harmless.id}", config = { capabilities = { "*" } } })
    try("CopyAction", { id = "${victim.id}", name = "gain-4" })
    try("CreateAction", { name = "gain-5", config = { capabilities = { "read:*" }, library = true } })
    try("CreateAction", { name = "fine", config = { capabilities = { "read:Get*", "write:UpdateVariableValue@MARK" } } })
  `, { capabilities: narrow }));
  const lines = text.split("\n").slice(0, 9);
  for (const line of lines.slice(0, 7)) assert.match(line, /^false\tconfig\.capabilities\[\d\]: ".*" is more than the script has/);
  assert.match(lines[7], /^false\tconfig\.library/);
  assert.match(lines[8], /^true/);
  assert.deepEqual((await admin.read("ListActions", { query: { names: ["gain-1", "gain-2", "gain-3", "gain-4", "gain-5"] } })), []);
});

test("a script cannot save a Procedure that does more than the script may", async () => {
  const one = (type, params) => `{ execution = { type = "${type}", params = ${params} }, enabled = true }`;
  const stage = (execution) => `{ stages = { { name = "a", enabled = true, executions = { ${execution} } } } }`;
  await admin.write("CreateProcedure", { name: "existing", config: { stages: [{ name: "a", enabled: true, executions: [
    { execution: { type: "RotateCoreKeys", params: {} }, enabled: true }] }] } });
  const target = await action(write("late"));
  const text = await output(await action(`
    local function try(name, params) local ok, err = komodo.write(name, params) print(ok ~= nil, err and err.message .. " " .. table.concat(err.trace or {}, " ")) end
    try("CreateProcedure", { name = "pgain-1", config = ${stage(one("RotateCoreKeys", "{}"))} })
    try("UpdateProcedure", { id = "existing", config = { schedule = "every day at 03:00" } })
    try("CopyProcedure", { id = "existing", name = "pgain-2" })
    try("CreateProcedure", { name = "kept", config = ${stage(one("RunAction", `{ action = "${target.name}" }`))} })
  `, { capabilities: ["write:*", "execute:RunAction"] }));
  const lines = text.split("\n");
  for (const line of lines.slice(0, 3)) assert.match(line, /^false\t.*executions\[0\] cannot be saved by this script.*execute:RotateCoreKeys/);
  assert.match(lines[3], /^true/);
  // What it saved keeps its bounds however it is started: the Action it runs may not write here.
  await output(await action(`assert(komodo.write("UpdateAction", { id = "${(await action("print(1)")).id}", config = { failure_alert = false } }))`));
  const narrow = await action(`assert(komodo.write("CreateProcedure", { name = "bounded", config = ${stage(one("RunAction", `{ action = "${target.name}" }`))} }))`,
    { capabilities: ["write:CreateProcedure", "execute:RunAction"] });
  await output(narrow);
  await admin.write("UpdateVariableValue", { name: "MARK", value: "" });
  const u = await finished((await admin.execute("RunProcedure", { procedure: "bounded" }))._id.$oid);
  assert.equal(u.success, false);
  assert.equal(await mark(), "");
  await admin.write("UpdateProcedure", { id: "bounded", config: { failure_alert: false } });
  assert.equal((await finished((await admin.execute("RunProcedure", { procedure: "bounded" }))._id.$oid)).success, true);
  assert.equal(await mark(), "late");
});

// ---- secrets ----

test("the value of a secret comes back to a script in no answer", async () => {
  const it = await action(`
    local token = assert(komodo.secret("TOKEN"))
    assert(komodo.write("UpdateVariableValue", { name = "VAULT", value = token }))
    print("vault", komodo.read("GetVariable", { name = "VAULT" }).value, komodo.read("GetVariable", { name = "TOKEN" }).value)
    for _, v in ipairs(komodo.read("ListVariables")) do if v.is_secret then print("list", v.name, v.value) end end
    local made = assert(komodo.write("CreateAction", { name = "carrier", config = { arguments = "key=" .. token, file_contents = "--" .. token } }))
    print("made", made.config.arguments, made.config.file_contents)
    local got = komodo.read("GetAction", { action = "carrier" }).config
    print("got", got.arguments, #got.arguments, got.file_contents:reverse())
    assert(komodo.kv.set("k", got.arguments)) print("kv", (komodo.kv.get("k")))
    print("error", select(2, komodo.read("GetAction", { action = "x" .. got.arguments })).message)
    return { value = got.arguments }
  `);
  const u = await run(it);
  assert.equal(u.success, true, JSON.stringify(u.logs));
  const text = u.logs.map((l) => l.stdout + l.stderr).join("");
  assert.doesNotMatch(text, /s3cr3t|t3rc3s|eulav-/);
  assert.match(text, /vault\t<VAULT>\t<TOKEN>\nlist\tTOKEN\t<TOKEN>\nlist\tVAULT\t<VAULT>\nmade\tkey=<TOKEN>[^]*got\tkey=<TOKEN>[^]*kv\tkey=<TOKEN>/);
  assert.match((await admin.read("GetAction", { action: "carrier" })).config.file_contents, /s3cr3t-value\+1/);
  assert.doesNotMatch(JSON.stringify(await admin.read("GetActionRun", { id: u._id.$oid })), /s3cr3t/);
});

test("a secret cannot be written into a variable that is none", async () => {
  const text = await output(await action(`
    local token = assert(komodo.secret("TOKEN"))
    local function try(name, params) local ok, err = komodo.write(name, params) print(ok ~= nil, err and err.message) end
    try("UpdateVariableValue", { name = "MARK", value = token })
    try("CreateVariable", { name = "FRESH", value = "a" .. token })
    try("CreateVariable", { name = "FRESH", value = "a", description = token, is_secret = true })
    try("UpdateVariableDescription", { name = "VAULT", description = token })
    try("UpdateVariableIsSecret", { name = "VAULT", is_secret = false })
    try("CreateVariable", { name = "FRESH", value = token, is_secret = true })
  `));
  const lines = text.split("\n");
  for (const line of lines.slice(0, 4)) assert.match(line, /^false\tthe value of a secret cannot be written where everybody can read it: make the variable '\w+' a secret/);
  assert.match(lines[4], /^false\ta run that took a secret cannot make a variable readable/);
  assert.match(lines[5], /^true/);
  assert.equal((await admin.read("GetVariable", { name: "FRESH" })).value, "s3cr3t-value+1");
});

test("a printed secret is taken out in other spellings too, however the log is cut", async () => {
  const u = await run(await action(`
    local token = "[[TOKEN]]"
    print(komodo.base64.encode(token), komodo.base64.encode("x" .. token), komodo.hex.encode(token), komodo.url.encode(token))
    print(komodo.json.encode({ key = token }))
    komodo.sleep(0.25)
    for i = 1, 20000 do print(("%06d %s"):format(i, token)) end
  `, { limits: { log_kb: 4096 } }));
  const text = u.logs.map((l) => l.stdout + l.stderr).join("");
  assert.equal(u.success, true, text.slice(0, 500));
  for (const spelled of ["s3cr3t", Buffer.from("s3cr3t-value").toString("base64").slice(0, 12), "7333637233742d", "s3cr3t-value%2B1"]) {
    assert.equal(text.includes(spelled), false, spelled);
  }
  assert.equal(text.split("<TOKEN>").length > 20000, true);
});
