// Hostile scripts (tests/c/script/probes) through the real API: each is stopped by its limit soon, while another script and
// the API keep their latency; afterwards the memory is the system's again.
import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import { after, before, test } from "node:test";
import { eventually, startPair, tempDir } from "./harness.mjs";
import { at, beat, probes } from "./probes.mjs";
import { bearer, caller, login } from "./tools.mjs";

const BUNCH = 40, TURN_MS = 250;   // a machine without anything else to do needs a tenth of it
const dir = tempDir("sandbox");
let pair, as, agent, token;

before(async () => {
  // What AddressSanitizer keeps of freed memory would be counted as the engine's.
  const env = { ASAN_OPTIONS: "detect_leaks=1:quarantine_size_mb=8", KOMODO_MONITORING_INTERVAL: "1-hr" };
  pair = await startPair(dir, { agent: false, env });
  token = bearer(await login(pair));
  as = caller(pair, token);
  agent = new http.Agent({ keepAlive: true });
});
after(async () => { agent?.destroy(); try { await pair?.stop(); } finally { fs.rmSync(dir, { recursive: true, force: true }); } });

let number = 0;
async function start(source, limits) {
  const name = `probe-${++number}`;
  await as.write("CreateAction", { name, config: { file_contents: source, limits } });
  return (await as.execute("RunAction", { action: name }))._id.$oid;
}
const ended = (id, ms) => eventually("the run ends", async () => { const u = await as.read("GetUpdate", { id }); return u.status === "Complete" && u; }, ms);
const cancel = async (id) => {
  const update = await as.read("GetUpdate", { id });
  return as.ask("execute", "CancelAction", { action: update.target.id, update_id: id });
};
const stage = (update) => update.logs.find((l) => l.stage === "Execute Action") ?? update.logs.at(-1);

/** A script that ticks, and says the longest time between two ticks of each second. */
const TICKER = `
  local most, told = 0, komodo.now()
  while true do
    local begin = komodo.now()
    komodo.sleep(0.02)
    komodo.read("GetVersion")
    most = math.max(most, komodo.now() - begin)
    if komodo.now() - told > 1000 then print("gap " .. most) most, told = 0, komodo.now() end
  end`;
const gaps = (update) => [...stage(update).stdout.matchAll(/gap (\d+)/g)].map((m) => Number(m[1])).sort((a, b) => a - b);

const right = {
  cpu: /^stopped: .*limits\.cpu_seconds/, memory: /^stopped: .*limits\.memory_mb/, time: /^stopped: .*limits\.wall_seconds/,
  result: /^stopped: .*limits\.result_kb/, cancelled: /^stopped: it was cancelled/, error: /^(?!stopped: )/,
};

test("every probe ends as it must, and nobody else notices", { timeout: 900000 }, async () => {
  const all = probes(), wrong = [];
  const ticker = await start(TICKER, { cpu_seconds: 600 });
  const heart = beat(pair, token, agent);
  for (let i = 0; i < all.length; i += BUNCH) {
    await Promise.all(all.slice(i, i + BUNCH).map(async (probe) => {
      const id = await start(probe.source, probe.limits);
      if (probe.cancel) { await new Promise((r) => setTimeout(r, probe.cancel)); await cancel(id); }
      const update = await ended(id, 120000);
      const words = stage(update).stderr;
      // Tests against the unit test's own requests end otherwise here.
      const isOk = probe.end === "ends" || (probe.end === "ok" ? update.success || /Echo|Slow/.test(probe.source) : !update.success && right[probe.end].test(words));
      if (!isOk) wrong.push(`${probe.name}: ${update.success} ${words.slice(0, 200)}`);
    }));
  }
  const times = await heart.stop();
  await cancel(ticker);
  const ticks = gaps(await ended(ticker));
  console.log(`${all.length} probes; API median ${at(times, 0.5).toFixed(1)} ms, 99% ${at(times, 0.99).toFixed(1)} ms, worst ${times.at(-1).toFixed(1)} ms; ` +
    `ticks: worst of a second ${at(ticks, 0.5)} ms in the middle, ${ticks.at(-1)} ms at most`);
  assert.deepEqual(wrong, []);
  assert.ok(at(times, 0.99) < TURN_MS, `99% of the API's answers within ${at(times, 0.99)} ms`);
  assert.ok(at(ticks, 0.5) < 2 * TURN_MS, `worst ticks of a second: ${ticks}`);
});

const resident = () => Number(fs.readFileSync(`/proc/${pair.engine.child.pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1]) / 1024;

test("memory goes back after a burst", { timeout: 300000 }, async () => {
  const source = `local t = {} for i = 1, 24 do t[i] = ("x"):rep((1 << 20) + i) end komodo.sleep(3) return #t`;
  await ended(await start(source, { memory_mb: 64 }));   // what is made once
  const beginning = resident();
  const ids = await Promise.all(Array.from({ length: 30 }, () => start(source, { memory_mb: 64 })));
  let peak = 0;
  await eventually("the burst is at its peak", async () => { peak = Math.max(peak, resident()); return peak > beginning + 500; });
  for (const id of ids) assert.equal((await ended(id)).success, true);
  const end = await eventually("the memory is back", async () => { const now = resident(); return now < beginning + 100 && now; });
  console.log(`resident: ${beginning.toFixed(0)} MB before, ${peak.toFixed(0)} MB at the peak, ${end.toFixed(0)} MB after`);
});
