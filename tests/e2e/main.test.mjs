// The main job, with nothing but the published npm client: log in, deploy a container, live with it, automate it.
import assert from "node:assert/strict";
import fs from "node:fs";
import { after, before, test } from "node:test";
import { IMAGE, eventually, startDocker, startPair, tempDir } from "./harness.mjs";
import { KomodoClient } from "komodo_client";

const dir = tempDir("main");
const docker = startDocker(`${dir}/docker`);
const skip = docker ? false : "no docker engine can run here";
let pair, komodo, jwt;

before(async () => { if (docker) pair = await startPair(dir, { docker }); });
after(async () => {
  try { await pair?.stop(); } finally { docker?.stop(); fs.rmSync(dir, { recursive: true, force: true }); }
});

const listDeployment = async (name) => (await komodo.read("ListDeployments", { query: { names: [name] } }))[0];
const run = async (name, params) => {
  const update = await komodo.execute_and_poll(name, params);
  return update;
};
const succeed = async (name, params) => {
  const update = await run(name, params);
  assert.equal(update.success, true, `${name}: ${JSON.stringify(update.logs)}`);
  return update;
};
const inState = (name, state) => eventually(`${name} is ${state}`, async () => (await listDeployment(name)).info.state === state);

test("a wrong password is refused, the right one logs in", { skip }, async () => {
  const nobody = KomodoClient(pair.url, { type: "jwt", params: { jwt: "" } });
  await assert.rejects(nobody.auth.login("LoginLocalUser", { username: "admin", password: "wrong" }), (e) => e.status === 401);
  const answer = await nobody.auth.login("LoginLocalUser", { username: "admin", password: pair.password });
  assert.equal(answer.type, "Jwt");
  jwt = answer.data.jwt;
  komodo = KomodoClient(pair.url, { type: "jwt", params: { jwt } });
  assert.equal(await komodo.core_version(), "2.3.2");
});

test("the local server is connected and shows its stats", { skip }, async () => {
  await eventually("Local is Ok", async () => (await komodo.read("GetServerState", { server: "Local" })).status === "Ok");
  const stats = await eventually("the agent measured", async () => {
    const s = await komodo.read("GetSystemStats", { server: "Local" });
    return s.disks.length > 0 && s;
  });
  assert.ok(stats.mem_total_gb > 0);
  const [server] = await komodo.read("ListServers", {});
  assert.equal(server.info.state, "Ok");
  assert.equal(server.info.version, "2.3.2");
});

test("a deployment is created and deployed, and its container runs in docker", { skip }, async () => {
  await komodo.write("CreateDeployment", { name: "web", config: {
    server_id: "Local", image: { type: "Image", params: { image: IMAGE } }, network: "none", restart: "no",
    command: "sh -c 'echo hello out; echo hello err 1>&2; while true; do sleep 1; done'", environment: "GREETING = hi there",
    termination_timeout: 1, extra_args: ["--stop-timeout=1"],
  } });
  const update = await succeed("Deploy", { deployment: "web" });
  assert.deepEqual(update.logs.map((l) => l.stage), ["Docker Run"]);
  assert.match(update.logs[0].command, /^docker run -d --name web /);
  await inState("web", "running");
  const inspected = await komodo.read("InspectDeploymentContainer", { deployment: "web" });
  assert.ok(inspected.Config.Env.includes("GREETING=hi there"));
});

test("log, log search, stats and container are readable", { skip }, async () => {
  const log = await eventually("the container wrote", async () => {
    const l = await komodo.read("GetDeploymentLog", { deployment: "web", tail: 50 });
    return l.stdout.includes("hello out") && l;
  });
  assert.match(log.stderr, /hello err/);
  const found = await komodo.read("SearchDeploymentLog", { deployment: "web", terms: ["hello out"] });
  assert.match(found.stdout, /hello out/);
  assert.doesNotMatch(found.stdout, /hello err/);
  const stats = await komodo.read("GetDeploymentStats", { deployment: "web" });
  assert.equal(stats.name, "web");
  assert.equal((await komodo.read("GetDeploymentContainer", { deployment: "web" })).state, "running");
});

test("stop, start, restart, pause and unpause do what they say", { skip }, async () => {
  for (const [request, state] of [["PauseDeployment", "paused"], ["UnpauseDeployment", "running"], ["StopDeployment", "exited"],
    ["StartDeployment", "running"], ["RestartDeployment", "running"]]) {
    await succeed(request, { deployment: "web" });
    await inState("web", state);
  }
});

