// What the engine tells about scripts, and what is wrong with one.
import { send } from "$lib/api/client";
import { parseDefinitions, type Definitions } from "./lua/definitions";

let loading: Promise<Definitions> | null = null;

/** Once a session; asked for again after a failure. */
export function definitions(): Promise<Definitions> {
  loading ??= send("lua/komodo.lua", { method: "GET" }).then(parseDefinitions).catch((thrown: unknown) => {
    loading = null;
    throw thrown;
  });
  return loading;
}

export interface Problem { line: number; column: number; severity: "error" | "warning"; code: string; message: string }

export async function check(source: string, capabilities: readonly string[] | null): Promise<Problem[]> {
  const answer = await send("lua/check", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ source, ...(capabilities ? { capabilities } : {}) }) });
  return (JSON.parse(answer) as { diagnostics: Problem[] }).diagnostics;
}

/** Columns of the engine count bytes from 1; those of the editor UTF-16 units from 0. */
export function columnOf(line: string, bytes: number): number {
  let seen = 1, at = 0;
  for (const c of line) {
    if (seen >= bytes) break;
    const code = c.codePointAt(0)!;
    seen += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    at += c.length;
  }
  return at;
}
