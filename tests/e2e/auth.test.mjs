// Who gets in, how often they may try, and what they see once they are in (spec api.md 3, 5, 9; auth.md 1, 2).
import assert from "node:assert/strict";
import fs from "node:fs";
import { after, before, test } from "node:test";
import { eventually, startPair, tempDir } from "./harness.mjs";
import { apiKey, bearer, caller, groupDocument, login, objectId, permissionDocument, post, request, sql, store, stored, userDocument, websocket } from "./tools.mjs";

// ---- rate limiting, on an engine of its own ----

const WINDOW = 3;
const limitDir = tempDir("limit");
let limited, limitedJwt;
let address = 0;
const fresh = () => `203.0.113.${++address}`;   // nobody's failures are somebody else's
const from = (ip) => ({ "X-Forwarded-For": ip });
const tryLogin = (ip, password = "wrong", headers = from(ip)) =>
  post(`${limited.url}/auth/login/LoginLocalUser`, { username: "admin", password }, { headers });
const getUser = (ip, headers) => request(`${limited.url}/user`, { headers: { ...from(ip), ...headers } });
const wrongKey = { "X-API-KEY": "K_wrong_K", "X-API-SECRET": "S_wrong_S" };
const tries = async (count, one) => { for (let i = 0; i < count; i++) await one(); };

const dir = tempDir("auth");
let pair, jwt, admin;
const PASSWORD = "long horse battery 7431";

before(async () => {
  limited = await startPair(limitDir, { agent: false, env: { KOMODO_AUTH_RATE_LIMIT_DISABLED: "false", KOMODO_AUTH_RATE_LIMIT_WINDOW_SECONDS: String(WINDOW) } });
  limitedJwt = await login(limited);
  pair = await startPair(dir, { agent: false, env: { KOMODO_INIT_ADMIN_PASSWORD: PASSWORD, KOMODO_LOGGING_LEVEL: "trace",
    KOMODO_PASSKEY: "engine passkey 5512", KOMODO_WEBHOOK_SECRET: "webhook secret 9921" } });
  pair.password = PASSWORD;
  jwt = await login(pair);
  admin = caller(pair, bearer(jwt));
});
after(async () => {
  try { await limited?.stop(); await pair?.stop(); } finally {
    for (const d of [limitDir, dir]) fs.rmSync(d, { recursive: true, force: true });
  }
});

test("five failures are counted down, the sixth try is 429 whatever its password", async () => {
  const ip = fresh();
  for (const left of [4, 3, 2, 1, 0]) {
    const answer = await tryLogin(ip);
    assert.equal(answer.status, 401);
    assert.deepEqual(answer.json, { error: `Invalid login credentials | You have ${left} attempts remaining`, trace: [] });
  }
  for (const password of ["wrong", limited.password]) {
    const answer = await tryLogin(ip, password);
    assert.equal(answer.status, 429);
    assert.match(answer.json.error, /^Too many attempts \| Try again in (\d+s|\d+ms)$/);
    assert.deepEqual(answer.json.trace, []);
    assert.equal(answer.headers["retry-after"], undefined);
  }
});

test("a blocked address gets in again when its failures are older than the window", async () => {
  const ip = fresh(), started = Date.now();
  await tries(5, () => tryLogin(ip));
  assert.equal((await tryLogin(ip, limited.password)).status, 429);
  await eventually("the window is over", async () => (await tryLogin(ip, limited.password)).status === 200, WINDOW * 1000 + 3000);
  assert.ok(Date.now() - started >= WINDOW * 1000 - 50, "not earlier");
});

test("each address has its own count; successes neither count nor forgive", async () => {
  const ip = fresh(), other = fresh();
  await tries(4, () => tryLogin(ip));
  assert.equal((await tryLogin(ip, limited.password)).status, 200);
  assert.match((await tryLogin(ip)).json.error, /You have 0 attempts remaining$/);
  assert.equal((await tryLogin(ip, limited.password)).status, 429);
  assert.equal((await tryLogin(other, limited.password)).status, 200);
});

test("password logins and everything else are counted apart", async () => {
  const ip = fresh();
  await tries(5, () => tryLogin(ip));
  assert.equal((await getUser(ip, bearer(limitedJwt))).status, 200);
  const second = fresh();
  await tries(5, () => getUser(second, wrongKey));
  assert.equal((await getUser(second, bearer(limitedJwt))).status, 429, "valid credentials too");
  assert.equal((await post(`${limited.url}/read/GetVersion`, {}, { headers: { ...from(second), ...bearer(limitedJwt) } })).status, 429);
  assert.equal((await tryLogin(second, limited.password)).status, 200);
  assert.equal((await post(`${limited.url}/auth/login/GetLoginOptions`, {}, { headers: from(second) })).status, 200, "never limited");
  assert.equal((await post(`${limited.url}/auth/login/ExchangeForJwt`, {}, { headers: from(second) })).status, 429);
  assert.equal((await request(`${limited.url}/version`, { headers: from(second) })).status, 200);
});

