// Actions that are started by HTTP requests and answer them (spec lua.md 2).
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { eventually, root, startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login, raw, request } from "./tools.mjs";

const SECRET = "hook secret", dir = tempDir("hook");
let pair, komodo;

before(async () => {
  pair = await startPair(dir, { agent: false });
  komodo = caller(pair, bearer(await login(pair)));
});
after(async () => {
  try { await pair?.stop(); } finally { fs.rmSync(dir, { recursive: true, force: true }); }
});

const config = (file_contents, ...triggers) => ({ file_contents, webhook_secret: SECRET, triggers: triggers.map((t) => ({ type: "http", ...t })) });
const action = (name, file_contents, ...triggers) => komodo.write("CreateAction", { name, config: config(file_contents, ...triggers) });
const open = (name, source) => action(name, source, { auth: "none" });
const send = (at, { method = "POST", headers = {}, body = "", ...rest } = {}) => request(`${pair.url}/hook/${at}`, { method, headers, body, ...rest });
const sign = (body, { algorithm = "sha256", secret = SECRET, encoding = "hex" } = {}) => createHmac(algorithm, secret).update(body).digest(encoding);
const runs = async (a) => (await komodo.read("ListUpdates", { query: { "target.id": a._id.$oid, operation: "RunAction" } })).updates;
const ended = (a, count = 1) => eventually("the runs end", async () => {
  const list = await runs(a);
  return list.length >= count && list.every((u) => u.status === "Complete") && list;
});
const logs = async (update) => (await komodo.read("GetUpdate", { id: update.id })).logs;

test("the script has the request, and what it returns is the response", async () => {
  const a = await action("echo it", `
    local e = komodo.event
    return { status = 201, headers = { ["X-Of"] = "hook" }, body = { type = e.type, method = e.method, path = e.path, query = e.query,
      agent = e.headers["x-agent"], body = e.body, json = e.json, form = e.form, ip = e.ip, bytes = #e.body, event = komodo.run.event.type } }`,
    { path: "a/b", method: "PUT", auth: "none" }, { path: "form", auth: "none" });
  const answer = await send("echo%20it/a/b?x=1&y=%C3%A9+z&x=2", { method: "PUT", body: '{"n":[1,{"deep":null}]}',
    headers: { "Content-Type": "application/vnd.test+json; charset=utf-8", "X-Agent": "tést" } });
  assert.equal(answer.status, 201, answer.text);
  assert.equal(answer.headers["content-type"], "application/json");
  assert.equal(answer.headers["x-of"], "hook");
  assert.match(answer.headers["content-security-policy"], /^sandbox /);
  assert.equal(answer.headers["x-content-type-options"], "nosniff");
  assert.deepEqual(answer.json, { type: "http", method: "PUT", path: "a/b", query: { x: "1", y: "é z" }, agent: "tést", ip: "127.0.0.1",
    body: '{"n":[1,{"deep":null}]}', json: { n: [1, { deep: null }] }, bytes: 23, event: "http" });
  const form = await send(`${a._id.$oid}/form/`, { body: "a=1&b=%26+c&a=2&d&%zz=1", headers: { "Content-Type": "application/x-www-form-urlencoded" } });
  assert.deepEqual(form.json.form, { a: "1", b: "& c", d: "", "%zz": "1" });
  const [one] = await ended(a, 2);
  assert.deepEqual([one.success, one.operator], [true, "000000000000000000000003"]);
});

test("nothing is 204, a text is text, bytes go both ways", async () => {
  await open("nothing", "local x = 1");
  const none = await send("nothing");
  assert.deepEqual([none.status, none.text], [204, ""]);
  await open("text", 'return "hello"');
  const text = await send("text");
  assert.deepEqual([text.status, text.text, text.headers["content-type"]], [200, "hello", "text/plain; charset=utf-8"]);
  await open("bytes", "local e = komodo.event return { body_base64 = komodo.base64.encode(e.body:reverse()), status = e.body_base64 and 500 or 200 }");
  const bytes = await send("bytes", { body: Buffer.from([0, 1, 0xff, 0xfe]) });
  assert.deepEqual([bytes.status, [...bytes.body]], [200, [0xfe, 0xff, 1, 0]]);
  await action("page", 'return { headers = { ["Content-Type"] = "text/html", Location = "/x" }, body = "<p>" }', { method: "GET", auth: "none" });
  const page = await send("page", { method: "GET", body: undefined });
  assert.deepEqual([page.text, page.headers["content-type"], page.headers.location], ["<p>", "text/html", "/x"]);
});

