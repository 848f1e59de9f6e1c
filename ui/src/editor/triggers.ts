// What starts an Action besides people: what the engine says of it, and words for it.
import type { ActionTrigger } from "$generated/types";
import type { Auth } from "./hooks";

/** An entry of read/GetActionTriggers. */
export interface TriggerInfo {
  type: string;
  enabled: boolean;
  index?: number;
  url?: string;
  method?: string;
  auth?: Auth;
  schedule?: string;
  next_runs?: number[];
  problem?: string;
}

export const scheduleOf = (list: readonly TriggerInfo[] | undefined): TriggerInfo | undefined => list?.find((t) => t.type === "schedule");

/** "today, 14:00", "tomorrow, 03:00", "Monday 30 November, 03:00", local. */
export function runWords(at: number, now: number): string {
  const date = new Date(at), time = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const day = (ms: number): number => { const d = new Date(ms); return Date.UTC(d.getFullYear(), d.getMonth(), d.getDate()) / 86_400_000; };
  const away = day(at) - day(now);
  if (away === 0) return `today, ${time}`;
  if (away === 1) return `tomorrow, ${time}`;
  const other = date.getFullYear() !== new Date(now).getFullYear();
  return `${date.toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long", ...(other ? { year: "numeric" } : {}) })}, ${time}`;
}

export type TriggerType = ActionTrigger["type"];
/** A new trigger, as safe as it can be. */
export const fresh: Record<TriggerType, () => ActionTrigger> = {
  http: () => ({ type: "http", path: "run", method: "POST", auth: "token" }),
  poll: () => ({ type: "poll", targets: { servers: "*" } }),
  event: () => ({ type: "event", on: ["alert:*"] }),
};

export const POLLED = ["servers", "stacks", "deployments"] as const;
export interface Targets { servers?: string | string[]; stacks?: string | string[]; deployments?: string | string[]; tags?: string | string[] }
/** Patterns as one line of text, and back. */
export const patternText = (value: string | string[] | undefined): string => (value === undefined ? "" : Array.isArray(value) ? value.join(", ") : value);
export function patternOf(text: string): string | string[] | undefined {
  const parts = text.split(",").map((p) => p.trim()).filter(Boolean);
  return parts.length === 0 ? undefined : parts.length === 1 ? parts[0] : parts;
}

/** What a trigger does, in a line. */
export function triggerWords(trigger: ActionTrigger): string {
  if (trigger.type === "http") return `${trigger.method ?? "POST"} /${(trigger.path ?? "").replace(/^\/+/, "")}`;
  if (trigger.type === "event") return (trigger.on ?? []).join(", ") || "nothing yet";
  const targets = (trigger.targets ?? {}) as Targets;
  const of = POLLED.filter((k) => targets[k] !== undefined).map((k) => `${k} ${patternText(targets[k])}`);
  return `${of.join(", ") || "all servers"}${targets.tags ? ` tagged ${patternText(targets.tags)}` : ""}${trigger.every ? `, every ${trigger.every}` : ", each poll"}`;
}
