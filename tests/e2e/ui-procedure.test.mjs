// The Procedure editor in Chromium with the real engine: stages, executions, order by pointer and keys, a run.
import assert from "node:assert/strict";
import { test } from "node:test";
import { barriers, skip, withPage } from "./browser.mjs";
import { eventually } from "./harness.mjs";

let pair, page, as, id, action;

withPage("ui-procedure", { agent: false }, async (made) => {
  ({ pair, page, as } = made);
  action = (await as.write("CreateAction", { name: "greet", config: { file_contents: "print('hello')\n" } }))._id.$oid;
  id = (await as.write("CreateProcedure", { name: "nightly-run" }))._id.$oid;
});

const stage = (name) => page.getByRole("listitem", { name: `Stage ${name}`, exact: true });
const bar = () => page.getByRole("toolbar", { name: "Procedure" });
const stages = async () => (await as.read("GetProcedure", { procedure: id })).config.stages;
const shape = async () => (await stages()).map((s) => [s.name, ...s.executions.map((e) => e.execution.type)]);
async function save() {
  await page.keyboard.press("Control+s");
  await bar().getByText("Saved", { exact: true }).waitFor();
}
async function add(to, type, fill) {
  await stage(to).getByRole("button", { name: "Add execution" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("combobox", { name: "What it does" }).click();
  await page.keyboard.type(type);
  await page.getByRole("option", { name: new RegExp(`^${type}`, "i") }).first().click();
  await fill(dialog);
  await dialog.getByRole("button", { name: "Done" }).click();
}

test("stages and executions are made", { skip }, async () => {
  await page.goto(`${pair.url}/procedures/${id}`);
  await page.getByRole("button", { name: "Add stage" }).last().click();
  await stage("Stage 1").getByRole("textbox", { name: "Name of stage 1" }).fill("Build");
  await bar().getByRole("button", { name: "Add stage" }).click();
  await add("Build", "Run action", async (dialog) => {
    await dialog.getByRole("combobox", { name: "Action" }).click();
    await page.getByRole("option", { name: /greet/ }).click();
  });
  await add("Build", "Sleep", async (dialog) => {
    await dialog.getByRole("textbox", { name: "Duration ms" }).fill("10");
  });
  await save();
  assert.deepEqual(await shape(), [["Build", "RunAction", "Sleep"], ["Stage 2"]]);
  const [{ executions }] = await stages();
  assert.equal(executions[0].execution.params.action, action);
  assert.equal(executions[1].execution.params.duration_ms, 10);
});

test("cards move with keys and with the pointer", { skip }, async () => {
  const handle = (of, name) => stage(of).getByRole("button", { name: `Move ${name}: drag, or arrow keys` });
  await handle("Build", "Sleep").focus();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowRight");   // the focus went with it
  await save();
  assert.deepEqual(await shape(), [["Build", "RunAction"], ["Stage 2", "Sleep"]]);
  const from = await handle("Stage 2", "Sleep").boundingBox(), to = await stage("Build").getByRole("list").boundingBox();
  await page.mouse.move(from.x + 8, from.y + 8);
  await page.mouse.down();
  await page.mouse.move(to.x + 60, to.y + 4, { steps: 5 });
  await page.mouse.up();
  await save();
  assert.deepEqual(await shape(), [["Build", "Sleep", "RunAction"], ["Stage 2"]]);
});

test("a script of a step, and conditions over results", { skip }, async () => {
  await add("Stage 2", "Inline", async (dialog) => {
    await dialog.getByRole("textbox", { name: "Script of the step" }).click();
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText("print('from the step')\nreturn 7");
    await dialog.getByRole("textbox", { name: "Capability 1" }).fill("read:List*");
    assert.deepEqual(await barriers(page), []);
    await dialog.getByRole("textbox", { name: /Only when/ }).fill("results.Build.ok");
  });
  await stage("Stage 2").getByText("when results.Build.ok").waitFor();
  await bar().getByRole("button", { name: "Save and run" }).click();
  await page.getByRole("region", { name: "Last run" }).getByText("success").waitFor();
  await stage("Stage 2").locator("header").getByText("ok", { exact: true }).waitFor();
  const [step] = (await stages())[1].executions;
  assert.deepEqual([step.when, step.execution.params], ["results.Build.ok", { action: "", args: {}, capabilities: ["read:List*"], file_contents: "print('from the step')\nreturn 7\n" }]);
});

test("a stage that is disabled is skipped; progress shows by stage", { skip }, async () => {
  await stage("Stage 2").getByRole("button", { name: "Stage Stage 2", exact: true }).click();
  await page.getByRole("menuitem", { name: "Disable" }).click();
  await stage("Stage 2").getByText("disabled").waitFor();
  await bar().getByRole("button", { name: "Save and run" }).click();
  await page.getByRole("region", { name: "Last run" }).getByText("success").waitFor();
  await stage("Build").locator("header").getByText("ok", { exact: true }).waitFor();
  await eventually("it is stored", async () => (await stages())[1].enabled === false);
});

test("what is unsaved survives another tab of the page", { skip }, async () => {
  await stage("Build").getByRole("button", { name: "Stage Build", exact: true }).click();
  await page.getByRole("menuitem", { name: "How many at once…" }).click();
  const most = stage("Build").getByRole("textbox", { name: "At once, at most" });
  await most.fill("0");
  await stage("Build").getByText("A whole number, 1 to 1,000.").waitFor();
  await most.fill("2");
  await bar().getByText("Unsaved changes").waitFor();
  await page.getByRole("link", { name: "TOML", exact: true }).click();
  await page.getByRole("link", { name: "Stages", exact: true }).click();
  await bar().getByText("Unsaved changes").waitFor();
  assert.equal(await most.inputValue(), "2");
  await save();
  assert.equal((await stages())[0].parallel, 2);
});

test("each card shows live how it goes, and leads to its Update", { skip }, async () => {
  const { _id } = await as.write("CreateProcedure", { name: "slow", config: { stages: [
    { name: "Now", enabled: true, executions: [
      { execution: { type: "RunAction", params: { action } }, enabled: true }, { execution: { type: "Sleep", params: { duration_ms: 600_000 } }, enabled: true },
      { execution: { type: "Sleep", params: { duration_ms: 5 } }, enabled: true, when: "false" }] },
    { name: "Later", enabled: true, executions: [{ execution: { type: "Sleep", params: { duration_ms: 5 } }, enabled: true }] }] } });
  await page.goto(`${pair.url}/procedures/${_id.$oid}`);
  await bar().getByRole("button", { name: "Run", exact: true }).click();
  const card = (of, n) => stage(of).getByRole("list").getByRole("listitem").nth(n);
  await card("Now", 0).getByText("ok", { exact: true }).waitFor();
  await card("Now", 1).getByText("running", { exact: true }).waitFor();
  await card("Now", 2).getByText("skipped", { exact: true }).waitFor();
  const [greeted] = (await as.read("ListUpdates", { query: { operation: "RunAction" } })).updates;
  assert.equal(await card("Now", 0).getByRole("link").getAttribute("href"), `/updates/${greeted.id}`);
  for (const [colorScheme, width] of [["dark", 1440], ["light", 1440], ["light", 360]]) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await barriers(page), [], `${colorScheme}, ${width} px`);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `too wide for ${width} px`);
  }
  await bar().getByRole("button", { name: "Cancel" }).click();
  await card("Now", 1).getByText("failed", { exact: true }).waitFor();   // it was woken
  await page.getByRole("region", { name: "Last run" }).getByText("failed").waitFor();
  assert.equal(await card("Later", 0).getByText("running").count(), 0);
  assert.deepEqual(page.problems, []);
});