test("wrong API keys count, stale tokens and missing credentials do not", async () => {
  const ip = fresh();
  const first = await getUser(ip, wrongKey);
  assert.deepEqual([first.status, first.json.error], [401, "Invalid user credentials | You have 4 attempts remaining"]);
  await tries(6, () => getUser(ip, {}));
  await tries(6, () => getUser(ip, bearer("x.y.z")));
  await tries(6, () => getUser(ip, bearer(`${limitedJwt}x`)));
  assert.match((await getUser(ip, wrongKey)).json.error, /You have 3 attempts remaining$/);
  await tries(6, async () => assert.equal((await post(`${limited.url}/read/GetServer`, { server: "none" }, { headers: { ...from(ip), ...bearer(limitedJwt) } })).status, 404));
  assert.match((await getUser(ip, wrongKey)).json.error, /You have 2 attempts remaining$/);
});

test("a login that fails for another reason counts too", async () => {
  const ip = fresh();
  const answer = await post(`${limited.url}/auth/login/LoginLocalUser`, { username: "no such name!", password: "x" }, { headers: from(ip) });
  assert.equal(answer.status, 400);
  assert.match(answer.json.error, /^Failed to validate username: .* \| You have 4 attempts remaining$/);
  assert.deepEqual(answer.json.trace, []);
  assert.match((await tryLogin(ip)).json.error, /You have 3 attempts/);
});

test("the address is the first of X-Forwarded-For, else X-Real-IP, however it is written", async () => {
  const ip = fresh();
  await tries(3, () => tryLogin(ip, "wrong", { "X-Forwarded-For": ` ${ip} , 10.0.0.1`, "X-Real-IP": "10.0.0.2" }));
  assert.match((await tryLogin(ip, "wrong", { "X-Real-IP": ip })).json.error, /You have 1 attempts/);
  assert.match((await tryLogin(ip, "wrong", { "X-Real-IP": `::ffff:${ip}` })).json.error, /You have 0 attempts/);
  await tries(3, () => tryLogin(null, "wrong", { "X-Forwarded-For": "2001:db8::5" }));
  assert.match((await tryLogin(null, "wrong", { "X-Forwarded-For": "2001:0db8:0:0:0:0:0:5" })).json.error, /You have 1 attempts/);
  assert.equal((await tryLogin(null, "wrong", from("nonsense"))).status, 401);
  assert.equal((await tryLogin(null, "wrong", from("nonsense"))).json.error, "invalid IP address syntax");
});

test("logins on a WebSocket are counted with everything else", async () => {
  const ip = fresh(), url = `${limited.url.replace("http", "ws")}/ws/update`;
  const refusals = [];
  for (let i = 0; i < 6; i++) {
    const ws = websocket(url, { headers: from(ip) });
    await ws.opened;
    ws.send({ type: "ApiKeys", params: { key: "K_wrong_K", secret: "S_wrong_S" } });
    await ws.closed;
    refusals.push(ws.frames[0]);
  }
  assert.equal(refusals[0], "[401 Unauthorized]: Invalid user credentials | You have 4 attempts remaining");
  assert.match(refusals[5], /^\[429 Too Many Requests\]: Too many attempts \| Try again in /);
  assert.equal((await getUser(ip, bearer(limitedJwt))).status, 429);
});

// ---- tokens and keys ----

test("a token outlives the engine: its secret is kept in the data folder, for the owner alone", async () => {
  await limited.engine.stop();
  await limited.startEngine();
  assert.equal((await getUser(fresh(), bearer(limitedJwt))).status, 200);
  assert.equal(fs.statSync(`${limitDir}/data/jwt-secret`).mode & 0o077, 0);
  assert.equal(fs.statSync(`${limitDir}/data/komodo.db`).mode & 0o077, 0);
});

test("a token with anything changed is refused", async () => {
  const [head, claims, signature] = jwt.split(".");
  const enc = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const mine = JSON.parse(Buffer.from(claims, "base64url"));
  for (const forged of [
    `${head}.${enc({ ...mine, sub: objectId(0) })}.${signature}`, `${head}.${enc({ ...mine, exp: mine.exp + 1 })}.${signature}`,
    `${enc({ alg: "none", typ: "JWT" })}.${claims}.`, `${enc({ alg: "none", typ: "JWT" })}.${claims}.${signature}`, `${head}.${claims}.`,
    `${head}.${claims}`, `${head}.${claims}.${signature.slice(0, -2)}`, `${head}.${claims}.${signature}.x`, `${"a".repeat(20000)}.b.c`]) {
    const answer = await request(`${pair.url}/user`, { headers: bearer(forged) });
    assert.deepEqual([answer.status, answer.json.error], [401, "Invalid user credentials"], forged.slice(0, 80));
  }
});

