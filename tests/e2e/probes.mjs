// Hostile scripts (tests/c/script/probes), and how to see that nobody else notices them.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { root } from "./harness.mjs";
import { request } from "./tools.mjs";

/** { name, end, limits, cancel, source } of every probe; the form is told in tests/c/script/test_probes.c. */
export function probes() {
  const folder = path.join(root, "tests/c/script/probes");
  const keys = { cpu: "cpu_seconds", wall: "wall_seconds", memory: "memory_mb", log: "log_kb", tasks: "tasks" };
  return fs.readdirSync(folder).filter((f) => f.endsWith(".lua")).flatMap((file) =>
    fs.readFileSync(path.join(folder, file), "utf8").split(/^--- /m).slice(1).map((text) => {
      const at = text.indexOf("\n"), [, name, end, rest] = text.slice(0, at).match(/^(.*?): (\w+)(?: \| ?(.*))?$/);
      const probe = { name: `${file}: ${name}`, end, limits: { cpu_seconds: 0.1, wall_seconds: 60, memory_mb: 8 }, source: text.slice(at + 1) };
      if (end === "memory") probe.limits.cpu_seconds = 4;
      for (const [, key, value] of (rest ?? "").matchAll(/(?<= |^)([a-z]+)=([\d.]+)(?= |$)/g)) {
        if (key === "cancel") probe.cancel = Number(value);
        else probe.limits[keys[key]] = Number(value);
      }
      // What the unit test answers differently, or bounds by a cancel that comes to the millisecond.
      if (["ok", "error", "cancelled"].includes(end)) probe.limits.cpu_seconds = Math.max(1, probe.limits.cpu_seconds);
      return probe;
    }));
}

/** Times GetVersion again and again until stop() gives the times, in order. `agent` keeps the connection. */
export function beat(pair, token, agent) {
  const times = [];
  let on = true;
  const done = (async () => {
    while (on) {
      const begin = performance.now();
      const answer = await request(`${pair.url}/read/GetVersion`, { method: "POST", agent, body: "{}",
        headers: { "Content-Type": "application/json", ...token } });
      times.push(performance.now() - begin);
      assert.equal(answer.status, 200);
      await new Promise((r) => setTimeout(r, 10));
    }
    return times.sort((a, b) => a - b);
  })();
  return { stop: () => { on = false; return done; } };
}

export const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
