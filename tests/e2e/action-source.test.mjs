// Scripts of Actions from git: a real git server, the real git program.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { startGit } from "./git.mjs";
import { eventually, startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login } from "./tools.mjs";

const TOKEN = "s3cret-git-token";
const dir = tempDir("action-source");
let pair, server, admin;

before(async () => {
  server = await startGit(dir, { token: TOKEN });
  pair = await startPair(dir, { agent: false });
  admin = caller(pair, bearer(await login(pair)));
  await admin.write("CreateGitProviderAccount", { account: { domain: server.address, username: "bot", token: TOKEN, https: false } });
});
after(async () => {
  try { await pair?.stop(); } finally { server?.stop(); fs.rmSync(dir, { recursive: true, force: true }); }
});

let number = 0;
const create = async (config) => {
  const made = await admin.write("CreateAction", { name: `from-git-${++number}`,
    config: { git_provider: server.address, git_https: false, branch: "main", ...config } });
  return made._id.$oid;
};
const start = async (action, params = {}) => (await admin.execute("RunAction", { action, ...params }))._id.$oid;
const finished = (id) => eventually("the run ends", async () => { const u = await admin.read("GetUpdate", { id }); return u.status === "Complete" && u; });
const run = async (action) => finished(await start(action));
const log = (update, stage) => update.logs.find((l) => l.stage === stage);
const output = (update) => { assert.equal(update.success, true, JSON.stringify(update.logs)); return log(update, "Execute Action").stdout; };
const failure = async (config) => {
  const update = await run(await create(config));
  assert.equal(update.success, false, JSON.stringify(update.logs));
  return update.logs.at(-1).stderr;
};
const clones = () => { try { return fs.readdirSync(path.join(dir, "data/action-cache")); } catch { return []; } };
/** Processes of git that have the engine as their parent, or did: all of this test's that name the server. */
const fetching = () => fs.readdirSync("/proc").filter((pid) => /^\d+$/.test(pid)).filter((pid) => {
  try { return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(server.address); } catch { return false; }
});

test("the newest commit of the branch runs, and the update says which", async () => {
  const first = server.commit("team/scripts", { "jobs/hello.lua": `print("one", [[VARIABLE]])` }, { message: "first <b>" });
  const action = await create({ repo: "team/scripts", file_path: "jobs/hello.lua" });
  const one = await run(action);
  assert.match(output(one), /^one\tVARIABLE\n/, "variables are not put into files of a repository");
  assert.equal(one.commit_hash, first.slice(0, 7));
  assert.match(log(one, "Read Script").stdout, new RegExp(`jobs/hello.lua\nrepository: http://${server.address}/team/scripts\nbranch: main\ncommit: ${first}\nmessage: first <b>`));

  const second = server.commit("team/scripts", { "jobs/hello.lua": `print("two")` });
  const two = await run(action);
  assert.match(output(two), /^two\n/);
  assert.equal(two.commit_hash, second.slice(0, 7));

  server.commit("team/scripts", { "jobs/hello.lua": `local x <const> = 1\nerror("wrong")` });
  const three = await run(action);
  assert.match(log(three, "Execute Action").stderr, /jobs\/hello\.lua:2: wrong/);
});

test("a pinned commit runs whatever the branch has, and is fetched once", async () => {
  const old = server.commit("team/pinned", { "a.lua": `print("old")` });
  server.commit("team/pinned", { "a.lua": `print("new")` });
  const full = await create({ repo: "team/pinned", file_path: "a.lua", commit: old });
  assert.match(output(await run(full)), /^old\n/);
  const before = server.requests.length;
  assert.match(output(await run(full)), /^old\n/);
  assert.equal(server.requests.length, before);
  assert.match(output(await run(await create({ repo: "team/pinned", file_path: "a.lua", commit: old.slice(0, 10) }))), /^old\n/);
});

test("a linked Repo says where the script is", async () => {
  server.commit("team/linked", { "a.lua": `print("linked")` }, { branch: "dev" });
  await admin.write("CreateRepo", { name: "scripts-repo", config: { git_provider: server.address, git_https: false, repo: "team/linked", branch: "dev" } });
  assert.match(output(await run(await create({ linked_repo: "scripts-repo", file_path: "a.lua" }))), /^linked\n/);
  const answer = await admin.ask("write", "CreateAction", { name: "unlinked", config: { linked_repo: "no-such-repo", file_path: "a.lua" } });
  assert.notEqual(answer.status, 200);
  assert.match(answer.text, /Cannot attach Repo to this Action/);
});

test("a private repository takes the account's token, which nobody sees", async () => {
  server.commit("private/scripts", { "a.lua": `print("private")` });
  const action = await create({ repo: "private/scripts", git_account: "bot", file_path: "a.lua" });
  const update = await run(action);
  assert.match(output(update), /^private\n/);
  assert.ok(server.requests.some((r) => r.authorization === `Basic ${Buffer.from(`token:${TOKEN}`).toString("base64")}`));
  assert.match(await failure({ repo: "private/scripts", file_path: "a.lua" }), /asks for a login: it does not exist, or it is private and config\.git_account/);
  assert.match(await failure({ repo: "private/scripts", file_path: "a.lua", git_account: "other" }), /no token of the git account 'other'/);

  server.hang = true;
  try {
    const id = await start(action);
    const pids = await eventually("git runs", () => { const found = fetching(); return found.length && found; });
    for (const pid of pids) assert.doesNotMatch(fs.readFileSync(`/proc/${pid}/cmdline`, "utf8"), /s3cret|czNjcmV0|dG9rZW46/);
    await admin.execute("CancelAction", { action });
    assert.match((await finished(id)).logs.at(-1).stderr, /cancelled while its script was fetched/);
    await eventually("git is gone", () => fetching().length === 0);
  } finally { server.hang = false; }
  const seen = JSON.stringify(update) + pair.engine.text();
  assert.doesNotMatch(seen, /s3cret|czNjcmV0|dG9rZW46/);
});

