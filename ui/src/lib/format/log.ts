// Logs as lines: their times, levels, what is searched in them, how high they stand when they wrap. Pure; made for 100,000 lines.
import { pieces, type Piece } from "./ansi";

export type Level = "error" | "warn" | "info" | "debug" | null;

const WORDS = "fatal|panic|emerg(?:ency)?|alert|crit(?:ical)?|severe|error|err|warn(?:ing)?|info(?:rmation)?|notice|log|debug|dbg|trace|verbose";
/** `"level":"x"`, `"severity":40`. */
const JSON_LEVEL = /"(?:level|lvl|severity|log\.level|levelname|loglevel)"\s*:\s*(?:"(\w+)"|(\d+))/i;
/** `level=x`, `lvl="x"`. */
const PAIR_LEVEL = /\b(?:level|lvl|severity|loglevel)=["']?(\w+)/i;
/** `[error]`, `<warn>`, `(INFO)`. */
const BRACKET_LEVEL = new RegExp(`[[<(]\\s*(${WORDS})\\s*[\\])>]`, "i");
/** Words in capitals stand anywhere near the beginning, others only first, before a colon. */
const CAPITALS = new RegExp(`(?:^|[\\s|:\\]])(${WORDS.toUpperCase()})(?=[\\s|:\\]!,-]|$)`);
const FIRST = new RegExp(`^\\W*(${WORDS})(?:\\s*[:!]|\\[\\w*\\]:?\\s)`, "i");
/** klog: `E0102 12:00:00`. */
const KLOG = /^([EWIDF])\d{4} \d\d:\d\d/;
const LETTERS: Record<string, Level> = { f: "error", e: "error", w: "warn", i: "info", d: "debug" };

function levelOfWord(word: string): Level {
  const w = word.toLowerCase();
  if (w.length === 1) return LETTERS[w] ?? null;
  if (/^(?:fatal|panic|emerg|alert|crit|severe|err)/.test(w)) return "error";
  if (w.startsWith("warn")) return "warn";
  if (/^(?:debug|dbg|trace|verbose|silly|fine)/.test(w)) return "debug";
  return /^(?:info|notice|log|http)/.test(w) ? "info" : null;
}

/** Numbers of pino and bunyan. */
const levelOfNumber = (n: number): Level => (n >= 50 ? "error" : n >= 40 ? "warn" : n >= 30 ? "info" : n >= 10 ? "debug" : null);

/** How bad a line says it is, by the shapes that loggers use. */
export function levelOf(line: string): Level {
  const head = line.length > 400 ? line.slice(0, 400) : line;
  if (head.includes('"')) {
    const json = JSON_LEVEL.exec(head);
    if (json) return json[1] ? levelOfWord(json[1]) : levelOfNumber(Number(json[2]));
  }
  const pair = head.includes("=") ? PAIR_LEVEL.exec(head) : null;
  if (pair) return levelOfWord(pair[1]!);
  const start = head.slice(0, 120);
  const found = KLOG.exec(start) ?? BRACKET_LEVEL.exec(start) ?? FIRST.exec(start) ?? CAPITALS.exec(start);
  return found ? levelOfWord(found[1]!) : null;
}

/** Part of what the line before it says: stack traces, wrapped messages. */
const CONTINUES = /^(?:\s+\S|Caused by|Traceback|\.\.\. \d+ more)/;

const RANK: Record<"error" | "warn" | "info" | "debug", number> = { error: 3, warn: 2, info: 1, debug: 0 };
export type LevelFilter = "all" | "info" | "warn" | "error";

// ---- times of docker ----

const STAMP = /^((?:[\w.-]+ +\| )?)(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ?/;

/** The time docker puts before a line (behind the service, when compose writes it), and the line without it. */
export function splitStamp(line: string): { stamp: string | null; text: string } {
  const found = STAMP.exec(line);
  return found ? { stamp: found[2]!, text: found[1]! + line.slice(found[0].length) } : { stamp: null, text: line };
}

export const linesOf = (text: string): string[] => (text === "" ? [] : text.replace(/\n+$/, "").split("\n"));

/** Both streams in the order of their times. Lines without one stay behind the line before them. */
export function merge(stdout: string, stderr: string): string[] {
  const out = linesOf(stdout), err = linesOf(stderr);
  if (!out.length || !err.length) return inOrder(out.length ? out : err);
  const a = inOrder(out), b = inOrder(err);
  const at = stampsOf(a), bt = stampsOf(b);
  const lines: string[] = new Array<string>(a.length + b.length);
  for (let i = 0, j = 0, n = 0; n < lines.length; n++) lines[n] = j >= b.length || (i < a.length && at[i]! <= bt[j]!) ? a[i++]! : b[j++]!;
  return lines;
}

function stampsOf(lines: readonly string[]): string[] {
  let last = "";
  return lines.map((line) => (last = STAMP.exec(line)?.[2] ?? last));
}

/** Compose writes the lines of one service after those of another; the log of one container is in order. */
function inOrder(lines: string[]): string[] {
  if (!/^[\w.-]+ +\| /.test(lines[0] ?? "")) return lines;
  const stamps = stampsOf(lines);
  let sorted = true;
  for (let i = 1; i < stamps.length && sorted; i++) sorted = stamps[i - 1]! <= stamps[i]!;
  if (sorted) return lines;
  return lines.map((_, i) => i).sort((a, b) => (stamps[a]! < stamps[b]! ? -1 : stamps[a]! > stamps[b]! ? 1 : a - b)).map((i) => lines[i]!);
}

/** Stands where lines were written that nobody read. */
export const GAP = "⋯ lines between were not read ⋯";

/** What was read before, and what was read now: the end of a log that grows. At most `most` lines, the newest. */
export function join(before: readonly string[], now: readonly string[], most: number): readonly string[] {
  if (!before.length) return now;
  const last = before.length - 1;
  let at = now.length - 1;
  for (; at >= 0; at--) {
    let same = 0;
    while (same < 3 && same <= at && same <= last && now[at - same] === before[last - same]) same++;
    if (same === Math.min(3, at + 1, last + 1)) break;
  }
  if (at === now.length - 1) return before;
  const lines = at >= 0 ? [...before, ...now.slice(at + 1)] : now.length ? [...before, GAP, ...now] : before;
  return lines.length > most ? lines.slice(-most) : lines;
}

// ---- search ----

export interface Query { text: string; regex: boolean; matchCase: boolean }

/** The search as a pattern; null for none; a text that says what is wrong with it. */
export function patternOf({ text, regex, matchCase }: Query): RegExp | null | string {
  if (text === "") return null;
  try {
    return new RegExp(regex ? text : text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), matchCase ? "g" : "gi");
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message.replace(/^Invalid regular expression: /, "") : "No pattern.";
  }
}

/** Pieces of a line with what matches marked. */
export function paint(line: string, pattern: RegExp | null, marked: boolean): (Piece & { mark: boolean })[] {
  const list = pieces(line, marked);
  if (!pattern) return list.map((piece) => ({ ...piece, mark: false }));
  const spans: [number, number][] = [];
  for (const found of list.map((piece) => piece.text).join("").matchAll(pattern)) {
    if (found[0]) spans.push([found.index, found.index + found[0].length]);
    if (spans.length >= 200) break;
  }
  const out: (Piece & { mark: boolean })[] = [];
  let start = 0, n = 0;
  for (const { text, style } of list) {
    const end = start + text.length;
    let at = start;
    while (at < end) {
      while (n < spans.length && spans[n]![1] <= at) n++;
      const [from, to] = spans[n] ?? [end, end];
      const mark = from <= at;
      const until = Math.min(end, mark ? to : from);
      out.push({ text: text.slice(at - start, until - start), style, mark });
      at = until;
    }
    start = end;
  }
  return out;
}

export interface Ask { level: LevelFilter; pattern: RegExp | null; onlyMatches: boolean }
/** `rows`: indexes of the lines that show, null for all. `hits`: rows with a match. */
export interface Found { rows: number[] | null; hits: number[] }

/** Goes through all lines, step by step: `step(n)` looks at n more and says whether there are others. */
export function search(lines: readonly string[], ask: Ask, clean: (line: string) => string): { found: Found; step(count: number): boolean } {
  const { level, pattern, onlyMatches } = ask;
  const test = pattern && new RegExp(pattern.source, pattern.flags.replace("g", ""));
  const rows: number[] | null = level === "all" && !onlyMatches ? null : [];
  const hits: number[] = [];
  let at = 0, last: Level = null;
  return {
    found: { rows, hits },
    step(count) {
      const end = Math.min(lines.length, at + count);
      for (; at < end; at++) {
        const line = clean(lines[at]!);
        if (level !== "all") {
          const own = levelOf(line);
          last = own ?? (CONTINUES.test(line) ? last : null);
          if (last === null || RANK[last] < RANK[level]) continue;
        }
        const hit = test !== null && test.test(line);
        if (onlyMatches && !hit) continue;
        if (hit) hits.push(rows ? rows.length : at);
        rows?.push(at);
      }
      return at < lines.length;
    },
  };
}

// ---- heights ----

/** Cells of a terminal that a text takes: tabs to the next fourth, wide letters two. */
export function cells(text: string): number {
  if (!/[^\x20-\x7e]/.test(text)) return text.length;
  let n = 0;
  for (const c of text) {
    const code = c.codePointAt(0)!;
    n += c === "\t" ? 4 - (n % 4) : code < 0x300 ? 1 : code < 0x370 || code === 0x200d || (code >= 0xfe00 && code <= 0xfe0f) ? 0 : (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) || (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) || (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) || code >= 0x1f300 ? 2 : 1;
  }
  return n;
}

export interface Widths { lines: readonly string[]; cells: Uint32Array }
/** The cells of every line; those of lines that stood in `known` too are taken from there: a log that grows is read once. */
export function widths(lines: readonly string[], textOf: (line: string) => string, known: Widths | null): Widths {
  const at = known && lines.length ? Math.max(0, known.lines.indexOf(lines[0]!)) : 0;   // it may have lost its beginning
  const out = new Uint32Array(lines.length);
  for (let i = 0; i < lines.length; i++) out[i] = known?.lines[at + i] === lines[i] ? known!.cells[at + i]! : cells(textOf(lines[i]!));
  return { lines, cells: out };
}

/** How many lines of the screen stand before each row when `columns` cells fit beside each other; one more entry for the end. */
export function heights(count: number, cellsOf: (row: number) => number, columns: number): Uint32Array {
  const before = new Uint32Array(count + 1);
  for (let i = 0; i < count; i++) before[i + 1] = before[i]! + Math.max(1, Math.ceil(cellsOf(i) / columns));
  return before;
}

/** The row that the screen line `at` belongs to. */
export function rowAt(before: Uint32Array, at: number): number {
  let low = 0, high = before.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (before[middle]! <= at) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}
