// The script editor in Chromium with the real engine: write, see what is wrong, run, dry run, cancel, history, versions.
import assert from "node:assert/strict";
import { test } from "node:test";
import { barriers, skip, withPage } from "./browser.mjs";
import { eventually } from "./harness.mjs";

let pair, page, as, id;

withPage("ui-editor", { agent: false }, async (made) => {
  ({ pair, page, as } = made);
  id = (await as.write("CreateAction", { name: "hello", config: { arguments: "who = world\n" } }))._id.$oid;
});

const editor = () => page.getByRole("region", { name: "Script editor" });
const code = () => editor().getByRole("textbox", { name: "Script", exact: true });
const panel = () => editor().getByRole("complementary", { name: "Run and settings" });
const button = (name) => editor().getByRole("button", { name, exact: true });
const tab = (name) => panel().getByRole("tab", { name }).click();
const log = () => panel().getByRole("list", { name: "Log of the run" });
const script = async () => (await as.read("GetAction", { action: id })).config.file_contents;
/** Replaces the whole script, by typing where a person would paste. */
async function write(text) {
  await code().click();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  await page.keyboard.insertText(text);
}
const list = () => page.locator(".cm-tooltip-autocomplete");

test("completion: the module, request names, parameters, fields of results", { skip }, async () => {
  await page.goto(`${pair.url}/actions/${id}`);
  await code().click();
  await page.keyboard.type("komodo.re");
  await list().getByText("read", { exact: true }).waitFor();
  await page.keyboard.press("Escape");
  await write("");
  await page.keyboard.type('for _, a in ipairs(komodo.read("ListAc');
  await list().getByText("ListActions", { exact: true }).waitFor();
  await page.keyboard.press("Escape");
  await write('for _, a in ipairs(komodo.read("ListActions")) do\n  print(a');
  await page.keyboard.type(".");
  await list().getByText("tags", { exact: true }).waitFor();
  await page.keyboard.press("Escape");
  await write("komodo.timeout(5");
  await page.keyboard.type(",");
  await page.locator(".tip").getByText("fn", { exact: true }).waitFor();
});

test("diagnostics appear while one types, and lead to their place", { skip }, async () => {
  await write("local x = 1\nprnt(x)\n");
  await button("1 problem").click();
  await editor().getByRole("list", { name: "Problems" }).getByText(/undefined global 'prnt'/).click();
  await editor().getByText("Line 2, column 1").waitFor();
  await write("print(");
  await button("1 problem").waitFor();
  await editor().getByRole("list", { name: "Problems" }).getByText(/syntax, line/).waitFor();
});

test("format indents, save keeps, leaving asks", { skip }, async () => {
  await write('if komodo.args.who then\nprint("hello " .. komodo.args.who)\nend\nreturn { n = 1 }\n');
  await button("No problems").waitFor();
  await page.keyboard.press("Shift+Alt+f");
  await editor().getByText("1 unsaved change").waitFor();
  page.once("dialog", (ask) => ask.dismiss());
  await page.getByRole("link", { name: "Schedules" }).first().click();
  await code().waitFor();
  // Another part of the same page keeps what is unsaved.
  await page.getByRole("link", { name: "Updates", exact: true }).last().click();
  await page.getByRole("link", { name: "Script", exact: true }).click();
  await editor().getByText("1 unsaved change").waitFor();
  await code().click();
  await page.keyboard.press("Control+s");
  await editor().getByText("Saved", { exact: true }).waitFor();
  assert.equal(await script(), 'if komodo.args.who then\n  print("hello " .. komodo.args.who)\nend\nreturn { n = 1 }\n');
});

test("a run shows its lines, result and cost; arguments of one run", { skip }, async () => {
  await panel().getByRole("textbox", { name: "who", exact: true }).fill("editor");
  await code().click();
  await page.keyboard.press("Control+Enter");
  await log().getByText("hello editor").waitFor();
  await panel().getByRole("region", { name: "Result" }).getByText('"n": 1').waitFor();
  await panel().getByText("Peak memory").waitFor();
  await panel().getByText("success", { exact: true }).first().waitFor();
});

test("a dry run changes nothing and says so", { skip }, async () => {
  await write('assert(komodo.write("CreateTag", { name = "made" }))\nreturn #assert(komodo.read("ListTags"))\n');
  await button("Save and dry run").click();
  await panel().getByText("dry run: nothing was changed").waitFor();
  assert.equal((await as.read("ListTags", {})).some((t) => t.name === "made"), false);
});

test("a failure shows its line and leads there", { skip }, async () => {
  await write('local a = 1\n\nerror("broken on purpose")\n');
  await button("Save and run").click();
  await panel().getByRole("alert").getByText(/broken on purpose/).waitFor();
  await panel().getByRole("button", { name: "Line 3" }).click();
  await editor().getByText(/^Line 3, /).waitFor();
});

test("a run goes on live and is cancelled", { skip }, async () => {
  await write('print("begun")\nkomodo.sleep(600)\n');
  await button("Save and run").click();
  await log().getByText("begun").waitFor();
  await page.reload();   // it is found again
  await log().getByText("begun").waitFor();
  await button("Cancel").click();
  await panel().getByText("cancelled", { exact: true }).first().waitFor();
  await button("Run").waitFor();
});

