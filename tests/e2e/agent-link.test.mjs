// The link between engine and agent from both ends: onboarding, keys, reconnects, agents that vanish (spec agent.md 1, 3, 5).
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { Program, eventually, freePort, startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login, request } from "./tools.mjs";

const dir = tempDir("link");
let pair, as, tag;
const running = new Set();

before(async () => {
  pair = await startPair(dir, { agent: false, env: { KOMODO_MONITORING_INTERVAL: "1-sec" } });
  as = caller(pair, bearer(await login(pair)));
  tag = (await as.write("CreateTag", { name: "edge" }))._id.$oid;
});
after(async () => {
  try {
    for (const agent of running) await agent.stop("SIGKILL");
    await pair?.stop();
  } finally { fs.rmSync(dir, { recursive: true, force: true }); }
});

// ---- agents of these tests: each with a folder of its own ----

function start(home, env) {
  const agent = new Program("komodo-agent", [], { PERIPHERY_ROOT_DIRECTORY: path.join(dir, home, "root"), ...env }, path.join(dir, home));
  running.add(agent);
  agent.ended.then(() => running.delete(agent));
  return agent;
}
/** One that dials the engine. */
const outbound = (home, name, env = {}) => start(home, { PERIPHERY_CORE_ADDRESSES: pair.url.replace("http", "ws"), PERIPHERY_CONNECT_AS: name, ...env });
/** One that is dialled. */
async function inbound(home, env = {}, port = 0) {
  port ||= await freePort();
  const agent = start(home, { PERIPHERY_PORT: String(port), PERIPHERY_BIND_IP: "127.0.0.1", ...env });
  agent.port = port;
  return agent;
}
const frozen = async (agent) => { agent.child.kill("SIGKILL"); await agent.ended; };

const server = async (name) => (await as.read("ListServers", { query: { names: [name] } }))[0];
const isOk = (name) => eventually(`${name} is Ok`, async () => { const s = await server(name); return s?.info.state === "Ok" && s; });
const isDown = (name) => eventually(`${name} is not Ok`, async () => { const s = await server(name); return s?.info.state === "NotOk" && s.info.err && s; });
const publicKey = (home) => fs.readFileSync(path.join(dir, home, "root/keys/periphery.pub"), "utf8").split("\n")[1];
const stillOut = async (name) => {   // long enough for a few tries of the agent
  for (let i = 0; i < 12; i++) {
    assert.notEqual((await server(name))?.info.state, "Ok", name);
    await new Promise((r) => setTimeout(r, 100));
  }
};
async function complete(id, ms = 15000) {
  return eventually("the Update is complete", async () => { const u = await as.read("GetUpdate", { id }); return u.status === "Complete" && u; }, ms);
}
const words = (update) => update.logs.map((l) => `${l.stage}: ${l.stderr || l.stdout}`).join("\n");

// ---- agents that dial the engine ----

let onboarding, edge;

test("an agent with an onboarding key makes its server, its tags and its builder", async () => {
  onboarding = await as.write("CreateOnboardingKey", { name: "edges", tags: ["edge", "unknown tag"], create_builder: true });
  assert.match(onboarding.private_key, /^O_[A-Za-z0-9]{28}_O$/);
  assert.ok(!JSON.stringify(await as.read("ListOnboardingKeys")).includes(onboarding.private_key));
  edge = outbound("edge", "edge-1", { PERIPHERY_ONBOARDING_KEY: onboarding.private_key });
  const found = await isOk("edge-1");
  assert.deepEqual(found.tags, [tag]);
  assert.equal(found.info.version, "2.3.2");
  assert.equal(found.info.address, null);
  const full = await as.read("GetServer", { server: "edge-1" });
  assert.equal(full.info.public_key, publicKey("edge"));
  assert.deepEqual([full.config.enabled, full.config.address], [true, ""]);
  const builder = await as.read("GetBuilder", { builder: "edge-1" });
  assert.deepEqual([builder.config.type, builder.config.params.server_ids], ["Server", [found.id]]);
  const [key] = await as.read("ListOnboardingKeys");
  assert.deepEqual([key.onboarded, key.tags], [[found.id], ["edge"]]);
  const { updates } = await as.read("ListUpdates", { query: { "target.id": found.id, operation: "CreateServer" } });
  assert.equal(updates.length, 1);
});

