// Fields with an editor in Chromium with the real engine: completion, mistakes with their line, keys that leave, and what
// happens before the editor is loaded.
import assert from "node:assert/strict";
import { test } from "node:test";
import { barriers, open, skip, withPage } from "./browser.mjs";
import { eventually } from "./harness.mjs";

const COMPOSE = "services:\n  web:\n    image: nginx\n  cache:\n    image: redis\n";
let pair, page, as, stack, sync, server;

withPage("ui-fields", { agent: false }, async (made) => {
  ({ pair, page, as } = made);
  const id = (made) => made._id.$oid;
  server = id(await as.write("CreateServer", { name: "fra-1", config: { enabled: false } }));
  await as.write("CreateVariable", { name: "API_TOKEN", value: "x", is_secret: true, description: "Token of the public API." });
  stack = id(await as.write("CreateStack", { name: "shop", config: { file_contents: COMPOSE, environment: "TOKEN = [[API_TOKEN]]\nOTHER = [[NOBODY]]\n" } }));
  sync = id(await as.write("CreateResourceSync", { name: "all", config: { file_contents: '[[stack]]\nname = "shop"\n[stack.config]\n' } }));
});

const field = (name) => page.locator(`#field-${name}`);
const text = (name) => field(name).getByRole("textbox");
const list = () => page.locator(".cm-tooltip-autocomplete");
const take = async (name) => list().getByText(name, { exact: true }).first().click();
const ready = (name) => field(name).locator("[data-ready=true]").waitFor();
/** Puts the cursor at the end. */
async function atEnd(name) {
  await text(name).click();
  await page.keyboard.press("Control+End");
}

test("a field has its text and its place before the editor is there", { skip }, async () => {
  let load;
  const held = new Promise((resolve) => { load = resolve; });
  await page.route(/assets\/field-.*\.js/, async (route) => { await held; await route.continue(); });
  await page.goto(`${pair.url}/stacks/${stack}?tab=config`);
  const frame = field("file_contents").locator("[data-ready]");
  assert.equal(await text("file_contents").inputValue(), COMPOSE);
  await text("file_contents").focus();
  await page.keyboard.press("Control+End");
  await page.keyboard.type("# typed early");
  const before = await frame.boundingBox();
  load();
  await ready("file_contents");
  assert.deepEqual(await frame.boundingBox(), before, "the field keeps its size");
  await page.keyboard.type(", and late");
  await eventually("nothing is lost", async () => (await text("file_contents").textContent()).endsWith("# typed early, and late"));
  await page.unroute(/assets\/field-.*\.js/);

  page.once("dialog", (ask) => ask.accept());
  await page.route(/assets\/field-.*\.js/, (route) => route.abort());
  await page.reload();
  await text("file_contents").fill(`${COMPOSE}x-more: 1\n`);
  await page.getByText("1 change").first().waitFor();
  await page.getByRole("button", { name: "Discard" }).click();
  assert.equal(await text("file_contents").inputValue(), COMPOSE, "without the editor a field works as a textarea");
  await page.unroute(/assets\/field-.*\.js/);
  page.problems.length = 0;   // the load that was refused
});

test("compose: keys, values and names complete; mistakes are told with their line", { skip }, async () => {
  await page.goto(`${pair.url}/stacks/${stack}?tab=config`);
  await ready("file_contents");
  await atEnd("file_contents");
  await page.keyboard.type("    rest");
  await take("restart");
  await take("unless-stopped");
  await page.keyboard.press("Enter");
  await page.keyboard.type("depends_on:\n  - we");
  await take("web");
  assert.match(await text("file_contents").evaluate((e) => e.innerText), /restart: unless-stopped\n +depends_on:\n +- web/);
  await page.keyboard.press("Control+End");
  await page.keyboard.type("\nbroken: [1");
  await page.keyboard.press("Delete");
  await field("file_contents").getByRole("button", { name: /^Line \d+: / }).waitFor();
  await page.getByRole("button", { name: "Discard" }).click();
  await field("file_contents").getByText("Compose file", { exact: true }).waitFor();
});

test("variables: coloured, explained, completed", { skip }, async () => {
  await ready("environment");
  await field("environment").locator(".cm-variable-unknown").getByText("[[NOBODY]]").waitFor();
  assert.equal(await field("environment").locator(".cm-variable:not(.cm-variable-unknown)").textContent(), "[[API_TOKEN]]");
  await field("environment").locator(".cm-variable").first().hover();
  await page.locator(".tip").getByText("Token of the public API").waitFor();
  await atEnd("environment");
  await page.keyboard.type("THIRD = [[AP");
  await take("API_TOKEN");
  await eventually("it is written", async () => (await text("environment").textContent()).endsWith("THIRD = [[API_TOKEN]]"));
  await page.keyboard.press("Tab");
  assert.equal(await text("environment").evaluate((e) => e.contains(document.activeElement)), false, "Tab goes on at once where nothing is indented");
  await page.getByRole("button", { name: "Discard" }).click();
});

