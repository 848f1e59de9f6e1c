// What a real Komodo 2.3.2 Core asked its agent (../shared/golden/core) against what our engine asks a fake one: the requests
// with their parameters, the forced polls, and the Updates and answers that come of the recorded replies. A difference that is
// meant stands with its reason in golden-deviations.json under "core"; one that is listed there and fits fails the test too.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, test } from "node:test";
import { eventually, root, shared, tempDir } from "./harness.mjs";
import { differences } from "./tap/compare.mjs";
import { Stage } from "./tap/stage.mjs";

const golden = path.join(shared, "golden/core");
const skip = fs.existsSync(golden) ? false : `no recordings at ${golden}`;
const deviations = JSON.parse(fs.readFileSync(path.join(root, "tests/e2e/golden-deviations.json"), "utf8")).core ?? {};
const load = (file) => fs.readFileSync(path.join(golden, `${file}.jsonl`), "utf8").trim().split("\n").slice(1).map((line) => JSON.parse(line));
const requestOf = (c) => c.rest.path.split("/").at(-1);

// The rest of 50-server is about swarms and procedures, that of 40-build about running builds.
const serverRequests = new Set([
  "PauseContainer", "UnpauseContainer", "StopContainer", "StartContainer", "RestartContainer", "DestroyContainer",
  "PauseAllContainers", "UnpauseAllContainers", "RestartAllContainers", "StopAllContainers", "StartAllContainers",
  "GetContainerLog", "SearchContainerLog", "InspectContainer", "InspectImage", "ListImageHistory", "InspectNetwork", "InspectVolume",
  "ListContainers", "ListImages", "ListNetworks", "ListVolumes", "ListComposeProjects", "GetSystemInformation", "GetSystemStats",
  "ListSystemProcesses", "GetPeripheryInformation", "GetServerState", "ListSecrets", "ListGitProvidersFromConfig",
  "ListImageRegistriesFromConfig", "CreateNetwork", "DeleteNetwork", "DeleteVolume", "DeleteImage", "PruneContainers", "PruneNetworks",
  "PruneVolumes", "PruneImages", "PruneDockerBuilders", "PruneBuildx", "PruneSystem", "RotateServerKeys", "RotateAllServerKeys",
  "RotateCoreKeys", "UpdateServerPublicKey", "GetServer", "CreateServer", "UpdateServer",
]);
const files = {
  "10-deployment": () => true,
  "50-server": (c) => serverRequests.has(requestOf(c)),
  // What streams is played by terminal.test.mjs, with a real agent; the others want a stack that is deployed.
  "60-terminal": (c) => /^\/(read|write)\//.test(c.rest.path) && !/stack|ListTerminals-all/.test(c.id),
  "40-build": (c) => ["deploy-of-build", "deploy-of-build-version"].includes(c.id),
};

// What the recorder did before a case besides the `config` that stands with it.
const preparations = {
  "10-deployment": {
    "create-minimal": async (s) => {
      await s.must("/write/CreateVariable", { name: "PLAIN_VAR", value: "plain-value" });
      await s.must("/write/CreateVariable", { name: "DB_SECRET", value: "db-s3cret", is_secret: true });
      await s.must("/write/CreateImageRegistryAccount", { account: { domain: "registry.local:5000", username: "reguser", token: "reg-t0ken" } });
    },
    BatchDeploy: async (s) => {
      const image = { type: "Image", params: { image: "registry.local:5000/demo/box:1" } };
      await s.must("/write/UpdateDeployment", { id: "dep-min", config: { image, image_registry_account: "reguser", auto_update: true } });
      await s.execute("/execute/Deploy", { deployment: "dep-min" });
    },
  },
  "50-server": {
    "StartContainer-unreachable": (s) => s.must("/write/UpdateServer", { id: "second", config: { enabled: true, address: "ws://127.0.0.1:1" } }),
    "update-server": (s) => s.must("/write/UpdateServer", { id: "second", config: { enabled: false } }),
    "read-GetServer": (s, c) => s.must("/write/UpdateServer", { id: "Local", config: { region: c.response.config.region } }),
  },
  "60-terminal": {
    "create-server-default": (s) => s.provide("Deployment", { name: "t-dep", server_id: "<server_id>" }),
  },
  "40-build": { "deploy-of-build": (s) => s.must("/write/CreateRepo", { name: "lrepo", config: { server_id: "Local" } }) },
};

