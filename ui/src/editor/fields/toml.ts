// TOML as far as completion needs it: which keys a text sets, and where its end stands. Pure, and never fails: it goes on behind mistakes.
import { parse, TomlError } from "smol-toml";
import type { Problem } from "./offers";

export interface TomlKey {
  /** From the top of the file; "[]" for an item of a list in brackets. */
  path: string[];
  /** Of the last part of the key. */
  from: number;
  to: number;
  header: boolean;
  /** A text in quotes on one line. */
  value?: string;
}

/** Where the end of a text stands. `path`: of the table whose key is written, or of the key whose value is. */
export type Here =
  | { kind: "header" | "key"; path: string[]; from: number; array: boolean }
  | { kind: "value"; path: string[]; from: number; quote: string | null }
  | { kind: "text"; path: string[] }
  | { kind: "none" };

export function scan(text: string): { keys: TomlKey[]; here: Here } {
  const keys: TomlKey[] = [];
  let at = 0, table: string[] = [], here: Here = { kind: "none" }, over = false;
  const stop = (where: Here): void => { if (!over) { here = where; over = true; } };
  const end = (): boolean => at >= text.length;
  const space = (lines: boolean): void => {
    for (;;) {
      while (!end() && (text[at] === " " || text[at] === "\t" || (lines && (text[at] === "\n" || text[at] === "\r")))) at++;
      if (text[at] !== "#") return;
      const line = text.indexOf("\n", at);
      if (line < 0) { at = text.length; stop({ kind: "none" }); return; }
      at = line;
      if (!lines) return;
    }
  };

  /** Parts of a key up to `=`, `]`, or what cannot be in one. */
  function key(within: string[], header: boolean, array: boolean): { parts: string[]; from: number; to: number } | null {
    const parts: string[] = [];
    for (;;) {
      while (text[at] === " " || text[at] === "\t") at++;
      const from = at;
      const found = /^(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([\w-]*))/.exec(text.slice(at, at + 200))!;
      at += found[0].length;
      if (end()) { stop({ kind: header ? "header" : "key", path: [...within, ...parts], from, array }); return null; }
      parts.push(found[1] ?? found[2] ?? found[3]!);
      const to = at;
      while (text[at] === " " || text[at] === "\t") at++;
      if (end()) { stop({ kind: "none" }); return null; }
      if (text[at] === ".") { at++; continue; }
      return { parts, from, to };
    }
  }

  function quoted(path: string[]): string | undefined {
    const quote = text[at]!, three = quote.repeat(3);
    if (text.startsWith(three, at)) {
      let close = text.indexOf(three, at + 3);
      while (quote === '"' && close > 0 && /(?:^|[^\\])(?:\\\\)*\\$/.test(text.slice(Math.max(0, close - 20), close))) close = text.indexOf(three, close + 1);
      if (close < 0) { at = text.length; stop({ kind: "text", path }); return undefined; }
      at = close + 3;
      while (text[at] === quote) at++;
      return undefined;
    }
    const from = ++at;
    while (!end() && text[at] !== quote && text[at] !== "\n") at += quote === '"' && text[at] === "\\" ? 2 : 1;
    if (end()) { at = text.length; stop({ kind: "value", path, from, quote }); return undefined; }
    return text[at] === quote ? text.slice(from, at++) : undefined;
  }

  function value(path: string[]): string | undefined {
    space(false);
    if (end()) { stop({ kind: "value", path, from: at, quote: null }); return undefined; }
    const c = text[at]!;
    if (c === '"' || c === "'") return quoted(path);
    if (c === "[") {
      at++;
      for (;;) {
        space(true);
        if (end()) { stop({ kind: "value", path: [...path, "[]"], from: at, quote: null }); return undefined; }
        if (text[at] === "]") { at++; return undefined; }
        if (text[at] === ",") { at++; continue; }
        const before = at;
        value([...path, "[]"]);
        if (at === before) at++;
      }
    }
    if (c === "{") {
      at++;
      for (;;) {
        space(true);
        if (end()) { stop({ kind: "key", path, from: at, array: false }); return undefined; }
        if (text[at] === "}") { at++; return undefined; }
        if (text[at] === ",") { at++; continue; }
        const before = at;
        set(path);
        if (at === before) at++;
      }
    }
    const from = at;
    while (!end() && !/[,\]}\n#]/.test(text[at]!)) at++;
    if (end()) stop({ kind: "value", path, from, quote: null });
    return undefined;
  }

  function set(within: string[]): void {
    const found = key(within, false, false);
    if (!found || found.from === found.to || text[at] !== "=") return;
    at++;
    const made: TomlKey = { path: [...within, ...found.parts], from: found.from, to: found.to, header: false };
    keys.push(made);
    const written = value(made.path);
    if (written !== undefined) made.value = written;
  }

  while (!over) {
    space(true);
    if (end()) {
      const line = text.slice(text.lastIndexOf("\n") + 1);
      stop(line.trim() === "" ? { kind: "key", path: table, from: at, array: false } : { kind: "none" });
    } else if (text[at] === "[") {
      const array = text[at + 1] === "[";
      at += array ? 2 : 1;
      const found = key([], true, array);
      if (!found) continue;
      table = found.parts;
      keys.push({ path: table, from: found.from, to: found.to, header: true });
      skipLine();
    } else {
      const before = at;
      set(table);
      if (!over && at === before) at++;
      skipLine();
    }
  }
  return { keys, here };

  function skipLine(): void {
    const line = text.indexOf("\n", at);
    at = line < 0 ? text.length : line;
  }
}

/** The first mistake in the syntax. */
export function tomlProblems(text: string): Problem[] {
  try {
    parse(text);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof TomlError)) return [{ line: 1, column: 0, severity: "error", message: "This nests too deeply to be read." }];
    const message = thrown.message.split("\n")[0]!.replace(/^Invalid TOML document: /, "");
    return [{ line: thrown.line, column: Math.max(0, thrown.column - 1), severity: "error", message: `${message[0]!.toUpperCase()}${message.slice(1)}` }];
  }
}
