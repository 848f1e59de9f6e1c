import { expect, it } from "vitest";
import { backoff, coalesce } from "./coalesce";

function fakeClock() {
  let now = 0;
  const due: { at: number; run: () => void }[] = [];
  return {
    now: () => now,
    later: (run: () => void, ms: number) => due.push({ at: now + ms, run }),
    pass(ms: number) {
      const end = now + ms;
      for (;;) {
        due.sort((a, b) => a.at - b.at);
        if (!due[0] || due[0].at > end) break;
        const next = due.shift()!;
        now = next.at;
        next.run();
      }
      now = end;
    },
  };
}

it("fifty events a second for a minute cost two reactions a second", () => {
  const clock = fakeClock(), flushed: Set<string>[] = [];
  const add = coalesce<string>(500, (keys) => flushed.push(keys), clock);
  for (let i = 0; i < 3000; i++) {
    add([`update:${i}`, "updates"]);
    clock.pass(20);
  }
  clock.pass(1000);
  expect(flushed.length).toBeLessThanOrEqual(121);
  expect(flushed.reduce((n, keys) => n + [...keys].filter((k) => k !== "updates").length, 0)).toBe(3000);
});

it("the first event is told at once, nothing is told of nothing", () => {
  const clock = fakeClock(), flushed: Set<string>[] = [];
  const add = coalesce<string>(500, (keys) => flushed.push(keys), clock);
  add([]);
  clock.pass(0);
  expect(flushed.length).toBe(0);
  add(["a"]);
  clock.pass(0);
  expect(flushed).toEqual([new Set(["a"])]);
});

it("waits longer after each failure, at most a minute, and never the same everywhere", () => {
  expect([0, 1, 2, 3, 20].map((n) => backoff(n, () => 1))).toEqual([1000, 2000, 4000, 8000, 60000]);
  expect(backoff(3, () => 0)).toBe(4800);
});