const keys = {};
test("an API key works everywhere until it is deleted, then nowhere", async () => {
  const pairOfKeys = await admin.manage("CreateApiKey", { name: "tool", expires: 0 });
  assert.match(pairOfKeys.key, /^K_[A-Za-z0-9]{40}_K$/);
  assert.match(pairOfKeys.secret, /^S_[A-Za-z0-9]{40}_S$/);
  keys.tool = pairOfKeys;
  const as = caller(pair, apiKey(pairOfKeys));
  for (let i = 0; i < 3; i++) assert.equal((await as.read("GetVersion")).version, "2.3.2");
  assert.match((await as.manage("GetUserId")).id, /^[0-9a-f]{24}$/);
  assert.equal((await caller(pair, { "X-API-KEY": ` ${pairOfKeys.key} `, "X-API-SECRET": pairOfKeys.secret }).ask("read", "GetVersion")).status, 200, "trimmed");
  for (const secret of ["S_x_S", "", `${pairOfKeys.secret}x`, pairOfKeys.secret.slice(0, -1), pairOfKeys.secret.toLowerCase()])
    for (const group of ["read/GetVersion", "auth/manage/GetUserId"])
      assert.equal((await post(`${pair.url}/${group}`, {}, { headers: apiKey({ key: pairOfKeys.key, secret }) })).status, 401, `${group} ${secret}`);
  const ws = websocket(`${pair.url.replace("http", "ws")}/ws/update`);
  await ws.opened;
  ws.send({ type: "ApiKeys", params: pairOfKeys });
  await eventually("logged in with the key", () => ws.frames.includes("LOGGED_IN"));
  ws.socket.close();
  await admin.manage("DeleteApiKey", { key: pairOfKeys.key });
  for (const group of ["read/GetVersion", "write/SetLastSeenUpdate", "auth/manage/GetUserId"])
    assert.equal((await post(`${pair.url}/${group}`, {}, { headers: apiKey(pairOfKeys) })).status, 401, group);
  assert.equal((await admin.ask("auth/manage", "DeleteApiKey", { key: pairOfKeys.key })).status, 404);
});

test("an API key ends with its time, five minutes of wrong clocks allowed", async () => {
  const minutes = (n) => Date.now() + n * 60000;
  for (const [expires, status] of [[minutes(60), 200], [minutes(-1), 200], [minutes(-6), 401], [1, 401]]) {
    const made = await admin.manage("CreateApiKey", { name: `until ${expires}`, expires });
    for (let i = 0; i < 2; i++)
      for (const group of ["read/GetVersion", "auth/manage/GetUserId"])
        assert.equal((await post(`${pair.url}/${group}`, {}, { headers: apiKey(made) })).status, status, `${group} until ${expires}`);
  }
});

// ---- users who are no admins: written into the database, since there is no request for them here ----

const ids = { none: objectId(0xa1), reader: objectId(0xa2), executor: objectId(0xa3), writer: objectId(0xa4), grouped: objectId(0xa5),
  typed: objectId(0xa6), logs: objectId(0xa7), off: objectId(0xa8), gone: objectId(0xa9), maker: objectId(0xaa) };
const users = {};   // name -> calls
const made = {};    // name -> id of a resource
let tokens = {};

