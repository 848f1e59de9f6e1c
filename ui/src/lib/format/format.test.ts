import { describe, expect, it } from "vitest";
import { pieces, plain } from "./ansi";
import { diffLines, hunks } from "./diff";
import { best, score } from "./fuzzy";
import { words } from "./names";
import { bytes, dockerBytes, percent, rate } from "./numbers";
import { duration, relative, secondsOf, tickText } from "./time";
import { trend } from "./trend";

describe("diffLines", () => {
  const kinds = (a: string, b: string) => diffLines(a, b).map((l) => `${{ same: " ", add: "+", drop: "-" }[l.kind]}${l.text}`);
  it.each([
    ["", "", []], ["a\n", "a\n", [" a"]], ["", "a\nb", ["+a", "+b"]], ["a\nb", "", ["-a", "-b"]],
    ["a\nb\nc", "a\nx\nc", [" a", "-b", "+x", " c"]], ["a\nb\nc\nd", "b\nd", ["-a", " b", "-c", " d"]],
  ])("%j to %j", (a, b, expected) => expect(kinds(a, b)).toEqual(expected));
  it("numbers both sides", () => expect(diffLines("a\nb", "x\na\nb")[2]).toEqual({ kind: "same", text: "b", before: 2, after: 3 }));
  it("shows only what is near a change", () => {
    const text = Array.from({ length: 40 }, (_, i) => `l${i}`);
    const shown = hunks(diffLines(text.join("\n"), [...text.slice(0, 20), "new", ...text.slice(20)].join("\n")));
    expect(shown.length).toBe(9);
    expect(shown[0]).toBeNull();
    expect(hunks(diffLines("a", "a"))).toEqual([]);
  });
  it("stays quick when everything differs", () => {
    const big = (c: string) => Array.from({ length: 5000 }, (_, i) => `${c}${i}`).join("\n");
    expect(diffLines(big("a"), big("b")).length).toBe(10000);
  });
});

describe("output of commands", () => {
  it.each([
    ["plain", [["plain", ""]]], ["\x1b[31mred\x1b[0m and not", [["red", "red"], [" and not", ""]]], ["\x1b[1;32mok", [["ok", "bold green"]]],
    ["\x1b[38;5;200mx\x1b[39my", [["x", ""], ["y", ""]]], ["\x1b]0;title\x07text", [["text", ""]]],
    ['<span style="color: var(--mantine-color-red-6)">ERROR</span>: gone', [["ERROR", "red"], [": gone", ""]]],
    ['<span class="text-muted">replaced</span>', [["replaced", "faint"]]],
  ])("%j", (line, expected) => expect(pieces(line).map((p) => [p.text, p.style])).toEqual(expected));
  it("leaves everything else as text", () => expect(plain("<script>alert(1)</script><img src=x>")).toBe("<script>alert(1)</script><img src=x>"));
  it("names the first sixteen of 256 colours", () => expect(pieces("\x1b[38;5;9mx").map((p) => p.style)).toEqual(["red"]));
  it("takes markup of the engine alone for styles", () => {
    expect(plain("<b>a</b>", false)).toBe("<b>a</b>");
    expect(plain("<b>a</b> \x1b[1mb")).toBe("a b");
  });
});

describe("words for people", () => {
  it.each([["DeployStack", "Deploy stack"], ["server_id", "Server"], ["server_ids", "Servers"], ["auto_update", "Auto update"], ["cpu_warning", "CPU warning"], ["webhook_url", "Webhook URL"], ["id", "Id"]])("%s", (name, text) => expect(words(name)).toBe(text));
  it.each([[0, "0 B"], [999, "999 B"], [1000, "1.0 KB"], [1536, "1.5 KB"], [5e9, "4.7 GB"]])("%d bytes", (n, text) => expect(bytes(n)).toBe(text));
  it.each([[0, "0 %"], [3.14159, "3.1 %"], [88.6, "89 %"]])("%d percent", (n, text) => expect(percent(n)).toBe(text));
  it.each([[0, "now"], [-4 * 60e3, "4 min"], [3 * 3600e3, "in 3 h"], [-2 * 86400e3, "2 d"]])("%d ms from now", (ms, text) => expect(relative(1e12 + ms, 1e12)).toBe(text));
  it.each([[310, "0.3 s"], [41_200, "41 s"], [200_000, "3 min 20 s"], [7_500_000, "2 h 5 min"]])("%d ms long", (ms, text) => expect(duration(ms)).toBe(text));
});

describe("places on a time axis", () => {
  const at = new Date(2026, 2, 1, 14, 5, 9).getTime();
  it.each([[10, "14:05:09"], [60, "14:05"], [86_400, "Mar 1"]])("a step of %d s", (step, text) => expect(tickText(at, step)).toBe(text));
});

describe("sizes and rates", () => {
  it.each([["836KiB / 23.5GiB", "836 KB / 23.5 GB"], ["1.2kB / 0B", "1.2 KB / 0 B"], ["2.5MB", "2.4 MB"], ["--", "--"]])("docker's %j", (text, shown) => expect(dockerBytes(text)).toBe(shown));
  it("counts over a Timelength", () => {
    expect(["5-sec", "1-min", "12-hr", "", undefined].map(secondsOf)).toEqual([5, 60, 43_200, 0, 0]);
    expect(rate(10_240, secondsOf("5-sec"))).toBe("2.0 KB/s");
    expect(rate(100, 0)).toBe("100 B/s");
  });
});

describe("trend", () => {
  const hour = 3_600_000;
  const times = Array.from({ length: 48 }, (_, i) => i * hour);
  it("says when a disk will be full", () => expect(trend(times, times.map((_, i) => 61 + i * 0.085))).toMatch(/^full in about \d+ days$/));
  it("is silent about noise, falls and little data", () => {
    expect(trend(times, times.map((_, i) => 50 + (i % 7)))).toBe("");
    expect(trend(times, times.map((_, i) => 90 - i * 0.1))).toBe("");
    expect(trend(times.slice(0, 3), [1, 2, 3])).toBe("");
    expect(trend(times.map((t) => t / 120), times.map((_, i) => 61 + i * 0.085))).toBe("");
  });
});

describe("fuzzy search", () => {
  it("wants all letters in order", () => {
    expect(score("api-gateway", "agw")).toBeGreaterThan(0);
    expect(score("api-gateway", "wga")).toBe(0);
  });
  it("puts whole words first", () => expect(best(["a-nested-web-thing", "webhooks-in", "w-e-b", "web"], "web", (s) => s, 3)).toEqual(["web", "webhooks-in", "a-nested-web-thing"]));
});
