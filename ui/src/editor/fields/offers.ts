// What the languages of fields have in common: offers for the list of completions, problems, and explanations. All pure.

export interface Offer {
  label: string;
  kind: "key" | "value" | "name" | "variable";
  detail?: string;
  doc?: string;
  /** What is written when it is chosen; the label otherwise. */
  insert?: string;
}

export interface Offers {
  /** Where the word begins that an offer replaces. */
  from: number;
  list: readonly Offer[];
}

export interface Explained {
  from: number;
  to: number;
  title: string;
  doc: string;
}

export interface Problem {
  /** From 1. */
  line: number;
  /** From 0, in UTF-16 units. */
  column: number;
  severity: "error" | "warning";
  message: string;
}

/** A word of `known` that was perhaps meant: at most two letters differ. */
export function meant(word: string, known: Iterable<string>): string | null {
  let best: string | null = null, least = Math.min(3, Math.ceil(word.length / 2) + 1);
  for (const name of known) {
    const d = distance(word, name, least);
    if (d < least) { least = d; best = name; }
  }
  return best;
}

function distance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) >= most) return most;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}