test("users, groups and permissions are written into the database", async () => {
  for (const name of ["open", "shut", "based", "joint"])
    made[name] = (await admin.write("CreateAction", { name, config: { file_contents: `print("ran ${name}")` } }))._id.$oid;
  made.host = (await admin.write("CreateServer", { name: "host", config: { enabled: false } }))._id.$oid;
  made.web = (await admin.write("CreateDeployment", { name: "web", config: { server_id: "host" } }))._id.$oid;
  made.db = (await admin.write("CreateDeployment", { name: "db", config: { server_id: "host" } }))._id.$oid;
  await admin.write("CreateVariable", { name: "SHOWN", value: "shown value" });
  await admin.write("CreateVariable", { name: "HIDDEN", value: "hidden välue 4471", is_secret: true });
  await admin.write("UpdateVariableValue", { name: "HIDDEN", value: "hidden välue 4472" });
  await admin.write("CreateGitProviderAccount", { account: { domain: "git.example.com", username: "bot", token: "git token 8813" } });
  keys.onboarding = (await admin.write("CreateOnboardingKey", { name: "machines" })).private_key;

  await pair.engine.stop();
  const [root] = stored(pair, "User"), hash = root.config.data.password;
  const permission = (n, who, kind, name, level, specific) => {
    const target = who.startsWith("group:") ? { type: "UserGroup", id: objectId(0xb1) } : { type: "User", id: ids[who] };
    return [objectId(0xc00 + n), permissionDocument(objectId(0xc00 + n), target, { type: kind, id: made[name] }, level, specific)];
  };
  const [based] = stored(pair, "Action").filter((a) => a.name === "based");
  store(pair, {
    Action: { [made.based]: { ...based, base_permission: "Read" } },
    User: Object.fromEntries(Object.entries(ids).map(([name, id]) => [id, userDocument(id, name, hash, {
      typed: { all: { Action: "Execute", Deployment: { level: "None", specific: ["Logs"] } } }, off: { enabled: true },
      maker: { create_server_permissions: true },
    }[name])])),
    UserGroup: {
      [objectId(0xb1)]: groupDocument(objectId(0xb1), "team", [ids.grouped], { all: { Server: "Read" } }),
      [objectId(0xb2)]: groupDocument(objectId(0xb2), "all of us", [], { everyone: true, all: { Builder: "Read" } }),
    },
    Permission: Object.fromEntries([
      permission(1, "reader", "Action", "open", "Read"), permission(2, "executor", "Action", "open", "Execute"),
      permission(3, "writer", "Action", "open", "Write"), permission(4, "none", "Action", "open", "None"),
      permission(5, "group:team", "Action", "joint", "Read"), permission(6, "grouped", "Action", "joint", "Execute"),
      permission(7, "reader", "Deployment", "web", "Read"), permission(8, "logs", "Deployment", "web", "Read", ["Logs"]),
      permission(9, "logs", "Server", "host", "None", ["Inspect"]), permission(10, "reader", "Server", "host", "Read"),
      permission(11, "writer", "Server", "host", "Read", ["Processes"]), permission(12, "logs", "Deployment", "db", "Read"),
      permission(13, "executor", "Deployment", "web", "Execute"),
    ]),
  });
  await pair.startEngine();
  for (const name of Object.keys(ids)) {
    tokens[name] = await login(pair, name, PASSWORD);
    users[name] = caller(pair, bearer(tokens[name]));
  }
  admin = caller(pair, bearer(jwt));
});

const names = (list) => list.map((item) => item.name).sort();

test("each sees exactly what was given: by record, group, type, or the resource itself", async () => {
  const sees = { none: ["based"], reader: ["based", "open"], executor: ["based", "open"], writer: ["based", "open"], grouped: ["based", "joint"],
    typed: ["based", "joint", "open", "shut"], logs: ["based"], maker: ["based"] };
  for (const [name, expected] of Object.entries(sees)) {
    assert.deepEqual(names(await users[name].read("ListActions")), expected, name);
    assert.deepEqual(names(await users[name].read("ListFullActions")), expected, name);
    assert.equal((await users[name].read("GetActionsSummary")).total, expected.length, name);
  }
  assert.deepEqual(names(await users.grouped.read("ListServers")), ["host"]);
  assert.deepEqual(await users.none.read("ListServers"), []);
  assert.deepEqual(names(await users.logs.read("ListDeployments")), ["db", "web"]);
  assert.deepEqual(await users.typed.read("ListDeployments"), [], "specifics without a level show nothing");
  assert.deepEqual(names(await users.none.read("ListActions", { query: { names: ["open", "based", "shut"] } })), ["based"]);
});