test("the agent trusts the engine it met first, and keeps its key", async () => {
  const core = fs.readFileSync(path.join(dir, "edge/root/keys/core.pub"), "utf8").split("\n")[1];
  assert.equal(core, (await as.read("GetCoreInfo")).public_key);
});

test("the link comes back after the engine was restarted, or killed", async () => {
  for (const signal of ["SIGTERM", "SIGKILL"]) {
    await pair.engine.stop(signal);
    await pair.startEngine();
    await isOk("edge-1");
  }
  assert.equal((await as.read("ListServers", {})).length, 1, "and makes no second server");
});

test("the link comes back after the agent was restarted, or killed", async () => {
  for (const signal of ["SIGTERM", "SIGKILL"]) {
    await edge.stop(signal);
    const down = await isDown("edge-1");
    assert.equal(typeof down.info.err.error, "string");
    edge = outbound("edge", "edge-1");   // known by now: no onboarding key
    const up = await isOk("edge-1");
    assert.equal(up.info.err, null);
  }
  assert.equal((await as.read("ListServers", {})).length, 1);
});

test("a second agent of the same name does not take the place of the first", async () => {
  const second = outbound("second", "edge-1");
  await eventually("it hears so", () => /already connected|401/.test(second.text()));
  assert.equal((await server("edge-1")).info.state, "Ok");
  assert.equal((await as.read("GetServer", { server: "edge-1" })).info.public_key, publicKey("edge"));
  await second.stop();
});

test("an agent with another key is refused, and its key shown", async () => {
  await edge.stop();
  await isDown("edge-1");
  for (const env of [{}, { PERIPHERY_ONBOARDING_KEY: onboarding.private_key }]) {   // a key that is not privileged fixes nothing
    const impostor = outbound("impostor", "edge-1", env);
    const shown = await eventually("its key is shown", async () => {
      const s = await server("edge-1");
      return s.info.attempted_public_key && s;
    });
    assert.equal(shown.info.attempted_public_key, publicKey("impostor"));
    await eventually("the reason is shown", async () => /failed to validate Periphery public key/.test((await server("edge-1")).info.err?.error));
    await stillOut("edge-1");
    assert.ok(impostor.alive(), "it goes on trying");
    await impostor.stop();
  }
  assert.equal((await as.read("GetServer", { server: "edge-1" })).info.public_key, publicKey("edge"));
  edge = outbound("edge", "edge-1");
  await isOk("edge-1");
  await eventually("the attempt is forgotten", async () => (await server("edge-1")).info.attempted_public_key === null);
});

test("a privileged onboarding key gives a known server a new agent", async () => {
  const privileged = await as.write("CreateOnboardingKey", { name: "repair", privileged: true });
  await edge.stop();
  await isDown("edge-1");
  edge = outbound("replacement", "edge-1", { PERIPHERY_ONBOARDING_KEY: privileged.private_key });
  await isOk("edge-1");
  assert.equal((await as.read("GetServer", { server: "edge-1" })).info.public_key, publicKey("replacement"));
  assert.equal((await as.read("ListServers", {})).length, 1);
});

test("a disabled or expired onboarding key makes nothing", async () => {
  for (const [name, change] of [["disabled", { enabled: false }], ["expired", { expires: 1 }]]) {
    const key = await as.write("CreateOnboardingKey", { name });
    await as.write("UpdateOnboardingKey", { public_key: key.created.public_key, ...change });
    const agent = outbound(name, `${name}-1`, { PERIPHERY_ONBOARDING_KEY: key.private_key });
    await eventually("it is refused", () => /Onboarding key is invalid/.test(agent.text()));
    await stillOut(`${name}-1`);
    await agent.stop();
  }
  const unknown = outbound("unknown", "unknown-1", { PERIPHERY_ONBOARDING_KEY: "O_not-a-key-of-this-engine_O" });
  await eventually("it is refused", () => /onboarding key not found/.test(unknown.text()));
  await unknown.stop();
  assert.equal((await as.read("ListServers", {})).length, 1);
});

