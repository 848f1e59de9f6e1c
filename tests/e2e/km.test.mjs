// km against a real engine: its configuration, executions followed to their ends, exit codes.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { bin, eventually, freePort, startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login } from "./tools.mjs";

const dir = tempDir("km");
let pair, admin, key;

before(async () => {
  pair = await startPair(dir, { agent: false });
  admin = caller(pair, bearer(await login(pair)));
  key = await admin.manage("CreateApiKey", { name: "km", expires: 0 });
  write("home/.config/komodo/komodo.cli.toml", `host = "${pair.url}"\nkey = "${key.key}"\nsecret = "${key.secret}"\n
    [[profile]]\nname = "nowhere"\naliases = ["nw"]\nhost = "http://127.0.0.1:1"\n`);
});
after(async () => { try { await pair?.stop(); } finally { fs.rmSync(dir, { recursive: true, force: true }); } });

function write(name, text) {
  fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
  fs.writeFileSync(path.join(dir, name), text);
}

/** Runs km: { status, stdout, stderr }; `input` is its stdin, `seen(child, stdout)` is called as it prints. */
const km = (args, { env = {}, input = "", seen = () => {} } = {}) => new Promise((resolve, reject) => {
  const child = spawn(path.join(bin, "km"), args, { cwd: dir, env: { PATH: process.env.PATH, HOME: path.join(dir, "home"), ...env } });
  let stdout = "", stderr = "";
  child.stdout.on("data", (d) => { stdout += d; seen(child, stdout); });
  child.stderr.on("data", (d) => { stderr += d; });
  child.once("error", reject);
  child.once("close", (status) => resolve({ status, stdout, stderr }));
  child.stdin.on("error", () => {});
  child.stdin.end(input);
});
const action = (name, file_contents) => admin.write("CreateAction", { name, config: { file_contents } });