test("the gate of every level, by record and by status", async () => {
  const rows = [
    // user, group, request, parameters, status
    ["none", "read", "GetAction", { action: "open" }, 403], ["reader", "read", "GetAction", { action: "open" }, 200],
    ["reader", "read", "GetAction", { action: made.open }, 200], ["reader", "read", "GetAction", { action: "shut" }, 403],
    ["reader", "read", "GetAction", { action: "nothing" }, 404], ["reader", "read", "GetAction", { action: objectId(1) }, 404],
    ["none", "read", "GetAction", { action: "based" }, 200], ["none", "write", "UpdateAction", { id: "based", config: { schedule: "" } }, 403],
    ["typed", "read", "GetAction", { action: "shut" }, 200], ["grouped", "read", "GetAction", { action: "joint" }, 200],
    ["reader", "read", "GetActionActionState", { action: "open" }, 200], ["none", "read", "GetActionActionState", { action: "open" }, 403],
    ["reader", "execute", "RunAction", { action: "open" }, 403], ["executor", "execute", "RunAction", { action: "open" }, 200],
    ["writer", "execute", "RunAction", { action: "open" }, 200], ["executor", "execute", "RunAction", { action: "shut" }, 403],
    ["grouped", "execute", "RunAction", { action: "joint" }, 200], ["typed", "execute", "RunAction", { action: "shut" }, 200],
    ["none", "execute", "RunAction", { action: "based" }, 403], ["executor", "execute", "RunAction", { action: "nothing" }, 404],
    ["executor", "execute", "CancelAction", { action: "shut" }, 403],
    ["executor", "write", "UpdateAction", { id: "open", config: { schedule: "" } }, 403],
    ["writer", "write", "UpdateAction", { id: "open", config: { schedule: "" } }, 200],
    ["writer", "write", "UpdateAction", { id: "shut", config: { schedule: "" } }, 403],
    ["executor", "write", "RenameAction", { id: "open", name: "mine" }, 403], ["executor", "write", "DeleteAction", { id: "open" }, 403],
    ["typed", "write", "DeleteAction", { id: "open" }, 403],
    ["reader", "write", "UpdateResourceMeta", { target: { type: "Action", id: made.open }, description: "x" }, 403],
    ["writer", "write", "UpdateResourceMeta", { target: { type: "Action", id: made.open }, description: "x" }, 200],
    ["writer", "write", "UpdateResourceMeta", { target: { type: "System", id: "system" }, description: "x" }, 400],
    ["reader", "write", "CopyAction", { id: "open", name: "copy" }, 403], ["writer", "write", "CopyAction", { id: "open", name: "copy" }, 403],
    ["reader", "read", "GetServer", { server: "host" }, 200], ["none", "read", "GetServer", { server: "host" }, 403],
    ["reader", "read", "GetServerState", { server: "host" }, 200], ["none", "read", "GetServerState", { server: "host" }, 403],
    ["none", "read", "ListContainers", { server: "host" }, 403], ["none", "read", "GetSystemStats", { server: "host" }, 403],
    ["reader", "write", "CreateNetwork", { server: "host", name: "n" }, 403], ["reader", "write", "UpdateServerPublicKey", { server: "host", public_key: "x" }, 403],
    ["reader", "write", "RotateServerKeys", { server: "host" }, 403], ["reader", "execute", "PruneImages", { server: "host" }, 403],
    ["reader", "execute", "StopContainer", { server: "host", container: "c" }, 403],
    ["reader", "execute", "Deploy", { deployment: "web" }, 403], ["executor", "execute", "Deploy", { deployment: "web" }, 200],
    ["executor", "execute", "DestroyDeployment", { deployment: "db" }, 403],
  ];
  for (const [name, group, requestName, params, status] of rows) {
    const answer = await users[name].ask(group, requestName, params);
    assert.equal(answer.status, status, `${name}: ${requestName} ${JSON.stringify(params)}: ${answer.text.slice(0, 300)}`);
  }
  const refused = await users.reader.ask("execute", "RunAction", { action: "open" });
  assert.equal(refused.json.error, "User does not have required permissions on this Action. Must have at least Execute permissions");
});

test("specific permissions are asked for, and inherited from the server a deployment is on", async () => {
  // What passes the gate fails for another reason: the server is disabled.
  const rows = [
    ["reader", "GetDeploymentLog", { deployment: "web" }, false], ["logs", "GetDeploymentLog", { deployment: "web" }, true],
    ["logs", "SearchDeploymentLog", { deployment: "web", terms: ["a"] }, true], ["logs", "GetDeploymentLog", { deployment: "db" }, false],
    ["typed", "GetDeploymentLog", { deployment: "web" }, false],
    ["reader", "InspectDeploymentContainer", { deployment: "web" }, false], ["logs", "InspectDeploymentContainer", { deployment: "web" }, true],
    ["logs", "InspectDeploymentContainer", { deployment: "db" }, true],
    ["reader", "ListSystemProcesses", { server: "host" }, false], ["writer", "ListSystemProcesses", { server: "host" }, true],
    ["reader", "GetContainerLog", { server: "host", container: "c" }, false], ["reader", "InspectContainer", { server: "host", container: "c" }, false],
  ];
  for (const [name, requestName, params, passes] of rows) {
    const answer = await users[name].ask("read", requestName, params);
    assert.equal(answer.status !== 403, passes, `${name}: ${requestName} ${JSON.stringify(params)}: ${answer.status} ${answer.text}`);
    assert.notEqual(answer.status, 200);
  }
  const refused = await users.reader.ask("read", "GetDeploymentLog", { deployment: "web" });
  assert.match(refused.json.error, /^User does not have required permissions on this Deployment\. Must have at least Read permissions, as well as these specific permissions: \[Logs\]$/);
  const target = (kind, name) => ({ target: { type: kind, id: made[name] } });
  assert.equal(await users.reader.read("GetPermission", target("Action", "open")), "Read");
  assert.equal(await users.reader.read("GetPermission", target("Action", "shut")), "None");
  assert.equal(await users.grouped.read("GetPermission", target("Action", "joint")), "Execute");
  assert.deepEqual(await users.logs.read("GetPermission", target("Deployment", "web")), { level: "Read", specific: ["Inspect", "Logs"] });
  assert.deepEqual(await admin.read("GetPermission", target("Action", "open")), { level: "Write", specific: ["Terminal", "Attach", "Inspect", "Logs", "Processes"] });
});

