// Terminals with a real agent and a real docker: komodo.terminal of scripts, the requests, the two routes.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import { after, before, test } from "node:test";
import { eventually, IMAGE, startDocker, startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login, objectId, permissionDocument, post, store, stored, userDocument, websocket } from "./tools.mjs";

const dir = tempDir("terminal");
const docker = startDocker(`${dir}/docker`);
const skip = docker ? false : "no docker engine can run here";
const inContainer = (...args) => execFileSync("docker", ["-H", docker.host, ...args], { encoding: "utf8" });
let pair, jwt, admin;

before(async () => {
  if (skip) return;
  pair = await startPair(dir, { docker, agentEnv: { PERIPHERY_DEFAULT_TERMINAL_COMMAND: "bash --norc" } });
  jwt = await login(pair);
  admin = caller(pair, bearer(jwt));
  inContainer("run", "-d", "--name", "box", "--network", "none", IMAGE, "sleep", "100000");
  await admin.write("CreateVariable", { name: "TOKEN", value: "s3cr3t-value", is_secret: true });
  await addUsers({ reader: [], typist: ["Terminal"] });
  await eventually("the container is polled", async () => (await admin.read("ListContainers", { server: "Local" })).some((c) => c.name === "box"));
});
after(async () => {
  try { await pair?.stop(); } finally { docker?.stop(); fs.rmSync(dir, { recursive: true, force: true }); }
});

/** Users who may read the Server, each with these specific rights on it. */
async function addUsers(users) {
  const server = (await admin.read("ListServers", {}))[0].id;
  await pair.engine.stop();
  const hash = stored(pair, "User").find((u) => u.username === "admin").config.data.password;
  let n = 0xa00;
  const User = {}, Permission = {};
  for (const [name, specific] of Object.entries(users)) {
    const id = objectId(++n);
    User[id] = userDocument(id, name, hash);
    Permission[objectId(++n)] = permissionDocument(objectId(n), { type: "User", id }, { type: "Server", id: server }, "Read", specific);
  }
  store(pair, { User, Permission });
  await pair.startEngine();
}

const server = { type: "Server", params: { server: "Local" } }, container = { type: "Container", params: { server: "Local", container: "box" } };
const names = async () => (await admin.read("ListTerminals", {})).map((t) => t.name);
const noneLeft = () => eventually("no terminal is left", async () => (await names()).filter((n) => n.startsWith("script-")).length === 0);
const processes = (words) => execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }).split("\n").filter((line) => line === words);

// ---- scripts ----

let number = 0;
async function start(source, config = {}, params = {}, as = admin) {
  const name = `script-${++number}`;
  await admin.write("CreateAction", { name, config: { file_contents: source, ...config } });
  return (await as.execute("RunAction", { action: name, ...params }))._id.$oid;
}
const finished = (id, ms) => eventually("the run ends", async () => { const u = await admin.read("GetUpdate", { id }); return u.status === "Complete" && u; }, ms);
const stage = (update) => update.logs.find((l) => l.stage === "Execute Action");
const run = async (...args) => finished(await start(...args));
async function output(...args) {
  const u = await run(...args);
  assert.equal(u.success, true, JSON.stringify(u.logs));
  return stage(u).stdout;
}

test("a command on a server: output, code, lines as they come", { skip }, async () => {
  assert.match(await output(`
    local r = assert(komodo.terminal("Local", "echo one; echo two >&2; (exit 3)"))
    print(r.code, r.stdout, r.stderr)
    print(komodo.json.encode(komodo.terminal({ server = "Local" }, "printf abc").stdout), komodo.terminal("Local", "true").stdout == "")
    print(komodo.terminal("Local", "echo; echo; exit 7").code, komodo.terminal("Local", "echo; echo").stdout == "\\n\\n")
    local seen, begin = {}, komodo.now()
    assert(komodo.terminal("Local", "echo a; sleep 1; echo b", { on_line = function(l) seen[#seen + 1] = { l, komodo.now() } end }))
    print(#seen, seen[1][1] .. seen[2][1], seen[2][2] - seen[1][2] > 700)
  `), /^3\tone\ntwo\n\t\n"abc"\ttrue\n7\ttrue\n2\tab\ttrue\n/);
  await noneLeft();
});

