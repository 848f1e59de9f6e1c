// When our engine polls, against what a real Komodo 2.3.2 did (../shared/golden/core/70-poll.jsonl): at its start, on the clock,
// when a Server's config changes, when the link is lost and when a poll fails. The recorded interval is 5 s, here it is 3 s.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { eventually, shared, tempDir } from "./harness.mjs";
import { differences } from "./tap/compare.mjs";
import { Stage } from "./tap/stage.mjs";

const file = path.join(shared, "golden/core/70-poll.jsonl");
const skip = fs.existsSync(file) ? false : `no recording at ${file}`;
const recorded = skip ? [] : fs.readFileSync(file, "utf8").trim().split("\n").slice(1).map((line) => JSON.parse(line));

const INTERVAL_MS = 3000, RECORDED_INTERVAL_MS = 5000, TICK_MS = 500;   // polls begin half a second after a multiple of the interval
const LATE_MS = 600;             // a busy machine's share
const QUICK_MS = 1000;           // "at once"

// Swarms, and the refresh of Stacks and Builds at the start, are not part of this engine yet.
const foreign = new Set(["PollSwarmStatus", "GetVersion", "GetComposeContentsOnHost", "GetDockerfileContentsOnHost"]);

const dir = tempDir("poll");
const stage = new Stage(dir, { KOMODO_MONITORING_INTERVAL: "3-sec" });
const seen = [];                 // { at, type, params } of all that came
const events = [];               // { at, event } of the link

const tickOf = (ms, interval) => Math.floor((ms - TICK_MS) / interval);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls with the commits asked after them; `tick`: counted from the interval the scenario began in. */
function rounds(entries) {
  const list = [];
  for (const { type, params, tick } of entries) {
    if (type === "PollStatus") list.push({ params, tick, commits: [] });
    else list.at(-1)?.commits.push(params);
  }
  return list;
}

function recordedRounds(scenario) {
  const own = scenario.agent.filter((e) => !foreign.has(e.type));
  if (!own.length) return [];
  const begin = own[0].boundary_ms - own[0].ms;   // of the scenario, within its interval
  return rounds(own.map((e) => ({ ...e, tick: tickOf(begin + e.ms, RECORDED_INTERVAL_MS) - tickOf(begin, RECORDED_INTERVAL_MS) })));
}

const playedRounds = (from) => rounds(seen.filter((e) => e.at >= from && !foreign.has(e.type)).map((e) => ({
  ...e, tick: tickOf(e.at, INTERVAL_MS) - tickOf(from, INTERVAL_MS) })));

/** Just past a tick, so that a whole interval is left for what follows. */
async function afterTick() {
  const into = (Date.now() - TICK_MS) % INTERVAL_MS;
  if (into > LATE_MS) await wait(INTERVAL_MS - into + LATE_MS / 2);
}

/** What came until `ticks` polls on the clock were complete, compared with what was recorded until then. */
async function compare(id, from, ticks) {
  const want = recordedRounds(recorded.find((c) => c.id === id));
  const at = want.findIndex((r) => r.tick > 0);
  const expected = [...want.slice(0, at), ...want.slice(at, at + ticks)];
  const complete = (got) => got.filter((r) => r.tick > 0 && r.commits.length >= expected.at(-1).commits.length).length >= ticks;
  await eventually(`${id}: ${ticks} polls on the clock`, () => complete(playedRounds(from)), (ticks + 2) * INTERVAL_MS);
  // A busy machine looks late: what the clock has brought since then is not compared.
  const all = playedRounds(from);
  const got = [...all.filter((r) => r.tick === 0), ...all.filter((r) => r.tick > 0).slice(0, ticks)];
  const plain = (list) => list.map(({ params, commits }) => ({ params, commits }));
  assert.deepEqual([...differences(plain(expected), plain(got))], [], `${id}: polls`);
  const before = got.filter((r) => r.tick === 0).length;
  assert.equal(before, at, `${id}: polls before the first tick`);
  got.slice(before).forEach((r, i) => assert.equal(r.tick, i + 1, `${id}: one poll per tick`));
}

before(async () => {
  if (skip) return;
  await stage.start();
  const serve = stage.tap.answer;
  stage.tap.answer = (request) => { seen.push({ at: Date.now(), ...request }); return serve(request); };
  for (const event of ["up", "down", "dial"]) stage.tap.on(event, () => events.push({ at: Date.now(), event }));
  for (const [name, where] of [["cloned", ""], ["abs-path", "/data/agent/abs/two"]]) {
    await stage.must("/write/CreateRepo", { name, config: { server_id: "Local", path: where } });
  }
});
after(async () => {
  try { await stage.stop(); } finally { fs.rmSync(dir, { recursive: true, force: true }); }
});

/** Begins a scenario: its time. */
async function begin(act) {
  await afterTick();
  const from = Date.now();
  await act();
  return from;
}
const update = (config) => begin(() => stage.must("/write/UpdateServer", { id: "Local", config }));
const link = (from) => events.filter((e) => e.at >= from).map((e) => e.event);

test("start-and-interval", { skip }, async () => {
  await stage.pair.engine.stop();
  const from = await begin(() => stage.pair.startEngine());
  await compare("start-and-interval", from, 2);
});

test("stats-monitoring-off", { skip }, async () => {
  await compare("stats-monitoring-off", await update({ stats_monitoring: false }), 1);
});

test("disabled", { skip }, async () => {
  const from = await update({ enabled: false, stats_monitoring: true });
  await eventually("the link ends", () => link(from).includes("down"), QUICK_MS);
  await wait(INTERVAL_MS);   // nothing to wait for: a tick passes
  await afterTick();
  assert.deepEqual(seen.filter((e) => e.at >= from), [], "a disabled Server is left alone");
  assert.deepEqual(link(from), ["down"]);
});

test("enabled-again", { skip }, async () => {
  const from = await update({ enabled: true });
  await eventually("the engine dials at once", () => link(from).includes("up"), QUICK_MS);
  await compare("enabled-again", from, 1);
  assert.deepEqual(link(from), ["dial", "up"]);
});

test("link-lost", { skip }, async () => {
  const from = await begin(() => stage.tap.cut());
  await eventually("the engine dials at once", () => link(from).includes("up"), QUICK_MS);
  await compare("link-lost", from, 1);
  assert.deepEqual(link(from).sort(), ["dial", "down", "up"]);   // both ends tell: "down" may come late
});

test("poll-fails", { skip }, async () => {
  const from = await begin(() => { stage.host.fails = true; });
  await compare("poll-fails", from, 2);
});
