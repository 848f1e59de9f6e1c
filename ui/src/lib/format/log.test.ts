import { describe, expect, it } from "vitest";
import { plain } from "./ansi";
import { cells, GAP, heights, join, levelOf, merge, paint, patternOf, rowAt, search, splitStamp, widths, type Ask } from "./log";

describe("the level of a line", () => {
  it.each([
    ["2026-03-01 12:00:00 ERROR x", "error"], ['{"level":"warn","msg":"error"}', "warn"], ['{"level":50,"msg":"a"}', "error"], ['{"time":1,"severity":"INFO"}', "info"], ["level=debug msg=error", "debug"], ['t=1 lvl="eror" a', null], ["lvl=error a", "error"],
    ["INFO a", "info"], ["[error] 7#7: *1 open() failed", "error"], ["2026/01/01 00:00:00 [warn] a", "warn"], ["<info> a", "info"], ["E0102 12:00:00.1 1 a.go:1] b", "error"], ["W0102 12:00:00.1 x", "warn"], ["error: no such file", "error"], ["Warning: deprecated", "warn"],
    ["fatal: not a repository", "error"], ["npm ERR! code 1", "error"], ["2026-01-01 00:00:00 UTC [1] LOG:  ready", "info"], ["panic: runtime error", "error"], ["DEBUG:root:a", "debug"], ["postgres | FATAL:  role", "error"], ["2026-01-01T00:00:00Z  WARN app::x: y", "warn"],
    ["nothing", null], ["terrors", null], ["0 errors found", null], ["we log error counts", null], ["GET /error 200", null], ["", null],
  ])("%j: %j", (line, level) => expect(levelOf(line)).toBe(level));
});

describe("times of docker", () => {
  it.each([
    ["2026-03-01T10:00:00.123456789Z hello", "2026-03-01T10:00:00.123456789Z", "hello"], ["web-1  | 2026-03-01T10:00:00Z hello", "2026-03-01T10:00:00Z", "web-1  | hello"], ["2026-03-01T10:00:00+02:00 ", "2026-03-01T10:00:00+02:00", ""], ["hello", null, "hello"], ["at 2026-03-01T10:00:00Z it was", null, "at 2026-03-01T10:00:00Z it was"],
  ])("%j", (line, stamp, text) => expect(splitStamp(line)).toEqual({ stamp, text }));
  const at = (s: number, text: string): string => `2026-03-01T10:00:0${s}.000000000Z ${text}`;
  it("put two streams in order", () => {
    expect(merge([at(1, "a"), at(3, "c")].join("\n"), `${at(2, "b")}\n${at(4, "d")}\n`).map((l) => splitStamp(l).text)).toEqual(["a", "b", "c", "d"]);
    expect(merge([at(1, "a"), "  continued", at(3, "c")].join("\n"), at(2, "b")).map((l) => splitStamp(l).text)).toEqual(["a", "  continued", "b", "c"]);
    expect(merge("", "")).toEqual([]);
  });
  it("put services in order that compose wrote one after the other", () => expect(merge([`a | ${at(2, "x")}`, `b | ${at(1, "y")}`].join("\n"), "").map((l) => splitStamp(l).text)).toEqual(["b | y", "a | x"]));
});

describe("a log that grows", () => {
  const line = (n: number): string => `line ${n}`;
  const range = (a: number, b: number): string[] => Array.from({ length: b - a }, (_, i) => line(a + i));
  it("gets what is new", () => {
    expect(join([], range(0, 3), 10)).toEqual(range(0, 3));
    expect(join(range(0, 3), range(1, 5), 10)).toEqual(range(0, 5));
    expect(join(range(0, 1), range(0, 5), 10)).toEqual(range(0, 5));
    expect(join(range(0, 9), range(5, 12), 10)).toEqual(range(2, 12));
  });
  it("stays the same when nothing is", () => {
    const before = range(0, 5);
    expect(join(before, range(2, 5), 10)).toBe(before);
    expect(join(before, [], 10)).toBe(before);
  });
  it("is not misled by lines that repeat", () => expect(join(["a", "b", "x"], ["b", "x", "c", "x"], 10)).toEqual(["a", "b", "x", "c", "x"]));
  it("says where lines are missing", () => expect(join(range(0, 2), range(7, 9), 10)).toEqual([...range(0, 2), GAP, ...range(7, 9)]));
});