// Reads that the cached poll answers: the poll has to hold what the recorded one held.
const unstamped = (list) => list.map(({ server_id: _id, server_name: _name, ...rest }) => rest);
const seeds = {
  GetDeploymentContainer: (r) => ({ docker: { containers: unstamped([r.container]) } }),
  ListContainers: (r) => ({ docker: { containers: unstamped(r) } }),
  ListImages: (r) => ({ docker: { images: r } }),
  ListNetworks: (r) => ({ docker: { networks: r } }),
  ListVolumes: (r) => ({ docker: { volumes: r } }),
  ListComposeProjects: (r) => ({ docker: { projects: r } }),
  GetSystemInformation: (r) => ({ system_info: r }),
  GetSystemStats: (r) => ({ system_stats: r }),
  GetPeripheryInformation: (r) => ({ periphery_info: r }),
};

const polls = new Set(["PollStatus", "GetLatestCommit", "PollSwarmStatus"]);
const subject = ({ params }) => params.name ?? params.deployment?.name;
const SLOW_MS = 150;   // long enough for the fake agent to send a Pending first

function answerOf(reply) {
  if (reply === null) return { drop: true };
  if (reply && typeof reply === "object" && "error" in reply) return { error: reply.error };
  return { ok: reply && typeof reply === "object" && "reply" in reply ? reply.reply : reply };
}

/** Answers as recorded and keeps what was asked. */
class Recorder {
  constructor(stage, c) {
    this.stage = stage;
    this.case = c;
    this.expected = c.agent ?? [];
    this.used = new Set();
    this.agent = [];
    this.refresh = [];
    this.late = [];
    this.response = new Promise((resolve) => { this.answered = resolve; });
  }

  async serve({ type, params }) {
    if (type === "ListSecrets" && this.barrier) return this.stage.host.answer({ type, params });
    if (polls.has(type)) return this.#poll({ type, params });
    this.agent.push({ type, params });
    const played = this.stage.recorded({ type, params });
    let i = this.expected.findIndex((e, at) => !this.used.has(at) && e.type === type && (!this.case.updates || subject(e) === subject(played)));
    if (i < 0) return { error: { error: `${type} was not recorded here`, trace: [] } };
    this.used.add(i);
    if (this.case.updates) await this.#others(type);
    await this.#pollsBefore(i);
    const reply = this.stage.ours(this.case.replies[i]);
    if (reply?.pending) await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    const answer = answerOf(reply);
    this.stage.host.happened({ type, params }, answer.ok);
    return answer;
  }

  async #poll({ type, params }) {
    this.refresh.push({ after: this.agent.length, type, params });
    if (type === "PollStatus" && this.case.update && this.case.rest.path.startsWith("/execute/")) {
      const { json } = await this.response;   // the record must not be complete while the poll it waits for is open
      if ((await this.stage.must("/read/GetUpdate", { id: json._id.$oid })).status !== "InProgress") this.late.push(type);
    }
    return this.stage.host.answer({ type, params });
  }

  // Items of a batch run side by side: none is answered before all have asked.
  async #others(type) {
    const count = (list) => list.filter((r) => r.type === type).length;
    await eventually(`every item sends ${type}`, () => count(this.agent) >= count(this.expected), 5000).catch(() => {});
  }

  // A new link is polled 100 ms after its login, whatever is asked meanwhile: that poll is part of the case.
  async #pollsBefore(i) {
    const count = (this.case.refresh ?? []).filter((r) => r.after <= i).length;
    await eventually("the polls before", () => this.refresh.length >= count, 1000).catch(() => {});
  }

  /** Waits until everything recorded has come, and whatever else was on its way. */
  async settle() {
    const wanted = this.case.refresh?.length ?? 0;
    await eventually("all requests", () => this.agent.length >= this.expected.length && this.refresh.length >= wanted, 3000).catch(() => {});
    this.barrier = true;
    await this.stage.quiet();
  }
}

async function updateIds(stage) { return (await stage.must("/read/ListUpdates", {})).updates.map((u) => u.id); }

