// The web page in Chromium, with the real engine, agent and docker: what a person does in the first hour.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { program, startBrowser } from "./browser.mjs";
import { IMAGE, eventually, startDocker, startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login, request } from "./tools.mjs";

const dir = tempDir("ui");
const docker = program ? startDocker(path.join(dir, "docker")) : null;
const skip = !program ? "chromium is not installed" : !docker ? "no docker engine can run here" : false;
let pair, browser, page, as;

before(async () => {
  if (skip) return;
  // Nobody has an account yet: the page makes the first.
  pair = await startPair(dir, { docker, env: { KOMODO_INIT_ADMIN_USERNAME: "", KOMODO_ENABLE_NEW_USERS: "true", KOMODO_TRANSPARENT_MODE: "true", ...(process.env.KOMODO_UI_DIR ? { KOMODO_UI_DIR: process.env.KOMODO_UI_DIR } : {}) } });
  browser = await startBrowser();
  page = await browser.page();
});
after(async () => {
  await browser?.close();
  try { await pair?.stop(); } finally { docker?.stop(); fs.rmSync(dir, { recursive: true, force: true }); }
});

const heading = (name) => page.getByRole("heading", { level: 1, name, exact: true });
const toast = (text) => page.getByRole("region", { name: "Messages" }).getByText(text).first();

test("the engine serves the page: types, caching, policy, deep links", { skip }, async () => {
  const index = await request(`${pair.url}/`);
  assert.equal(index.status, 200);
  assert.match(index.headers["content-type"], /^text\/html/);
  assert.match(index.headers["content-security-policy"], /script-src 'self'/);
  assert.equal(index.headers["cache-control"], "no-cache");
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(index.text)[1];
  const packed = await request(pair.url + script, { headers: { "Accept-Encoding": "gzip" } });
  assert.equal(packed.headers["content-encoding"], "gzip");
  assert.match(packed.headers["content-type"], /^text\/javascript/);
  assert.match(packed.headers["cache-control"], /immutable/);
  const again = await request(pair.url + script, { headers: { "If-None-Match": packed.headers.etag } });
  assert.equal(again.status, 304);
  const deep = await request(`${pair.url}/deployments/some-id`);
  assert.equal(deep.status, 404);
  assert.equal(deep.text, index.text);
});

test("first run: the first account is made in the page", { skip }, async () => {
  await page.goto(`${pair.url}/servers`);
  await page.getByRole("heading", { name: "Welcome" }).waitFor();
  await page.getByLabel("Name").fill("admin");
  await page.getByLabel("Password", { exact: true }).fill(pair.password);
  await page.getByLabel("Password again").fill("something else");
  await page.getByText("The passwords differ.").waitFor();
  await page.getByLabel("Password again").fill(pair.password);
  await page.getByRole("button", { name: "Create account" }).click();
  await heading("Servers").waitFor();   // where one wanted to go
  await page.getByRole("link", { name: "Local" }).waitFor();
  await page.getByRole("button", { name: "live" }).waitFor();
  as = caller(pair, bearer(await login(pair)));
});

