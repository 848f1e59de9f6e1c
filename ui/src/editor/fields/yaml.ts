// YAML, and compose files in it: where the cursor is, what fits there, what is wrong. Pure.
import { DEFAULT_SCHEMA, loadAll, Type, YAMLException } from "js-yaml";
import { keysOf, type Key } from "./compose";
import { meant, type Explained, type Offers, type Problem } from "./offers";
import { asPlain } from "./variables";

/** "[]" is an item of a list. */
interface Place {
  path: string[];
  /** Key of the line whose value the cursor is in. */
  key: string | null;
  word: string;
  /** Column of what the line says, behind its dashes. */
  indent: number;
}

const LINE = /^( *)((?:- +|-$)*)(.*)$/;
const KEY = /^(?:"([^"]*)"|'([^']*)'|([^\s#"'[\]{},&*!|>%@`-][^#:]*?|-[^\s#:]+))\s{0,4}:(?=\s|$)(.*)$/;
/** A value that begins a block of text. */
const BLOCK = /(?:^|\s)[|>][+-]?\d?[+-]?\s*(?:#.*)?$/;

interface Line { dash: number; at: number; key: string | null; rest: string; empty: boolean }

function lineOf(text: string): Line {
  const [, space, dashes, content] = LINE.exec(text)!;
  const found = KEY.exec(content!);
  return { dash: dashes ? space!.length : -1, at: space!.length + dashes!.length, key: found ? found[1] ?? found[2] ?? found[3]! : null, rest: found ? found[4]! : content!, empty: content!.trim() === "" && !dashes || content!.startsWith("#") };
}

/** The keys above line `n` that its content belongs to; null inside a block of text. */
function pathOf(lines: readonly Line[], n: number, own: { dash: number; at: number }): string[] | null {
  const path: string[] = [];
  let limit = own.at, equal = false;
  if (own.dash >= 0) { path.unshift("[]"); limit = own.dash; equal = true; }
  for (let i = n - 1; i >= 0 && (limit > 0 || equal); i--) {
    const line = lines[i]!;
    if (line.empty) continue;
    if (line.key !== null && (line.at < limit || (equal && line.dash < 0 && line.at === limit))) {
      if (BLOCK.test(line.rest)) return null;
      path.unshift(line.key);
      limit = line.at;
      equal = false;
    }
    if (line.dash >= 0 && line.dash < limit && line.at <= limit) {
      path.unshift("[]");
      limit = line.dash;
      equal = true;
    }
  }
  return path;
}

export function placeAt(text: string, pos: number): Place | null {
  const before = text.slice(0, pos).split("\n");
  const prefix = before.at(-1)!;
  if (/(?:^|\s)#/.test(prefix)) return null;
  const line = lineOf(prefix);
  const path = pathOf(before.map(lineOf), before.length - 1, line);
  if (!path) return null;
  const word = /[^\s[\]{},"']*$/.exec(line.key === null ? prefix.slice(line.at) : line.rest)![0];
  if (line.key === null && line.rest.trim() !== word) return null;
  return { path, key: line.key, word, indent: line.at };
}

/** What is expected at a path of a compose file. */
interface Expected { node: string | null; each: string | null; ref: string | null; item: boolean }

function expected(path: readonly string[]): Expected | null {
  let now: Expected = { node: "root", each: null, ref: null, item: false };
  for (const step of path) {
    if (step === "[]") now = { node: now.node ?? now.each, each: null, ref: now.ref, item: true };
    else if (now.each) now = { node: now.each, each: null, ref: null, item: false };
    else {
      const key = now.node ? keysOf(now.node).get(step) : undefined;
      if (!key) return null;
      now = { node: key.ref ? null : key.node, each: key.each ?? (key.ref ? key.node : null), ref: key.ref, item: false };
    }
  }
  return now;
}

/** Names under a key at the top of the file. */
export function declared(text: string, section: string): string[] {
  const names: string[] = [];
  let inside = false, depth = -1;
  for (const raw of text.split("\n")) {
    const line = lineOf(raw);
    if (line.empty) continue;
    if (line.at === 0) { inside = line.key === section; depth = -1; continue; }
    if (!inside || line.key === null || line.dash >= 0) continue;
    if (depth < 0) depth = line.at;
    if (line.at === depth) names.push(line.key);
  }
  return names;
}

const insertOf = (key: Key, indent: number): string => (key.each || (key.node && !key.ref && key.name !== "build" && key.name !== "ports") ? `${key.name}:\n${" ".repeat(indent + 2)}` : `${key.name}: `);
const SECTION: Record<string, string> = { services: "service", networks: "network", volumes: "volume", configs: "config", secrets: "secret" };

export function composeOffers(text: string, pos: number): Offers | null {
  const place = placeAt(text, pos);
  const at = place && expected(place.path);
  if (!place || !at) return null;
  const from = pos - place.word.length;
  const names = (ref: string, behind = ""): Offers["list"] => declared(text, ref).map((name) => ({ label: name, kind: "name", detail: SECTION[ref] ?? ref, insert: name + behind }));
  if (place.key !== null) {
    const key = at.node ? keysOf(at.node).get(place.key) : undefined;
    if (!key) return null;
    return { from, list: [...key.values.map((value) => ({ label: value, kind: "value" as const, insert: key.name === "restart" && value === "no" ? '"no"' : value })), ...(key.ref ? names(key.ref) : [])] };
  }
  const list = [...(at.ref && (at.item || at.each) ? names(at.ref, at.item ? (at.ref === "volumes" ? ":" : "") : ":") : [])];
  if (at.node) for (const key of keysOf(at.node).values()) list.push({ label: key.name, kind: "key", doc: key.doc, insert: insertOf(key, place.indent), ...(key.values.length ? { detail: key.values.slice(0, 4).join(" · ") } : {}) });
  return list.length ? { from, list } : null;
}

export function explainCompose(text: string, pos: number): Explained | null {
  const start = text.lastIndexOf("\n", pos - 1) + 1, stop = text.indexOf("\n", pos);
  const line = lineOf(text.slice(start, stop < 0 ? undefined : stop));
  const from = start + line.at;
  if (line.key === null || pos < from || pos > from + line.key.length) return null;
  const before = text.slice(0, start).split("\n").map(lineOf);
  const path = pathOf(before, before.length - 1, line), at = path && expected(path);
  const key = at?.node ? keysOf(at.node).get(line.key) : undefined;
  return key ? { from, to: from + line.key.length, title: key.name, doc: key.values.length ? `${key.doc} One of ${key.values.join(", ")}.` : key.doc } : null;
}

// Tags are for whoever reads the file (compose has !reset and !override).
const schema = DEFAULT_SCHEMA.extend((["scalar", "sequence", "mapping"] as const).map((kind) => new Type("!", { kind, multi: true })));

/** The first mistake in the syntax. */
export function yamlProblems(text: string): Problem[] {
  try {
    loadAll(asPlain(text), undefined, { schema });
    return [];
  } catch (thrown) {
    if (!(thrown instanceof YAMLException)) return [{ line: 1, column: 0, severity: "error", message: "This nests too deeply to be read." }];
    // What is missing at the end is told of the last line.
    const line = Math.min(thrown.mark.line + 1, text.trimEnd().split("\n").length);
    return [{ line, column: thrown.mark.column, severity: "error", message: `${thrown.reason[0]!.toUpperCase()}${thrown.reason.slice(1)}` }];
  }
}

/** Longer files are not looked through for unknown keys. */
const MOST_LINES = 3000;

/** Mistakes in the syntax; then keys that compose does not know, which it refuses. */
export function composeProblems(text: string): Problem[] {
  const wrong = yamlProblems(text);
  const lines = text.split("\n").map(lineOf);
  if (wrong.length || lines.length > MOST_LINES) return wrong;
  lines.forEach((line, n) => {
    if (line.key === null || line.empty || line.key.startsWith("x-") || line.key === "<<" || (line.key === "version" && line.at === 0)) return;
    const path = pathOf(lines, n, line), at = path && expected(path);
    if (!at?.node || keysOf(at.node).has(line.key) || (at.item && at.ref === null && at.node === "root")) return;
    const better = meant(line.key, keysOf(at.node).keys());
    wrong.push({ line: n + 1, column: line.at, severity: "warning", message: `Compose knows no key "${line.key}" ${at.node === "root" ? "at the top" : `in ${path!.filter((p) => p !== "[]").join(".")}`}.${better ? ` Did you mean ${better}?` : ""}` });
  });
  return wrong;
}