test("resource files: the schema completes, docs show, keys nobody knows are told", { skip }, async () => {
  await page.goto(`${pair.url}/resource-syncs/${sync}?tab=config`);
  await ready("file_contents");
  await atEnd("file_contents");
  await page.keyboard.type("serv");
  await take("server");
  await take("fra-1");
  await page.keyboard.type("\nauto_pul = true");
  await field("file_contents").getByText(/Line 5: Stack config has no key "auto_pul".*Did you mean auto_pull/).waitFor();
  assert.match(await text("file_contents").evaluate((e) => e.innerText), /server = "fra-1"\n/);
  await text("file_contents").getByText("server", { exact: true }).or(text("file_contents").locator(".cm-line").nth(3)).first().hover({ position: { x: 20, y: 8 } });
  await page.locator(".tip").getByText(/^server: name/).waitFor();
});

test("Tab indents where that means something, and leaves after Escape, as the field says", { skip }, async () => {
  const at = text("file_contents");
  await atEnd("file_contents");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.ok(await at.evaluate((e) => e.contains(document.activeElement)));
  assert.match(await page.locator(`[id="${await at.getAttribute("aria-describedby")}"]`).textContent(), /press Escape first/);
  assert.equal(await at.getAttribute("aria-multiline"), "true");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Tab");
  assert.ok(!await at.evaluate((e) => e.contains(document.activeElement)));
  await page.getByRole("button", { name: "Discard" }).click();
});

test("what is typed wrongly is told and not saved; changes live through other tabs and are reviewed", { skip }, async () => {
  await page.goto(`${pair.url}/servers/${server}?tab=config`);
  const warning = field("cpu_warning").getByRole("textbox");
  const bar = page.getByRole("region", { name: "Unsaved changes" });
  await warning.fill("70");
  await warning.fill("7o");
  await bar.getByText("CPU warning: A number is needed.").waitFor();
  assert.ok(await bar.getByRole("button", { name: "Review and save" }).isDisabled());
  await warning.fill("75");
  await bar.getByText("1 change").waitFor();
  await page.getByRole("link", { name: "TOML", exact: true }).click();
  await page.getByRole("textbox", { name: "As TOML" }).waitFor();
  await page.getByRole("link", { name: "Config", exact: true }).click();
  assert.equal(await warning.inputValue(), "75", "another tab did not lose it");
  await warning.fill("x");
  await bar.getByRole("button", { name: "Discard" }).click();
  assert.equal(await warning.inputValue(), "90");
  await warning.fill("80");
  await page.keyboard.press("Control+s");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("region", { name: "Change of CPU warning" }).getByText("80").waitFor();
  await dialog.getByRole("button", { name: "Save" }).click();
  await bar.waitFor({ state: "hidden" });
  assert.equal((await as.read("GetServer", { server })).config.cpu_warning, 80);
});

test("every type has its text as TOML, without a mistake in it", { skip }, async () => {
  const types = ["Server", "Swarm", "Stack", "Deployment", "Build", "Repo", "Procedure", "Action", "Builder", "Alerter", "ResourceSync"];
  const paths = { ResourceSync: "resource-syncs", Repo: "repos" };
  for (const type of types) {
    const config = type === "Builder" ? { type: "Server", params: {} } : type === "ResourceSync" ? { files_on_host: true } : {};
    const made = (await as.write(`Create${type}`, { name: `toml-${type.toLowerCase()}`, config }))._id.$oid;
    await page.goto(`${pair.url}/${paths[type] ?? `${type.toLowerCase()}s`}/${made}?tab=toml`);
    await page.locator("[data-ready=true]").waitFor();
    const shown = page.getByRole("textbox", { name: "As TOML" });
    assert.match(await shown.textContent(), new RegExp(`name = "toml-${type.toLowerCase()}"`), type);
    await page.locator(".foot").getByText("Resources as TOML").waitFor();
  }
});

test("fields are usable at 360 px, by everybody, and by who may only look", { skip }, async () => {
  await page.setViewportSize({ width: 360, height: 780 });
  await open(page, `${pair.url}/stacks/${stack}?tab=config`);
  await ready("file_contents");
  await ready("environment");
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the page");
  await page.setViewportSize({ width: 1440, height: 900 });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await barriers(page), []);
  }
  await open(page, `${pair.url}/stacks/${stack}?tab=toml`);
  const shown = page.getByRole("textbox", { name: "As TOML" });
  await page.locator("[data-ready=true]").waitFor();
  assert.equal(await shown.getAttribute("aria-readonly"), "true");
  await shown.click();
  await page.keyboard.type("never");
  assert.ok(!(await shown.textContent()).includes("never"));
  assert.deepEqual(page.problems, []);
});
