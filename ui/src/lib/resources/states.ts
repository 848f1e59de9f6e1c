// Every state is a shape (which has its colour, see components/State.svelte) and a word.

/** ok: dot · warn: diamond · bad: triangle · run: open ring · off: ring · unknown: dashed ring */
export type Shape = "ok" | "warn" | "bad" | "run" | "off" | "unknown";

export interface State {
  shape: Shape;
  word: string;
}

const shapes: Record<Shape, readonly string[]> = {
  ok: ["ok", "running", "healthy", "ready", "active", "enabled", "success"],
  warn: ["warning", "pending", "paused", "restarting", "drain"],
  bad: ["notok", "failed", "unhealthy", "dead", "critical", "unreachable"],
  run: ["deploying", "building", "cloning", "pulling", "syncing", "removing", "stopping", "created", "inprogress", "queued"],
  off: ["disabled", "down", "stopped", "exited", "not_deployed"],
  unknown: ["unknown", ""],
};
const shapeOf = new Map<string, Shape>();
for (const [shape, words] of Object.entries(shapes) as [Shape, readonly string[]][]) for (const word of words) shapeOf.set(word, shape);

const words: Record<string, string> = { notok: "unreachable", not_deployed: "not deployed", "": "unknown", inprogress: "in progress" };

/** The state that a word of the API stands for; `more` says it better, such as docker's "exited (137)". */
export function stateOf(word: string | null | undefined, more?: string): State {
  const key = (word ?? "").toLowerCase();
  return { shape: shapeOf.get(key) ?? "unknown", word: more ?? words[key] ?? key };
}

/** A container that ended says with which code; an error is one unless it was asked to stop (137 and 143 are signals). */
export function containerState(word: string, status: string | null | undefined): State {
  const code = word === "exited" ? /^Exited \((\d+)\)/.exec(status ?? "")?.[1] : undefined;
  if (code === undefined) return stateOf(word);
  return { shape: ["0", "137", "143"].includes(code) ? "off" : "bad", word: `exited (${code})` };
}

const UNITS: Record<string, string> = { second: "s", minute: "min", hour: "h", day: "d", week: "weeks", month: "months" };

/** Docker's "Up 9 minutes (healthy)" as "up 9 min (healthy)", "Exited (137) 40 seconds ago" as "40 s ago": the state is said beside it. */
export function statusText(status: string | null | undefined): string {
  const text = (status ?? "").replace(/^(Exited|Restarting|Removing) \(\d+\) /, "").replace(/\b(about )?(an?|\d+) (second|minute|hour|day|week|month)s?\b/gi,
    (_, __, n: string, unit: string) => `${/^an?$/i.test(n) ? 1 : n} ${UNITS[unit.toLowerCase()]}`).replace(/less than 1 s/i, "1 s");
  return text && text[0]!.toLowerCase() + text.slice(1);
}

/** Last runs of Procedures and Actions: a run that goes on is blue, one that ended well green. */
export function runState(word: string): State {
  return word === "Running" ? { shape: "run", word: "running" } : stateOf(word);
}

/** Worst first: what lists sort states by. */
export const weight: Record<Shape, number> = { bad: 0, warn: 1, run: 2, unknown: 3, ok: 4, off: 5 };
