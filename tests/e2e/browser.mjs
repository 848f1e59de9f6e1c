// Chromium for the tests of the web page: Debian's own, with a fresh profile, and pages that collect what goes wrong in them.
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";

export const program = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((p) => fs.existsSync(p));

const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--force-color-profile=srgb", "--font-render-hinting=none"];

/** A browser of its own: { context, page(options), close() }. */
export async function startBrowser(options = {}) {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), "komodo-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: program, headless: true, args: flags, viewport: { width: 1440, height: 900 }, colorScheme: "dark", locale: "en-GB", timezoneId: "UTC",
    reducedMotion: "reduce", ...options,
  });
  context.setDefaultTimeout(15000);
  return {
    context,
    page: async () => watch(await context.newPage()),
    close: async () => {
      await context.close();
      fs.rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** `page.problems` gets what a person would find in the console: errors, refused scripts, failed loads of the page's own files. */
export function watch(page) {
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(`uncaught: ${error.message}`));
  page.on("console", (message) => {
    // Deep links are answered with 404 and the page (spec api.md 6.4); refused requests are shown by the page itself.
    if (message.type() === "error" && !/Failed to load resource/.test(message.text())) page.problems.push(message.text());
  });
  return page;
}

export async function logIn(page, pair, username = "admin", password = pair.password) {
  await page.goto(`${pair.url}/`);
  await page.getByLabel("Name").fill(username);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("navigation", { name: "Places" }).waitFor({ state: "attached" });
}

const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What makes the page hard to use for people who cannot see or point, as "rule: selector (why)": serious and critical
 * findings of axe-core. `rules` are the only ones that are tried, when given. */
export async function barriers(page, rules) {
  if (!await page.evaluate(() => "axe" in window)) await page.evaluate(axe);
  return page.evaluate(async (only) => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"], ...(only ? { runOnly: { type: "rule", values: only } } : {}) });
    return violations.filter((v) => v.impact === "serious" || v.impact === "critical")
      .flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(" ")} (${n.failureSummary.split("\n")[1]?.trim()})`));
  }, rules);
}