test("only who knows the secret gets in; strangers do not learn what is there", async () => {
  const a = await action("guarded", 'return komodo.event.headers.authorization or komodo.event.headers["x-gitlab-token"] or komodo.event.query.token or "in"',
    { path: "github", auth: "github" }, { path: "gitlab", auth: "gitlab" }, { path: "token", auth: "token" },
    { path: "hmac", auth: { hmac: { header: "X-Sum", algorithm: "sha512" } } }, { path: "short", auth: { hmac: { header: "X-Sum" } } });
  const body = '{"a": 1}', github = (value) => ({ body, headers: { "X-Hub-Signature-256": value } });
  const good = [
    ["github", github(`sha256=${sign(body)}`)], ["github", github(sign(body))], ["gitlab", { headers: { "X-Gitlab-Token": SECRET } }],
    ["token", { headers: { Authorization: `Bearer ${SECRET}` } }], ["token?token=hook%20secret", {}],
    ["hmac", { body, headers: { "X-Sum": sign(body, { algorithm: "sha512", encoding: "base64" }) } }],
    ["short", { body, headers: { "X-Sum": sign(body).toUpperCase() } }],
  ];
  for (const [at, how] of good) {
    const answer = await send(`guarded/${at}`, how);
    assert.deepEqual([answer.status, answer.text], [200, "in"], `${at} ${JSON.stringify(how)}: ${answer.text}`);
  }
  const bad = [
    ["guarded/github", { body }], ["guarded/github", github(sign(`${body} `))], ["guarded/github", github(sign(body, { secret: "" }))],
    ["guarded/github", github("sha256=")], ["guarded/gitlab", {}], ["guarded/gitlab", { headers: { "X-Gitlab-Token": "hook" } }],
    ["guarded/token", {}], ["guarded/token?token=", {}], ["guarded/token", { headers: { Authorization: "Bearer x" } }],
    ["guarded/hmac", { body, headers: { "X-Sum": sign(body) } }], ["guarded/token?token=hook%20secret", { method: "PUT" }],
    ["guarded/nowhere", {}], ["guarded", {}], ["nobody/github", github(sign(body))], ["", {}], ["%ff/github", {}],
  ];
  const words = new Set();
  for (const [at, how] of bad) {
    const answer = await send(at, how);
    assert.equal(answer.status, 401, `${at} ${JSON.stringify(how)}`);
    words.add(answer.json.error.replace(/ \| .*/, ""));
  }
  assert.deepEqual(words.size, 1, [...words].join("\n"));
  await komodo.write("UpdateAction", { id: "guarded", config: { webhook_enabled: false } });
  assert.equal((await send(...Object.values({ at: "guarded/gitlab", how: { headers: { "X-Gitlab-Token": SECRET } } }))).status, 401);
  await komodo.write("UpdateAction", { id: "guarded", config: { webhook_enabled: true, webhook_secret: "" } });
  for (const how of [{ headers: { "X-Gitlab-Token": "" } }, {}]) {
    const answer = await send("guarded/gitlab", how);
    assert.equal(answer.status, 401);
    assert.match(answer.json.error, /no secret to compare with: set the Action's webhook_secret/);
  }
  assert.equal((await runs(a)).length, good.length);
});

test("triggers are checked when they are saved", async () => {
  for (const [trigger, words] of [
    [{}, /config\.triggers\[0\]\.auth is missing/], [{ auth: "basic" }, /config\.triggers\[0\]\.auth: expected/],
    [{ auth: { hmac: {} } }, /config\.triggers\[0\]\.auth\.hmac\.header/], [{ auth: "none", method: "TRACE" }, /config\.triggers\[0\]\.method/],
    [{ auth: "none", filter: "x" }, /config\.triggers\[0\]\.filter does not belong/],
  ]) {
    const answer = await komodo.ask("write", "CreateAction", { name: "wrong", config: config("", trigger) });
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.text, words);
  }
});

