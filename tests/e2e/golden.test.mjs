// Plays what a real Komodo 2.3.2 answered (../shared/golden) against our engine. A step we answer differently on purpose
// stands with its reason in golden-deviations.json; one that is listed there and fits all the same fails the test too.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { eventually, root, shared, startDocker, startPair, tempDir } from "./harness.mjs";
import { store } from "./tools.mjs";
import { KomodoClient } from "komodo_client";

const files = ["00-auth", "01-tags-variables-providers", "10-resource-server", "11-resource-swarm", "12-resource-stack",
  "13-resource-deployment", "14-resource-build", "15-resource-repo", "16-resource-procedure", "17-resource-action",
  "18-resource-resourcesync", "19-resource-builder", "20-resource-alerter", "40-live-docker",
  "50-procedures-misc", "64-swarm-terminal", "65-webhooks"];
// Files of which only some steps are played: the others ask for what this engine does not do.
const about = (step) => JSON.stringify([step.path, step.id, step.body]);
const only = {
  "50-procedures-misc": (step) => !/x(?!15|16)\d\d_done|ListCommon(Stack|Build)|AllStackServices|MonthlyStats|Sync|gold-sync|GOLD_SYNC/.test(about(step)),
  "64-swarm-terminal": (step) => !/[sS]warm|gold-sw/.test(about(step)) && (!/^x/.test(step.id) || /^x(30|47)/.test(step.id)),
  "65-webhooks": (step) => /procedure|[aA]ction|\{\{[pa]\._id/.test(about(step)) ||
    (/hook_build/.test(about(step)) && step.status >= 400) || /^(login_admin|b|p|a|s31|s33|s34|s121)$/.test(step.id),
};
const golden = path.join(shared, "golden");
const there = fs.existsSync(path.join(golden, "replay.mjs"));
const dir = tempDir("golden");
const docker = there ? startDocker(`${dir}/docker`) : null;
const skip = !there ? `no recordings at ${golden}` : docker ? false : "no docker engine can run here";
const listed = JSON.parse(fs.readFileSync(path.join(root, "tests/e2e/golden-deviations.json"), "utf8"));
const deviations = listed.engine ?? {}, unsteady = listed.unsteady ?? {};
let pair;

before(async () => {
  if (skip) return;
  pair = await startPair(dir, { docker });
  await connected();
  // Which alerts there are depends on what the monitor saw when; those that were recorded are there from the start.
  await pair.engine.stop();
  const { response } = steps("50-procedures-misc").find((step) => step.path === "/read/ListAlerts");
  store(pair, { Alert: Object.fromEntries(response.alerts.map((alert) => [alert._id.$oid, alert])) });
  await pair.startEngine();
  await connected();
});
after(async () => {
  try { await pair?.stop(); } finally { docker?.stop(); fs.rmSync(dir, { recursive: true, force: true }); }
});

const steps = (file) => fs.readFileSync(path.join(golden, `${file}.jsonl`), "utf8").trim().split("\n").map((line) => JSON.parse(line));

async function connected() {
  const login = await KomodoClient(pair.url, { type: "jwt", params: { jwt: "" } }).auth.login("LoginLocalUser", { username: "admin", password: pair.password });
  const komodo = KomodoClient(pair.url, { type: "jwt", params: { jwt: login.data.jwt } });
  await eventually("Local is connected", async () => (await komodo.read("GetServerState", { server: "Local" })).status === "Ok");
  await eventually("its Builder is there", async () => (await komodo.read("ListBuilders", {})).length);
}

/** Output of replay.mjs for one file: { passed, failed: Map(step id -> lines) }. */
function replay(file) {
  let recording = path.join(golden, `${file}.jsonl`);
  if (only[file]) {
    recording = path.join(dir, `${file}.jsonl`);
    fs.writeFileSync(recording, steps(file).filter(only[file]).map((step) => `${JSON.stringify(step)}\n`).join(""));
  }
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(golden, "replay.mjs"), "--url", pair.url, "--user", "admin", "--pass", pair.password,
      "--env", "GIT=127.0.0.1:1", "--verbose", recording], { cwd: path.join(root, "tests/e2e") });
    let out = "";
    child.stdout.on("data", (d) => { out += d; });
    child.stderr.on("data", (d) => { out += d; });
    child.once("error", reject);
    child.once("exit", () => {
      const failed = new Map();
      let step;
      for (const line of out.split("\n")) {
        if (line.startsWith(`${file} `)) { step = line.split(" ")[1]; failed.set(step, [line]); } else if (line.startsWith("   ") && step) failed.get(step).push(line);
      }
      const count = /: (\d+)\/(\d+)/.exec(out);
      if (!count) { reject(new Error(out)); return; }
      resolve({ passed: Number(count[1]), total: Number(count[2]), failed });
    });
  });
}

for (const file of files) {
  test(`${file} replays`, { skip }, async () => {
    // The busiest process of the machine is compared by shape; without a load it may be a kernel thread, which has no command.
    const load = file === "40-live-docker" ? spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }) : null;
    const { total, failed } = await replay(file).finally(() => load?.kill("SIGKILL"));
    const excused = deviations[file] ?? {};
    assert.ok(total > 0, "the file holds steps");
    const wrong = [...failed].filter(([id]) => !excused[id] && !unsteady[file]?.[id]).map(([, lines]) => lines.join("\n"));
    assert.equal(wrong.length, 0, `${wrong.length} of ${total} steps differ:\n${wrong.join("\n")}`);
    const stale = Object.keys(excused).filter((id) => !failed.has(id));
    assert.deepEqual(stale, [], "steps that are excused but fit");
  });
}
