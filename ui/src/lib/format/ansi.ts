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
    } else if (code === 38 || code === 48) {
      // Of 256 colours the first 16 have names; others, and true colours, are left out.
      const named = list[i + 1] === 5 ? list[i + 2] ?? 256 : 256;
      if (code === 38 && named < 16) styleOf(String(30 + (named % 8)), style);
      i += list[i + 1] === 5 ? 2 : 4;
    }
  }
}

/**
 * `line` in pieces. Colours end with the line: what a program left open does not run on. `marked`: what the engine writes as markup
 * becomes styles too; in the log of a container it is what the container wrote.
 */
export function pieces(line: string, marked = true): Piece[] {
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
  return marked ? out.flatMap(markup) : out;
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

// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/;

/** The text alone: quick, since whole logs are gone through with it. */
export function plain(line: string, marked = true): string {
  const text = CONTROL.test(line) ? line.replace(ESCAPE, "") : line;
  return marked && text.includes("<") ? text.replace(SPAN, "") : text;
}
