// km script: init, check, run, test, each as a person would use it, without an engine.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, test } from "node:test";
import { bin, tempDir } from "./harness.mjs";

const dir = tempDir("km-script");
after(() => fs.rmSync(dir, { recursive: true, force: true }));

const km = (...args) => {
  const { status, stdout, stderr } = spawnSync(path.join(bin, "km"), args, { cwd: dir, encoding: "utf8" });
  return { status, stdout, stderr };
};
const write = (name, text) => fs.writeFileSync(path.join(dir, name), text);

test("init makes a folder whose sample is in order and whose spec passes", () => {
  assert.equal(km("script", "init").status, 0);
  assert.match(fs.readFileSync(path.join(dir, "komodo.lua"), "utf8"), /^---@meta komodo\n/);
  JSON.parse(fs.readFileSync(path.join(dir, ".luarc.json"), "utf8"));
  assert.deepEqual(km("script", "check", "sample.lua"), { status: 0, stdout: "", stderr: "" });
  write("sample.lua", "-- mine\n" + fs.readFileSync(path.join(dir, "sample.lua"), "utf8"));
  assert.match(km("script", "init").stdout, /sample\.lua: is there already/);
  assert.match(fs.readFileSync(path.join(dir, "sample.lua"), "utf8"), /^-- mine/);
  const passed = km("script", "test");
  assert.equal(passed.status, 0, passed.stdout + passed.stderr);
  assert.match(passed.stdout, /1 success/);
  write("spec/broken_spec.lua", 'it("fails", function() assert.equal(1, 2) end)\n');
  assert.notEqual(km("script", "test").status, 0);
});

test("check names file, line and column, and fails for errors alone", () => {
  write("warn.lua", "prnt(1)\n");
  assert.deepEqual(km("script", "check", "warn.lua"),
    { status: 0, stdout: "warn.lua:1:1: warning: undefined global 'prnt', did you mean 'print'?\n", stderr: "" });
  write("wrong.lua", "-- capabilities: read:*\nkomodo.execute('DeployStack', { stack = 'x' })\n");
  const found = km("script", "check", "warn.lua", "wrong.lua", "none.lua");
  assert.equal(found.status, 1);
  assert.match(found.stdout, /wrong\.lua:2:8: error: missing capability 'execute:DeployStack'/);
  assert.match(found.stderr, /none\.lua/);
});

test("run shows what a script would do to a fleet", () => {
  write("fleet.lua", "return { stacks = { { name = 'web' }, { name = 'db', state = 'down' } } }");
  write("deploy.lua", "print(komodo.args.n + 1) assert(komodo.execute('DeployStack', { stack = komodo.args.stack })) return { ok = true }");
  assert.deepEqual(km("script", "run", "deploy.lua", "--fleet", "fleet.lua", "stack=web", "n=2"),
    { status: 0, stdout: '3\nexecute DeployStack web\nresult: {"ok":true}\n', stderr: "" });
  const failed = km("script", "run", "deploy.lua", "stack=web", "n=2");
  assert.equal(failed.status, 1);
  assert.match(failed.stderr, /Did not find any Stack matching 'web'/);
});

test("wrong use says how it is meant", () => {
  for (const args of [[], ["script"], ["script", "nope"], ["nope"], ["script", "check"], ["script", "run"], ["script", "run", "a.lua", "b.lua"]])
    assert.equal(km(...args).status, 2, args.join(" "));
  assert.match(km("script", "help").stdout, /km script check/);
});
