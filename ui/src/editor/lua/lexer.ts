// The words of a Lua script with their places. Bears scripts that are not finished: a string or comment without an end goes to
// the end of its line, a long one to the end of the text.

export interface Token {
  kind: "name" | "keyword" | "string" | "number" | "op" | "comment";
  text: string;
  from: number;
  to: number;
}

export const keywords = new Set(
  "and break do else elseif end false for function goto if in local nil not or repeat return then true until while".split(" "));

const OP = /\.\.\.|\.\.|==|~=|<=|>=|<<|>>|\/\/|::|[-+*/%^#&~|<>=(){}[\];:,.]/y;
const NAME = /[A-Za-z_]\w*/y;
const NUMBER = /0[xX][\da-fA-F.]+(?:[pP][+-]?\d+)?|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const LONG = /\[(=*)\[/y;

const at = (pattern: RegExp, source: string, from: number): RegExpExecArray | null => {
  pattern.lastIndex = from;
  return pattern.exec(source);
};

function longEnd(source: string, from: number, level: string): number {
  const stop = source.indexOf(`]${level}]`, from);
  return stop < 0 ? source.length : stop + level.length + 2;
}

function shortEnd(source: string, from: number): number {
  const quote = source[from];
  for (let i = from + 1; i < source.length; i++) {
    const c = source[i];
    if (c === "\\") i += source[i + 1] === "z" ? 0 : 1;
    else if (c === quote) return i + 1;
    else if (c === "\n") return i;
  }
  return source.length;
}

export function tokens(source: string): Token[] {
  const out: Token[] = [];
  let i = 0;
  const push = (kind: Token["kind"], to: number): void => {
    out.push({ kind, text: source.slice(i, to), from: i, to });
    i = to;
  };
  while (i < source.length) {
    const c = source[i]!;
    if (c <= " ") { i++; continue; }
    if (source.startsWith("--", i)) {
      const long = at(LONG, source, i + 2);
      const line = source.indexOf("\n", i);
      push("comment", long ? longEnd(source, i + 2 + long[0].length, long[1]!) : line < 0 ? source.length : line);
      continue;
    }
    const long = c === "[" ? at(LONG, source, i) : null;
    if (long) { push("string", longEnd(source, i + long[0].length, long[1]!)); continue; }
    if (c === '"' || c === "'") { push("string", shortEnd(source, i)); continue; }
    const name = at(NAME, source, i);
    if (name) { push(keywords.has(name[0]) ? "keyword" : "name", i + name[0].length); continue; }
    const number = at(NUMBER, source, i);
    if (number) { push("number", i + number[0].length); continue; }
    const op = at(OP, source, i);
    if (op) push("op", i + op[0].length);
    else i++;
  }
  return out;
}

/** What a string token says, without its quotes. Escapes stay as they are: names of requests have none. */
export const textOf = (token: Token): string => token.text.replace(/^(["'])(.*?)\1?$/s, "$2").replace(/^\[(=*)\[(.*?)(\]\1\])?$/s, "$2");
