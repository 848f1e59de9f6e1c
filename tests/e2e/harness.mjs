// Starts and stops the real programs for the tests: an engine and an agent on free ports in a folder of their own, and a
// private docker engine. Everything that was started is ended by id; folders go with it.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";

// What the client package expects of a browser.
globalThis.WebSocket ??= WebSocket;
const kept = new Map();
globalThis.localStorage ??= {
  getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => void kept.set(k, String(v)), removeItem: (k) => void kept.delete(k),
};

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
export const bin = path.resolve(root, process.env.KOMODO_BUILD ?? "build/asan", "bin");
export const shared = path.resolve(root, process.env.KOMODO_SHARED ?? "../shared");
export const IMAGE = "golden/busybox:1";

export const freePort = () => new Promise((resolve, reject) => {
  const s = net.createServer().once("error", reject).listen(0, "127.0.0.1", () => { const { port } = s.address(); s.close(() => resolve(port)); });
});

export function tempDir(name) { return fs.mkdtempSync(path.join(os.tmpdir(), `komodo-${name}-`)); }

/** Polls `check` until it gives something; a test that waits for a state waits here. */
export async function eventually(what, check, ms = 30000) {
  const end = Date.now() + ms;
  for (let last; ;) {
    try { const v = await check(); if (v) return v; } catch (e) { if (e.fatal) throw e; last = e; }
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms${last ? ` (${last.message ?? JSON.stringify(last)})` : ""}`);
    await new Promise((r) => setTimeout(r, 50));
  }
}

const answers = (url) => new Promise((resolve) => {
  const { get } = url.startsWith("https:") ? https : http;
  get(url, { rejectUnauthorized: false }, (r) => { r.resume(); resolve(r.statusCode === 200); }).once("error", () => resolve(false));
});

/** A program in the foreground; its log is kept for when something fails. `through`: a command that runs it in its own
 * process, such as nsenter with its arguments. */
export class Program {
  constructor(name, args, env, dir, through = []) {
    this.name = name;
    this.log = path.join(dir, `${name}.log`);
    const home = path.join(dir, "home");
    fs.mkdirSync(home, { recursive: true });
    const out = fs.openSync(this.log, "a");
    const [program, ...rest] = [...through, path.join(bin, name), ...args];
    this.child = spawn(program, rest, {
      cwd: dir, stdio: ["ignore", out, out],
      env: { PATH: process.env.PATH, HOME: home, ASAN_OPTIONS: "detect_leaks=1", UBSAN_OPTIONS: "print_stacktrace=1", ...env },
    });
    fs.closeSync(out);
    this.ended = new Promise((resolve) => this.child.once("exit", (code, signal) => resolve({ code, signal })));
  }
  alive() { return this.child.exitCode === null && this.child.signalCode === null; }
  text() { return fs.readFileSync(this.log, "utf8"); }
  async ready(url) {
    await eventually(`${this.name} answers`, async () => {
      if (!this.alive()) throw Object.assign(new Error(`${this.name} ended:\n${this.text().slice(-3000)}`), { fatal: true });
      return answers(url);
    }, 30000).catch((e) => { throw new Error(`${e.message}\n${this.text().slice(-3000)}`); });
  }
  async stop(signal = "SIGTERM") {
    if (this.alive()) this.child.kill(signal);
    const late = setTimeout(() => this.child.kill("SIGKILL"), 20000);
    const end = await this.ended;
    clearTimeout(late);
    if (signal === "SIGTERM" && end.code !== 0) throw new Error(`${this.name} ended with ${end.code ?? end.signal}:\n${this.text().slice(-4000)}`);
    return end;
  }
}

/** The private docker engine; null (and a line that says why) where none can run. */
export function startDocker(dir) {
  try {
    const host = execFileSync(path.join(root, "tests/e2e/dockerd.sh"), ["start", dir], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
    return { host, stop: () => execFileSync(path.join(root, "tests/e2e/dockerd.sh"), ["stop", dir], { stdio: "inherit" }) };
  } catch (e) {
    if (e.status === 77) return null;
    throw e;
  }
}

/** An engine, and an agent it dials, in `dir`. `options.env` and `options.agentEnv` add variables, `options.through` is the
 * engine's (see Program), `options.scheme` "https" when it is given a certificate. */
export async function startPair(dir, options = {}) {
  const port = await freePort(), agentPort = options.agent === false ? 0 : await freePort();
  const url = `${options.scheme ?? "http"}://127.0.0.1:${port}`, password = "changeme";
  const env = {
    KOMODO_DATA_DIR: path.join(dir, "data"), KOMODO_PORT: String(port), KOMODO_BIND_IP: "127.0.0.1", KOMODO_HOST: url,
    KOMODO_LOCAL_AUTH: "true", KOMODO_AUTH_RATE_LIMIT_DISABLED: "true", KOMODO_MONITORING_INTERVAL: "5-sec",
    KOMODO_INIT_ADMIN_USERNAME: "admin", KOMODO_INIT_ADMIN_PASSWORD: password,
    ...(options.agent === false ? {} : { KOMODO_FIRST_SERVER_NAME: "Local", KOMODO_FIRST_SERVER_ADDRESS: `ws://127.0.0.1:${agentPort}` }),
    ...options.env,
  };
  const agentEnv = {
    PERIPHERY_ROOT_DIRECTORY: path.join(dir, "agent"), PERIPHERY_PORT: String(agentPort), PERIPHERY_BIND_IP: "127.0.0.1",
    PERIPHERY_SSL_ENABLED: "false", ...(options.docker ? { DOCKER_HOST: options.docker.host } : {}), ...options.agentEnv,
  };
  const pair = { dir, url, password, agentPort, engine: null, agent: null };
  pair.startEngine = async () => { pair.engine = new Program("komodo", [], env, dir, options.through); await pair.engine.ready(`${url}/version`); };
  pair.startAgent = async () => { pair.agent = new Program("komodo-agent", [], agentEnv, dir); await pair.agent.ready(`http://127.0.0.1:${agentPort}/version`); };
  pair.stop = async () => {
    const failures = [];
    for (const p of [pair.engine, pair.agent]) if (p) await p.stop().catch((e) => failures.push(e));
    if (failures.length) throw failures[0];
  };
  try {
    if (options.agent !== false) await pair.startAgent();
    await pair.startEngine();
  } catch (e) { await pair.stop().catch(() => {}); throw e; }
  return pair;
}
