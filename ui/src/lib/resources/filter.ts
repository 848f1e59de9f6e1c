// The filter of lists is a text, so that it can be typed, shared and kept in the address: words that the row must hold, and
// tokens such as tag:prod, state:running,unhealthy, template:yes. A minus turns a token round: -tag:prod.

export interface Token {
  key: string;
  values: string[];
  not: boolean;
}

export interface Filter {
  words: string[];
  tokens: Token[];
}

/** What one row offers to the filter: its words, and its values by key. */
export interface Facets {
  text: string;
  values: Record<string, readonly string[]>;
}

export function parseFilter(text: string): Filter {
  const filter: Filter = { words: [], tokens: [] };
  for (const part of text.match(/[^\s"]*"[^"]*"|\S+/g) ?? []) {
    const found = /^(-?)([a-z]+):(.+)$/i.exec(part);
    if (found) filter.tokens.push({ not: found[1] === "-", key: found[2]!.toLowerCase(), values: found[3]!.replace(/"/g, "").toLowerCase().split(",").filter(Boolean) });
    else filter.words.push(part.replace(/"/g, "").toLowerCase());
  }
  return filter;
}

const holds = (have: string, want: string): boolean => (want.includes("*") ? new RegExp(`^${want.split("*").map((s) => s.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*")}$`).test(have) : have === want);

export function passes(filter: Filter, row: Facets): boolean {
  const text = row.text.toLowerCase();
  if (!filter.words.every((word) => text.includes(word))) return false;
  return filter.tokens.every(({ key, values, not }) => {
    const have = (row.values[key] ?? []).map((v) => v.toLowerCase());
    return values.some((want) => have.some((v) => holds(v, want))) !== not;
  });
}

/** `text` with the token added, or without it when it was there. */
export function toggleToken(text: string, key: string, value: string): string {
  const token = `${key}:${/\s/.test(value) ? `"${value}"` : value}`;
  const parts = text.match(/[^\s"]*"[^"]*"|\S+/g) ?? [];
  const rest = parts.filter((part) => part.toLowerCase() !== token.toLowerCase());
  return (rest.length < parts.length ? rest : [...parts, token]).join(" ");
}

export const hasToken = (text: string, key: string, value: string): boolean =>
  parseFilter(text).tokens.some((t) => t.key === key && !t.not && t.values.includes(value.toLowerCase()));
