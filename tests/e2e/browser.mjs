// Chromium for the tests of the web page: Debian's own, with a fresh profile, and pages that collect what goes wrong in them.
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { after, before } from "node:test";
import { chromium } from "playwright-core";
import { startPair, tempDir } from "./harness.mjs";
import { bearer, caller, login } from "./tools.mjs";

export const program = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((p) => fs.existsSync(p));

export const skip = program ? false : "chromium is not installed";
/** A page in a folder in place of that in the program. */
export const pageEnv = process.env.KOMODO_UI_DIR ? { KOMODO_UI_DIR: process.env.KOMODO_UI_DIR } : {};

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
  page.asked = new Set();
  page.on("framenavigated", (frame) => { if (frame === page.mainFrame()) page.asked.clear(); });
  page.on("request", (request) => page.asked.add(request));
  for (const end of ["requestfinished", "requestfailed"]) page.on(end, (request) => page.asked.delete(request));
  page.on("pageerror", (error) => page.problems.push(`uncaught: ${error.message}`));
  page.on("console", (message) => {
    // Deep links are answered with 404 and the page (spec api.md 6.4); refused requests are shown by the page itself.
    if (message.type() === "error" && !/Failed to load resource/.test(message.text())) page.problems.push(message.text());
  });
  return page;
}

/** Opens a page and waits until it has what it asked for: nothing is on its way for a tenth of a second, which answers that
 * lead to further questions stay below. */
export async function open(page, url) {
  await page.goto(url);
  await page.locator("main h1, main h2").first().waitFor();
  const end = Date.now() + 15000;
  for (let quiet = 0; quiet < 4; quiet = page.asked.size ? 0 : quiet + 1) {
    if (Date.now() > end) throw new Error(`${url} does not come to rest: ${[...page.asked].map((r) => r.url()).join(" ")}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export async function logIn(page, pair, username = "admin", password = pair.password) {
  await page.goto(`${pair.url}/`);
  await page.getByLabel("Name").fill(username);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("navigation", { name: "Places" }).waitFor({ state: "attached" });
}

/** For the tests of a file: before them an engine, and a browser where its admin is logged in; after them neither. `options` are
 * those of startPair, and `browser` of startBrowser; `fill` gets { pair, as, browser, page } and makes what the tests look at. */
export function withPage(prefix, { browser: browserOptions, env, ...options }, fill) {
  const dir = tempDir(prefix);
  let pair, browser;
  before(async () => {
    if (skip) return;
    pair = await startPair(dir, { ...options, env: { ...pageEnv, ...env } });
    browser = await startBrowser(browserOptions);
    const page = await browser.page();
    await logIn(page, pair);
    await fill({ pair, browser, page, as: caller(pair, bearer(await login(pair))) });
  });
  after(async () => {
    await browser?.close();
    try { await pair?.stop(); } finally { fs.rmSync(dir, { recursive: true, force: true }); }
  });
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