describe("search", () => {
  const lines = ["INFO one", "ERROR two", "  at three", "Caused by: four", "DEBUG five", "six", "warn: two"];
  const ask = (more: Partial<Ask> = {}): Ask => ({ level: "all", pattern: null, onlyMatches: false, ...more });
  const run = (a: Ask, clean = (line: string): string => line) => {
    const job = search(lines, a, clean);
    while (job.step(2));
    return job.found;
  };
  it.each<[string, Partial<Ask>, number[] | null, number[]]>([
    ["all", {}, null, []], ["errors with what belongs to them", { level: "error" }, [1, 2, 3], []], ["warnings", { level: "warn" }, [1, 2, 3, 6], []], ["no debug lines", { level: "info" }, [0, 1, 2, 3, 6], []],
    ["matches", { pattern: /two/gi }, null, [1, 6]], ["matches alone", { pattern: /two/gi, onlyMatches: true }, [1, 6], [0, 1]], ["matches among errors", { pattern: /four|six/g, level: "error" }, [1, 2, 3], [2]],
  ])("%s", (_, more, rows, hits) => expect(run(ask(more))).toEqual({ rows, hits }));
  it("looks at what shows", () => expect(run(ask({ pattern: /^e/g }), (line) => plain(line.toLowerCase())).hits).toEqual([1]));
  it.each([[{ text: "a.b", regex: false, matchCase: false }, "A.B", true], [{ text: "a.b", regex: false, matchCase: false }, "axb", false], [{ text: "a.b", regex: true, matchCase: false }, "AXB", true], [{ text: "a", regex: false, matchCase: true }, "A", false]])("%j in %j: %j", (query, text, hit) => expect((patternOf(query) as RegExp).test(text)).toBe(hit));
  it("says what is wrong with a pattern", () => {
    expect(patternOf({ text: "(", regex: true, matchCase: false })).toMatch(/[Uu]nterminated|group/);
    expect(patternOf({ text: "", regex: true, matchCase: false })).toBeNull();
  });
  it("marks matches across colours", () => {
    expect(paint("a\x1b[31mbc\x1b[0md", /bcd|a/g, false)).toEqual([{ text: "a", style: "", mark: true }, { text: "bc", style: "red", mark: true }, { text: "d", style: "", mark: true }]);
    expect(paint("xay", /a/g, false).map((p) => [p.text, p.mark])).toEqual([["x", false], ["a", true], ["y", false]]);
    expect(paint("aaa", /x*/g, false)).toEqual([{ text: "aaa", style: "", mark: false }]);
  });
  it("is quick in 100,000 lines", () => {
    const many = Array.from({ length: 100_000 }, (_, i) => `2026-03-01T10:00:00.000000000Z level=${i % 7 ? "info" : "error"} request ${i} took ${i % 90} ms on a machine of the fleet`);
    const start = performance.now();
    const job = search(many, ask({ level: "error", pattern: /took 8\d/gi }), (line) => plain(splitStamp(line).text, false));
    while (job.step(1000));
    expect(job.found.rows!.length).toBe(Math.ceil(100_000 / 7));
    expect(performance.now() - start).toBeLessThan(3000);   // a tenth of it on a quiet machine
  });
});

describe("heights of wrapped lines", () => {
  it.each([["abc", 3], ["\tx", 5], ["a\tx", 5], ["日本", 4], ["é", 1], ["e\u0301", 1], ["👍", 2]])("%j takes %d cells", (text, n) => expect(cells(text)).toBe(n));
  it("add up, and tell the row of a place", () => {
    const texts = ["", "x".repeat(10), "x".repeat(11), "x".repeat(25)];
    const before = heights(4, (row) => cells(texts[row]!), 10);
    expect([...before]).toEqual([0, 1, 2, 4, 7]);
    expect([0, 1, 2, 3, 4, 6, 99].map((at) => rowAt(before, at))).toEqual([0, 1, 2, 2, 3, 3, 3]);
    expect(rowAt(heights(0, () => 0, 10), 0)).toBe(0);
  });
  it("are read once of a log that grows at its end and loses its beginning", () => {
    const read: string[] = [];
    const textOf = (line: string): string => { read.push(line); return line; };
    const first = widths(["a", "bb", "ccc"], textOf, null);
    expect([...first.cells]).toEqual([1, 2, 3]);
    const next = widths(["bb", "ccc", "dddd"], textOf, first);
    expect([...next.cells]).toEqual([2, 3, 4]);
    expect(read).toEqual(["a", "bb", "ccc", "dddd"]);
    expect([...widths(["dddd", "x", "bb"], textOf, next).cells]).toEqual([4, 1, 2]);
    expect(widths([], textOf, next).cells.length).toBe(0);
  });
});
