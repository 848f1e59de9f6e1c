// Indents a script by its blocks. Only the space at the start and the end of lines changes; lines inside long strings and comments stay.
import { tokens, type Token } from "./lexer";

const UNIT = "  ";
const BINARY = new Set(["and", "or", "..", "+", "*", "/", "//", "%", "==", "~=", "<=", ">=", "<", ">"]);
const OPEN = new Set(["(", "{", "[", "function", "if", "for", "while", "repeat"]);
const CLOSE = new Set([")", "}", "]", "end", "until", "else", "elseif"]);

interface Open { word: string; depth: number; waitsForDo: boolean }

export function indent(source: string): string {
  const lines = source.split("\n");
  const all = tokens(source);
  const starts: number[] = [];
  let offset = 0;
  for (const line of lines) {
    starts.push(offset);
    offset += line.length + 1;
  }
  const stack: Open[] = [];
  const out: string[] = [];
  let next = 0;
  let before: Token | undefined;   // the last word of the lines before

  for (const [n, line] of lines.entries()) {
    const from = starts[n]!, to = from + line.length;
    const inside = next > 0 && all[next - 1]!.to > from;              // of a long string or comment that began before
    const mine: Token[] = [];
    while (next < all.length && all[next]!.from <= to) mine.push(all[next++]!);
    const openAtEnd = mine.length ? mine.at(-1)!.to > to : inside && all[next - 1]!.to > to;
    const code = mine.filter((t) => t.kind !== "comment" && t.kind !== "string");
    const first = inside ? undefined : mine[0];

    let depth = 0;
    if (first) {
      const top = stack.at(-1);
      if (top && CLOSE.has(first.text) && first.kind !== "string") depth = top.depth;
      else {
        const bracket = top !== undefined && "({[".includes(top.word);
        const goesOn = !bracket && first.kind !== "comment" && (BINARY.has(first.text) || ((first.text === ":" || first.text === ".") && first.kind === "op")
          || (before !== undefined && before.kind !== "string" && (BINARY.has(before.text) || before.text === "=")));
        depth = (top ? top.depth + 1 : 0) + (goesOn ? 1 : 0);
      }
    }
    for (const token of code) {
      const { text } = token;
      if (CLOSE.has(text)) {
        const top = stack.pop();
        if (text === "else" || text === "elseif") stack.push({ word: "if", depth: top?.depth ?? depth, waitsForDo: false });
      } else if (OPEN.has(text)) stack.push({ word: text, depth, waitsForDo: text === "for" || text === "while" });
      else if (text === "do") {
        const top = stack.at(-1);
        if (top?.waitsForDo) top.waitsForDo = false;
        else stack.push({ word: "do", depth, waitsForDo: false });
      }
    }
    const last = mine.findLast((t) => t.kind !== "comment");
    if (last) before = last;
    if (inside && !openAtEnd && !mine.length) out.push(line);
    else if (inside) out.push(openAtEnd ? line : line.trimEnd());
    else if (!first) out.push("");
    else out.push(UNIT.repeat(depth) + (openAtEnd ? line.trimStart() : line.trim()));
  }
  return out.join("\n");
}
