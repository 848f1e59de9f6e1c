// `[[NAME]]` in texts, which the engine replaces by a variable or secret before it uses them. Pure.
import type { Offers, Explained } from "./offers";

export interface VariableInfo { name: string; doc: string; secret: boolean }

/** A name between double brackets in one line. */
export const INTERPOLATION = /\[\[([^[\]\n]+)\]\]/g;

/** The names that fit behind an open `[[` before `pos`. */
export function variableOffers(text: string, pos: number, known: readonly VariableInfo[]): Offers | null {
  const line = text.slice(text.lastIndexOf("\n", pos - 1) + 1, pos);
  const open = /\[\[([^[\]]*)$/.exec(line);
  if (!open) return null;
  const closed = /^[^[\]\n]*\]\]/.test(text.slice(pos));
  return {
    from: pos - open[1]!.length,
    list: known.map((v) => ({ label: v.name, kind: "variable", detail: v.secret ? "secret" : "variable", insert: closed ? v.name : `${v.name}]]`, ...(v.doc ? { doc: v.doc } : {}) })),
  };
}

export function explainVariable(text: string, pos: number, known: readonly VariableInfo[]): Explained | null {
  const start = text.lastIndexOf("\n", pos - 1) + 1, end = text.indexOf("\n", pos);
  for (const found of text.slice(start, end < 0 ? undefined : end).matchAll(INTERPOLATION)) {
    const from = start + found.index, to = from + found[0].length;
    if (pos < from || pos > to) continue;
    const variable = known.find((v) => v.name === found[1]);
    return { from, to, title: found[0], doc: variable ? variable.doc || (variable.secret ? "A secret." : "A variable.") : "No variable that you may read has this name. Secrets that only the agent knows are not listed." };
  }
  return null;
}

/** The text with every interpolation as a plain word of the same length, for parsers that would take it for brackets. */
export const asPlain = (text: string): string => text.replace(INTERPOLATION, (found) => "x".repeat(found.length));