test("what a shell would stumble over arrives as it is", { skip }, async () => {
  assert.match(await output(`
    local function out(command, shell) return assert(komodo.terminal("Local", command, { shell = shell })).stdout end
    print(out("echo 'it''s ! \\"q\\" \\\\\\\\ $HOME' && echo %d"))
    print(out("for i in 1 2; do\\n  echo\\t$i\\ndone # the end"))
    for _, shell in ipairs{ "sh", "bash", "dash" } do
      local r = assert(komodo.terminal("Local", "echo 'open", { shell = shell }))
      print(shell, r.code ~= 0)
    end
    print(out("sleep 30 &"), out("printf 'x\\\\377\\\\r\\\\ny'"))
    print(select(2, komodo.terminal("Local", ("x"):rep(5000))).code)
  `), /^its ! "q" \\\\ \$HOME\n%d\n1\n2\nsh\ttrue\nbash\ttrue\ndash\ttrue\n\tx\u{FFFD}\ny\ntoo_big\n/u);
});

test("a command in a container and in a Deployment", { skip }, async () => {
  inContainer("run", "-d", "--name", "dep", "--network", "none", IMAGE, "sleep", "100000");
  await admin.write("CreateDeployment", { name: "dep", config: { server_id: "Local", image: { type: "Image", params: { image: IMAGE } } } });
  assert.match(await output(`
    local r = assert(komodo.terminal({ server = "Local", container = "box" }, "hostname | wc -c; echo $0; exit 4"))
    print(r.code, (r.stdout:gsub("\\n", ",")))
    print(komodo.terminal({ deployment = "dep" }, "echo in dep").stdout)
    print(select(2, komodo.terminal({ server = "Local", container = "none" }, "true")).message)
    print(select(2, komodo.terminal({ stack = "none", service = "x" }, "true")).message)
    print(select(2, komodo.terminal({ where = "x" }, "true")).message)
  `), /^4\t13,sh,\nin dep\nFailed to init terminal\n.*Stack.*none\n.*'where'.*unknown/);
  await noneLeft();
  await eventually("no shell stays in the containers", () => !/\bsh\b/.test(inContainer("top", "box") + inContainer("top", "dep")));
});

test("timeout and cancel end the command where it runs", { skip }, async () => {
  assert.match(await output(`
    print(select(2, komodo.terminal("Local", "sleep 4242", { timeout = 1 })).code)
    print(select(2, komodo.terminal({ server = "Local", container = "box" }, "sleep 4243", { timeout = 1 })).code)
  `), /^timeout\ntimeout\n/);
  await eventually("both are gone", () => !processes("sleep 4242").length && !processes("sleep 4243").length);
  const id = await start(`komodo.terminal("Local", "sleep 4244")`);
  await eventually("it runs", () => processes("sleep 4244").length === 1);
  const update = await admin.read("GetUpdate", { id });
  await admin.execute("CancelAction", { action: update.target.id });
  assert.equal((await finished(id)).success, false);
  await eventually("it is gone", () => !processes("sleep 4244").length);
  await noneLeft();
});

test("huge output is bounded, and large output comes whole", { skip }, async () => {
  assert.match(await output(`
    local r = assert(komodo.terminal("Local", "seq 1 200000"))
    local n = 0
    for line in r.stdout:gmatch("[^\\n]+") do n = n + 1 assert(line == tostring(n)) end
    print(r.code, n)
    print(#assert(komodo.terminal("Local", "head -c 3000000 /dev/zero | tr '\\\\0' x")).stdout)
  `), /^0\t200000\n3000000\n/);
  assert.match(await output(`print(select(2, komodo.terminal("Local", "yes")).code)`, { limits: { http_kb: 512 } }), /^too_big\n/);
  await eventually("it is gone", () => !processes("yes").length);
});

test("capabilities, permissions, dry runs and secrets", { skip }, async () => {
  const allowed = { capabilities: ["terminal:server@Lo*", "secret:*"] };
  assert.match(await output(`
    print(komodo.terminal("Local", "echo yes").stdout)
    print(select(2, komodo.terminal({ server = "Local", container = "box" }, "echo no")).message)
  `, allowed), /^yes\n.*terminal:container@box/);
  assert.match(await output(`
    local t = komodo.secret("TOKEN")
    local r = komodo.terminal("Local", "printf %s " .. t .. " | sha256sum; echo got-" .. t)
    print(r.stdout, r.stdout:find("s3cr3t", 1, true))
  `), new RegExp(`^${createHash("sha256").update("s3cr3t-value").digest("hex")}  -\\ngot-<TOKEN>\\n\\tnil\\n`));
  assert.ok(!pair.agent.text().includes("s3cr3t-value"), "no secret in the agent's log");
  const dry = await run(`print(komodo.terminal("Local", "touch ${dir}/dry").code)`, {}, { dry_run: true });
  assert.match(stage(dry).stdout, /^0\n/);
  assert.match(dry.logs.find((l) => l.stage === "Dry Run").stdout, /terminal .*touch/);
  assert.ok(!fs.existsSync(`${dir}/dry`));

  // Read alone is not enough; Read and Terminal is.
  const as = async (name) => {
    const own = caller(pair, bearer(await login(pair, name)));
    await admin.write("CreateAction", { name: `as-${name}`, config: { file_contents: `print(komodo.terminal("Local", "echo hi"))`, run_as: name } });
    const update = await finished((await admin.execute("RunAction", { action: `as-${name}` }))._id.$oid);
    return [stage(update).stdout, (await own.ask("write", "CreateTerminal", { target: server, name: "own" })).status,
      (await own.read("ListTerminals", {})).map((t) => t.name)];
  };
  const [refused, status, seen] = await as("reader");
  assert.match(refused, /^nil.*specific permissions: \[Terminal\]/);
  assert.deepEqual([status, seen], [403, []]);
  const [said, made, list] = await as("typist");
  assert.match(said, /hi/);
  assert.equal(made, 200);
  assert.ok(list.includes("own"));
  await admin.write("DeleteAllTerminals", { server: "Local" });
});