test("what is for admins is refused to everybody else with 403", async () => {
  const account = { account: { domain: "a.example.com", username: "b" } };
  const rows = [
    ["write", "CreateVariable", { name: "X", value: "y" }], ["write", "UpdateVariableValue", { name: "SHOWN", value: "y" }],
    ["write", "UpdateVariableIsSecret", { name: "HIDDEN", is_secret: false }], ["write", "UpdateVariableDescription", { name: "SHOWN", description: "y" }],
    ["write", "DeleteVariable", { name: "SHOWN" }], ["write", "CreateGitProviderAccount", account], ["write", "CreateImageRegistryAccount", account],
    ["write", "DeleteGitProviderAccount", { id: objectId(1) }], ["write", "CreateOnboardingKey", { name: "k" }], ["write", "DeleteOnboardingKey", { public_key: "k" }],
    ["write", "CreateLocalUser", { username: "u", password: "p" }], ["write", "DeleteUser", { user: "admin" }], ["write", "CreateServiceUser", { username: "s", description: "" }],
    ["write", "CreateUserGroup", { name: "g" }], ["write", "AddUserToUserGroup", { user_group: "team", user: "writer" }],
    ["write", "UpdateUserBasePermissions", { user_id: ids.writer, create_servers: true }],
    ["write", "UpdatePermissionOnTarget", { user_target: { type: "User", id: ids.writer }, resource_target: { type: "Action", id: made.shut }, permission: "Write" }],
    ["write", "UpdatePermissionOnResourceType", { user_target: { type: "User", id: ids.writer }, resource_type: "Action", permission: "Write" }],
    ["write", "CloseAlert", { id: objectId(1) }], ["write", "CreateAction", { name: "mine" }], ["write", "CreateBuilder", { name: "mine", config: { type: "Url", params: {} } }],
    ["write", "CreateAlerter", { name: "mine" }], ["write", "CreateResourceSync", { name: "mine" }], ["write", "CreateServer", { name: "mine" }], ["write", "CreateBuild", { name: "mine" }],
    ["read", "FindUser", { user: "admin" }], ["read", "ListUsers", {}], ["read", "ListGitProviderAccounts", {}], ["read", "ListImageRegistryAccounts", {}],
    ["read", "GetGitProviderAccount", { id: objectId(1) }], ["read", "ListOnboardingKeys", {}], ["read", "ListUserTargetPermissions", { user_target: { type: "User", id: ids.writer } }],
    ["read", "ListApiKeysForServiceUser", { user: "admin" }],
  ];
  for (const [group, name, params] of rows) {
    const answer = await users.writer.ask(group, name, params);
    assert.equal(answer.status, 403, `${name}: ${answer.status} ${answer.text}`);
  }
});

test("whoever creates something may do everything with it", async () => {
  const created = await users.maker.write("CreateServer", { name: "made by maker", config: { enabled: false } });
  assert.equal((await users.maker.ask("write", "UpdateServer", { id: created._id.$oid, config: { region: "here" } })).status, 200);
  assert.deepEqual(await users.maker.read("GetPermission", { target: { type: "Server", id: created._id.$oid } }),
    { level: "Write", specific: ["Terminal", "Attach", "Inspect", "Logs", "Processes"] });
  assert.equal((await users.reader.ask("read", "GetServer", { server: "made by maker" })).status, 403);
  await users.maker.write("CreateProcedure", { name: "by maker" });
  await users.maker.write("DeleteServer", { id: "made by maker" });
  const tag = await users.maker.write("CreateTag", { name: "makers" });
  assert.equal((await users.reader.ask("write", "DeleteTag", { id: tag._id.$oid })).status, 403);
  await users.maker.write("RenameTag", { id: tag._id.$oid, name: "of the maker" });
  await users.maker.write("DeleteTag", { id: tag._id.$oid });
});

test("a resource cannot be attached by somebody who may not attach it", async () => {
  const answer = await users.maker.ask("write", "CreateDeployment", { name: "intruder", config: { server_id: "host" } });
  assert.equal(answer.status, 403, answer.text);
  assert.match(answer.json.error, /attach/i);
  assert.deepEqual(await admin.read("ListDeployments", { query: { names: ["intruder"] } }), []);
});

test("batch executions take what the caller may execute, and nothing else", async () => {
  const batch = await users.executor.execute("BatchRunAction", { pattern: "*" });
  assert.deepEqual(batch.map((item) => item.data.target.id), [made.open]);
  assert.deepEqual(await users.reader.execute("BatchRunAction", { pattern: "*" }), []);
});