test("what starts an Action can be read, without its secret", async () => {
  const a = await komodo.write("CreateAction", { name: "told of", config: { ...config("", { path: "a b", auth: "none", method: "GET" }, { auth: "github" }),
    webhook_secret: "", schedule_format: "Cron", schedule: "0 0 * * * *" } });
  const [schedule, webhook, one, two, ...more] = await komodo.read("GetActionTriggers", { action: "told of" });
  assert.deepEqual(more, []);
  assert.deepEqual([schedule.type, schedule.enabled, schedule.next_runs.length], ["schedule", true, 5]);
  assert.ok(schedule.next_runs.every((t, i, all) => t % 3600000 === 0 && (i === 0 || t - all[i - 1] === 3600000)));
  assert.deepEqual(webhook, { type: "webhook", enabled: false, url: `${pair.url}/listener/github/action/${a._id.$oid}/__ANY__`, method: "POST" });
  assert.deepEqual(one, { type: "http", enabled: true, index: 0, url: `${pair.url}/hook/told%20of/a%20b`, method: "GET", auth: "none" });
  assert.equal((await request(one.url)).status, 204);
  assert.deepEqual([two.enabled, two.url], [false, `${pair.url}/hook/told%20of`]);
  assert.match(two.problem, /no secret/);
  await komodo.write("UpdateAction", { id: "told of", config: { webhook_secret: SECRET, schedule: "nonsense" } });
  const again = await komodo.read("GetActionTriggers", { action: "told of" });
  assert.deepEqual(again.map((t) => t.enabled), [false, true, true, true]);
  assert.ok(again[0].problem);
  assert.doesNotMatch(JSON.stringify(again), new RegExp(SECRET));
});

test("errors stay inside, and say their kind", async () => {
  const broken = await open("broken", 'error("the password is x")'), greedy = await action("greedy", "while true do end", { auth: "none" });
  await komodo.write("UpdateAction", { id: "greedy", config: { limits: { cpu_seconds: 0.05 } } });
  const failed = await send("broken");
  assert.equal(failed.status, 500);
  assert.deepEqual(failed.json, { error: "The Action failed; its log says why", trace: [] });
  assert.match((await logs((await ended(broken))[0]))[0].stderr, /the password is x/);
  const limited = await send("greedy");
  assert.equal(limited.status, 503);
  assert.ok(Number(limited.headers["retry-after"]) > 0);
  await ended(greedy);
  const odd = await open("odd", 'return { status = 99 }');
  assert.equal((await send("odd")).status, 500);
  const [update] = await ended(odd);
  assert.equal(update.success, false);
  assert.match((await logs(update)).at(-1).stderr, /'status' must be a whole number from 200 to 599/);
  const split = await open("split", 'return { headers = { X = "a\\r\\nSet-Cookie: b=c" } }');
  const answer = await send("split");
  assert.deepEqual([answer.status, answer.headers["set-cookie"]], [500, undefined]);
  await ended(split);
});

test("komodo.respond answers at once, once, and the script goes on", async () => {
  const a = await open("early", `
    print(pcall(komodo.respond, { status = 5 }))
    assert(komodo.respond{ status = 202, body = "taken" })
    print(pcall(komodo.respond, "again"))
    komodo.sleep(0.5)
    print("went on")
    return "nobody reads this"`);
  const began = Date.now(), answer = await send("early");
  assert.deepEqual([answer.status, answer.text], [202, "taken"]);
  assert.equal((await runs(a))[0].status, "InProgress", `after ${Date.now() - began} ms`);
  const [update] = await ended(a);
  assert.equal(update.success, true);
  assert.match((await logs(update))[0].stdout, /^false\t.*'status' must be.*\nfalse\t.*answered already\nwent on\n/);
  const started = await komodo.execute("RunAction", { action: "early" });
  const by_hand = await eventually("it ends", async () => { const u = await komodo.read("GetUpdate", { id: started._id.$oid }); return u.status === "Complete" && u; });
  assert.match(by_hand.logs[0].stderr, /no request waits/);
});

test("a script that takes too long is not waited for; a client that leaves does not stop it", async () => {
  const slow = await open("slow", `komodo.sleep(10.5) print(select(2, komodo.respond("late")).code) return "late"`);
  const left = await open("left", `komodo.sleep(0.3) print("done")`);
  const late = send("slow");
  await raw(pair, "POST /hook/left HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", () => false, 100).catch(() => {});
  const [alone] = await ended(left);
  assert.match((await logs(alone))[0].stdout, /^done\n/);
  const answer = await late;
  assert.equal(answer.status, 504);
  assert.match(answer.json.error, /did not answer within 10 seconds; it goes on/);
  const [update] = await ended(slow);
  assert.equal(update.success, true);
  assert.match((await logs(update))[0].stdout, /^timeout\n/);
});