async function loaded(stage, ids, placeholder) {
  const list = [];
  for (const id of ids) {
    stage.ids.set(id, placeholder);
    list.push(await stage.completed(id));
  }
  return list;
}

async function prepare(stage, file, c) {
  for (const kind of ["Build", "Deployment"]) {
    const wanted = c.config?.[kind.toLowerCase()];
    if (wanted) await stage.provide(kind, wanted);
  }
  await preparations[file]?.[c.id]?.(stage, c);
  const seed = seeds[requestOf(c)];
  stage.host.seed = seed ? seed(stage.ours(c.response)) : {};
  if (seed) await stage.refresh();
  await stage.quiet();
}

/** Plays one case: what it gave, in the words of the recording. */
async function play(stage, file, c) {
  await prepare(stage, file, c);
  const known = new Set(await updateIds(stage));
  const recorder = new Recorder(stage, c);
  stage.tap.answer = (request) => recorder.serve(request);
  const answer = await stage.call(c.rest.path, stage.ours(c.rest.body));
  recorder.answered(answer);
  const played = {};
  const own = c.update ? [answer.json] : c.updates ? answer.json.map((item) => item.data) : [];
  const ownIds = own.map((u) => u?._id?.$oid).filter(Boolean);
  if (c.update) [played.update] = await loaded(stage, ownIds, "<update_id>");
  if (c.updates) played.updates = await loaded(stage, ownIds, "<update_id>");
  if ("response" in c) {
    const id = answer.json?._id?.$oid;
    if (id && c.rest.path.includes("/Create")) stage.name(id, "<new_id>");
    played.response = answer.status === 200 ? answer.json : { _status: answer.status, _error: answer.json };
  }
  await recorder.settle();
  stage.tap.answer = (request) => stage.host.answer(request);
  const others = (await updateIds(stage)).filter((id) => !known.has(id) && !ownIds.includes(id));
  played.other_updates = await loaded(stage, others, "<other_update_id>");
  stage.renamed = c.rest.path.startsWith("/write/Rename") ? { from: c.rest.body.id, to: c.rest.body.name } : stage.renamed;
  return stage.recorded({ ...played, agent: recorder.agent, refresh: recorder.refresh, late: recorder.late });
}

// Both in the same order where the recorded one was chance.
function wanted(c, played) {
  const want = { agent: c.agent ?? [], refresh: c.refresh ?? [], late: [], other_updates: c.other_updates ?? [] };
  for (const key of ["update", "updates", "response"]) if (key in c) want[key] = c[key];
  if (c.updates) {
    const order = (a, b) => (a.type + subject(a) < b.type + subject(b) ? -1 : 1);
    want.agent = [...want.agent].sort(order);
    played.agent.sort(order);
  }
  if (want.response?._status && played.response?._error) {
    assert.ok(Array.isArray(played.response._error.trace), "an error has a trace");
    played.response._error.trace = want.response._error.trace;   // causes are worded by whoever found them
  }
  return want;
}

for (const [file, chosen] of Object.entries(files)) {
  test(`${file}: what the engine asks the agent`, { skip }, async (t) => {
    const excused = deviations[file] ?? {};
    const cases = load(file).filter(chosen);
    assert.ok(cases.length > 0, "the file holds cases");
    assert.deepEqual(Object.keys(excused).filter((id) => !cases.some((c) => c.id === id)), [], "deviations of cases that are not played");
    const dir = tempDir("core");
    const stage = new Stage(dir);
    after(() => fs.rmSync(dir, { recursive: true, force: true }));
    try {
      await stage.start();
      for (const c of cases) {
        await t.test(c.id, async () => {
          const played = await play(stage, file, c);
          const found = differences(wanted(c, played), played);
          const meant = excused[c.id] ?? {};
          const wrong = [...found].filter(([at]) => !meant[at]).map(([at, what]) => `${at}: ${what}`);
          assert.equal(wrong.length, 0, `differs from the recording:\n  ${wrong.join("\n  ")}`);
          assert.deepEqual(Object.keys(meant).filter((at) => !found.has(at)), [], "excused, but fits");
        });
      }
    } finally { await stage.stop(); }
  });
}