// ---- the requests and routes ----

const execute = (body) => post(`${pair.url}/terminal/execute`, body, { headers: bearer(jwt) });

test("terminals are made, listed, and deleted", { skip }, async () => {
  const made = await admin.write("CreateTerminal", { target: server, name: "t", command: "sh" });
  assert.equal(made.target.params.server, (await admin.read("ListServers", {}))[0].id);
  const again = await admin.ask("write", "CreateTerminal", { target: server, name: "t", command: "cat" });
  assert.equal(again.status, 409);
  assert.match(again.text, /already exists, but has command sh instead of cat/);
  await admin.write("CreateTerminal", { target: { type: "Deployment", params: { deployment: "dep" } }, name: "d" });
  const all = await admin.read("ListTerminals", { use_names: true });
  assert.deepEqual(all.map((t) => [t.name, t.target_name, t.target.type]), [["d", "dep", "Deployment"], ["t", "Local", "Server"]]);
  assert.deepEqual((await admin.read("ListTerminals", { sort_by: "Target", terms: ["T"] })).map((t) => t.name), ["t"]);
  assert.deepEqual((await admin.read("ListTerminals", { target: { type: "Deployment", params: { deployment: "dep" } } })).map((t) => t.name), ["d"]);
  for (const target of [{ type: "Server", params: {} }, { type: "Server", params: { server: "" } }]) {
    const bad = await admin.ask("write", "CreateTerminal", { target });
    assert.equal(bad.status, 400);
    assert.match(bad.text, /target\.params\.server/);
  }
  assert.equal((await admin.ask("write", "CreateTerminal", { target: { type: "Stack", params: { stack: "none", service: "x" } } })).status, 404);
  await admin.write("DeleteTerminal", { target: { type: "Deployment", params: { deployment: "dep" } }, terminal: "d" });
  await admin.write("DeleteTerminal", { target: server, terminal: "d" });
  assert.deepEqual(await names(), ["t"]);
  await admin.write("DeleteAllTerminals", { server: "Local" });
  await admin.write("CreateTerminal", { target: server, name: "b" });
  await admin.write("BatchDeleteAllTerminals", {});
  assert.deepEqual(await names(), []);
});

test("/terminal/execute streams lines and ends", { skip }, async () => {
  const ok = await execute({ target: server, terminal: "e", command: "echo one; (exit 3)", init: { command: "sh" } });
  assert.deepEqual([ok.status, ok.text, ok.headers["content-type"]], [200, "\none\n\n__KOMODO_EXIT_CODE:3\n", undefined]);
  const kept = await execute({ target: server, terminal: "e", command: "seq 1 20000" });
  assert.equal(kept.text, `\n${Array.from({ length: 20000 }, (_, i) => `${i + 1}\n`).join("")}\n__KOMODO_EXIT_CODE:0\n`);
  const dies = await execute({ target: server, terminal: "e", command: "echo last; exit 1" });
  assert.deepEqual([dies.status, dies.text.includes("__KOMODO_EXIT_CODE")], [200, false]);
  const missing = await execute({ target: server, terminal: "e", command: "true" });
  assert.equal(missing.status, 404);
  assert.match(missing.text, /Failed to execute command on Terminal.*Failed to create execute terminal connection.*No terminal for Server/);
  assert.equal((await execute({ target: server })).status, 422);
  assert.equal((await post(`${pair.url}/terminal/execute`, { target: server, command: "x" })).status, 401);
  const inside = await execute({ target: container, command: "echo in", init: { command: "sh" } });
  assert.equal(inside.text, "\nin\n\n__KOMODO_EXIT_CODE:0\n");
  await admin.write("DeleteAllTerminals", { server: "Local" });
});

