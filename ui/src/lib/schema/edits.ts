// What somebody changed in a form: only the fields that differ, so that saving overwrites nothing else.

export type Values = Record<string, unknown>;

/** Same value, whatever the order of keys. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && same((a as Values)[key], (b as Values)[key]));
}

/** `edits` with one more; setting a field back to what is saved takes its edit away. */
export function edit(saved: Values, edits: Values, name: string, value: unknown): Values {
  const next = { ...edits };
  if (same(saved[name], value)) delete next[name];
  else next[name] = value;
  return next;
}

/** Edited fields that somebody else has changed since the form was opened: saving would undo their work. */
export function conflicts(base: Values, now: Values, edits: Values): string[] {
  return Object.keys(edits).filter((name) => !same(base[name], now[name]) && !same(now[name], edits[name]));
}

/** A value as text for a diff. */
export function asText(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value.join("\n");
  return typeof value === "object" ? JSON.stringify(value, null, 2) : String(value);
}