test("an unknown agent without a key is turned away, quietly", async () => {
  const agent = outbound("stranger", "stranger-1");
  await stillOut("stranger-1");
  assert.ok(agent.alive());
  assert.ok(agent.text().split("\n").length < 60, "its log is not flooded");
  await agent.stop();
  assert.ok((pair.engine.text().match(/stranger-1/g) ?? []).length < 10, "nor is the engine's");
});

test("an agent that expects another engine does not log in, and says so", async () => {
  await edge.stop();
  await isDown("edge-1");
  const wary = outbound("replacement", "edge-1", { PERIPHERY_CORE_PUBLIC_KEYS: publicKey("impostor") });
  await eventually("the engine knows why", async () =>
    /Periphery failed to validate Core public key/.test(JSON.stringify((await server("edge-1")).info.err)));
  await stillOut("edge-1");
  await wary.stop();
  edge = outbound("replacement", "edge-1");
  await isOk("edge-1");
});

test("a disabled server is left alone, an enabled one comes back", async () => {
  await as.write("UpdateServer", { id: "edge-1", config: { enabled: false } });
  await eventually("it is Disabled", async () => (await server("edge-1")).info.state === "Disabled");
  await stillOut("edge-1");
  await as.write("UpdateServer", { id: "edge-1", config: { enabled: true } });
  await isOk("edge-1");
});

test("RotateServerKeys gives the agent a new key, and both sides know it", async () => {
  const old = publicKey("replacement");
  const update = await as.write("RotateServerKeys", { server: "edge-1" });
  assert.deepEqual([update.operation, update.status, update.success], ["UpdateServerKey", "Complete", true]);
  const fresh = (await as.read("GetServer", { server: "edge-1" })).info.public_key;
  assert.notEqual(fresh, old);
  assert.equal(publicKey("replacement"), fresh);
  assert.equal(fs.statSync(path.join(dir, "replacement/root/keys/periphery.key")).mode & 0o077, 0);
  await isOk("edge-1");
  await edge.stop();
  edge = outbound("replacement", "edge-1");
  await isOk("edge-1");
  await pair.engine.stop();
  await pair.startEngine();
  await isOk("edge-1");
  await edge.stop();
  await isDown("edge-1");
  const refused = await as.ask("write", "RotateServerKeys", { server: "edge-1" });
  assert.equal(refused.status, 503, refused.text);
  assert.match(refused.json.error, /Failed to rotate Periphery private key/);
});

// ---- agents that are dialled ----

let dialled;

test("an agent with its own certificate is dialled over TLS, when that is accepted", async () => {
  dialled = await inbound("tls");
  await eventually("it listens", async () => (await request(`https://127.0.0.1:${dialled.port}/version`, { rejectUnauthorized: false })).text === "2.3.2");
  await as.write("CreateServer", { name: "tls", config: { enabled: true, address: `https://127.0.0.1:${dialled.port}`, insecure_tls: true } });
  await isOk("tls");
  await as.write("UpdateServer", { id: "tls", config: { insecure_tls: false } });
  const down = await isDown("tls");
  await eventually("the certificate is the reason", async () => /certificate/i.test(JSON.stringify((await server("tls")).info.err)));
  assert.match(down.info.err.error, /^Failed to connect to websocket \| url: wss:\/\/127\.0\.0\.1/);
  await as.write("UpdateServer", { id: "tls", config: { address: `wss://127.0.0.1:${dialled.port}`, insecure_tls: true } });
  await isOk("tls");
});

test("plain text to a TLS agent is an error that is shown, not a link", async () => {
  await as.write("UpdateServer", { id: "tls", config: { address: `ws://127.0.0.1:${dialled.port}` } });
  await isDown("tls");
  await as.write("UpdateServer", { id: "tls", config: { address: `wss://127.0.0.1:${dialled.port}` } });
  await isOk("tls");
});

test("a dialled agent comes back after restarts of either side", async () => {
  for (const signal of ["SIGTERM", "SIGKILL"]) {
    await dialled.stop(signal);
    await isDown("tls");
    dialled = await inbound("tls", {}, dialled.port);
    await isOk("tls");
    await pair.engine.stop(signal);
    await pair.startEngine();
    await isOk("tls");
  }
});