test("a client that leaves an execution is noticed", { skip }, async () => {
  await admin.write("CreateTerminal", { target: server, name: "l", command: "sh" });
  const stop = new AbortController();
  const answer = await fetch(`${pair.url}/terminal/execute`, { method: "POST", signal: stop.signal,
    headers: { "Content-Type": "application/json", ...bearer(jwt) }, body: JSON.stringify({ target: server, terminal: "l", command: "echo up; sleep 4246" }) });
  await answer.body.getReader().read();
  stop.abort();
  assert.deepEqual(await names(), ["l"]);
  await admin.write("DeleteAllTerminals", { server: "Local" });
  await eventually("its command ends with it", () => !processes("sleep 4246").length);
});

const socket = (query) => {
  const ws = websocket(`${pair.url.replace("http", "ws")}/ws/terminal?${query}`);
  ws.bytes = "";
  ws.texts = [];
  ws.socket.on("message", (data, binary) => { if (binary) ws.bytes += data.toString(); else ws.texts.push(data.toString()); });
  ws.type = (text) => ws.socket.send(Buffer.concat([Buffer.from(text), Buffer.from([1])]));
  return ws;
};
const at = "target[type]=Server&target[params][server]=Local";
const logged = async (query, token = jwt) => { const ws = socket(query); await ws.opened; ws.send({ type: "Jwt", params: { jwt: token } }); return ws; };

test("/ws/terminal shows a terminal to several viewers, and keeps it", { skip }, async () => {
  const first = await logged(`${at}&terminal=w&init[command]=sh&init[recreate]=Always`);
  first.socket.send(Buffer.concat([Buffer.from('{"rows":33,"cols":111}'), Buffer.from([0xff])]));
  first.type("stty size; echo typed-$((1+1))\n");
  await eventually("it answers", () => first.bytes.includes("typed-2"));
  assert.match(first.bytes, /33 111/);
  assert.equal(first.texts[0], "LOGGED_IN");
  const second = await logged(`${at.replaceAll("[", "%5B").replaceAll("]", "%5D")}&terminal=w`);
  await eventually("the history", () => second.bytes.includes("typed-2"));
  second.type("echo both-$((2+2))\n");
  await eventually("both see it", () => first.bytes.includes("both-4") && second.bytes.includes("both-4"));
  first.socket.close();
  await first.closed;
  assert.deepEqual(await names(), ["w"]);
  second.type("exit\n");
  await second.closed;
  assert.equal(second.texts.at(-1), "\npty exited");
  assert.deepEqual(await names(), []);
});

test("/ws/terminal refuses in words", { skip }, async () => {
  const missing = await logged(`${at}&terminal=nope`);
  await missing.closed;
  assert.match(missing.texts.at(-1), /^ERROR: No terminal for Server \{ server: Some\("[0-9a-f]{24}"\) \} at nope$/);
  const stranger = await logged(at, "nonsense");
  await stranger.closed;
  assert.match(stranger.texts[0], /^\[401 Unauthorized\]/);
  const answer = await new Promise((resolve) => socket("target[type]=Nothing").socket.once("unexpected-response", (_req, res) => resolve(res)));
  assert.equal(answer.statusCode, 400);
  answer.resume();
  const denied = await logged(`${at}&init[command]=sh`, await login(pair, "reader"));
  await denied.closed;
  assert.match(denied.texts.at(-1), /^ERROR: .*\[Terminal\]/);
});

test("an engine that stops takes its commands along, and ends what it streams", { skip }, async () => {
  await start(`komodo.terminal("Local", "sleep 4247")`);
  await eventually("it runs", () => processes("sleep 4247").length === 1);
  const viewer = await logged(`${at}&terminal=stop&init[command]=sh`);
  await eventually("the prompt", () => viewer.bytes);
  const stream = execute({ target: server, terminal: "stop", command: "echo up; sleep 4248" }).catch(() => null);
  await eventually("it streams", () => viewer.bytes.includes("\nup"));
  await pair.engine.stop();
  assert.equal(await viewer.closed, 1001);
  await stream;
  await eventually("it is gone", () => !processes("sleep 4247").length);
  await pair.startEngine();
  await eventually("connected again", async () => (await admin.read("GetServerState", { server: "Local" })).status === "Ok");
  assert.deepEqual(await names(), ["stop"]);
});

test("an agent that is killed ends the command with an error", { skip }, async () => {
  const id = await start(`print(select(2, komodo.terminal("Local", "sleep 4245")).message)`);
  await eventually("it runs", () => processes("sleep 4245").length === 1);
  await pair.agent.stop("SIGKILL");
  const update = await finished(id, 60000);
  assert.match(stage(update).stdout, /the terminal ended before the command did/);
  await pair.startAgent();
  await eventually("connected again", async () => (await admin.read("GetServerState", { server: "Local" })).status === "Ok");
  await eventually("the PTY is hung up", () => !processes("sleep 4245").length);
});
