// Figures of the web page under load, against a real engine whose busiest answers are made up here. By hand, or as `tests/bench/run ui`,
// on a machine that does nothing else: node ui-load.mjs [--json]
//
//   SECONDS_LONG   how long 50 updates a second arrive while tasks are timed (default 20)
//   SECONDS_HOUR   of the time that is replayed for memory (default 3600)
import fs from "node:fs";
import { logIn, open, pageEnv, startBrowser } from "./browser.mjs";
import { startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login } from "./tools.mjs";

const dir = tempDir("ui-load");
const json = process.argv.includes("--json");
/** One figure: a row of docs/performance.md. */
const row = (what, measured, goal = "", met = null) =>
  console.log(json ? JSON.stringify({ what, measured, goal, met }) : `${what}: ${measured}${goal && ` (${goal}${met ? "" : ": MISSED"})`}`);
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

/** Runs in the page before its own scripts: 1,000 deployments that change with each answer, a stream of updates that `window.load.emit`
 * feeds, and long tasks written down. */
function madeUp() {
  const states = ["running", "running", "running", "exited", "unhealthy", "not_deployed"];
  const objectId = (n) => n.toString(16).padStart(24, "0");
  const list = (turn) => Array.from({ length: 1000 }, (_, i) => ({
    id: objectId(i + 1), type: "Deployment", name: `service-${i}`, template: false, tags: [],
    info: { state: states[(i + turn) % states.length], status: "Up 2 hours", custom_name: "", image: `ghcr.io/acme/service-${i}:1.0`, update_available: i % 50 === 0, swarm_id: "", server_id: objectId(9000 + (i % 12)), server_name: `fra-${i % 12}` },
  }));
  const load = window.load = { turn: 0, answered: 0, tasks: [], socket: null, sent: 0,
    emit(many) {
      for (let i = 0; i < many; i++) {
        const n = load.sent++;
        load.socket?.onmessage?.({ data: JSON.stringify({ id: objectId(5_000_000 + n), operation: "Deploy", start_ts: Date.now(), success: true, username: "admin", operator: objectId(1), target: { type: "Deployment", id: objectId((n % 1000) + 1) }, status: n % 2 ? "Complete" : "InProgress" }) });
      }
    } };
  new PerformanceObserver((found) => { for (const task of found.getEntries()) load.tasks.push(Math.round(task.duration)); }).observe({ entryTypes: ["longtask"] });
  const { fetch } = window;
  window.fetch = async (...given) => {
    if (!String(given[0]).endsWith("/read/ListDeployments")) return fetch(...given);
    const answer = new Response(JSON.stringify(list(load.turn++)), { status: 200, headers: { "Content-Type": "application/json" } });
    load.answered = performance.now();
    return answer;
  };
  window.WebSocket = class {
    constructor() {
      load.socket = this;
      setTimeout(() => this.onopen?.());
    }
    send() { this.onmessage?.({ data: "LOGGED_IN" }); }
    close() { if (load.socket === this) load.socket = null; }
  };
}

/** What a browser that knows nothing loads until Home shows, as it comes over the wire. */
async function firstLoad(pair) {
  const browser = await startBrowser();
  try {
    const page = await browser.page();
    await logIn(page, pair);
    await page.locator("main h1").waitFor();
    const bytes = await page.evaluate(() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource").filter((e) => /\.(js|css|svg)$/.test(new URL(e.name).pathname))]
      .reduce((sum, e) => sum + e.encodedBodySize, 0));
    row("Web page: first load up to Home, gzip", `${(bytes / 1024).toFixed(1)} KB`, "<= 120 KB", bytes <= 120 * 1024);
  } finally { await browser.close(); }
}

