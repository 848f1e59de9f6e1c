// Examples that need a server and its docker, run by the engine.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { eventually, IMAGE, root, startDocker, startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login } from "./tools.mjs";

const dir = tempDir("examples-docker");
const host = startDocker(`${dir}/docker`);
const skip = host ? false : "no docker engine can run here";
const docker = (...args) => execFileSync("docker", ["-H", host.host, ...args], { encoding: "utf8" }).trim();
const state = (name) => docker("inspect", "-f", "{{.State.Status}}", name);
let pair, as;

async function deployment(name, tags = []) {
  await as.write("CreateDeployment", { name, config: { server_id: "Local", image: { type: "Image", params: { image: IMAGE } }, network: "none",
    command: "sleep 100000", redeploy_on_build: false } });
  if (tags.length) await as.write("UpdateResourceMeta", { target: { type: "Deployment", id: name }, tags });
}
const polled = (what, check) => eventually(what, async () => check(await as.read("ListDeployments", {})));

before(async () => {
  if (skip) return;
  pair = await startPair(dir, { docker: host });
  as = caller(pair, bearer(await login(pair)));
  await as.write("CreateTag", { name: "replica" });
  await eventually("the server is there", async () => (await as.read("ListServers", {}))[0]?.info.state === "Ok");
  for (const name of ["r1", "r2", "r3"]) await deployment(name, ["replica"]);
});
after(async () => {
  try { await pair?.stop(); } finally { host?.stop(); fs.rmSync(dir, { recursive: true, force: true }); }
});

const finished = (id) => eventually("the run ends", async () => { const u = await as.read("GetUpdate", { id }); return u.status === "Complete" && u; }, 60000);
const created = new Set();
/** The result of an example that must go well. */
async function run(name, args = {}) {
  const source = fs.readFileSync(path.join(root, "actions-examples", `${name}.lua`), "utf8");
  const capabilities = [...source.matchAll(/-- capabilities: (.*)/g)].flatMap((m) => m[1].split(/,\s*/)).filter((c) => c !== "none");
  if (!created.has(name)) await as.write("CreateAction", { name, config: { file_contents: source, capabilities } });
  created.add(name);
  const update = await finished((await as.execute("RunAction", { action: name, args }))._id.$oid);
  const words = update.logs.map((l) => l.stdout + l.stderr).join("\n");
  assert.ok(update.success, words);
  return JSON.parse(/^result: (.*)$/m.exec(words)[1]);
}

test("canary deploys the rest once its log stayed clean", { skip }, async () => {
  assert.deepEqual(await run("canary", { canary: "r1", tag: "replica", minutes: 0 }), { deployed: 2 });
  for (const name of ["r1", "r2", "r3"]) assert.equal(state(name), "running");
});

test("scale-by-time runs as many as the hour wants, and nothing twice", { skip }, async () => {
  await polled("all run", (list) => list.every((d) => d.info.state === "running"));
  assert.deepEqual(await run("scale-by-time", { day: 1, night: 1, zone: "Asia/Tokyo" }), { wanted: 1, started: 0, stopped: 2 });
  assert.deepEqual([state("r1"), state("r2"), state("r3")], ["running", "exited", "exited"]);
  assert.deepEqual(await run("scale-by-time", { day: 2, night: 2 }), { wanted: 2, started: 1, stopped: 0 });
  assert.equal(state("r2"), "running");
});

test("drain-server stops what runs, and fills with what it stopped", { skip }, async () => {
  await polled("two run", (list) => list.filter((d) => d.info.state === "running").length === 2);
  assert.deepEqual(await run("drain-server", { server: "Local", mode: "drain" }), { drained: 2 });
  assert.deepEqual([state("r1"), state("r2"), state("r3")], ["exited", "exited", "exited"]);
  assert.deepEqual(await run("drain-server", { server: "Local", mode: "fill" }), { started: 2 });
  assert.deepEqual([state("r1"), state("r2"), state("r3")], ["running", "running", "exited"]);
});

test("clean-orphans removes what nothing uses, and keeps what is named", { skip }, async () => {
  docker("volume", "create", "left_over");
  docker("volume", "create", "shop_db");
  docker("network", "create", "nobody");
  await eventually("they are polled", async () => (await as.read("ListVolumes", { server: "Local" })).some((v) => v.name === "left_over")
    && (await as.read("ListNetworks", { server: "Local" })).some((n) => n.name === "nobody"));
  assert.deepEqual(await run("clean-orphans", { keep: ["_db$"] }), { dry_run: true, removed: 2, failed: 0 });
  assert.match(docker("volume", "ls", "-q"), /left_over/);
  assert.deepEqual(await run("clean-orphans", { keep: ["_db$"], dry_run: false }), { dry_run: false, removed: 2, failed: 0 });
  assert.equal(docker("volume", "ls", "-q"), "shop_db");
  assert.doesNotMatch(docker("network", "ls"), /nobody/);
});

test("prune-images prunes above the threshold alone", { skip }, async () => {
  docker("commit", "r1", "spare:1");
  assert.deepEqual(await run("prune-images", { percent: 101 }), { pruned: [] });
  assert.deepEqual(await run("prune-images", { percent: 0 }), { pruned: ["Local"] });
  assert.match(docker("image", "ls", "-q", IMAGE), /./);
  assert.equal(docker("image", "ls", "-q", "spare"), "");
});

test("pin-digests leaves alone what has no digest", { skip }, async () => {
  assert.deepEqual(await run("pin-digests", { tag: "replica" }), { dry_run: false, pinned: [] });
});

test("restart-unhealthy restarts what docker calls unhealthy", { skip }, async () => {
  docker("run", "-d", "--name", "sick", "--network", "none", "--health-cmd", "false", "--health-interval", "1s", "--health-retries", "1", IMAGE, "sleep", "100000");
  await eventually("docker calls it unhealthy", () => docker("inspect", "-f", "{{.State.Health.Status}}", "sick") === "unhealthy", 20000);
  await eventually("it is polled", async () => (await as.read("ListContainers", { server: "Local" })).some((c) => c.name === "sick" && /unhealthy/.test(c.status)), 20000);
  const before = docker("inspect", "-f", "{{.State.StartedAt}}", "sick");
  assert.deepEqual(await run("restart-unhealthy"), { restarted: 1, given_up: 0 });
  assert.notEqual(docker("inspect", "-f", "{{.State.StartedAt}}", "sick"), before);
});
