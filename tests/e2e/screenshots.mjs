// Every page in both themes, wide and 360 px, into a folder: node screenshots.mjs FOLDER [PATTERN]. `make screenshots` runs it.
import fs from "node:fs";
import path from "node:path";
import { logIn, open, pageEnv, startBrowser } from "./browser.mjs";
import { fill, placesOf, pretendHistory } from "./demo.mjs";
import { Program, eventually, freePort, startDocker, startPair, tempDir } from "./harness.mjs";
import { editorStates } from "./shots-editor.mjs";

const [, , into, only] = process.argv;
if (!into) throw new Error("screenshots: give a folder");
fs.mkdirSync(into, { recursive: true });
const dir = tempDir("shots");
const docker = startDocker(path.join(dir, "docker"));
let pair, browser;
const agents = [];
/** A further server: an agent of its own, without docker. */
async function addServer(as, name, region, tags) {
  const port = await freePort(), folder = path.join(dir, name);
  fs.mkdirSync(folder);
  const agent = new Program("komodo-agent", [], { PERIPHERY_ROOT_DIRECTORY: folder, PERIPHERY_PORT: String(port), PERIPHERY_BIND_IP: "127.0.0.1", PERIPHERY_SSL_ENABLED: "false", DOCKER_HOST: `unix://${folder}/none` }, folder);
  agents.push(agent);
  await agent.ready(`http://127.0.0.1:${port}/version`);
  const { _id } = await as.write("CreateServer", { name, config: { enabled: true, address: `ws://127.0.0.1:${port}`, region } });
  await as.write("UpdateResourceMeta", { target: { type: "Server", id: _id.$oid }, tags });
  return _id.$oid;
}
try {
  pair = await startPair(dir, { ...(docker ? { docker } : {}), env: { KOMODO_TITLE: "Komodo", KOMODO_FIRST_SERVER_NAME: "fra-web-1", ...pageEnv } });
  const made = await fill(pair, { docker });
  const servers = [made.server, await addServer(made.as, "fra-web-2", "frankfurt", ["prod"]), await addServer(made.as, "hel-obs-1", "helsinki", ["prod", "edge"])];
  pretendHistory(pair, servers);
  await eventually("all servers have stats", async () => (await made.as.read("ListServers", {})).filter((s) => s.info.stats?.cpu_perc > 0).length === servers.length);
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
  for (const agent of agents) await agent.stop();
  try { await pair?.stop(); } finally { docker?.stop(); fs.rmSync(dir, { recursive: true, force: true }); }
}
