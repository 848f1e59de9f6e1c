// States of the script editor and of the Procedure board that no address leads to, for screenshots.mjs.
import { open } from "./browser.mjs";

/** By name: brings the page into the state. `made` is what demo.mjs made. */
export function editorStates(page, pair, made) {
  const editor = page.getByRole("region", { name: "Script editor" });
  const panel = editor.getByRole("complementary", { name: "Run and settings" });
  const code = editor.getByRole("textbox", { name: "Script", exact: true });
  const tab = (name) => panel.getByRole("tab", { name }).click();
  const script = async () => {
    await page.goto("about:blank");   // drops what is unsaved
    await open(page, `${pair.url}/actions/${made.action}`);
    await code.waitFor();
  };
  const run = (name, shown) => async () => {
    await script();
    await editor.getByRole("button", { name, exact: true }).click();
    await panel.getByText(shown).first().waitFor();
    await panel.getByText("Peak memory").waitFor();
  };
  const view = (name, ready) => async () => {
    await script();
    await tab(name);
    await ready();
  };
  return {
    "editor-completion": async () => {
      await script();
      await code.click();
      await page.keyboard.press("Control+End");
      await page.keyboard.type('\nfor _, s in ipairs(komodo.read("ListSta');
      await page.locator(".cm-tooltip-autocomplete").getByText("ListStacks", { exact: true }).waitFor();
    },
    "editor-run": run("Run", "success"),
    "editor-dry-run": run("Dry run", "dry run: nothing was changed"),
    "editor-settings": view("Settings", () => panel.getByLabel("Next runs").getByRole("listitem").first().waitFor()),
    "editor-triggers": view("Triggers", () => panel.getByRole("button", { name: "Copy curl command" }).first().waitFor()),
    "editor-tester": view("Triggers", async () => {
      await panel.getByRole("button", { name: "Try an event" }).click();
      const tester = panel.getByRole("group", { name: "Try an event" });
      await tester.getByText("starts the Action").or(tester.getByText("does not start it")).waitFor();
      await tester.scrollIntoViewIfNeeded();
    }),
    "editor-history": view("History", () => panel.getByRole("list", { name: "Runs" }).waitFor()),
    "editor-versions": view("Versions", async () => {
      await panel.getByRole("list", { name: "Versions" }).getByRole("button").last().click();
      await panel.getByRole("region", { name: "Difference to the editor" }).waitFor();
    }),
    "editor-gallery": async () => {
      await script();
      await editor.getByRole("button", { name: "More" }).click();
      await page.getByRole("menuitem", { name: /example/ }).click();
      await page.getByRole("dialog").getByRole("list", { name: "Examples" }).waitFor();
    },
    "procedure-running": async () => {
      await open(page, `${pair.url}/procedures/${made.release}`);
      await page.getByRole("toolbar", { name: "Procedure" }).getByRole("button", { name: "Run", exact: true }).click();
      await page.getByRole("region", { name: "Last run" }).getByText("Executing stage: 'Deploy'").waitFor();
    },
    "procedure-step": async () => {
      await open(page, `${pair.url}/procedures/${made.release}`);
      await page.getByRole("listitem", { name: "Stage Build" }).getByRole("button", { name: /Inline Lua/ }).last().click();
      await page.getByRole("dialog").getByRole("textbox", { name: "Script of the step" }).waitFor();
    },
  };
}