/** A log of 100,000 lines: until it shows, scrolling through all of it, searching, wrapping, what it takes in memory. */
async function longLog(page, pair) {
  const as = caller(pair, bearer(await login(pair)));
  const id = (await as.write("CreateDeployment", { name: "talkative", config: {} }))._id.$oid;
  const levels = ["INFO", "INFO", "DEBUG", "WARN", "ERROR"];
  const lines = Array.from({ length: 100_000 }, (_, i) => `2026-03-01T${String(10 + Math.floor(i / 36000)).padStart(2, "0")}:${String(Math.floor(i / 600) % 60).padStart(2, "0")}:${String(Math.floor(i / 10) % 60).padStart(2, "0")}.${String(i % 10)}00000000Z \x1b[3${i % 7}m${levels[i % 5]}\x1b[0m request ${i} to /api/orders/${i * 7} took ${i % 90} ms, upstream 10.0.${i % 255}.7`);
  // All of it once; later looks give the end, as those of the engine do.
  let asked = 0;
  await page.route("**/read/GetDeploymentLog", (route) => route.fulfill({ json: { stage: "", command: "", stdout: (asked++ ? lines.slice(-500) : lines).join("\n"), stderr: "", success: true, start_ts: 0, end_ts: 0 } }));
  const session = await page.context().newCDPSession(page);
  const heap = async () => { await session.send("HeapProfiler.collectGarbage"); return (await session.send("Runtime.getHeapUsage")).usedSize / 1e6; };
  // Of the page's thread alone, so that other programs do not count.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const cpu = async () => 1000 * (await session.send("Performance.getMetrics")).metrics.find((m) => m.name === "TaskDuration").value;
  await page.goto(`${pair.url}/deployments/${id}?tab=config`);
  await page.locator("#field-image").waitFor();
  const before = await heap();
  await page.evaluate(() => { window.load.tasks.length = 0; });
  let busy = await cpu();
  const spent = async () => { const last = busy; busy = await cpu(); return Math.round(busy - last); };
  await page.getByRole("link", { name: "Log", exact: true }).click();
  await page.getByRole("log").getByText("request 99999 ").waitFor();
  const opened = await page.evaluate(() => ({ ms: Math.round(performance.now() - performance.getEntriesByType("resource").filter((e) => e.name.includes("GetDeploymentLog")).at(0).responseEnd), tasks: window.load.tasks.splice(0) }));
  const grown = await heap() - before;
  row("Web page: a log of 100,000 lines, from the answer to its last line", `${opened.ms} ms at most, ${await spent()} ms of CPU, heap +${grown.toFixed(1)} MB`);
  const scrolled = await page.evaluate(async () => {
    const box = document.querySelector("[role=log]");
    const frames = [];
    let last = performance.now();
    for (let i = 0; i <= 200; i++) {
      box.scrollTop = (box.scrollHeight * i) / 200;
      await new Promise((done) => requestAnimationFrame(done));
      const now = performance.now();
      frames.push(now - last);
      last = now;
    }
    frames.sort((a, b) => a - b);
    return { median: Math.round(frames[100]), worst: Math.round(frames.at(-1)), tasks: window.load.tasks.splice(0), rows: box.querySelectorAll("[data-row]").length };
  });
  row("Web page: a frame while scrolling through it in 200 steps", `${scrolled.median} ms, at worst ${scrolled.worst} ms; ${scrolled.rows} lines drawn`);
  const timed = async (what, act, until) => {
    const start = Date.now();
    await act();
    await until();
    row(`Web page: that log ${what}`, `${Date.now() - start} ms, ${await spent()} ms of CPU`);
  };
  const search = page.getByRole("textbox", { name: "Search the log" });
  await timed("searched", () => search.fill("took 89 ms"), () => page.getByText("of 1111").waitFor());
  await timed("errors alone", () => page.getByRole("combobox", { name: "Level" }).selectOption("error"), () => page.getByText("of 1111").or(page.getByText(/of (?!1111)\d+/)).first().waitFor());
  await page.getByRole("combobox", { name: "Level" }).selectOption("all");
  await search.fill("");
  await timed("wrapped", () => page.getByRole("button", { name: "Wrap" }).click(), () => page.getByRole("button", { name: "Unwrap" }).waitFor());
  await page.unroute("**/read/GetDeploymentLog");
  await session.detach();
}

/** Milliseconds from the click on the tab of the script to its text in an editor that takes keys, in browsers that have none of its
 * files yet; and what took how long in the last of them. */
async function editorOpens(pair, times = 5) {
  const as = caller(pair, bearer(await login(pair)));
  const script = Array.from({ length: 200 }, (_, i) => `local n${i} = komodo.read("ListStacks") -- line ${i}`).join("\n");
  const { _id } = await as.write("CreateAction", { name: "measured", config: { file_contents: script } });
  const took = [];
  let files;
  for (let i = 0; i < times; i++) {
    const browser = await startBrowser();
    try {
      const page = await browser.page();
      await logIn(page, pair);
      await open(page, `${pair.url}/actions/${_id.$oid}?tab=runs`);
      const { ms, ...more } = await page.evaluate(async () => {
        const tasks = [];
        new PerformanceObserver((found) => { for (const task of found.getEntries()) tasks.push(Math.round(task.duration)); }).observe({ entryTypes: ["longtask"] });
        const start = performance.now();
        [...document.querySelectorAll("main a")].find((a) => a.textContent.trim() === "Script").click();
        const shown = () => document.querySelector(".cm-content[contenteditable=true]")?.textContent.includes("-- line 3");
        while (!shown()) await new Promise((done) => requestAnimationFrame(done));
        const ms = Math.round(performance.now() - start);
        await new Promise((done) => setTimeout(done, 300));
        return { ms, tasks, files: performance.getEntriesByType("resource").filter((e) => e.startTime >= start && e.startTime <= start + ms)
          .map((e) => `${e.name.replace(/.*\//, "")} ${Math.round(e.startTime - start)}-${Math.round(e.responseEnd - start)}`) };
      });
      took.push(ms);
      files = more;
    } finally { await browser.close(); }
  }
  row("Web page: the script editor, from the click to text that takes keys, cold", `${median(took)} ms (slowest of ${times}: ${Math.max(...took)})`, "<= 500 ms", median(took) <= 500);
  if (!json) console.log(`  long tasks ${JSON.stringify(files.tasks)} ms\n  ${files.files.join("\n  ")}`);
}