test("what is missing or wrong is named, with what to do", async () => {
  server.commit("team/some", { "a.lua": "print(1)", "dir/b.lua": "print(2)" });
  assert.match(await failure({ repo: "team/none", file_path: "a.lua" }), /no repository http:.*\/team\/none that is open to all.*config\.repo/s);
  assert.match(await failure({ repo: "team/some", branch: "gone", file_path: "a.lua" }), /no branch 'gone'.*config\.branch/s);
  assert.match(await failure({ repo: "team/some", commit: "0123456789012345678901234567890123456789", file_path: "a.lua" }), /no commit 0123456789/);
  assert.match(await failure({ repo: "team/some", file_path: "b.lua" }), /config\.file_path: there is no file 'b\.lua' in .*team\/some at commit/);
  assert.match(await failure({ repo: "team/some", file_path: "dir" }), /there is no file 'dir'/);
  assert.match(await failure({ repo: "", file_path: "a.lua" }), /set config\.repo or config\.linked_repo/);
  assert.match(await failure({ git_provider: "127.0.0.1:1", repo: "team/some", file_path: "a.lua" }), /cannot be reached/);
  for (const [field, value] of [["branch", "--upload-pack=x"], ["repo", "../x"], ["repo", "-x"], ["commit", "main"], ["file_path", "../a.lua"],
    ["file_path", "/etc/passwd"], ["git_provider", "user@host"], ["branch", "a b"]]) {
    const answer = await admin.ask("write", "CreateAction", { name: `bad-${++number}`, config: { [field]: value } });
    assert.equal(answer.status, 400, `${field} ${value}: ${answer.text}`);
    assert.match(answer.text, new RegExp(`config\\.${field}`));
  }
});

test("a hostile repository reaches nothing", async () => {
  server.commit("evil/links", { "passwd.lua": { link: "/etc/passwd" }, "up.lua": { link: "../../../data/jwt-secret" }, "real.lua": "print(1)",
    ".gitattributes": "*.lua filter=evil\n", "big.lua": `--${"x".repeat(5 << 20)}` });
  assert.match(await failure({ repo: "evil/links", file_path: "passwd.lua" }), /'passwd\.lua' is a symbolic link/);
  assert.match(await failure({ repo: "evil/links", file_path: "up.lua" }), /symbolic link/);
  assert.match(await failure({ repo: "evil/links", file_path: "big.lua" }), /larger than 4 MB/);
  assert.match(output(await run(await create({ repo: "evil/links", file_path: "real.lua" }))), /^1\n/);
});

test("a server that does not answer is given up at the run's limit, and git ends", async () => {
  server.commit("team/slow", { "a.lua": "print(1)" });
  server.hang = true;
  try {
    assert.match(await failure({ repo: "team/slow", file_path: "a.lua", limits: { wall_seconds: 0.5 } }), /limit: time/);
    await eventually("git is gone", () => fetching().length === 0);
  } finally { server.hang = false; }
  assert.match(output(await run(await create({ repo: "team/slow", file_path: "a.lua" }))), /^1\n/);
});

test("runs of one source at a time share a fetch", async () => {
  server.commit("team/shared", { "a.lua": "print(komodo.args.n)" });
  const config = { repo: "team/shared", file_path: "a.lua" };
  const actions = [await create(config), await create(config), await create(config)];
  server.hang = true;
  const ids = await Promise.all(actions.map((action) => start(action, { args: { n: 1 } })));
  await eventually("the fetch has begun", () => server.requests.some((r) => r.path.startsWith("/team/shared/")));
  assert.equal(fetching().length > 0, true);
  for (const id of ids) assert.equal((await admin.read("GetUpdate", { id })).status, "InProgress");
  assert.equal(server.requests.filter((r) => r.path.startsWith("/team/shared/")).length, 1);
  server.hang = false;
  for (const action of actions) await admin.execute("CancelAction", { action });
  for (const id of ids) await finished(id);
  await Promise.all(actions.map(async (action) => output(await finished(await start(action, { args: { n: 2 } })))));
});

test("a clone goes with the last Action that needs it", async () => {
  server.commit("team/deleted", { "a.lua": "print(1)" });
  const before = new Set(clones());
  const config = { repo: "team/deleted", file_path: "a.lua" };
  const one = await create(config), two = await create(config);
  output(await run(one));
  output(await run(two));
  const made = clones().filter((name) => !before.has(name));
  assert.equal(made.length, 1);
  await admin.write("DeleteAction", { id: one });
  output(await run(two));
  assert.equal(clones().includes(made[0]), true);
  await admin.write("DeleteAction", { id: two });
  await eventually("the clone is gone", () => !clones().includes(made[0]));
});

test("a restart begins without clones", async () => {
  assert.notEqual(clones().length, 0);
  await pair.engine.stop();
  await pair.startEngine();
  assert.deepEqual(clones(), []);
});