test("updates are visible with their target, System's are not, and no filter opens them", async () => {
  const all = (await admin.read("ListUpdates")).updates;
  const of = (name) => all.find((u) => u.target.id === made[name]).id;
  const system = all.find((u) => u.target.type === "System").id;
  const listed = async (as, query) => (await as.read("ListUpdates", query ? { query } : {})).updates;
  for (const [name, targets] of [["reader", ["open", "based", "web", "host"]], ["none", ["based"]], ["typed", ["open", "shut", "based", "joint"]]]) {
    const seen = new Set((await listed(users[name])).map((u) => u.target.id));
    assert.deepEqual([...seen].sort(), targets.map((t) => made[t]).sort(), name);
  }
  for (const query of [{ "target.type": "System" }, { $or: [{ "target.type": "System" }, { "target.id": made.shut }] }, { "target.id": { $in: [made.shut] } },
    { operation: "CreateVariable" }, { $or: [{}] , "target.id": made.shut }])
    assert.deepEqual(await listed(users.reader, query), [], JSON.stringify(query));
  assert.equal((await users.reader.ask("read", "GetUpdate", { id: of("open") })).status, 200);
  assert.equal((await users.reader.ask("read", "GetUpdate", { id: of("shut") })).status, 403);
  assert.equal((await users.reader.ask("read", "GetUpdate", { id: system })).status, 403);
  assert.equal((await users.reader.ask("read", "GetUpdate", { id: objectId(77) })).status, 404);
});

test("/ws/update sends each what they may see", async () => {
  const open = async (token) => {
    const ws = websocket(`${pair.url.replace("http", "ws")}/ws/update`);
    await ws.opened;
    ws.send({ type: "Jwt", params: { jwt: token } });
    await eventually("logged in", () => ws.frames.includes("LOGGED_IN"));
    ws.frames.length = 0;
    return ws;
  };
  const sockets = { reader: await open(tokens.reader), none: await open(tokens.none), typed: await open(tokens.typed), admin: await open(jwt) };
  await admin.write("UpdateAction", { id: "shut", config: { run_at_startup: true } });
  await admin.write("CreateVariable", { name: "NEWS", value: "1" });
  await admin.write("UpdateServer", { id: "host", config: { region: "there" } });
  await admin.write("UpdateAction", { id: "open", config: { run_at_startup: true } });
  const gone = (await admin.write("CreateAction", { name: "short" }))._id.$oid;
  await admin.write("DeleteAction", { id: "short" });
  await admin.write("UpdateAction", { id: "based", config: { run_at_startup: true } });   // everybody sees the last one
  const seen = {};
  for (const [name, ws] of Object.entries(sockets)) {
    await eventually(`${name} got the last`, () => ws.frames.some((f) => JSON.parse(f).target.id === made.based));
    seen[name] = ws.frames.map((f) => JSON.parse(f)).map((u) => `${u.operation} ${Object.keys(made).find((n) => made[n] === u.target.id) ?? (u.target.id === gone ? "short" : u.target.id)}`);
    ws.socket.close();
  }
  assert.deepEqual(seen.none, ["UpdateAction based"]);
  assert.deepEqual(seen.reader, ["UpdateServer host", "UpdateAction open", "UpdateAction based"]);
  assert.deepEqual(seen.typed, ["UpdateAction shut", "UpdateAction open", "CreateAction short", "UpdateAction based"]);
  assert.deepEqual(seen.admin, ["UpdateAction shut", "CreateVariable system", "UpdateServer host", "UpdateAction open", "CreateAction short", "DeleteAction short", "UpdateAction based"]);
});

test("secret variables are masked for whoever is no admin, by their length in bytes", async () => {
  const mask = "#".repeat(Buffer.byteLength("hidden välue 4472"));
  assert.equal((await admin.read("GetVariable", { name: "HIDDEN" })).value, "hidden välue 4472");
  assert.equal((await users.reader.read("GetVariable", { name: "HIDDEN" })).value, mask);
  assert.equal((await users.reader.read("ListVariables")).find((v) => v.name === "HIDDEN").value, mask);
  assert.equal((await users.reader.read("GetVariable", { name: "SHOWN" })).value, "shown value");
  const { toml } = await users.reader.read("ExportAllResourcesToToml", { include_variables: true });
  assert.match(toml, /SHOWN/);
  assert.ok(!toml.includes("välue"), toml);
  assert.ok((await admin.read("ExportAllResourcesToToml", { include_variables: true })).toml.includes("hidden välue 4472"));
  const names_ = await users.reader.read("ListSecrets");
  assert.ok(Array.isArray(names_));
});

test("an Action's log does not show the secrets it was given", async () => {
  await admin.write("CreateAction", { name: "teller", config: { file_contents: 'print("it is [[HIDDEN]].")' } });
  const { _id } = await admin.execute("RunAction", { action: "teller" });
  const done = await eventually("it ran", async () => { const u = await admin.read("GetUpdate", { id: _id.$oid }); return u.status === "Complete" && u; });
  assert.equal(done.success, true, JSON.stringify(done.logs));
  const said = JSON.stringify(done.logs);
  assert.match(said, /it is <HIDDEN>\./);
  assert.ok(!said.includes("välue"));
});

