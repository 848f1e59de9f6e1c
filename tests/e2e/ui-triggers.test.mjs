// What starts Actions, written in the page and started by the real thing: an HTTP client, an event, the polls of a real agent.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { barriers, open, skip, withPage } from "./browser.mjs";
import { eventually } from "./harness.mjs";
import { post } from "./tools.mjs";

let pair, page, as;

withPage("ui-triggers", { env: { KOMODO_MONITORING_INTERVAL: "2-sec" } }, async (made) => {
  ({ pair, page, as } = made);
  await eventually("the server is there", async () => (await as.read("ListServers", {}))[0]?.info.state === "Ok");
});

const editor = () => page.getByRole("region", { name: "Script editor" });
const panel = () => editor().getByRole("complementary", { name: "Run and settings" });
const tab = (name) => panel().getByRole("tab", { name }).click();
/** The editor of a new Action with this script, which is not saved yet. */
async function begin(name, script) {
  const { _id: { $oid: id } } = await as.write("CreateAction", { name, config: { failure_alert: false } });
  await page.goto(`${pair.url}/actions/${id}`);
  await replace(script);
  return id;
}
async function replace(script) {
  await editor().getByRole("textbox", { name: "Script", exact: true }).click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(script);
}
async function add(kind) {
  await tab("Triggers");
  await panel().getByRole("button", { name: "Add" }).first().click();
  await page.getByRole("menuitem", { name: kind }).click();
}
async function save() {
  await page.keyboard.press("Control+s");
  await editor().getByText("Saved", { exact: true }).waitFor();
}
const result = () => panel().getByRole("region", { name: "Result" });

test("a route is made, somebody calls it, and the run appears with its result", { skip }, async () => {
  await begin("deliver", 'return { status = 202, body = { got = komodo.event.json.ref } }\n');
  await add(/HTTP request/);
  await panel().getByRole("textbox", { name: "Path" }).fill("ci");
  await panel().getByRole("textbox", { name: "Secret they must show" }).fill("open sesame");
  await save();
  const url = await panel().getByRole("button", { name: "Copy URL" }).locator("xpath=..").locator("code").innerText();
  await tab("History");
  await panel().getByText("No runs yet").waitFor();
  assert.equal((await post(url, { ref: "main" })).status, 401);
  const answer = await post(url, { ref: "main" }, { headers: { Authorization: "Bearer open sesame" } });
  assert.deepEqual([answer.status, answer.json], [202, { got: "main" }]);
  const run = panel().getByRole("list", { name: "Runs" }).getByRole("button").first();
  await run.getByText(/^http/).waitFor();
  await run.getByText("success").waitFor();
  await run.click();
  await result().getByText('"got": "main"').waitFor();
  // The line that is offered for a shell passes the check, also where it has to sign.
  await tab("Triggers");
  await panel().getByRole("combobox", { name: "The request must show" }).selectOption("github");
  await save();
  const line = await panel().getByRole("button", { name: "Copy curl command" }).locator("xpath=..").locator("code").innerText();
  const called = execFileSync("sh", ["-c", `${line} -s -o /dev/null -w '%{http_code}'`], { env: { ...process.env, SECRET: "open sesame" }, encoding: "utf8" });
  assert.equal(called, "202", line);
});

test("an event is tried: one of before, why it does not start it, a dry run with it", { skip }, async () => {
  await as.write("CreateVariable", { name: "SEEN", value: "x" });
  await begin("listen", 'assert(komodo.write("UpdateVariableValue", { name = "SEEN", value = "y" }))\nreturn { komodo.event.name, komodo.event.sample_by }\n');
  await add(/Event/);
  await panel().getByRole("textbox", { name: "Event 1" }).fill("update:*Variable");
  await panel().getByRole("textbox", { name: "Only if (Lua)" }).fill("update.success");
  await panel().getByRole("button", { name: "Try an event" }).click();
  const tester = panel().getByRole("group", { name: "Try an event" });
  const text = tester.getByRole("textbox", { name: "What the script is told" });
  await tester.getByText("starts the Action").waitFor();
  assert.match(await text.inputValue(), /"operation": "CreateVariable"/);   // what happened last
  await text.fill((await text.inputValue()).replace('"success": true', '"success": false'));
  await tester.getByText("Its filter is false for this event.").waitFor();
  await tester.getByRole("combobox", { name: "Event to try" }).fill("update:DeleteVariable");
  await page.getByRole("option", { name: /update:DeleteVariable/ }).click();
  await tester.getByText("starts the Action").waitFor();
  await tester.getByRole("button", { name: "Dry run with it" }).click();
  await panel().getByText("dry run: nothing was changed").waitFor();
  await result().getByText('"update:DeleteVariable"').waitFor();
  await result().getByText('"admin"').waitFor();
  assert.equal((await as.read("GetVariable", { name: "SEEN" })).value, "x");
  await tab("Triggers");
  assert.match(await text.inputValue(), /DeleteVariable/);   // it is still there
});

test("an alert rule fires on the real agent, shows where alerts do, and closes", { skip }, async () => {
  await begin("watch", 'if komodo.event.stats.mem_total_gb > 0 then return { level = "WARNING", message = "there is memory" } end\n');
  await add(/Alert rule/);
  await save();
  await eventually("the alert opens", async () => (await as.read("ListAlerts", { query: { resolved: false } })).alerts.length === 1);
  await editor().getByRole("textbox", { name: "Script", exact: true }).press("Escape");
  await page.keyboard.press("l");
  const row = page.getByRole("dialog").getByRole("link", { name: /there is memory/ });
  await row.waitFor();
  const at = await row.getAttribute("href");
  await page.keyboard.press("Escape");
  await replace("return nil\n");
  await save();
  await eventually("it is fine again", async () => (await as.read("ListAlerts", { query: { resolved: false } })).alerts.length === 0);
  await page.goto(pair.url + at);
  await page.getByText("warning, resolved").waitFor();
  await page.getByText("there is memory").first().waitFor();
});

test("the editor is usable for everybody: both themes, 360 px", { skip }, async () => {
  const { _id } = await as.read("GetAction", { action: "listen" });
  await open(page, `${pair.url}/actions/${_id.$oid}`);
  await tab("Triggers");
  await panel().getByRole("button", { name: "Try an event" }).click();
  for (const [colorScheme, width] of [["dark", 1440], ["light", 360]]) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    for (const name of ["Run", "History", "Settings", "Triggers", "Versions"]) {
      await tab(new RegExp(`^${name}`));
      if (name === "Versions") await panel().getByRole("list", { name: "Versions" }).waitFor();
      const where = `${name}, ${colorScheme}, ${width} px`;
      assert.deepEqual(await barriers(page), [], where);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${where} is too wide`);
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  assert.deepEqual(page.problems, []);
});
