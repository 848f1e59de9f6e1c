// The web page in Chromium, with the real engine, agent and docker: what a person does in the first hour.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { barriers, logIn, open, pageEnv, program, startBrowser } from "./browser.mjs";
import { fill, placesOf } from "./demo.mjs";
import { IMAGE, eventually, startDocker, startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login, objectId, permissionDocument, request, store, stored, userDocument } from "./tools.mjs";

const dir = tempDir("ui");
const docker = program ? startDocker(path.join(dir, "docker")) : null;
const skip = !program ? "chromium is not installed" : !docker ? "no docker engine can run here" : false;
let pair, browser, page, as, places;

before(async () => {
  if (skip) return;
  // Nobody has an account yet: the page makes the first.
  pair = await startPair(dir, { docker, env: { KOMODO_INIT_ADMIN_USERNAME: "", KOMODO_ENABLE_NEW_USERS: "true", KOMODO_TRANSPARENT_MODE: "true", ...pageEnv } });
  browser = await startBrowser();
  page = await browser.page();
});
after(async () => {
  await browser?.close();
  try { await pair?.stop(); } finally { docker?.stop(); fs.rmSync(dir, { recursive: true, force: true }); }
});

const heading = (name) => page.getByRole("heading", { level: 1, name, exact: true });
const toast = (text) => page.getByRole("region", { name: "Messages" }).getByText(text).first();

test("the engine serves the page it was built with: types, caching, policy, deep links", { skip: skip || (process.env.KOMODO_UI_DIR ? "the page comes from KOMODO_UI_DIR" : false) }, async () => {
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
  await field("command").getByRole("textbox").fill("sh -c 'trap exit TERM; echo hello from the page; sleep 1000 & wait'");
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
  await dialog.getByLabel("Name").fill("PAGE_TOKEN");
  await dialog.getByLabel("Value").fill("very-secret");
  await dialog.getByText("Secret: not shown").click();
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByRole("cell", { name: "secret", exact: true }).waitFor();
  assert.equal((await page.content()).includes("very-secret"), false);
});

test("every page fits 360 px, is accessible in both themes, and has nothing to say in the console", { skip }, async () => {
  const made = await fill(pair);
  const [hello] = await as.read("ListDeployments", { query: { names: ["hello"] } });
  places = { ...placesOf(made), container: `/servers/${made.server}/container/hello`, "container-terminals": `/servers/${made.server}/container/hello?tab=terminals`,
    "deployment-log": `/deployments/${hello.id}?tab=log`, "deployment-inspect": `/deployments/${hello.id}?tab=inspect`, "server-manage": `/servers/${made.server}?tab=manage` };
  await page.emulateMedia({ colorScheme: "dark" });
  await page.evaluate(() => localStorage.setItem("komodo.look", JSON.stringify({ theme: "system" })));
  const wrong = [];
  for (const [name, place] of Object.entries(places)) {
    await page.setViewportSize({ width: 360, height: 780 });
    await open(page, pair.url + place);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    if (width > 360) wrong.push(`${name} (${place}) is ${width} px wide`);
    await page.setViewportSize({ width: 1440, height: 900 });
    const found = await barriers(page);
    await page.emulateMedia({ colorScheme: "light" });
    found.push(...(await barriers(page, ["color-contrast"])).map((f) => `light: ${f}`));
    await page.emulateMedia({ colorScheme: "dark" });
    wrong.push(...found.map((f) => `${name}: ${f}`));
  }
  assert.deepEqual(wrong, []);
  await page.setViewportSize({ width: 360, height: 780 });
  await page.getByRole("button", { name: "Places" }).click();
  await page.getByRole("navigation", { name: "Places" }).getByRole("link", { name: "Stacks" }).click();
  await heading("Stacks").waitFor();
  await page.setViewportSize({ width: 1440, height: 900 });
  assert.deepEqual(page.problems, []);
});

test("what is wrong is named on the first page, and a failure says where to go", { skip }, async () => {
  await page.goto(`${pair.url}/`);
  const wrong = page.locator("section").filter({ has: page.getByRole("heading", { name: "Needs a look" }) });
  await wrong.getByRole("link", { name: /check-certificates.*failed/ }).waitFor();
  await wrong.getByRole("link", { name: /% full/ }).first().waitFor();
  await page.goto(pair.url + places["update-failed"]);
  const note = page.getByRole("alert");
  await note.getByText("Execute Action failed: check-certificates:1: certificate of example.com ends in 3 days").waitFor();
  await note.getByRole("link", { name: "Open the script" }).click();
  await heading("check-certificates").waitFor();
});