test("a deployment is created, configured, deployed and watched", { skip }, async () => {
  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await page.getByText("No deployments yet").waitFor();
  await page.getByRole("button", { name: "New deployment" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("hello");
  await dialog.getByRole("combobox", { name: "Server" }).click();
  await page.getByRole("option", { name: "Local" }).click();
  await dialog.getByRole("button", { name: "Create" }).click();
  await heading("hello").waitFor();

  const field = (name) => page.locator(`#field-${name}`);
  await field("image").getByRole("textbox").fill(IMAGE);
  await field("network").getByRole("textbox").fill("none");
  await field("command").getByRole("textbox").fill("sh -c 'echo hello from the page; sleep 1000'");
  await page.getByText("3 changes").first().waitFor();
  page.once("dialog", (ask) => ask.dismiss());   // leaving would lose them: stays
  await page.getByRole("link", { name: "Servers" }).first().click();
  await heading("hello").waitFor();
  await page.keyboard.press("Control+s");
  await page.getByRole("region", { name: "Change of Command" }).getByText("hello from the page").waitFor();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await toast("Saved hello").waitFor();
  const stored = await as.read("GetDeployment", { deployment: "hello" });
  assert.equal(stored.config.image.params.image, IMAGE);
  assert.equal(stored.config.network, "none");

  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  await toast("Deploy: hello").waitFor();
  await page.locator(".head").getByText("running", { exact: true }).waitFor();
  await page.getByRole("link", { name: "Log", exact: true }).click();
  await page.getByRole("log").getByText("hello from the page").waitFor();

  await page.getByRole("link", { name: "Updates", exact: true }).last().click();
  await page.getByRole("link", { name: "Deploy", exact: true }).first().click();
  await page.getByText("Docker Run", { exact: true }).waitFor();
});

test("the list filters by text in the address, and runs on many with progress", { skip }, async () => {
  for (const name of ["one", "two"]) await as.write("CopyDeployment", { name, id: "hello" });
  await page.goto(`${pair.url}/deployments`);
  await page.getByRole("row").nth(3).waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("state:running");
  await eventually("one row is left", async () => (await page.locator("tbody tr").count()) === 1);
  assert.match(page.url(), /q=state%3Arunning/);
  await page.getByRole("button", { name: "Clear the filter" }).click();
  await page.getByRole("checkbox", { name: "Select one" }).check();
  await page.getByRole("checkbox", { name: "Select two" }).check();
  await page.getByRole("toolbar", { name: "Selection" }).getByRole("button", { name: "Deploy", exact: true }).click();
  await page.getByRole("complementary", { name: "Running on many" }).getByText("2 of 2").waitFor({ timeout: 60000 });
  assert.equal((await as.read("ListDeployments", { query: { names: ["two"] } }))[0].info.state, "running");
});

test("what others do shows by itself", { skip }, async () => {
  await page.goto(`${pair.url}/deployments`);
  const row = page.getByRole("row").filter({ hasText: "two" });
  await row.getByText("running").waitFor();
  await as.execute("StopDeployment", { deployment: "two" });
  await row.getByText(/exited/).waitFor({ timeout: 30000 });
});

test("commands by keyboard alone: a theme, a page, an execution", { skip }, async () => {
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  assert.equal(await theme(), "dark");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("light theme");
  await page.keyboard.press("Enter");
  assert.equal(await theme(), "light");
  await page.reload();
  assert.equal(await theme(), "light");
  await heading("Deployments").waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("option").first().waitFor();
  await page.keyboard.type("start two");
  await page.getByRole("option", { name: /Start two/ }).waitFor();
  await page.keyboard.press("Enter");
  await toast("Start deployment: two").waitFor();
});

test("deleting names what is lost and wants the name", { skip }, async () => {
  await page.goto(`${pair.url}/deployments`);
  await page.getByRole("link", { name: "two", exact: true }).click();
  await page.getByRole("link", { name: "Manage" }).click();
  await page.getByRole("button", { name: "Delete deployment…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("everything it wrote outside volumes").waitFor();
  assert.equal(await dialog.getByRole("button", { name: "Delete deployment" }).isDisabled(), true);
  await dialog.getByRole("textbox").fill("two");
  await dialog.getByRole("button", { name: "Delete deployment" }).click();
  await heading("Deployments").waitFor();
  assert.equal((await as.read("ListDeployments", { query: { names: ["two"] } })).length, 0);
});

test("secrets are written, not shown", { skip }, async () => {
  await page.goto(`${pair.url}/settings/variables`);
  await page.getByRole("button", { name: "New variable" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("API_TOKEN");
  await dialog.getByLabel("Value").fill("very-secret");
  await dialog.getByText("Secret: not shown").click();
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByRole("cell", { name: "secret", exact: true }).waitFor();
  assert.equal((await page.content()).includes("very-secret"), false);
});

test("every page fits 360 px and has nothing to say in the console", { skip }, async () => {
  await page.setViewportSize({ width: 360, height: 780 });
  const [server] = await as.read("ListServers", {});
  const [hello] = await as.read("ListDeployments", { query: { names: ["hello"] } });
  const { updates } = await as.read("ListUpdates", {});
  const places = ["/", "/servers", "/containers", "/images", "/networks", "/volumes", "/stats", "/stacks", "/deployments", "/builds", "/repos", "/swarms", "/actions", "/procedures", "/schedules",
    "/resource-syncs", "/alerts", "/updates", "/alerters", "/builders", "/settings/variables", "/settings/tags", "/settings/providers", "/settings/onboarding", "/settings/users", "/settings/engine", "/profile",
    ...["containers", "config", "stats", "processes", "manage"].map((tab) => `/servers/${server.id}?tab=${tab}`), `/servers/${server.id}/container/hello`, `/deployments/${hello.id}`, `/updates/${updates[0].id}`, "/nothing"];
  for (const place of places) {
    await page.goto(pair.url + place);
    await page.locator("main h1").first().waitFor();
    await page.waitForLoadState("networkidle");
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 360, `${place} is ${width} px wide`);
  }
  await page.getByRole("button", { name: "Places" }).click();
  await page.getByRole("navigation", { name: "Places" }).getByRole("link", { name: "Stacks" }).click();
  await heading("Stacks").waitFor();
  await page.setViewportSize({ width: 1440, height: 900 });
  assert.deepEqual(page.problems, []);
});

test("a connection that is lost is said, and comes back", { skip }, async () => {
  await page.goto(`${pair.url}/deployments`);
  await page.getByRole("button", { name: "live" }).waitFor();
  await pair.engine.stop();
  await page.getByRole("button", { name: "no connection" }).waitFor();
  await pair.startEngine();
  await page.getByRole("button", { name: "live" }).waitFor({ timeout: 30000 });
});

test("a session that ended asks to log in and comes back to the same page", { skip }, async () => {
  await page.goto(`${pair.url}/stacks`);
  await heading("Stacks").waitFor();
  await page.evaluate(() => localStorage.setItem("komodo.token", "no.longer.valid"));
  await page.reload();
  await page.getByText("Your session has ended").waitFor();
  await page.getByLabel("Name").fill("admin");
  await page.getByLabel("Password", { exact: true }).fill(pair.password);
  await page.getByRole("button", { name: "Log in" }).click();
  await heading("Stacks").waitFor();
});

test("who may only look is offered nothing else", { skip }, async () => {
  await page.evaluate(() => localStorage.removeItem("komodo.token"));
  await page.goto(`${pair.url}/`);
  await page.getByRole("button", { name: "Make an account" }).click();
  await page.getByLabel("Name").fill("viewer");
  await page.getByLabel("Password", { exact: true }).fill("viewer-password");
  await page.getByLabel("Password again").fill("viewer-password");
  await page.getByRole("button", { name: "Sign up" }).click();
  await heading("Home").waitFor();
  await page.goto(`${pair.url}/deployments`);
  await page.getByRole("link", { name: "hello" }).click();
  await heading("hello").waitFor();
  await page.getByText("You may look, but not change.").waitFor();
  assert.equal(await page.getByRole("button", { name: "Deploy", exact: true }).count(), 0);
  assert.equal(await page.locator("#field-network input").isDisabled(), true);
});
