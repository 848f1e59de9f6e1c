// Examples that need no server, run by the engine: what komodo.testing pretends is what the engine does.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { eventually, root, startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login } from "./tools.mjs";

const dir = tempDir("examples");
let pair, as;

before(async () => {
  pair = await startPair(dir, { agent: false });
  as = caller(pair, bearer(await login(pair)));
  await as.write("CreateTag", { name: "mine" });
  const server = await as.write("CreateServer", { name: "web-1", config: { address: "", enabled: false } });
  await as.write("CreateStack", { name: "shop", config: { server_id: server._id.$oid } });
  await as.write("CreateDeployment", { name: "proxy", config: { image: { type: "Image", params: { image: "caddy:2" } } } });
});
after(async () => {
  try { await pair?.stop(); } finally { fs.rmSync(dir, { recursive: true, force: true }); }
});

async function run(name, args = {}) {
  const source = fs.readFileSync(path.join(root, "actions-examples", `${name}.lua`), "utf8");
  await as.write("CreateAction", { name, config: { file_contents: source } });
  const started = await as.execute("RunAction", { action: name, args });
  return eventually(name, async () => {
    const update = await as.read("GetUpdate", { id: started._id.$oid });
    return update.status === "Complete" && update;
  });
}
const words = (update) => update.logs.map((l) => l.stdout + l.stderr).join("\n");

test("version-report", async () => {
  const update = await run("version-report");
  assert.ok(update.success, words(update));
  assert.match(words(update), /\| - \| proxy \| `caddy:2` \|/);
});

test("tag-sync", async () => {
  const update = await run("tag-sync", { map: { "web-1": "mine" } });
  assert.ok(update.success, words(update));
  assert.match(words(update), /shop: mine/);
  const [stack] = await as.read("ListStacks", { query: { tags: ["mine"] } });
  assert.equal(stack.name, "shop");
});

test("close-stale-alerts", async () => {
  const update = await run("close-stale-alerts", { days: 0 });
  assert.ok(update.success, words(update));
});

test("rollout says which argument is missing", async () => {
  const update = await run("rollout");
  assert.equal(update.success, false);
  assert.match(words(update), /args\.tag: which stacks\?/);
});