test("config shows what is in force, without secrets unless asked", async () => {
  const shown = async (args, env) => {
    const { status, stdout } = await km(args, { env });
    assert.equal(status, 0);
    assert.match(stdout, /^\nCLI Config \{\n  "/);
    return JSON.parse(stdout.slice(stdout.indexOf("{")));
  };
  const plain = await shown(["config"]);
  assert.deepEqual([plain.host, plain.cli_key, plain.cli_secret, plain.profile], [pair.url, "##############", "##############", undefined]);
  assert.equal((await shown(["cfg", "--unsanitized"])).cli_secret, key.secret);
  assert.equal((await shown(["cf", "-a"])).profile.length, 1);
  assert.equal((await shown(["-p", "nw", "config"])).host, "http://127.0.0.1:1");
  assert.equal((await shown(["config"], { KOMODO_CLI_HOST: "http://other" })).host, "http://other");
});

test("wrong use ends with 2, a wrong configuration with 1", async () => {
  for (const args of [[], ["nope"], ["-x"], ["config", "what"], ["execute"], ["run", "nope"], ["run", "action"], ["run", "--nope", "action", "x"], ["script"]]) {
    const { status, stdout, stderr } = await km(args);
    assert.deepEqual([status, stdout], [2, ""], args.join(" "));
    assert.notEqual(stderr, "");
  }
  for (const args of [["help"], ["--help"], ["-h"], ["run", "help"], ["run", "help", "action"], ["run", "action", "--help"], ["help", "run"], ["script", "help"]])
    assert.equal((await km(args)).status, 0, args.join(" "));
  assert.match((await km(["--version"])).stdout, /^komodo-cli 2\.3\.2 /);
  const none = await km(["-p", "no-such", "run", "-y", "action", "x"]);
  assert.equal(none.status, 1);
  assert.match(none.stderr, /^ERROR: .*no-such/);
  const missing = await km(["run", "-y", "action", "x"], { env: { KOMODO_CLI_SECRET: "" } });
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /Must provide both cli_key and cli_secret/);
});

test("an Action is run, its lines come while it runs, and its end is told", async () => {
  await action("talks", `print("first", komodo.args.NAME) komodo.sleep(60)`);
  let early;
  const run = km(["run", "-y", "action", "talks", "NAME=a b"], { seen: (child, text) => { early ||= text.includes("first\ta b\n"); } });
  await eventually("the first line is there", () => early);
  await admin.execute("CancelAction", { action: "talks" });
  const { status, stdout, stderr } = await run;
  assert.equal(status, 0);
  assert.match(stdout, /^\nMode: Execution\nData: RunAction \{"action":"talks","args":\{"NAME":"a b"\}\}\n\n.* INFO Running Execution\.\.\.\n/);
  assert.match(stdout, new RegExp(`\nLink: '${pair.url}/updates/[0-9a-f]{24}'\n\nExecute Action\nfirst\ta b\n`));
  assert.match(stderr, /FINISHED in \d+\.\ds: EXECUTION FAILED/);
  const told = await km(["run", "-y", "action", "talks"], { seen: (child, text) => { if (text.includes("first")) child.kill("SIGTERM"); } });
  assert.deepEqual([told.status, told.stderr], [0, ""]);
  await admin.execute("CancelAction", { action: "talks" });
});

test("the exit code tells of a failure when it is asked to", async () => {
  await action("fails", `error("on purpose")`);
  await action("works", `print("fine") return 7`);
  const failed = await km(["run", "-y", "action", "fails"]);
  assert.deepEqual([failed.status, /on purpose/.test(failed.stdout), /EXECUTION FAILED/.test(failed.stderr)], [0, true, true]);
  assert.equal((await km(["x", "ac", "fails", "--exit-code", "-y"])).status, 1);
  const worked = await km(["x", "ac", "works", "--exit-code", "-y"]);
  assert.equal(worked.status, 0);
  assert.match(worked.stdout, /fine\n[^]*FINISHED in \d+\.\ds: EXECUTION SUCCESSFUL\n$/);
  const unknown = await km(["x", "-y", "action", "no-such-action"]);
  assert.equal(unknown.status, 0);
  assert.match(unknown.stderr, /ERROR: 404 Not Found: .*no-such-action/);
  assert.equal((await km(["x", "-y", "--exit-code", "action", "no-such-action"])).status, 1);
});

test("a dry run shows the plan and does nothing", async () => {
  await admin.write("CreateVariable", { name: "TOUCHED", value: "no" });
  await action("touches", `assert(komodo.write("UpdateVariableValue", { name = "TOUCHED", value = "yes" }))`);
  const { status, stdout } = await km(["run", "action", "touches", "--dry-run", "-y"]);
  assert.equal(status, 0);
  assert.match(stdout, /\nDry Run\n[^]*write UpdateVariableValue/);
  assert.equal((await admin.read("GetVariable", { name: "TOUCHED" })).value, "no");
});

test("a Procedure and a batch are followed too", async () => {
  await admin.write("CreateProcedure", { name: "both", config: { stages: [{ name: "one", enabled: true,
    executions: [{ enabled: true, execution: { type: "RunAction", params: { action: "works" } } }] }] } });
  const procedure = await km(["run", "-y", "procedure", "both"]);
  assert.match(procedure.stdout, /EXECUTION SUCCESSFUL/, procedure.stdout + procedure.stderr);
  const batch = await km(["run", "-y", "--exit-code", "batch-run-action", "works,fails"]);
  assert.equal(batch.status, 1);
  assert.match(batch.stdout, /EXECUTION SUCCESSFUL/);
  assert.match(batch.stderr, /EXECUTION FAILED/);
});

test("it asks before it does something", async () => {
  const yes = await km(["run", "action", "works"], { input: "\n" });
  assert.match(yes.stdout, /Press ENTER to run execution\n[^]*EXECUTION SUCCESSFUL/);
  const no = await km(["run", "action", "works"]);
  assert.equal(no.status, 1);
  assert.match(no.stderr, /failed to read ENTER/);
  assert.doesNotMatch(no.stdout, /Running Execution/);
});

test("an engine that is not there, or does not know us, is said at once", async () => {
  const gone = await km(["-p", "nowhere", "run", "-y", "action", "works"]);
  assert.equal(gone.status, 1);
  assert.match(gone.stderr, /^ERROR: failed to reach Komodo API/);
  const closed = await km(["run", "-y", "-a", `http://127.0.0.1:${await freePort()}`, "action", "works"]);
  assert.equal(closed.status, 1);
  const stranger = await km(["run", "-y", "-k", "K_x_K", "action", "works"]);
  assert.equal(stranger.status, 1);
  assert.match(stranger.stderr, /^ERROR: 401 Unauthorized: /);
  assert.equal((await km(["run", "-y", "-a", "file:///etc", "action", "works"])).status, 1);
});
