// Every page in both themes, wide and 360 px, into a folder: node screenshots.mjs FOLDER [PATTERN]. `make screenshots` runs it.
import fs from "node:fs";
import path from "node:path";
import { logIn, open, startBrowser } from "./browser.mjs";
import { fill, placesOf } from "./demo.mjs";
import { eventually, startDocker, startPair, tempDir } from "./harness.mjs";
import { editorStates } from "./shots-editor.mjs";

const [, , into, only] = process.argv;
if (!into) throw new Error("screenshots: give a folder");
fs.mkdirSync(into, { recursive: true });
const dir = tempDir("shots");
const docker = startDocker(path.join(dir, "docker"));
let pair, browser;
try {
  pair = await startPair(dir, { ...(docker ? { docker } : {}), env: { KOMODO_TITLE: "Komodo", ...(process.env.KOMODO_UI_DIR ? { KOMODO_UI_DIR: process.env.KOMODO_UI_DIR } : {}) } });
  const made = await fill(pair, { docker: docker !== null });
  await eventually("stats were kept", async () => (await made.as.read("GetHistoricalServerStats", { server: made.server, granularity: "15-sec" })).stats.length > 3, 120000);
  const pages = placesOf(made);
  browser = await startBrowser();
  const page = await browser.page();
  const wanted = only ? new RegExp(only) : /./;
  const shoot = async (name) => {
    for (const theme of ["dark", "light"])
      for (const [size, width, height] of [["wide", 1440, 900], ["narrow", 360, 780]]) {
        await page.setViewportSize({ width, height });
        await page.emulateMedia({ colorScheme: theme });
        await page.waitForTimeout(150);   // charts draw in the next frames
        await page.screenshot({ path: path.join(into, `${name}-${theme}-${size}.png`) });
      }
    await page.setViewportSize({ width: 1440, height: 900 });
  };
  await page.goto(`${pair.url}/`);
  await page.getByRole("button", { name: "Log in" }).waitFor();
  if (wanted.test("login")) await shoot("login");
  await logIn(page, pair);
  for (const [name, at] of Object.entries(pages)) {
    if (!wanted.test(name)) continue;
    await open(page, pair.url + at);
    await shoot(name);
  }
  if (wanted.test("run")) {
    await page.goto(`${pair.url}/actions/${made.action}?tab=runs`);
    await page.locator("tbody a").first().click();
    await page.getByRole("dialog").getByText("Capabilities").waitFor();
    await shoot("run");
  }
  for (const [name, reach] of Object.entries(editorStates(page, pair, made))) {
    if (!wanted.test(name)) continue;
    await reach();
    await shoot(name);
  }
  if (wanted.test("omnibar")) {
    await page.goto(`${pair.url}/deployments`);
    await page.locator("tbody tr").first().waitFor();
    await page.keyboard.press("Control+k");
    await page.getByPlaceholder("A name, a page").fill("deploy web");
    await page.locator("[role=option]").first().waitFor();
    await shoot("omnibar");
  }
  if (wanted.test("selection")) {
    await page.goto(`${pair.url}/deployments`);
    for (const i of [1, 2, 3]) await page.locator("tbody tr").nth(i).locator("input").check();
    await shoot("selection");
  }
  if (wanted.test("drawer")) {
    await page.goto(`${pair.url}/`);
    await page.getByRole("button", { name: "Updates", exact: true }).click();
    await page.getByRole("dialog").locator("a").nth(2).waitFor();
    await shoot("drawer");
  }
  if (page.problems.length) throw new Error(`in the pages went wrong:\n${page.problems.join("\n")}`);
} finally {
  await browser?.close();
  try { await pair?.stop(); } finally { docker?.stop(); fs.rmSync(dir, { recursive: true, force: true }); }
}
