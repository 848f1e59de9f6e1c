// The fake agent of a test: agent_tap does the protocol, the test gives the answers. Engines dial a relay in front of it, so
// that a link can be cut and dials are seen.
import { spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { bin } from "../harness.mjs";

/** Events: "up", "down", "dial". */
export class Tap extends EventEmitter {
  /** `answer({ type, params })` gives `{ ok }`, `{ error }` or `{ drop: true }`, now or later; it may be replaced at any time. */
  constructor(answer) {
    super();
    this.answer = answer;
    this.sockets = new Set();
    this.requests = 0;   // that have come
  }

  /** Starts program and relay; the key of the agent is kept in `dir`. */
  async start(dir) {
    const log = path.join(dir, "agent_tap.log");
    const errors = fs.openSync(log, "a");
    this.child = spawn(path.join(bin, "agent_tap"), [path.join(dir, "agent.key")], {
      stdio: ["pipe", "pipe", errors], env: { PATH: process.env.PATH, ASAN_OPTIONS: "detect_leaks=1" },
    });
    fs.closeSync(errors);
    this.ended = new Promise((resolve) => this.child.once("exit", (code, signal) => resolve(code ?? signal)));
    const listening = await new Promise((resolve, reject) => {
      this.child.once("error", reject);
      this.ended.then((code) => reject(new Error(`agent_tap ended with ${code}: ${fs.readFileSync(log, "utf8")}`)));
      createInterface({ input: this.child.stdout }).on("line", (line) => {
        const event = JSON.parse(line);
        if (event.event === "listening") resolve(event);
        else if (event.event === "request") this.#serve(event);
        else this.emit(event.event, event);
      });
    });
    this.publicKey = listening.public_key;
    this.relay = net.createServer((front) => this.#forward(front, listening.port));
    await new Promise((resolve, reject) => this.relay.once("error", reject).listen(0, "127.0.0.1", resolve));
    this.port = this.relay.address().port;
    return this;
  }

  /** Drops every connection without a word. */
  cut() {
    for (const s of this.sockets) s.destroy();
  }

  async stop() {
    if (!this.child) return;
    this.cut();
    await new Promise((resolve) => { if (this.relay) this.relay.close(resolve); else resolve(); });
    this.child.stdin.end();
    const code = await this.ended;
    if (code !== 0) throw new Error(`agent_tap ended with ${code}`);
  }

  async #serve({ id, type, params }) {
    let answer;
    this.requests++;
    try { answer = await this.answer({ type, params }); } catch (e) { answer = { error: { error: `test: ${e.message}`, trace: [] } }; }
    if (this.child.stdin.writable) this.child.stdin.write(`${JSON.stringify({ id, ...answer })}\n`);
  }

  #forward(front, port) {
    this.emit("dial");
    const back = net.connect(port, "127.0.0.1");
    for (const [from, to] of [[front, back], [back, front]]) {
      this.sockets.add(from);
      from.on("error", () => {}).on("close", () => { this.sockets.delete(from); to.destroy(); });
      from.pipe(to);
    }
  }
}