test("keys of a dialled agent rotate too, and then count", async () => {
  await as.write("RotateServerKeys", { server: "tls" });
  const fresh = (await as.read("GetServer", { server: "tls" })).info.public_key;
  assert.equal(fresh, publicKey("tls"));
  await isOk("tls");
  await dialled.stop();
  await isDown("tls");
  const other = await inbound("impostor", {}, dialled.port);
  const shown = await eventually("the other's key is shown", async () => { const s = await server("tls"); return s.info.attempted_public_key && s; });
  assert.equal(shown.info.attempted_public_key, publicKey("impostor"));
  await stillOut("tls");
  await other.stop();
  dialled = await inbound("tls", {}, dialled.port);
  await isOk("tls");
});

test("an agent with allowed_ips answers nobody else", async () => {
  const agent = await inbound("allowed", { PERIPHERY_SSL_ENABLED: "false", PERIPHERY_ALLOWED_IPS: "10.1.2.3,2001:db8::/32" });
  const refused = await eventually("it answers", () => request(`http://127.0.0.1:${agent.port}/version`));
  assert.deepEqual([refused.status, refused.json.error], [401, "requesting ip 127.0.0.1 not allowed"]);
  const forged = await request(`http://127.0.0.1:${agent.port}/version`, { headers: { "X-Forwarded-For": "10.1.2.3" } });
  assert.equal(forged.status, 401);
  await as.write("CreateServer", { name: "allowed", config: { enabled: true, address: `ws://127.0.0.1:${agent.port}` } });
  await eventually("the engine is told", async () => /requesting ip 127\.0\.0\.1 not allowed/.test(JSON.stringify((await server("allowed")).info.err)));
  await agent.stop();
  const open = await inbound("allowed", { PERIPHERY_SSL_ENABLED: "false", PERIPHERY_ALLOWED_IPS: "10.1.2.3,127.0.0.0/8" }, agent.port);
  await isOk("allowed");
  await open.stop();
  await as.write("DeleteServer", { id: "allowed" });
});

test("an agent of a passkey, the old way", async () => {
  const agent = await inbound("passkey", { PERIPHERY_SSL_ENABLED: "false", PERIPHERY_PASSKEYS: "first passkey 1,second passkey 2" });
  await as.write("CreateServer", { name: "passkey", config: { enabled: true, address: `ws://127.0.0.1:${agent.port}`, passkey: "wrong passkey" } });
  await eventually("it is refused", async () => /Invalid passkey/.test(JSON.stringify((await server("passkey")).info.err)));
  await as.write("UpdateServer", { id: "passkey", config: { passkey: "second passkey 2" } });
  await isOk("passkey");
  await as.write("DeleteServer", { id: "passkey" });
  await agent.stop();
  for (const text of [pair.engine.text(), agent.text()]) assert.doesNotMatch(text, /(wrong|first|second) passkey/);
});

// ---- an agent that vanishes in the middle of its work ----

// A docker that takes its time: it waits as long as a file is there.
async function slowAgent(home) {
  const tools = path.join(dir, home, "bin"), hold = path.join(dir, home, "hold");
  fs.mkdirSync(tools, { recursive: true });
  fs.writeFileSync(hold, "");
  fs.writeFileSync(path.join(tools, "docker"), `#!/bin/sh\necho "$@" >> "${dir}/${home}/calls"\nwhile [ -e "${hold}" ]; do sleep 0.1; done\n`, { mode: 0o755 });
  const agent = await inbound(home, { PERIPHERY_SSL_ENABLED: "false", PATH: `${tools}:${process.env.PATH}` });
  agent.release = () => fs.rmSync(hold, { force: true });
  agent.called = () => { try { return fs.readFileSync(path.join(dir, home, "calls"), "utf8"); } catch { return ""; } };
  return agent;
}

