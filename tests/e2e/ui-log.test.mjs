// The log viewer in Chromium: a log that is long and grows, made up behind the real page of the real engine.
import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";
import { barriers, skip, withPage } from "./browser.mjs";
import { eventually } from "./harness.mjs";

let pair, page, written = 30_000;
const stamp = (n) => `${new Date(Date.UTC(2026, 2, 1, 10) + n * 100).toISOString().slice(0, -1)}000000Z`;
const line = (n) => `${stamp(n)} ${n % 1000 === 7 ? "\x1b[31mERROR\x1b[0m" : "INFO"} request ${n} <b>took</b> ${n % 90} ms${n === 29_990 ? ` ${"wide ".repeat(80)}` : ""}`;
const newest = (count) => Array.from({ length: count }, (_, i) => line(written - count + i)).join("\n");

withPage("ui-log", { agent: false, browser: { permissions: ["clipboard-read", "clipboard-write"] } }, async (made) => {
  ({ pair, page } = made);
  const id = (await made.as.write("CreateDeployment", { name: "talkative", config: {} }))._id.$oid;
  let asked = 0;
  // All of it once; later looks give the end, as those of the engine do.
  await page.route("**/read/GetDeploymentLog", (route) => route.fulfill({ json: { stage: "", command: "", stdout: newest(asked++ ? 500 : written), stderr: "", success: true, start_ts: 0, end_ts: 0 } }));
  await page.goto(`${pair.url}/deployments/${id}?tab=log`);
});

const log = () => page.getByRole("log");
const row = (n) => log().locator(".line").filter({ hasText: new RegExp(`request ${n} `) });
const atEnd = () => log().evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight < 40);
const search = () => page.getByRole("textbox", { name: "Search the log" });
const status = (text) => page.locator(".log").getByRole("status").getByText(text, { exact: true });
const choose = (name, value) => page.getByRole("combobox", { name }).selectOption(value);

test("it follows what is written, until somebody scrolls up, and comes back with a button", { skip }, async () => {
  await row(29_999).waitFor();
  assert.ok((await log().locator(".line").count()) < 200, "few of 30,000 lines are drawn");
  assert.ok(await row(29_999).getByText("<b>took</b>").count(), "what a container writes is text");
  written += 50;
  await row(30_049).waitFor();
  assert.ok(await atEnd());
  await log().hover();
  await page.mouse.wheel(0, -4000);
  const jump = page.getByRole("button", { name: /To the end|new line/ });
  await jump.waitFor();
  const place = await log().evaluate((box) => box.scrollTop);
  written += 20;
  await page.getByRole("button", { name: "20 new lines" }).waitFor();
  assert.equal(await log().evaluate((box) => box.scrollTop), place, "it stays where it is read");
  await jump.click();
  await row(30_069).waitFor();
  assert.ok(await atEnd());
  assert.equal(await jump.count(), 0);
  await page.keyboard.press("Home");
  await row(0).waitFor();
  await page.keyboard.press("End");
  await row(30_069).waitFor();
});

test("search counts, steps, filters, knows case and patterns", { skip }, async () => {
  await log().focus();
  await page.keyboard.press("Control+f");
  await page.keyboard.type("error");
  await status("31 of 31").waitFor();   // the last is nearest to the end
  await page.keyboard.press("Enter");
  await status("1 of 31").waitFor();
  await row(7).locator("mark.now").getByText("ERROR").waitFor();
  await page.keyboard.press("Shift+Enter");
  await row(30_007).locator("mark.now").waitFor();
  await page.getByRole("button", { name: "Match case" }).click();
  await status("none").waitFor();
  await page.getByRole("button", { name: "Match case" }).click();
  await page.getByRole("button", { name: "Regular expression" }).click();
  await search().fill("request 1\\d007 ");
  await status("10 of 10").or(status("1 of 10")).waitFor();
  await page.getByRole("button", { name: "Only lines that match" }).click();
  await eventually("ten lines are left", async () => (await log().locator(".line").count()) === 10);
  assert.equal(await log().locator(".n").first().textContent(), "10008", "lines keep their numbers");
  await search().fill("(");
  await page.locator(".find.bad").waitFor();
  await page.getByRole("button", { name: "Regular expression" }).click();
  await page.getByRole("button", { name: "Only lines that match" }).click();
  await search().press("Escape");
  assert.equal(await search().inputValue(), "");
});

test("levels, times and wrapping change what shows, not where one is", { skip }, async () => {
  await choose("Level", "error");
  await eventually("errors alone", async () => (await log().locator(".line").count()) < 60 && (await log().locator(".line.error").count()) > 10);
  await choose("Level", "all");
  await choose("Times", "exact");
  await log().getByText("2026-03-01 10:50:0").first().waitFor();
  await choose("Times", "off");
  await log().focus();
  await page.keyboard.press("End");
  await row(30_069).waitFor();
  await search().fill("wide wide");
  await row(29_990).locator("mark").first().waitFor();
  await page.getByRole("button", { name: "Wrap", exact: true }).click();
  const box = await row(29_990).boundingBox();
  assert.ok(box.height >= 36, "the long line takes several");
  await row(29_991).waitFor();
  assert.equal((await row(29_991).boundingBox()).y, box.y + box.height, "and the next stands below it");
  assert.ok(await log().evaluate((e) => e.scrollWidth <= e.clientWidth));
  await page.getByRole("button", { name: "Unwrap" }).click();
  await search().fill("");
});

test("lines are copied by their numbers, all at once, and as a text that is selected over what is drawn", { skip }, async () => {
  const copied = async () => { await page.keyboard.press("Control+c"); return page.evaluate(() => navigator.clipboard.readText()); };
  await log().focus();
  await page.keyboard.press("Home");
  await row(3).locator(".n").click();
  await row(5).locator(".n").click({ modifiers: ["Shift"] });
  assert.equal(await copied(), "INFO request 3 <b>took</b> 3 ms\nINFO request 4 <b>took</b> 4 ms\nINFO request 5 <b>took</b> 5 ms");
  await log().focus();
  await page.keyboard.press("Shift+ArrowDown");
  assert.match(await copied(), /request 6 [^\n]*$/);
  await page.keyboard.press("Control+a");
  assert.equal((await copied()).split("\n").length, written);
  await page.keyboard.press("Escape");
  const start = await row(2).locator(".t").boundingBox();
  await page.mouse.move(start.x + 1, start.y + 9);
  await page.mouse.down();
  await page.mouse.move(start.x + 60, start.y + 60);
  await page.mouse.wheel(0, 3600);
  await row(210).waitFor();
  const end = await row(210).locator(".t").boundingBox();
  await page.mouse.move(end.x + 400, end.y + 9, { steps: 4 });
  await page.mouse.up();
  const lines = (await copied()).split("\n").filter((l) => l.includes("request"));
  assert.deepEqual([lines.length, lines[0], lines.at(-1)], [209, "INFO request 2 <b>took</b> 2 ms", "INFO request 210 <b>took</b> 30 ms"]);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download" }).click();
  assert.equal(fs.readFileSync(await (await download).path(), "utf8").split("\n").length, written);
});

test("it is usable at 360 px and by everybody", { skip }, async () => {
  assert.deepEqual(await barriers(page), []);
  await page.setViewportSize({ width: 360, height: 780 });
  await row(2).or(row(211)).first().waitFor();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  assert.deepEqual(page.problems, []);
});