/** Opening the list: from its data to rows that take input. */
async function bigList(page, pair) {
  const took = [];
  for (let i = 0; i < 5; i++) {
    await page.goto(`${pair.url}/deployments`);
    took.push(await page.evaluate(async () => {
      const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      while (document.querySelectorAll("tbody tr").length < 50) await frame();
      await frame();   // input waits for no other task
      return Math.round(performance.now() - window.load.answered);
    }));
  }
  row("Web page: 1,000 deployments, from the data to a list that takes input", `${median(took)} ms (slowest of 5: ${Math.max(...took)})`, "<= 200 ms", median(took) <= 200);
  const filtered = await page.evaluate(async () => {
    const input = document.querySelector("[data-filter]"), start = performance.now();
    input.value = "service-99";
    input.dispatchEvent(new InputEvent("input", { bubbles: true }));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return Math.round(performance.now() - start);
  });
  row("Web page: a letter in the filter of that list", `${filtered} ms`);
  await page.locator("[data-filter]").fill("");
}

/** 50 updates a second, as they would come, with that list open. */
async function busy(page) {
  const seconds = Number(process.env.SECONDS_LONG ?? 20);
  const { tasks, turns } = await page.evaluate(async (seconds) => {
    const { load } = window, before = load.turn;
    load.tasks.length = 0;
    for (let i = 0; i < seconds * 10; i++) {
      load.emit(5);
      await new Promise((done) => setTimeout(done, 100));
    }
    return { tasks: load.tasks, turns: load.turn - before };
  }, seconds);
  const longest = Math.max(0, ...tasks);
  row(`Web page: longest task while 50 updates/s arrive for ${seconds} s`, `${longest > 50 ? `${longest} ms` : "below 50 ms"}, ${turns} times the list anew`, "<= 100 ms", longest <= 100);
}

/** An hour of that, as fast as the page keeps up: its clock is turned on by hand, a second at a time. */
async function hour(browser, pair) {
  const seconds = Number(process.env.SECONDS_HOUR ?? 3600), warm = 120;
  const page = await browser.page();
  await page.addInitScript(madeUp);
  await page.clock.install();
  await page.goto(`${pair.url}/deployments`);
  await page.clock.resume();
  await page.locator("tbody tr").nth(49).waitFor();
  await page.clock.pauseAt(Date.now() + 60_000);
  const session = await page.context().newCDPSession(page);
  const heap = async () => {
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    return { mb: usedSize / 1e6, ...await session.send("Memory.getDOMCounters") };
  };
  const heaps = [];
  for (let s = 0; s <= warm + seconds; s++) {
    if (s === warm || s === warm + seconds / 2 || s === warm + seconds) heaps.push(await heap());
    await page.evaluate(() => window.load.emit(50));
    await page.clock.runFor(1000);
  }
  const turns = await page.evaluate(() => window.load.turn);
  const grown = heaps.at(-1).mb - heaps[0].mb;
  row(`Web page: heap before, in the middle of and after ${(50 * seconds).toLocaleString("en")} updates (an hour's)`.replace(" (an hour's)", seconds === 3600 ? " (an hour's)" : ""),
    `${heaps.map((h) => h.mb.toFixed(1)).join(", ")} MB; ${turns} times the list anew`, "<= 1 MB more", grown <= 1);
  if (!json) console.log(`  nodes ${heaps.map((h) => h.nodes).join(", ")}; listeners ${heaps.map((h) => h.jsEventListeners).join(", ")}`);
  await page.close();
}

let pair, browser;
try {
  pair = await startPair(dir, { agent: false, env: pageEnv });
  await firstLoad(pair);
  await editorOpens(pair);
  browser = await startBrowser();
  const page = await browser.page();
  await page.addInitScript(madeUp);
  await logIn(page, pair);
  await bigList(page, pair);
  await busy(page);
  await longLog(page, pair);
  await page.close();
  await hour(browser, pair);
} finally {
  await browser?.close();
  await pair?.stop();
  fs.rmSync(dir, { recursive: true, force: true });
}
