// Figures of the web page under load, against a real engine whose busiest answers are made up here: a list of 1,000
// deployments, 50 updates a second, a log of 100,000 lines, and how long the script editor takes to open. By hand, on a machine that
// does nothing else: node ui-load.mjs
import fs from "node:fs";
import { logIn, open, startBrowser } from "./browser.mjs";
import { startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login, objectId } from "./tools.mjs";

const dir = tempDir("ui-load");
const states = ["running", "running", "running", "exited", "unhealthy", "not_deployed"];
const list = (turn) => Array.from({ length: 1000 }, (_, i) => ({
  id: objectId(i + 1), type: "Deployment", name: `service-${i}`, template: false, tags: [],
  info: { state: states[(i + turn) % states.length], status: "Up 2 hours", custom_name: "", image: `ghcr.io/acme/service-${i}:1.0`, update_available: i % 50 === 0, swarm_id: "", server_id: objectId(9000 + (i % 12)), server_name: `fra-${i % 12}` },
}));

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
  await page.evaluate(() => { window.longTasks.length = 0; });
  let busy = await cpu();
  const spent = async () => { const last = busy; busy = await cpu(); return Math.round(busy - last); };
  await page.getByRole("link", { name: "Log", exact: true }).click();
  await page.getByRole("log").getByText("request 99999 ").waitFor();
  const opened = await page.evaluate(() => ({ ms: Math.round(performance.now() - performance.getEntriesByType("resource").filter((e) => e.name.includes("GetDeploymentLog")).at(0).responseEnd), tasks: window.longTasks.splice(0) }));
  console.log(`100,000 lines: seen at most ${opened.ms} ms after the answer, long tasks ${JSON.stringify(opened.tasks)} ms, ${await spent()} ms of CPU, heap +${(await heap() - before).toFixed(1)} MB`);
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
    return { median: Math.round(frames[100]), worst: Math.round(frames.at(-1)), tasks: window.longTasks.splice(0), rows: box.querySelectorAll("[data-row]").length };
  });
  console.log(`scrolled through in 200 steps: a frame takes ${scrolled.median} ms, at worst ${scrolled.worst} ms; long tasks ${JSON.stringify(scrolled.tasks)} ms; ${await spent()} ms of CPU; ${scrolled.rows} lines drawn`);
  const timed = async (what, act, until) => {
    const start = Date.now();
    await act();
    await until();
    console.log(`${what}: ${Date.now() - start} ms, long tasks ${JSON.stringify(await page.evaluate(() => window.longTasks.splice(0)))} ms, ${await spent()} ms of CPU`);
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
      await open(page, `${pair.url}/actions/${_id.$oid}?tab=config`);
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
  took.sort((a, b) => a - b);
  console.log(`script editor, cold: ${took[took.length >> 1]} ms (${took.join(", ")}), long tasks ${JSON.stringify(files.tasks)} ms\n  ${files.files.join("\n  ")}`);
}

let pair, browser;
try {
  pair = await startPair(dir, { agent: false, env: process.env.KOMODO_UI_DIR ? { KOMODO_UI_DIR: process.env.KOMODO_UI_DIR } : {} });
  await editorOpens(pair);
  browser = await startBrowser();
  const page = await browser.page();
  let turn = 0, socket;
  await page.route("**/read/ListDeployments", (route) => route.fulfill({ json: list(turn++) }));
  await page.routeWebSocket("**/ws/update", (ws) => {
    socket = ws;
    ws.onMessage(() => ws.send("LOGGED_IN"));
  });
  await page.addInitScript(() => {
    window.longTasks = [];
    new PerformanceObserver((found) => { for (const task of found.getEntries()) window.longTasks.push(Math.round(task.duration)); }).observe({ entryTypes: ["longtask"] });
  });
  await logIn(page, pair);
  await page.goto(`${pair.url}/deployments`);
  await page.locator("tbody tr").nth(49).waitFor();
  const shown = await page.evaluate(() => {
    const entry = performance.getEntriesByType("resource").filter((e) => e.name.includes("ListDeployments")).at(0);
    return { tasks: window.longTasks.slice(), answered: Math.round(entry.responseEnd) };
  });
  console.log(`1,000 deployments: long tasks while opening ${JSON.stringify(shown.tasks)} ms`);
  const filtered = await page.evaluate(async () => {
    const input = document.querySelector("[data-filter]");
    const start = performance.now();
    input.value = "service-99";
    input.dispatchEvent(new InputEvent("input", { bubbles: true }));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return { ms: Math.round(performance.now() - start), rows: document.querySelectorAll("tbody tr").length };
  });
  console.log(`filtering them: ${filtered.ms} ms to ${filtered.rows} rows`);
  await page.evaluate(() => { window.longTasks.length = 0; });
  await page.locator("[data-filter]").fill("");
  const heap = async () => {
    const session = await browser.context.newCDPSession(page);
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    await session.detach();
    return usedSize / 1e6;
  };
  const seconds = Number(process.env.SECONDS_LONG ?? 20), heaps = [];
  for (let s = 0; s < seconds; s++) {
    for (let i = 0; i < 50; i++) {
      const n = s * 50 + i;
      socket.send(JSON.stringify({ id: objectId(5_000_000 + n), operation: "Deploy", start_ts: Date.now(), success: true, username: "admin", operator: objectId(1), target: { type: "Deployment", id: objectId((n % 1000) + 1) }, status: n % 2 ? "Complete" : "InProgress" }));
      await new Promise((done) => setTimeout(done, 18));
    }
    if (s % 5 === 4) heaps.push((await heap()).toFixed(1));
  }
  const tasks = await page.evaluate(() => window.longTasks);
  console.log(`50 updates/s for ${seconds} s: ${turn} refetches of the list, longest task ${Math.max(0, ...tasks)} ms, ${tasks.filter((t) => t > 100).length} above 100 ms; heap ${heaps.join(", ")} MB`);
  await longLog(page, pair);
} finally {
  await browser?.close();
  await pair?.stop();
  fs.rmSync(dir, { recursive: true, force: true });
}