test("a failing deploy says why", { skip }, async () => {
  await komodo.write("CreateDeployment", { name: "broken", config: { server_id: "Local", image: { type: "Image", params: { image: "no/such:image" } } } });
  const update = await run("Deploy", { deployment: "broken" });
  assert.equal(update.success, false);
  assert.match(update.logs.at(-1).stderr, /no\/such/);
});

test("every change is an Update, broadcast on /ws/update", { skip }, async () => {
  const seen = [];
  let open;
  const opened = new Promise((resolve) => { open = resolve; });
  const socket = new WebSocket(pair.url.replace("http", "ws") + "/ws/update");
  socket.onopen = () => socket.send(JSON.stringify({ type: "Jwt", params: { jwt } }));
  socket.onmessage = ({ data }) => { if (data === "LOGGED_IN") open(); else seen.push(JSON.parse(data)); };
  await opened;
  await komodo.write("UpdateDeployment", { id: "web", config: { links: ["http://a"] } });
  await succeed("RestartDeployment", { deployment: "web" });
  await eventually("both changes arrive", () => seen.some((u) => u.operation === "UpdateDeployment" && u.status === "Complete") &&
    seen.some((u) => u.operation === "RestartDeployment" && u.status === "InProgress") &&
    seen.some((u) => u.operation === "RestartDeployment" && u.status === "Complete" && u.success));
  socket.close();
  const { updates } = await komodo.read("ListUpdates", { query: { operation: "UpdateDeployment" } });
  assert.equal(updates[0].username, "admin");
});

test("a Lua Action restarts the deployment, and its lines come while it runs", { skip }, async () => {
  await komodo.write("CreateAction", { name: "restarter", config: { file_contents: `
    print("looking for " .. komodo.args.name)
    local found = assert(komodo.read("GetDeployment", { deployment = komodo.args.name }))
    print("found", found.name)
    komodo.sleep(1.5)
    local update = assert(komodo.execute("RestartDeployment", { deployment = komodo.args.name }))
    print("restarted: " .. tostring(update.success))
    return { restarted = update.success }
  ` } });
  const started = await komodo.execute("RunAction", { action: "restarter", args: { name: "web" } });
  const id = started._id.$oid;
  const midway = await eventually("its first line is there while it runs", async () => {
    const u = await komodo.read("GetUpdate", { id });
    return u.logs.some((l) => l.stdout.includes("found\tweb")) && u;
  });
  assert.equal(midway.status, "InProgress");
  const done = await eventually("it ends", async () => { const u = await komodo.read("GetUpdate", { id }); return u.status === "Complete" && u; });
  assert.equal(done.success, true, JSON.stringify(done.logs));
  assert.match(done.logs.at(-1).stdout, /looking for web[\s\S]*found\tweb[\s\S]*restarted: true/);
});

test("a script error names its line, and a stuck script can be cancelled", { skip }, async () => {
  await komodo.write("CreateAction", { name: "faulty", config: { file_contents: 'print("one")\nlocal x = nil\nx.y = 1\n' } });
  const faulty = await run("RunAction", { action: "faulty" });
  assert.equal(faulty.success, false);
  assert.match(faulty.logs.at(-1).stderr, /:3:/);
  await komodo.write("CreateAction", { name: "stuck", config: { file_contents: "while true do end" } });
  const { _id } = await komodo.execute("RunAction", { action: "stuck" });
  await succeed("CancelAction", { action: "stuck" });
  const end = await eventually("it is stopped", async () => { const u = await komodo.read("GetUpdate", { id: _id.$oid }); return u.status === "Complete" && u; });
  assert.equal(end.success, false);
  assert.match(end.logs.at(-1).stderr, /cancel/i);
});

test("destroy removes the container; delete removes the deployment", { skip }, async () => {
  await succeed("DestroyDeployment", { deployment: "web" });
  await inState("web", "not_deployed");
  await komodo.write("DeleteDeployment", { id: "web" });
  await assert.rejects(komodo.read("GetDeployment", { deployment: "web" }), (e) => e.status === 404);
});

test("what was acknowledged survives kill -9 of the engine", { skip }, async () => {
  await komodo.write("CreateVariable", { name: "KEPT", value: "yes" });
  await pair.engine.stop("SIGKILL");
  await pair.startEngine();
  assert.equal((await komodo.read("GetVariable", { name: "KEPT" })).value, "yes");
});