test("history lists the runs; one of before is shown again", { skip }, async () => {
  await tab("History");
  const runs = panel().getByRole("list", { name: "Runs" }).getByRole("button");
  await eventually("four runs are listed", async () => (await runs.count()) === 4);
  assert.match(await runs.nth(0).innerText(), /cancelled/);
  assert.match(await runs.nth(2).innerText(), /dry run/);
  await runs.nth(3).click();
  await log().getByText("hello editor").waitFor();
});

test("capabilities are taken from what runs used, and the editor knows them", { skip }, async () => {
  await tab("Settings");
  await panel().getByRole("button", { name: "Use these" }).click();
  await eventually("the capabilities of the runs are there", async () => (await panel().getByRole("textbox", { name: "Capability 1" }).inputValue()) !== "*");
  await write('komodo.read("ListStacks")\n');
  await button("1 problem").waitFor();
  await panel().getByRole("textbox", { name: "CPU time, s" }).fill("2");
  await panel().getByRole("textbox", { name: "Schedule", exact: true }).fill("every day at 03:00");
  await page.keyboard.press("Control+s");
  await editor().getByText("Saved", { exact: true }).waitFor();
  const { config } = await as.read("GetAction", { action: id });
  assert.deepEqual(config.limits, { cpu_seconds: 2 });
  assert.ok(config.capabilities.includes("write:CreateTag@made"), config.capabilities.join());
  assert.equal(config.schedule, "every day at 03:00");
});

test("triggers: a route with its address and curl line; what is refused is said", { skip }, async () => {
  await tab("Triggers");
  await panel().getByRole("button", { name: "Add" }).first().click();
  await page.getByRole("menuitem", { name: /HTTP request/ }).click();
  await panel().getByRole("textbox", { name: "Path" }).fill("release/v1");
  await panel().getByText(`${pair.url}/hook/hello/release/v1`, { exact: true }).waitFor();
  await panel().getByText(/^curl -X POST -H "Authorization: Bearer \$SECRET"/).waitFor();
  await page.keyboard.press("Control+s");
  await editor().getByText("Saved", { exact: true }).waitFor();
  assert.deepEqual((await as.read("GetAction", { action: id })).config.triggers, [{ type: "http", path: "release/v1", method: "POST", auth: "token" }]);
  await tab("Settings");
  await panel().getByRole("textbox", { name: "CPU time, s" }).fill("99999999");
  await page.keyboard.press("Control+s");
  await editor().getByRole("alert").getByText(/cpu_seconds/).waitFor();
  await panel().getByRole("textbox", { name: "CPU time, s" }).fill("2");
});

test("the next five runs of the schedule are said in words", { skip }, async () => {
  const next = panel().getByLabel("Next runs").getByRole("listitem");
  await eventually("five runs show", async () => (await next.count()) === 5);
  assert.match(await next.nth(0).innerText(), /^(today|tomorrow), 03:00\s+in \d+ (h|min)$/);
});

test("an alert rule is tried on a server, with the text in the editor", { skip }, async () => {
  await as.write("CreateServer", { name: "box", config: { enabled: false } });
  await write('return { level = "WARNING", message = "looked at " .. komodo.event.target.name }\n');
  await tab("Triggers");
  await panel().getByRole("button", { name: "Add" }).first().click();
  await page.getByRole("menuitem", { name: /Alert rule/ }).click();
  const tester = panel().getByRole("region", { name: "Test the rule" });
  await tester.getByRole("combobox", { name: "Target" }).click();
  await page.getByRole("option", { name: /box/ }).click();
  await tester.getByRole("button", { name: "Try" }).click();
  await tester.getByText("looked at box").waitFor();
  await panel().getByRole("button", { name: "Remove trigger 2" }).click();
  await write('komodo.read("ListStacks")\n');
});

test("versions show what differs, and come back as an unsaved change", { skip }, async () => {
  await tab("Versions");
  const versions = panel().getByRole("list", { name: "Versions" }).getByRole("button", { name: /^Saved/ });
  await eventually("five saved scripts", async () => (await versions.count()) === 5);
  await versions.nth(4).click();
  await panel().getByRole("region", { name: "Difference to the editor" }).getByText('return { n = 1 }').waitFor();
  await panel().getByRole("button", { name: "Restore" }).click();
  await editor().getByText("1 unsaved change").waitFor();
  await code().getByText("return").waitFor();
  assert.equal(await script(), 'komodo.read("ListStacks")\n');
});

test("an example to start from", { skip }, async () => {
  await button("More").click();
  await page.getByRole("menuitem", { name: /example/ }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("disk full rule");
  await dialog.getByText("Alert rule: a disk that will be full soon.").first().waitFor();
  assert.deepEqual(await barriers(page), []);
  await dialog.getByRole("button", { name: "Use this" }).click();
  await code().getByText("look_back", { exact: false }).first().waitFor();
});

test("the editor is there soon after it is asked for", { skip }, async () => {
  page.once("dialog", (ask) => ask.accept());
  await page.goto(`${pair.url}/actions`);
  const link = page.getByRole("link", { name: "hello", exact: true });
  await link.waitFor();
  await link.click();
  await code().waitFor();
  assert.deepEqual(page.problems, []);
});