test("everybody lists their own API keys, never a secret", async () => {
  keys.mine = await users.reader.manage("CreateApiKey", { name: "readers" });
  const list = await users.reader.read("ListApiKeys");
  assert.deepEqual(list.map((k) => [k.name, k.secret]), [["readers", ""]]);
  const adminList = await admin.ask("read", "ListApiKeys");
  assert.ok(adminList.json.length >= 4);
  assert.ok(adminList.json.every((k) => k.secret === ""));
  assert.doesNotMatch(adminList.text, /\$2[aby]\$|readers/);
  assert.equal((await users.executor.ask("auth/manage", "DeleteApiKey", { key: keys.mine.key })).status, 403);
  assert.equal((await caller(pair, apiKey(keys.mine)).ask("read", "GetAction", { action: "shut" })).status, 403, "a key has its user's permissions");
  assert.equal((await caller(pair, apiKey(keys.mine)).ask("read", "GetAction", { action: "open" })).status, 200);
});

test("no answer holds a password hash", async () => {
  for (const answer of [await admin.ask("read", "ListUsers"), await admin.ask("read", "FindUser", { user: "reader" }), await request(`${pair.url}/user`, { headers: bearer(jwt) })]) {
    assert.equal(answer.status, 200);
    assert.doesNotMatch(answer.text, /\$2[aby]\$/);
  }
});

test("a user who was disabled or is gone is refused, with token and key", async () => {
  keys.off = await users.off.manage("CreateApiKey", { name: "off" });
  keys.gone = await users.gone.manage("CreateApiKey", { name: "gone" });
  await pair.engine.stop();
  const [off] = stored(pair, "User").filter((u) => u.username === "off");
  store(pair, { User: { [ids.off]: { ...off, enabled: false } } });
  sql(pair, `DELETE FROM "User" WHERE id='${ids.gone}';`);
  await pair.startEngine();
  for (const [name, credentials] of [["off", bearer(tokens.off)], ["off", apiKey(keys.off)], ["gone", bearer(tokens.gone)], ["gone", apiKey(keys.gone)]]) {
    const as = caller(pair, credentials);
    for (const [group, requestName] of [["read", "GetVersion"], ["read", "ListActions"], ["write", "SetLastSeenUpdate"], ["execute", "BatchRunAction"]])
      assert.equal((await as.ask(group, requestName, requestName === "BatchRunAction" ? { pattern: "*" } : {})).status, 401, `${name} ${requestName}`);
    const self = await request(`${pair.url}/user`, { headers: credentials });
    assert.equal(self.status, name === "off" ? 200 : 401);
    if (name === "off") assert.equal(self.json.enabled, false);
    const ws = websocket(`${pair.url.replace("http", "ws")}/ws/update`);
    await ws.opened;
    ws.send(credentials.Authorization ? { type: "Jwt", params: { jwt: credentials.Authorization.slice(7) } } :
      { type: "ApiKeys", params: { key: credentials["X-API-KEY"], secret: credentials["X-API-SECRET"] } });
    await ws.closed;
    assert.match(ws.frames[0], /^\[401 Unauthorized\]: /);
  }
  assert.match(await login(pair, "off", PASSWORD), /\./, "a login is answered, as there is nothing it opens");
  assert.equal((await post(`${pair.url}/auth/login/LoginLocalUser`, { username: "gone", password: PASSWORD })).status, 401);
});

test("no secret is in the engine's log, nor in the audit log", async () => {
  await post(`${pair.url}/auth/login/LoginLocalUser`, { username: "admin", password: "mistyped password 6642" });
  await pair.engine.stop();
  const log = pair.engine.text(), audit = JSON.stringify(stored(pair, "Update"));
  assert.match(log, /DEBUG|TRACE|debug|trace/i, "the log is the talkative one");
  const [root] = stored(pair, "User");
  const secrets = { password: PASSWORD, mistyped: "mistyped password 6642", hash: root.config.data.password, jwt, "jwt of a user": tokens.reader,
    "jwt secret": fs.readFileSync(`${dir}/data/jwt-secret`, "utf8"), passkey: "engine passkey 5512", webhook: "webhook secret 9921", variable: "välue",
    "git token": "git token 8813", "onboarding key": keys.onboarding };
  for (const [name, pair_] of Object.entries(keys)) if (pair_.secret) secrets[`API secret ${name}`] = pair_.secret;
  for (const [what, secret] of Object.entries(secrets)) {
    assert.ok(secret.length > 4, what);
    assert.ok(!log.includes(secret), `the log holds the ${what}: ${log.split("\n").find((l) => l.includes(secret))}`);
    assert.ok(!audit.includes(secret), `the audit log holds the ${what}`);
  }
  for (const sheet of [log, limited.engine.text()]) assert.doesNotMatch(sheet, /\$2[aby]\$\d\d\$/);
  await pair.startEngine();
});
