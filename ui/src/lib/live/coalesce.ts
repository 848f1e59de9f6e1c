// Many events, few reactions: keys are collected and handed over together.

export interface Clock {
  now(): number;
  later(run: () => void, ms: number): unknown;
}

const real: Clock = { now: () => performance.now(), later: (run, ms) => setTimeout(run, ms) };

/** Hands over the keys added since the last time, at once at first and then no more often than every `ms`. */
export function coalesce<K>(ms: number, flush: (keys: Set<K>) => void, clock: Clock = real): (keys: Iterable<K>) => void {
  let waiting = new Set<K>();
  let armed = false;
  let last = -Infinity;
  const hand = (): void => {
    armed = false;
    last = clock.now();
    const keys = waiting;
    waiting = new Set();
    flush(keys);
  };
  return (keys) => {
    for (const key of keys) waiting.add(key);
    if (armed || waiting.size === 0) return;
    armed = true;
    clock.later(hand, Math.max(0, ms - (clock.now() - last)));
  };
}

/** How long to wait before the next attempt: doubling from one second to a minute, and never all clients at once. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  const whole = Math.min(60_000, 1000 * 2 ** Math.min(attempt, 10));
  return Math.round(whole * (0.6 + 0.4 * random()));
}
