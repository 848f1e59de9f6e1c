// Output of commands as pieces of text with a colour. Escape sequences and the markup the engine writes into error logs
// (spec api.md 11.5) become styles; everything else stays text, so nothing in a log is ever HTML.

export interface Piece {
  text: string;
  /** A class of styles: "red", "bold green" … */
  style: string;
}

const COLORS = ["dark", "red", "green", "yellow", "blue", "purple", "cyan", "light"];
// eslint-disable-next-line no-control-regex
const ESCAPE = /\x1b\[([0-9;]*)([A-Za-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|[\x00-\x08\x0b-\x1f\x7f]/g;
const SPAN = /<(\/?)(span|b)(?: (?:style|class)="([^"]*)")?>/g;

function styleOf(codes: string, style: Set<string>): void {
  const list = codes === "" ? [0] : codes.split(";").map(Number);
  for (let i = 0; i < list.length; i++) {
    const code = list[i]!;
    if (code === 0) style.clear();
    else if (code === 1) style.add("bold");
    else if (code === 2) style.add("faint");
    else if (code === 22) { style.delete("bold"); style.delete("faint"); }
    else if (code === 39) for (const color of COLORS) style.delete(color);
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) {
      for (const color of COLORS) style.delete(color);
      style.add(COLORS[code % 10]!);
    } else if (code === 38 || code === 48) i += list[i + 1] === 5 ? 2 : 4;   // 256 and true colours are left out
  }
}

/** `line` in pieces. Colours end with the line: what a program left open does not run on. */
export function pieces(line: string): Piece[] {
  const out: Piece[] = [];
  const style = new Set<string>();
  let at = 0;
  const push = (text: string): void => { if (text) out.push({ text, style: [...style].join(" ") }); };
  for (const found of line.matchAll(ESCAPE)) {
    push(line.slice(at, found.index));
    at = found.index + found[0].length;
    if (found[2] === "m") styleOf(found[1] ?? "", style);
  }
  push(line.slice(at));
  return out.flatMap(markup);
}

function markup(piece: Piece): Piece[] {
  if (!piece.text.includes("<")) return [piece];
  const out: Piece[] = [];
  const open: string[] = [];
  let at = 0;
  const push = (text: string): void => { if (text) out.push({ text, style: [piece.style, ...open].filter(Boolean).join(" ") }); };
  for (const found of piece.text.matchAll(SPAN)) {
    push(piece.text.slice(at, found.index));
    at = found.index + found[0].length;
    if (found[1]) open.pop();
    else open.push(found[2] === "b" || found[3]?.includes("bold") ? "bold" : /red/.test(found[3] ?? "") ? "red" : /green/.test(found[3] ?? "") ? "green" : /blue/.test(found[3] ?? "") ? "blue" : "faint");
  }
  push(piece.text.slice(at));
  return out;
}

/** The text alone. */
export const plain = (line: string): string => pieces(line).map((piece) => piece.text).join("");

export type Level = "error" | "warn" | "info" | "debug" | null;

/** How bad a line says it is. */
export function levelOf(line: string): Level {
  const found = /\b(FATAL|PANIC|CRITICAL|ERROR|ERR|WARN(?:ING)?|INFO|NOTICE|DEBUG|TRACE)\b|"level":"(\w+)"|level=(\w+)/i.exec(line.slice(0, 300));
  const word = (found?.[1] ?? found?.[2] ?? found?.[3] ?? "").toLowerCase();
  if (/^(fatal|panic|critical|err)/.test(word)) return "error";
  if (word.startsWith("warn")) return "warn";
  if (/^(debug|trace)/.test(word)) return "debug";
  return word ? "info" : null;
}
