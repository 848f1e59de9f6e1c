// The HTTP surface below the client package: request forms, methods, headers, connections, TLS, stopping (spec api.md 1 to 6).
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import { after, before, test } from "node:test";
import tls from "node:tls";
import { gunzipSync } from "node:zlib";
import { eventually, startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login, post, raw, request, websocket } from "./tools.mjs";

const ORIGIN = "https://tools.example.com";
const dir = tempDir("http");
let pair, headers, as;

before(async () => {
  pair = await startPair(dir, { agent: false, env: { KOMODO_CORS_ALLOWED_ORIGINS: `${ORIGIN},https://other.example.com` } });
  headers = bearer(await login(pair));
  as = caller(pair, headers);
});
after(async () => {
  try { await pair?.stop(); } finally { fs.rmSync(dir, { recursive: true, force: true }); }
});

const send = (route, { type = "application/json", body, method = "POST", more = {} } = {}) =>
  request(pair.url + route, { method, headers: { ...headers, ...(type ? { "Content-Type": type } : {}), ...more }, body });
const isError = (answer) => {
  assert.equal(answer.headers["content-type"], "application/json");
  assert.equal(typeof answer.json.error, "string");
  assert.ok(answer.json.error.length > 0);
  assert.ok(Array.isArray(answer.json.trace));
};

// ---- request forms ----

test("both request forms give the same answer", async () => {
  const one = await send("/read", { body: '{"type":"GetVersion","params":{}}' });
  const two = await send("/read/GetVersion", { body: "{}" });
  assert.equal(one.status, 200);
  assert.equal(two.status, 200);
  assert.deepEqual(one.json, { version: "2.3.2" });
  assert.equal(one.text, two.text);
  assert.equal(one.headers["content-type"], "application/json");
});

