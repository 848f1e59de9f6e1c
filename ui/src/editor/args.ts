// Arguments of a run: what the Action has by default, what its script asks for, and what somebody types for one run.
import type { FileFormat } from "$generated/types";

export type Args = Record<string, unknown>;

/** Lines of KEY = value, as the engine reads them. */
export function parseKeyValue(text: string): Record<string, string> {
  const out: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const found = /^\s*(?:-\s*)?([^#=:\s][^=:]*?)\s*[=:]\s*(.*?)\s*$/.exec(line);
    if (found) out[found[1]!] = found[2]!.replace(/^(["'])(.*)\1$/, "$2");
  }
  return out;
}

/** Names with what they are when nobody says otherwise; formats the page cannot read give none. */
export function defaults(text: string, format: FileFormat): Args {
  if (format === "key_value") return parseKeyValue(text);
  if (format === "json" && text.trim()) {
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Args;
    } catch { /* the run says what is wrong with it */ }
  }
  return {};
}

/** Names that the script takes from its arguments. */
export function asked(script: string): string[] {
  const names = new Set<string>();
  const bare = script.replace(/--.*$/gm, "");
  for (const found of bare.matchAll(/\b(?:komodo\.args|ARGS)\.([A-Za-z_]\w*)/g)) names.add(found[1]!);
  for (const alias of bare.matchAll(/\blocal\s+(\w+)\s*=\s*(?:komodo\.args|ARGS)\s*$/gm))
    for (const found of bare.matchAll(new RegExp(`(?<![.:\\w])${alias[1]!}\\.([A-Za-z_]\\w*)`, "g"))) names.add(found[1]!);
  return [...names].filter((name) => !name.startsWith("WEBHOOK_"));
}

/** What was typed as a value: JSON where it is JSON, text otherwise; where the default is text it stays text. */
export function valueOf(typed: string, standard: unknown): unknown {
  if (typeof standard === "string") return typed;
  try { return JSON.parse(typed) as unknown; } catch { return typed; }
}

/** The arguments of a run: only what was filled in. */
export function given(rows: Readonly<Record<string, string>>, standard: Args): Args {
  return Object.fromEntries(Object.entries(rows).filter(([name, typed]) => name && typed !== "").map(([name, typed]) => [name, valueOf(typed, standard[name])]));
}