describe("work under way", { concurrency: 3 }, () => {
  for (const [what, vanish] of [["is killed", (agent) => frozen(agent)], ["freezes", (agent) => agent.child.kill("SIGSTOP")]]) {
    const home = `slow-${what.split(" ").at(-1)}`;
    test(`a Deploy whose agent ${what} ends with a failed log within 15 s`, { timeout: 60000 }, async () => {
      const agent = await slowAgent(home);
      try {
        await as.write("CreateServer", { name: home, config: { enabled: true, address: `ws://127.0.0.1:${agent.port}` } });
        await isOk(home);
        await as.write("CreateDeployment", { name: home, config: { server_id: home, image: { type: "Image", params: { image: "x/y:1" } } } });
        const { _id } = await as.execute("Deploy", { deployment: home });
        await eventually("docker is at work", () => agent.called());
        assert.equal((await as.read("GetDeploymentActionState", { deployment: home })).deploying, true);
        const refused = await as.execute("StopDeployment", { deployment: home });
        assert.match(words(await complete(refused._id.$oid)), /busy/, "nothing else is done meanwhile");
        const started = Date.now();
        await vanish(agent);
        const update = await complete(_id.$oid, 20000);
        assert.ok(Date.now() - started < 15000, `${Date.now() - started} ms`);
        assert.equal(update.success, false);
        assert.equal(update.logs.at(-1).success, false);
        assert.ok(update.logs.at(-1).stderr.length > 10, words(update));
        assert.equal((await as.read("GetDeploymentActionState", { deployment: home })).deploying, false);
        await isDown(home);
        assert.equal((await as.read("ListDeployments", { query: { names: [home] } }))[0].info.state, "unknown");
        const again = await as.execute("Deploy", { deployment: home });
        assert.match(words(await complete(again._id.$oid)), /unreachable or disabled/);
      } finally {
        agent.release();
        agent.child.kill("SIGKILL");
        await agent.ended;
      }
    });
  }

  test("a Deploy that takes longer than any timeout is waited for while its agent is there", { timeout: 60000 }, async () => {
    const agent = await slowAgent("patient");
    try {
      await as.write("CreateServer", { name: "patient", config: { enabled: true, address: `ws://127.0.0.1:${agent.port}` } });
      await isOk("patient");
      await as.write("CreateDeployment", { name: "patient", config: { server_id: "patient", image: { type: "Image", params: { image: "x/y:1" } } } });
      const started = Date.now();
      const { _id } = await as.execute("Deploy", { deployment: "patient" });
      await eventually("docker is at work", () => agent.called());
      // Longer than the ten seconds of silence after which a request is given up.
      await eventually("it is still waited for", async () => {
        assert.equal((await as.read("GetUpdate", { id: _id.$oid })).status, "InProgress");
        return Date.now() - started > 12000;
      });
      agent.release();
      assert.doesNotMatch(words(await complete(_id.$oid)), /[Tt]imed out/);
    } finally {
      agent.release();
      await agent.stop();
    }
  });
});

test("an engine stops in time although an agent answers nothing", { timeout: 60000 }, async () => {
  const agent = await slowAgent("mute");
  try {
    await as.write("CreateServer", { name: "mute", config: { enabled: true, address: `ws://127.0.0.1:${agent.port}` } });
    await isOk("mute");
    await as.write("CreateDeployment", { name: "mute", config: { server_id: "mute", image: { type: "Image", params: { image: "x/y:1" } } } });
    const { _id } = await as.execute("Deploy", { deployment: "mute" });
    await eventually("docker is at work", () => agent.called());
    agent.child.kill("SIGSTOP");
    const asked = Array.from({ length: 5 }, () => as.ask("read", "ListSystemProcesses", { server: "mute" }).catch((e) => e));
    await as.read("GetVersion");
    const started = Date.now();
    pair.engine.child.kill("SIGTERM");
    const end = await pair.engine.ended;
    assert.equal(end.code, 0, pair.engine.text().slice(-3000));
    assert.ok(Date.now() - started < 10000, `${Date.now() - started} ms`);
    await Promise.all(asked);
    await pair.startEngine();
    const update = await as.read("GetUpdate", { id: _id.$oid });
    assert.deepEqual([update.status, update.success], ["Complete", false]);
    assert.match(words(update), /stopping|shutdown|cancelled/, "it says why");
  } finally {
    agent.release();
    agent.child.kill("SIGKILL");
    await agent.ended;
  }
});