test("every JSON content type is taken, any other is 415", async () => {
  for (const type of ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/vnd.komodo+json", "application/vnd.x+json;a=b"])
    assert.equal((await send("/read/GetVersion", { type, body: "{}" })).status, 200, type);
  for (const type of [null, "text/plain", "text/json", "application/jsonx", "application/+json", "application/x-www-form-urlencoded"])
    for (const route of ["/read/GetVersion", "/read", "/auth/login/GetLoginOptions", "/auth/manage/GetUserId"]) {
      const answer = await send(route, { type, body: "{}" });
      assert.equal(answer.status, 415, `${route} with ${type}: ${answer.text}`);
      assert.equal(answer.json.error, "Expected request with `Content-Type: application/json`");
    }
});

test("a body that is not JSON is 400 in either form", async () => {
  for (const body of ["", "{", "{} x", "nul", '{"a":1,}', "\u0001", '{"type":"GetVersion","params":{}}]', "[".repeat(100000), '"\\ud800"'])
    for (const route of ["/read", "/read/GetVersion", "/write/CreateTag", "/auth/login/GetLoginOptions"]) {
      const answer = await send(route, { body });
      assert.equal(answer.status, 400, `${route} with ${body.slice(0, 40)}: ${answer.status} ${answer.text.slice(0, 200)}`);
      isError(answer);
      assert.match(answer.json.error, /^Failed to parse the request body as JSON: ./);
    }
});

test("a body of the wrong shape is 422 and names the field", async () => {
  for (const [route, body, field] of [
    ["/read", "{}", /type/], ["/read", "[]", /type/], ["/read", "null", /type/], ["/read", '"x"', /type/],
    ["/read", '{"type":5,"params":{}}', /type/], ["/read", '{"type":"GetVersion"}', /params/],
    ["/read", '{"type":"GetStack","params":{}}', /stack/], ["/read", '{"type":"GetStack","params":{"stack":5}}', /stack/],
    ["/read", '{"type":"GetVersion","params":null}', /./], ["/read/GetStack", "{}", /stack/], ["/read/GetStack", '{"stack":[]}', /stack/],
    ["/read/GetStack", "[]", /./], ["/read/GetStack", "null", /./], ["/read/ListServers", '{"limit":-1}', /limit/],
    ["/read/ListServers", '{"query":{"tag_behavior":"Some"}}', /tag_behavior/], ["/write/CreateTag", '{"name":"a","color":"Nope"}', /color/],
  ]) {
    const answer = await send(route, { body });
    assert.equal(answer.status, 422, `${route} ${body}: ${answer.status} ${answer.text}`);
    isError(answer);
    assert.match(`${answer.json.error} ${answer.json.trace}`, field, `${route} ${body}`);
  }
});

test("an unknown request name is refused by name in either form, case counts", async () => {
  for (const [route, body] of [["/read", '{"type":"GetNothing","params":{}}'], ["/read/GetNothing", "{}"], ["/read/getversion", "{}"],
    ["/write/GetVersion", "{}"], ["/execute/GetVersion", "{}"], ["/auth/login/GetUserId", "{}"], ["/auth/manage/LoginLocalUser", "{}"]]) {
    const answer = await send(route, { body });
    assert.equal(answer.status, 404, `${route}: ${answer.status} ${answer.text}`);
    isError(answer);
    assert.match(answer.json.error, /GetNothing|getversion|GetVersion|GetUserId|LoginLocalUser/);
  }
  const hostile = await send(`/read/${"%00'\"<script>".repeat(300)}`, { body: "{}" });
  assert.equal(hostile.status, 404);
  assert.ok(hostile.text.length < 1000, "what was sent is not repeated at length");
});

test("unknown fields are ignored, a field given twice under two spellings is not", async () => {
  assert.equal((await send("/read/GetVersion", { body: '{"nonsense":{"a":[1]}}' })).status, 200);
  assert.equal((await send("/read", { body: '{"type":"GetVersion","params":{"x":1},"y":2}' })).status, 200);
});

test("a resource is named by its parameter, id or name, in reads and in the writes that say so", async () => {
  const made = await as.write("CreateProcedure", { name: "aliased" });
  const id = made._id.$oid;
  for (const params of [{ procedure: "aliased" }, { procedure: id }, { id }, { name: "aliased" }, { id: "aliased" }])
    assert.equal((await as.read("GetProcedure", params))._id.$oid, id, JSON.stringify(params));
  assert.equal((await as.ask("read", "GetProcedure", { procedure: id, id })).status, 422);
  assert.equal((await as.ask("read", "GetProcedure", { procedure: "Aliased" })).status, 404, "names are case-sensitive");
  assert.equal((await as.ask("execute", "RunProcedure", { id })).status, 422, "executions have no aliases");
});

test("old request names still work", async () => {
  await as.write("CreateServer", { name: "old names", config: { enabled: false } });
  for (const [old, now, params] of [
    ["ListDockerRegistriesFromConfig", "ListImageRegistriesFromConfig", {}],
    ["GetDockerContainersSummary", "GetContainersSummary", {}],
    ["ListAllDockerContainers", "ListAllContainers", {}],
    ["ListDockerContainers", "ListContainers", { server: "old names" }],
    ["ListDockerNetworks", "ListNetworks", { server: "old names" }],
    ["ListDockerImages", "ListImages", { server: "old names" }],
    ["ListDockerVolumes", "ListVolumes", { server: "old names" }],
    ["InspectDockerContainer", "InspectContainer", { server: "old names", container: "x" }],
    ["InspectDockerNetwork", "InspectNetwork", { server: "old names", network: "x" }],
    ["InspectDockerImage", "InspectImage", { server: "old names", image: "x" }],
    ["ListDockerImageHistory", "ListImageHistory", { server: "old names", image: "x" }],
    ["InspectDockerVolume", "InspectVolume", { server: "old names", volume: "x" }],
    ["ListDockerRegistryAccounts", "ListImageRegistryAccounts", {}],
    ["GetDockerRegistryAccount", "GetImageRegistryAccount", { id: "0123456789abcdef01234567" }],
  ]) {
    for (const form of [1, 2]) {
      const ask = (name) => form === 1 ? post(`${pair.url}/read`, { type: name, params }, { headers }) : as.ask("read", name, params);
      const [a, b] = [await ask(old), await ask(now)];
      assert.notEqual(a.json.error?.startsWith?.("There is no request"), true, old);
      assert.equal(a.status, b.status, `${old}: ${a.text}`);
      assert.equal(a.text, b.text, old);
    }
  }
  const account = await as.write("CreateDockerRegistryAccount", { account: { domain: "r.example.com", username: "u", token: "t" } });
  await as.write("UpdateDockerRegistryAccount", { id: account._id.$oid, account: { username: "v" } });
  assert.equal((await as.read("GetDockerRegistryAccount", { id: account._id.$oid })).username, "v");
  await as.write("DeleteDockerRegistryAccount", { id: account._id.$oid });
});

test("a body beyond 2 MiB is 413, one of exactly that size is read", async () => {
  const body = (size) => `{"pad":"${"x".repeat(size - 10)}"}`;
  const fits = body(2097152);
  assert.equal(Buffer.byteLength(fits), 2097152);
  assert.equal((await send("/read/GetVersion", { body: fits })).status, 200);
  const answer = await send("/read/GetVersion", { body: body(2097153) });
  assert.equal(answer.status, 413);
  isError(answer);
  const head = `POST /read/GetVersion HTTP/1.1\r\nHost: x\r\nAuthorization: ${headers.Authorization}\r\nContent-Type: application/json\r\n`;
  const declared = await raw(pair, `${head}Content-Length: 999999999\r\n\r\n`, (t) => t.includes("trace"));
  assert.match(declared, /^HTTP\/1.1 413 /, "before any of it is sent");
  const chunk = "10000\r\n" + "x".repeat(0x10000) + "\r\n";
  const chunked = await raw(pair, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(33)}`, (t) => t.includes("trace"));
  assert.match(chunked, /^HTTP\/1.1 413 /);
});

// ---- routes and methods ----

test("the public pages answer GET and HEAD", async () => {
  for (const [route, type, body] of [["/version", "text/plain; charset=utf-8", "2.3.2"], ["/auth/version", "text/plain; charset=utf-8", "1.8.0"]]) {
    const answer = await request(pair.url + route);
    assert.deepEqual([answer.status, answer.headers["content-type"], answer.text], [200, type, body]);
  }
  const page = await request(`${pair.url}/docs`);
  assert.equal(page.headers["content-type"], "text/html; charset=utf-8");
  assert.match(page.text, /openapi\.json/);
  assert.equal((await request(`${pair.url}/`)).status, 200);
  for (const route of ["/version", "/docs", "/docs/openapi.json", "/"]) {
    const got = await request(pair.url + route), head = await request(pair.url + route, { method: "HEAD" });
    assert.equal(head.status, 200, route);
    assert.equal(head.body.length, 0);
    assert.equal(head.headers["content-length"], String(got.body.length), route);
    assert.equal(head.headers["content-type"], got.headers["content-type"]);
  }
});

test("/docs/openapi.json describes the routes as they are", async () => {
  const answer = await request(`${pair.url}/docs/openapi.json`);
  assert.equal(answer.headers["content-type"], "application/json");
  const doc = answer.json;
  assert.match(doc.openapi, /^3\.1/);
  for (const route of ["/read/GetVersion", "/write/CreateTag", "/execute/Deploy", "/auth/login/LoginLocalUser", "/auth/manage/CreateApiKey"])
    assert.ok(doc.paths[route]?.post, route);
  const again = await request(`${pair.url}/docs/openapi.json`);
  assert.equal(again.text, answer.text);
});

test("/lua/komodo.lua and /lua/completions.json describe the module to editors", async () => {
  const lua = await request(`${pair.url}/lua/komodo.lua`);
  assert.deepEqual([lua.status, lua.headers["content-type"]], [200, "text/plain; charset=utf-8"]);
  assert.match(lua.text, /^---@meta komodo\n/);
  assert.match(lua.text, /function komodo\.sleep\(seconds\) end/);
  assert.match(lua.text, /name: "ListStacks"/);
  const { json } = await request(`${pair.url}/lua/completions.json`);
  assert.ok(json.requests.execute.find((r) => r.name === "DeployStack").params.find((p) => p.name === "stack").required);
  assert.ok(json.members.find((m) => m.name === "sleep").signature);
  assert.equal((await request(`${pair.url}/lua/komodo.lua`)).text, lua.text);
});

test("/lua/check gives diagnostics to whoever has credentials", async () => {
  const check = (body) => send("/lua/check", { body: JSON.stringify(body) });
  assert.deepEqual((await check({ source: "return komodo.read('ListStacks')" })).json, { diagnostics: [] });
  assert.deepEqual((await check({ source: "prnt(1)", capabilities: null })).json, { diagnostics: [
    { line: 1, column: 1, end_line: 1, end_column: 5, severity: "warning", code: "undefined-global", message: "undefined global 'prnt', did you mean 'print'?" }] });
  assert.equal((await check({ source: "komodo.read('ListStacks')", capabilities: [] })).json.diagnostics[0].code, "capability");
  assert.equal((await check({ file_contents: "print(komodo.event.method)", trigger: { type: "poll" } })).json.diagnostics[0].code, "unknown-member");
  assert.equal((await check({ source: "x = = 1" })).json.diagnostics[0].code, "syntax");
  for (const body of [{}, { source: 1 }, { source: "", capabilities: "x" }, { source: "", capabilities: [1] }, { source: "", trigger: "moon" }, [], "x"]) {
    const answer = await check(body);
    assert.equal(answer.status, 422, JSON.stringify(body) + answer.text);
    isError(answer);
  }
  assert.equal((await send("/lua/check", { body: "{" })).status, 400);
  assert.equal((await send("/lua/check", { type: "text/plain", body: "{}" })).status, 415);
  assert.equal((await send("/lua/check", { method: "GET" })).headers.allow, "POST");
  assert.equal((await post(`${pair.url}/lua/check`, { source: "" })).status, 401);
});

test("/user is the caller, sanitised", async () => {
  const answer = await request(`${pair.url}/user`, { headers });
  assert.equal(answer.status, 200);
  assert.equal(answer.json.username, "admin");
  assert.equal(answer.json.config.data.password, "########");
  assert.doesNotMatch(answer.text, /\$2[aby]\$/);
  assert.equal((await request(`${pair.url}/user`)).status, 401);
  const head = await request(`${pair.url}/user`, { method: "HEAD", headers });
  assert.deepEqual([head.status, head.body.length], [200, 0]);
});

test("a known route says which methods it has", async () => {
  for (const [method, route, allow] of [
    ["GET", "/auth/login", "POST"], ["GET", "/auth/login/LoginLocalUser", "POST"], ["DELETE", "/auth/login", "POST"],
    ["POST", "/version", "GET,HEAD"], ["DELETE", "/docs", "GET,HEAD"], ["PUT", "/docs/openapi.json", "GET,HEAD"],
    ["GET", "/read", "POST"], ["PUT", "/write/CreateTag", "POST"], ["GET", "/execute", "POST"], ["GET", "/auth/manage", "POST"],
    ["POST", "/user", "GET,HEAD"],
  ]) {
    const answer = await request(pair.url + route, { method, headers });
    assert.equal(answer.status, 405, `${method} ${route}`);
    assert.equal(answer.headers.allow, allow, `${method} ${route}`);
    assert.equal(answer.body.length, 0);
  }
});

test("behind the login the credentials are asked for before the method", async () => {
  for (const [method, route] of [["GET", "/read"], ["PUT", "/write/CreateTag"], ["GET", "/execute"], ["GET", "/auth/manage"], ["POST", "/user"]]) {
    const answer = await request(pair.url + route, { method });
    assert.equal(answer.status, 401, `${method} ${route}`);
    assert.equal(answer.json.error, "Invalid client credentials");
  }
});

test("routes match exactly", async () => {
  for (const route of ["/read/", "/read/a/b", "/readx", "/Version", "/version/", "//version", "/auth", "/auth/login/", "/docs/", "/client/secret"])
    assert.equal((await request(pair.url + route, { headers })).status, 404, route);
  const answer = await request(`${pair.url}/nothing/here`, { method: "POST" });
  assert.equal(answer.status, 405);
  assert.equal(answer.headers.allow, "GET,HEAD");
});

// ---- headers ----

test("listed origins are named in the answer, others are not", async () => {
  const origin = async (value, route = "/version") => (await request(pair.url + route, { headers: value ? { Origin: value } : {} })).headers;
  assert.equal((await origin(ORIGIN))["access-control-allow-origin"], ORIGIN);
  assert.equal((await origin("https://other.example.com"))["access-control-allow-origin"], "https://other.example.com");
  for (const value of [null, "https://evil.example.com", `${ORIGIN}.evil.example.com`, "null", "https://tools.example.com:444"])
    assert.equal((await origin(value))["access-control-allow-origin"], undefined, String(value));
  assert.equal((await origin(ORIGIN, "/read"))["access-control-allow-origin"], ORIGIN, "errors too, or the page cannot read them");
  assert.equal((await origin(ORIGIN))["access-control-allow-credentials"], undefined);
});

test("any OPTIONS is answered, with what the browser asked for", async () => {
  for (const route of ["/read", "/auth/manage/CreateApiKey", "/nothing", "/ws/update", "/user"]) {
    const answer = await request(pair.url + route, { method: "OPTIONS", headers: { Origin: ORIGIN,
      "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type" } });
    assert.equal(answer.status, 200, route);
    assert.equal(answer.body.length, 0);
    assert.equal(answer.headers["access-control-allow-origin"], ORIGIN);
    assert.equal(answer.headers["access-control-allow-methods"], "POST");
    assert.equal(answer.headers["access-control-allow-headers"], "authorization,content-type");
  }
  const bare = await request(`${pair.url}/read`, { method: "OPTIONS" });
  assert.equal(bare.status, 200);
  for (const name of ["methods", "headers", "origin"]) assert.equal(bare.headers[`access-control-allow-${name}`], undefined);
});

test("every answer carries the security headers, refusals too", async () => {
  const answers = [await request(`${pair.url}/version`), await request(`${pair.url}/nothing`), await request(`${pair.url}/read`, { method: "POST" }),
    await request(`${pair.url}/read`, { method: "OPTIONS" }), await request(`${pair.url}/version`, { method: "DELETE" })];
  for (const { status, headers: h } of answers) {
    const page = h["content-type"]?.startsWith("text/html");   // has a policy of its own while the configuration gives none
    assert.equal(h["x-content-type-options"], "nosniff", String(status));
    assert.equal(h["x-frame-options"], "DENY");
    assert.equal(h["x-xss-protection"], "1; mode=block");
    assert.equal(h["referrer-policy"], "strict-origin-when-cross-origin");
    if (page) assert.match(h["content-security-policy"], /default-src 'self'; script-src 'self';/);
    else assert.equal(h["content-security-policy"], undefined);
    assert.match(h.vary, /origin, access-control-request-method, access-control-request-headers/i);
  }
  const broken = await raw(pair, "NONSENSE\r\n\r\n");
  assert.match(broken, /^HTTP\/1.1 400 /);
  assert.match(broken, /x-frame-options: DENY/i);
});

test("a large answer is compressed for whoever can read it", async () => {
  const plain = await request(`${pair.url}/docs/openapi.json`);
  assert.equal(plain.headers["content-encoding"], undefined);
  for (const route of ["/docs/openapi.json", "/docs"]) {
    const whole = await request(pair.url + route);
    const packed = await request(pair.url + route, { headers: { "Accept-Encoding": "br, gzip;q=0.8" } });
    assert.equal(packed.headers["content-encoding"], "gzip", route);
    assert.match(packed.headers.vary, /accept-encoding/i);
    assert.ok(packed.body.length < whole.body.length / 2);
    assert.equal(gunzipSync(packed.body).toString(), whole.text);
  }
  for (const accept of ["identity", "gzip;q=0", "br"])
    assert.equal((await request(`${pair.url}/docs/openapi.json`, { headers: { "Accept-Encoding": accept } })).headers["content-encoding"], undefined, accept);
  assert.equal((await request(`${pair.url}/version`, { headers: { "Accept-Encoding": "gzip" } })).headers["content-encoding"], undefined, "not worth it");
});

// ---- connections ----

test("one connection serves many requests", async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ports = new Set();
  agent.on("free", (socket) => ports.add(socket.localPort));
  for (let i = 0; i < 20; i++) assert.equal((await request(`${pair.url}/version`, { agent })).text, "2.3.2");
  for (const status of [401, 404]) assert.equal((await request(pair.url + (status === 401 ? "/user" : "/none"), { agent })).status, status);
  assert.equal(ports.size, 1, "errors do not end the connection");
  agent.destroy();
});

test("pipelined requests are answered in their order, also when the first takes longest", async () => {
  const slow = JSON.stringify({ username: "admin", password: "wrong" });
  const bytes = `POST /auth/login/LoginLocalUser HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${slow.length}\r\n\r\n${slow}` +
    "GET /version HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\n\r\nHEAD /version HTTP/1.1\r\nHost: x\r\n\r\n" +
    "GET /auth/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const text = await raw(pair, bytes);
  assert.deepEqual([...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map((m) => m[1]), ["401", "200", "404", "200", "200"]);
  assert.ok(text.endsWith("1.8.0"));
});

test("a request in pieces, with a body in chunks, is read", async () => {
  const { hostname, port } = new URL(pair.url);
  const pieces = `POST /read/GetVersion HTTP/1.1\r\nHost: x\r\nAuthorization: ${headers.Authorization}\r\nContent-Type: application/json\r\n` +
    "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n";
  const text = await new Promise((resolve, reject) => {
    let got = "";
    const socket = net.connect(Number(port), hostname, async () => {
      socket.setNoDelay(true);
      for (let i = 0; i < pieces.length; i += 11) {
        socket.write(pieces.slice(i, i + 11));
        await new Promise((r) => setImmediate(r));
      }
    });
    socket.on("data", (d) => { got += d; });
    socket.once("close", () => resolve(got));
    socket.once("error", reject);
  });
  assert.match(text, /^HTTP\/1\.1 200 /);
  assert.match(text, /\{"version":"2\.3\.2"\}$/);
});

test("ambiguous and oversized heads are refused", async () => {
  const head = "POST /read HTTP/1.1\r\nHost: x\r\n";
  for (const [what, bytes, status] of [
    ["two lengths", `${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`, 400],
    ["length and chunks", `${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ["a bad length", `${head}Content-Length: -1\r\n\r\n`, 400],
    ["a bad chunk", `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 400],
    ["a space in a name", `${head}X y: 1\r\n\r\n`, 400],
    ["a huge head", `${head}X: ${"a".repeat(40000)}\r\n\r\n`, 431],
  ]) {
    const text = await raw(pair, bytes);
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `), `${what}: ${text.slice(0, 100)}`);
  }
  assert.equal((await request(`${pair.url}/version`)).status, 200);
});

test("credentials in the wrong place or form are 401", async () => {
  for (const given of [{}, { Authorization: "" }, { Authorization: "Bearer" }, { Authorization: "Bearer x.y.z" }, { Authorization: "Basic YTpi" },
    { "X-API-KEY": "K" }, { "X-API-SECRET": "S" }, { "X-API-SIGNATURE": "s", "X-API-TIMESTAMP": "1" }, { "X-API-KEY": "K_x_K", "X-API-SECRET": "S_x_S" }]) {
    for (const [method, route] of [["POST", "/read/GetVersion"], ["POST", "/auth/manage/GetUserId"], ["GET", "/user"]]) {
      const answer = await request(pair.url + route, { method, headers: { ...given, "Content-Type": "application/json" }, body: method === "POST" ? "{}" : undefined });
      assert.equal(answer.status, 401, `${route} ${JSON.stringify(given)}: ${answer.text}`);
      isError(answer);
    }
  }
  assert.equal((await request(`${pair.url}/user`, { headers: { Authorization: headers.Authorization.slice(7) } })).status, 200, "Bearer is optional");
});

test("a client address that is none is refused", async () => {
  for (const name of ["X-Forwarded-For", "X-Real-IP"]) {
    const answer = await request(`${pair.url}/user`, { headers: { ...headers, [name]: "not an address" } });
    assert.deepEqual([answer.status, answer.json.error], [401, "invalid IP address syntax"]);
    assert.equal((await request(`${pair.url}/user`, { headers: { ...headers, [name]: "2001:db8::1" } })).status, 200);
  }
});

test("clients that leave before their answer leave nothing behind", async () => {
  const { hostname, port } = new URL(pair.url);
  const files = () => fs.readdirSync(`/proc/${pair.engine.child.pid}/fd`).length;
  const before_ = files();
  const key = await as.manage("CreateApiKey", { name: "hasty" });
  const asJson = (route, value, more = "") => {
    const body = JSON.stringify(value);
    return `POST ${route} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;
  };
  const token = `Authorization: ${headers.Authorization}\r\n`;
  const wanted = [
    asJson("/auth/login/LoginLocalUser", { username: "admin", password: pair.password }),
    asJson("/read/GetVersion", {}, `X-API-KEY: ${key.key}\r\nX-API-SECRET: ${key.secret}x\r\n`),
    asJson("/write/CreateTag", { name: "left" }, token), asJson("/read/ListUpdates", {}, token),
    asJson("/auth/manage/CreateApiKey", { name: "nobody hears of" }, token),
    "GET /docs/openapi.json HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n", `GET /user HTTP/1.1\r\nHost: x\r\n${token}\r\n`.repeat(20),
    asJson("/execute/RunAction", { action: "none" }, token).slice(0, -3),
  ];
  await Promise.all(Array.from({ length: 160 }, (_, i) => new Promise((resolve) => {
    const socket = net.connect(Number(port), hostname, () => socket.write(wanted[i % wanted.length], () => {
      if (i % 3 === 0) socket.destroy(); else if (i % 3 === 1) socket.resetAndDestroy(); else setTimeout(() => socket.destroy(), i % 20);
    }));
    socket.on("data", () => {});
    socket.once("close", resolve).once("error", () => {});
  })));
  await eventually("their sockets are closed", () => files() <= before_ + 1);
  assert.equal((await request(`${pair.url}/version`)).status, 200);
});

// ---- TLS ----

test("with TLS: https, wss, and a new certificate on SIGHUP", async () => {
  const base = path.join(dir, "tls"), ssl = path.join(base, "data", "ssl");
  fs.mkdirSync(ssl, { recursive: true });
  const files = { key: path.join(ssl, "key.pem"), cert: path.join(ssl, "cert.pem") };
  const certify = (name) => execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
    "-keyout", files.key, "-out", files.cert, "-days", "2", "-subj", `/CN=${name}`], { stdio: "ignore" });
  certify("first.example.com");
  const secure = await startPair(base, { agent: false, scheme: "https", env: { KOMODO_SSL_ENABLED: "true" } });
  try {
    const { hostname, port } = new URL(secure.url);
    const name = () => new Promise((resolve, reject) => {
      const socket = tls.connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().subject.CN);
        socket.destroy();
      }).once("error", reject);
    });
    const open = { rejectUnauthorized: false };
    assert.equal(await name(), "first.example.com");
    const token = (await post(`${secure.url}/auth/login/LoginLocalUser`, { username: "admin", password: secure.password }, open)).json.data.jwt;
    assert.equal((await request(`${secure.url}/user`, { headers: bearer(token), ...open })).json.username, "admin");
    const ws = websocket(`${secure.url.replace("https", "wss")}/ws/update`, open);
    await ws.opened;
    ws.send({ type: "Jwt", params: { jwt: token } });
    await eventually("logged in over wss", () => ws.frames.includes("LOGGED_IN"));

    const old = tls.connect({ host: hostname, port: Number(port), rejectUnauthorized: false });
    await new Promise((r) => old.once("secureConnect", r));
    certify("second.example.com");
    secure.engine.child.kill("SIGHUP");
    await eventually("the new certificate is shown", async () => (await name()) === "second.example.com");
    old.write("GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let got = "";
    for await (const part of old) got += part;
    assert.match(got, /2\.3\.2$/, "connections from before go on");

    fs.writeFileSync(files.cert, "broken");
    secure.engine.child.kill("SIGHUP");
    await eventually("the failure is in the log", () => /TLS files were not reloaded/.test(secure.engine.text()));
    assert.equal(await name(), "second.example.com", "a broken file keeps the one before");

    const plain = await raw(secure, "GET /version HTTP/1.1\r\nHost: x\r\n\r\n");
    assert.doesNotMatch(plain, /200/, "plain HTTP on the TLS port is no answer");
    assert.equal((await request(`${secure.url}/version`, open)).status, 200);
    ws.socket.close();
  } finally { await secure.stop(); }
});

test("an engine whose certificate is missing does not start, and says which file", async () => {
  const base = path.join(dir, "no-cert");
  fs.mkdirSync(base);
  await assert.rejects(startPair(base, { agent: false, scheme: "https", env: { KOMODO_SSL_ENABLED: "true" } }), /ssl_key_file/);
});

test("SIGHUP without TLS changes nothing", async () => {
  pair.engine.child.kill("SIGHUP");
  assert.equal((await request(`${pair.url}/version`)).status, 200);
  assert.ok(pair.engine.alive());
});

// ---- stopping ----

test("a stopping engine answers what it has begun, refuses what is new, and ends", async () => {
  const { hostname, port } = new URL(pair.url);
  const idle = net.connect(Number(port), hostname);
  await new Promise((r) => idle.once("connect", r));
  const idleClosed = new Promise((r) => idle.once("close", r));
  const ws = websocket(`${pair.url.replace("http", "ws")}/ws/update`);
  await ws.opened;
  ws.send({ type: "Jwt", params: { jwt: headers.Authorization.slice(7) } });
  await eventually("logged in", () => ws.frames.includes("LOGGED_IN"));
  const action = await as.write("CreateAction", { name: "endless", config: { file_contents: "while true do komodo.sleep(1) end" } });
  const { _id } = await as.execute("RunAction", { action: "endless" });
  // In one piece a quick request and one that hashes a password: with the first answer the second is at work.
  const credentials = JSON.stringify({ username: "admin", password: pair.password });
  const pieces = "GET /version HTTP/1.1\r\nHost: x\r\n\r\nPOST /auth/login/LoginLocalUser HTTP/1.1\r\nHost: x\r\n" +
    `Content-Type: application/json\r\nContent-Length: ${credentials.length}\r\n\r\n${credentials}`;
  const begun = [], answered = [];
  for (let i = 0; i < 3; i++) {
    let begin;
    begun.push(new Promise((r) => { begin = r; }));
    answered.push(raw(pair, pieces, (text) => { if (text.includes("2.3.2")) begin(); return false; }));
  }
  await Promise.all(begun);
  const started = Date.now();
  pair.engine.child.kill("SIGTERM");
  for (const text of await Promise.all(answered)) {
    assert.equal(text.match(/HTTP\/1\.1 200 /g).length, 2, text);
    assert.match(text, /connection: close[\s\S]*"jwt"/i);
  }
  await Promise.all([idleClosed, ws.closed]);
  const end = await pair.engine.ended;
  assert.equal(end.code, 0, pair.engine.text().slice(-3000));
  assert.ok(Date.now() - started < 10000);
  await assert.rejects(request(`${pair.url}/version`), { code: "ECONNREFUSED" });
  await pair.startEngine();
  const interrupted = await as.read("GetUpdate", { id: _id.$oid });
  assert.deepEqual([interrupted.status, interrupted.success], ["Complete", false], JSON.stringify(interrupted.logs));
  assert.equal((await as.read("GetAction", { action: "endless" }))._id.$oid, action._id.$oid);
});
