// What is wrong in JSON. Pure.
import type { Problem } from "./offers";

/** Where the text stops being JSON. Browsers word and place it differently, so the place is looked for here. */
export function jsonProblems(text: string): Problem[] {
  if (text.trim() === "") return [];
  try {
    JSON.parse(text);
    return [];
  } catch (thrown) {
    const at = broken(text);
    const before = text.slice(0, at).split("\n");
    const message = at >= text.trimEnd().length ? "It ends too early: a bracket, a quote or a value is missing." : (thrown instanceof Error ? thrown.message : "").replace(/ (?:in JSON )?at (?:position|line) .*$/, "").replace(/, ?(?:\.{3})?"[^]*$/, "") || "This is no JSON.";
    return [{ line: before.length, column: before.at(-1)!.length, severity: "error", message }];
  }
}

/** Index of the first character that no JSON continues with. */
function broken(text: string): number {
  const token = /\s+|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w)|[[\]{},:]/y;
  const open: string[] = [];
  let want: "value" | "end" | "key" | "colon" | "comma" = "value", first = false;
  for (let at = 0; at < text.length; at = token.lastIndex) {
    token.lastIndex = at;
    const word = token.exec(text)?.[0];
    if (word === undefined) return at;
    if (word.trim() === "") continue;
    const inside = open.at(-1);
    if (word === "}" || word === "]") {
      if (inside !== (word === "}" ? "{" : "[") || (want !== "comma" && !first)) return at;
      open.pop();
      want = open.length ? "comma" : "end";
      first = false;
    } else if (word === ",") {
      if (want !== "comma") return at;
      want = inside === "{" ? "key" : "value";
    } else if (word === ":") {
      if (want !== "colon") return at;
      want = "value";
    } else if (want === "key") {
      if (!word.startsWith('"')) return at;
      want = "colon";
      first = false;
    } else if (want === "value") {
      first = word === "{" || word === "[";
      if (first) { open.push(word); want = word === "{" ? "key" : "value"; }
      else want = open.length ? "comma" : "end";
    } else return at;
  }
  return text.length;
}
