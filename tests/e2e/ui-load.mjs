// Figures of the web page under load, against a real engine whose busiest answers are made up here: a list of 1,000
// deployments, 50 updates a second, and how long the script editor takes to open. By hand, on a machine that does nothing else:
// node ui-load.mjs
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
} finally {
  await browser?.close();
  await pair?.stop();
  fs.rmSync(dir, { recursive: true, force: true });
}