test("a phone shows a row's name and state at once", { skip }, async () => {
  await page.setViewportSize({ width: 360, height: 780 });
  await page.goto(`${pair.url}/deployments`);
  const row = page.getByRole("row").filter({ hasText: "hello" });
  const boxes = [await row.getByRole("link", { name: "hello" }).boundingBox(), await row.getByText("running", { exact: true }).boundingBox()];
  assert.ok(boxes.every((b) => b.x >= 0 && b.x + b.width <= 360), JSON.stringify(boxes));
  assert.ok(Math.abs(boxes[0].y - boxes[1].y) < 6, JSON.stringify(boxes));
  await page.setViewportSize({ width: 1440, height: 900 });
});

test("a terminal is typed into, sized, found again after the engine was away, and ended", { skip }, async () => {
  await page.goto(`${pair.url}/deployments`);
  await page.getByRole("link", { name: "hello", exact: true }).click();
  await page.getByRole("link", { name: "Terminals", exact: true }).click();
  await page.getByText("No terminal is open").waitFor();
  await page.getByRole("button", { name: "New terminal" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("mine");
  await page.keyboard.press("Enter");
  const stage = (word) => page.locator(".terminal .foot").getByText(word, { exact: true }).waitFor({ timeout: 30000 });
  const screen = page.locator(".xterm-rows");
  await stage("connected");
  await page.keyboard.type("echo $((40+2))-and-more\n");
  await screen.getByText("42-and-more").waitFor();
  await page.setViewportSize({ width: 900, height: 700 });
  await eventually("the shell knows the new size", async () => {
    const [columns, rows] = (await page.locator(".terminal .foot .num").textContent()).split(" × ");
    await page.keyboard.type("stty size\n");
    return screen.getByText(`${rows} ${columns}`).first().waitFor({ timeout: 2000 }).then(() => true);
  });
  await page.setViewportSize({ width: 1440, height: 900 });

  await page.getByRole("button", { name: "live" }).waitFor();
  await pair.engine.stop();
  await page.getByRole("button", { name: "no connection" }).waitFor();
  await page.getByText("The engine does not answer").waitFor();
  await stage("no connection");
  addOperator();
  await pair.startEngine();
  await page.getByRole("button", { name: "live" }).waitFor({ timeout: 30000 });
  await page.getByText("The engine does not answer").waitFor({ state: "hidden" });
  await eventually("the agent is there again", async () => (await as.read("ListTerminals", {})).length === 1);
  await page.getByRole("button", { name: "Connect now" }).click({ timeout: 1000 }).catch(() => {});   // unless it just did by itself
  await stage("connected");
  await screen.getByText("42-and-more").waitFor();

  await page.locator(".xterm").click();
  await page.keyboard.press("Shift+Escape");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "mine");
  await page.getByRole("button", { name: "End mine" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "End terminal" }).click();
  await page.getByText("No terminal is open").waitFor();
  assert.deepEqual(await as.read("ListTerminals", {}), []);
});

// Somebody who may run one deployment and read its log, and nothing else. The engine must be away.
function addOperator() {
  const hash = stored(pair, "User").find((u) => u.username === "admin").config.data.password;
  const hello = stored(pair, "Deployment").find((d) => d.name === "hello")._id.$oid;
  const id = objectId(0xb01), permission = objectId(0xb02);
  store(pair, { User: { [id]: userDocument(id, "operator", hash) },
    Permission: { [permission]: permissionDocument(permission, { type: "User", id }, { type: "Deployment", id: hello }, "Execute", ["Logs"]) } });
}

// Where the focus is, and what a person sees of it.
const focus = () => page.evaluate(() => {
  const at = document.activeElement, box = at.getBoundingClientRect();
  const marked = (e) => { const { outlineStyle, outlineWidth } = getComputedStyle(e); return outlineStyle !== "none" && parseFloat(outlineWidth) > 0; };
  const near = [at, at.parentElement, at.parentElement?.parentElement, at.nextElementSibling].filter(Boolean);
  return { name: at.getAttribute("aria-label") ?? (at.labels?.[0]?.textContent || at.textContent).trim().slice(0, 60), tag: at.tagName, lost: at === document.body, dialog: at.closest("[role=dialog]") !== null,
    seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth, marked: near.some(marked) };
});
const isSeen = (at) => assert.ok(!at.lost && at.seen && at.marked, `the focus cannot be seen: ${JSON.stringify(at)}`);
async function tabTo(name) {
  for (let i = 0; i < 80; i++) {
    await page.keyboard.press("Tab");
    const at = await focus();
    isSeen(at);
    if (at.name === name) return;
  }
  throw new Error(`Tab does not come to ${name}`);
}

test("by keyboard alone: log in where a session ended, find a deployment, open a dialog and leave it", { skip }, async () => {
  await page.goto(`${pair.url}/stacks`);
  await heading("Stacks").waitFor();
  await page.evaluate(() => localStorage.setItem("komodo.token", "no.longer.valid"));
  await page.reload();
  await page.getByText("Your session has ended").waitFor();
  assert.equal((await focus()).name, "Name");
  await page.keyboard.type("admin");
  await tabTo("Password");
  await page.keyboard.type(pair.password);
  await page.keyboard.press("Enter");
  await heading("Stacks").waitFor();

  await page.keyboard.press("Control+k");
  await page.getByRole("option").first().waitFor();
  await page.keyboard.type("hello");
  await page.getByRole("option", { name: /hello.*deployment/ }).waitFor();
  await page.keyboard.press("Enter");
  await heading("hello").waitFor();
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  await page.locator("#field-image").waitFor();

  // From the list to a saved change.
  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await heading("Deployments").waitFor();
  await page.locator("tbody tr").first().waitFor();
  for (let i = 0; i < 30 && (await focus()).name !== "hello"; i++) await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await heading("hello").waitFor();
  await page.locator("#field-image").waitFor();
  await tabTo("Termination timeout");
  await page.keyboard.press("Control+a");
  await page.keyboard.type("7");
  await page.keyboard.press("Control+s");
  await page.getByRole("dialog").getByRole("region", { name: "Change of Termination timeout" }).waitFor();
  await tabTo("Save");
  await page.keyboard.press("Enter");
  await toast("Saved hello").waitFor();

  // The first stop leads past the places, to the page.
  await page.evaluate(() => document.activeElement.blur());
  await page.reload();
  await page.locator("#field-image").waitFor();
  await tabTo("Skip to the page");
  await page.keyboard.press("Enter");
  await tabTo("More");
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Copy…" }).waitFor();
  for (let i = 0; i < 20 && (await focus()).name !== "Copy…"; i++) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByLabel("Name").waitFor();
  await eventually("the dialog has the focus", async () => (await focus()).dialog);
  for (let i = 0; i < 6; i++) {
    await page.keyboard.press("Tab");
    const at = await focus();
    isSeen(at);
    assert.ok(at.dialog, `the focus leaves the dialog: ${JSON.stringify(at)}`);
  }
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  await eventually("the focus comes back to what opened it", async () => (await focus()).name === "More");
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press("Tab");
    const at = await focus();
    if (at.lost) {   // only behind the last stop, before the first
      await page.keyboard.press("Tab");
      assert.equal((await focus()).name, "Skip to the page");
      break;
    }
    isSeen(at);
  }
  await page.keyboard.press("Escape");
  await page.locator("#main").focus();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  assert.equal((await focus()).lost, false);
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

async function logInAs(name, password) {
  await page.evaluate(() => localStorage.removeItem("komodo.token"));
  await logIn(page, pair, name, password);
}
const buttons = () => page.locator("main").getByRole("button", { disabled: false }).evaluateAll((all) => all.filter((b) => b.checkVisibility()).map((b) => (b.getAttribute("aria-label") ?? b.textContent).trim()));

test("no page offers a viewer what he may not do", { skip }, async () => {
  await logInAs("viewer", "viewer-password");
  const wrong = [];
  // One page of each sort.
  for (const name of ["server", "server-manage", "container", "containers", "volumes", "stack", "deployment", "deployment-manage", "action", "schedules", "syncs", "actions", "update-failed", "variables", "tags", "providers"]) {
    await open(page, pair.url + places[name]);
    for (const label of await buttons())
      if (/^(Delete|Deploy|Redeploy|Run|Prune|Save|Add|Start|Stop|Restart|Pause|Destroy|Pull|Rename|Clone|Build|Enable|Disable|Edit|Remove|Change|New (server|builder|alerter|action|procedure|variable|account|key|user|terminal))\b/.test(label)) wrong.push(`${name}: ${label}`);
  }
  assert.deepEqual(wrong, []);
});

test("who may run but not change is offered that", { skip }, async () => {
  await logInAs("operator", pair.password);
  await page.goto(`${pair.url}/deployments`);
  await page.getByRole("link", { name: "hello", exact: true }).click();
  await page.getByRole("button", { name: "More" }).waitFor();
  await page.getByText("You may look, but not change.").waitFor();
  await page.getByRole("link", { name: "Log", exact: true }).click();
  await page.getByRole("log").getByText("hello from the page").waitFor();
  await page.getByRole("link", { name: "Terminals", exact: true }).click();
  await page.getByText("No terminals for you here").waitFor();
  await page.getByRole("button", { name: "Restart", exact: true }).click();
  await toast("Restart deployment: hello").waitFor({ timeout: 30000 });
});