test("a hundred requests of one Action are worked on, no more", async () => {
  await action("flood", `komodo.lock("flood", function() end) return "ok"`, { auth: "none" });
  const holder = await komodo.write("CreateAction", { name: "holder", config: { file_contents: `komodo.lock("flood", function() print("has it") komodo.sleep(60) end)` } });
  await komodo.execute("RunAction", { action: "holder" });
  await eventually("the lock is held", async () => { const [u] = await runs(holder); return u && (await logs(u))[0]?.stdout.includes("has it"); });
  await komodo.write("UpdateAction", { id: "flood", config: { concurrency: "parallel" } });
  const all = Promise.all(Array.from({ length: 105 }, () => send("flood")));
  await eventually("a hundred wait", async () => (await komodo.read("GetActionActionState", { action: "flood" })).running === 100);
  const more = await send("flood");
  assert.equal(more.status, 429);
  assert.ok(Number(more.headers["retry-after"]) > 0);
  await komodo.execute("CancelAction", { action: "holder" });
  const statuses = (await all).map((a) => a.status);
  assert.equal(statuses.filter((s) => s === 429).length, 5);
  assert.equal(statuses.filter((s) => s === 200).length, 100);
});

test("bodies and queries are bounded", async () => {
  await open("sized", "return tostring(#komodo.event.body)");
  assert.equal((await send("sized", { body: "x".repeat(2 * 1024 * 1024) })).text, String(2 * 1024 * 1024));
  assert.equal((await send("sized", { body: "x".repeat(2 * 1024 * 1024 + 1) }).catch((e) => ({ status: e.code }))).status, 413);
  assert.equal((await send(`sized?${"a&".repeat(201)}`)).status, 400);
  assert.equal((await send("sized?a=%ff")).status, 400);
});

test("guessing is slowed down like guessing passwords", async () => {
  const folder = tempDir("hook-limit");
  const other = await startPair(folder, { agent: false, env: { KOMODO_AUTH_RATE_LIMIT_DISABLED: "false", KOMODO_WEBHOOK_SECRET: SECRET } });
  try {
    const as = caller(other, bearer(await login(other)));
    await as.write("CreateAction", { name: "guess", config: { file_contents: 'return "in"', triggers: [{ type: "http", auth: "token" }] } });
    const to = (at, token) => request(`${other.url}/hook/${at}`, { method: "POST", headers: { Authorization: `Bearer ${token}` } });
    assert.equal((await to("guess", SECRET)).text, "in");
    for (const at of ["guess", "other", "guess/else", "guess", "guess"]) {
      const answer = await to(at, "wrong");
      assert.equal(answer.status, 401);
      assert.match(answer.json.error, /\| You have \d attempts remaining$/);
    }
    const right = await to("guess", SECRET);
    assert.equal(right.status, 429, right.text);
  } finally { await other.stop(); fs.rmSync(folder, { recursive: true, force: true }); }
});

test("the example of a GitHub release", async () => {
  await komodo.write("CreateVariable", { name: "APP_VERSION", value: "old" });
  const a = await action("release", fs.readFileSync(path.join(root, "actions-examples", "github-release.lua"), "utf8"), { path: "release", auth: "github" });
  await komodo.write("UpdateAction", { id: "release", config: { concurrency: "parallel" } });
  const deliver = (value) => {
    const body = JSON.stringify(value);
    return send("release/release", { body, headers: { "Content-Type": "application/json", "X-Hub-Signature-256": `sha256=${sign(body)}` } });
  };
  const published = await deliver({ action: "published", release: { tag_name: "v1.2.3", prerelease: false } });
  assert.deepEqual([published.status, published.text], [202, "deploying v1.2.3"]);
  assert.equal((await deliver({ action: "published", release: { tag_name: "$(x)" } })).status, 422);
  assert.equal((await deliver({ action: "created" })).status, 202);
  await ended(a, 3);
  assert.equal((await komodo.read("GetVariable", { name: "APP_VERSION" })).value, "v1.2.3");
});
