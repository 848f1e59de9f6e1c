// What stands around a place in a script, and what type an expression has. Follows assignments, `ipairs`, `assert` and calls of the
// module from the top to the place; scopes do not matter enough to be kept: the last assignment before the place counts.
import { elementOf, fieldsOf, type Definitions, type Group, type Member } from "./definitions";
import { textOf, type Token } from "./lexer";

export const GROUPS: Record<string, Group> = { read: "read", write: "write", execute: "execute", start: "execute" };
const CLOSER: Record<string, string> = { "(": ")", "[": "]", "{": "}" };
const OPENER: Record<string, string> = { ")": "(", "]": "[", "}": "{" };

export class Script {
  readonly tokens: Token[];
  #locals = new Map<string, string>();
  readonly defs: Definitions;
  /** Names that were assigned or are parameters, for completion. */
  readonly names = new Set<string>();

  /** `list` without comments, up to the place that is asked about. */
  constructor(defs: Definitions, list: readonly Token[]) {
    this.defs = defs;
    this.tokens = list.filter((t) => t.kind !== "comment");
    this.#read();
  }

  #read(): void {
    const list = this.tokens;
    for (let i = 0; i < list.length; i++) {
      const token = list[i]!;
      if (token.text === "for" && token.kind === "keyword") {
        const names: string[] = [];
        let j = i + 1;
        for (; list[j]?.kind === "name" || list[j]?.text === ","; j++) if (list[j]!.kind === "name") names.push(list[j]!.text);
        for (const name of names) this.names.add(name);
        const over = list[j + 1];
        if (list[j]?.text === "in" && (over?.text === "ipairs" || over?.text === "pairs") && names[1]) {
          const type = this.type(j + 3)?.type;
          const element = type ? elementOf(this.defs, type) : undefined;
          this.#set(names[1], element);
        }
      } else if (token.text === "function" && token.kind === "keyword") {
        let j = i + 1;
        for (; list[j] && list[j]!.text !== "("; j++) if (list[j]!.kind === "name" && list[i - 1]?.text === "local") this.names.add(list[j]!.text);
        for (; list[j] && list[j]!.text !== ")"; j++) if (list[j]!.kind === "name") { this.names.add(list[j]!.text); this.#locals.delete(list[j]!.text); }
      } else if (token.kind === "name" && list[i - 1]?.text !== "." && list[i - 1]?.text !== ":" && (list[i - 1]?.text === "local" || list[i + 1]?.text === "=")) {
        const declares = list[i - 1]?.text === "local";
        if (!declares && this.#inTable(i)) continue;
        let j = i + 1;
        if (list[j]?.text === "<") j += 3;
        this.names.add(token.text);
        for (; declares && list[j]?.text === "," && list[j + 1]?.kind === "name"; j += 2) { this.names.add(list[j + 1]!.text); this.#locals.delete(list[j + 1]!.text); }
        if (list[j]?.text === "=") this.#set(token.text, this.type(j + 1)?.type);
        else if (declares) this.#locals.delete(token.text);
      }
    }
  }

  #set(name: string, type: string | undefined): void {
    if (type) this.#locals.set(name, type);
    else this.#locals.delete(name);
  }

  #inTable(i: number): boolean {
    const before = this.tokens[i - 1]?.text;
    if (before !== "{" && before !== "," && before !== ";") return false;
    const open = this.opener(i);
    return open !== null && this.tokens[open]!.text === "{";
  }

  /** Index of the bracket that is open at token `i`. */
  opener(i: number): number | null {
    let depth = 0;
    for (let j = i - 1; j >= 0; j--) {
      const { text, kind } = this.tokens[j]!;
      if (kind !== "op") continue;
      if (OPENER[text]) depth++;
      else if (CLOSER[text] && depth-- === 0) return j;
    }
    return null;
  }

  #close(i: number): number {
    let depth = 0;
    for (let j = i; j < this.tokens.length; j++) {
      const { text, kind } = this.tokens[j]!;
      if (kind !== "op") continue;
      if (CLOSER[text]) depth++;
      else if (OPENER[text] && --depth === 0) return j;
    }
    return this.tokens.length - 1;
  }

  /** Type of the expression that begins at token `i` and ends before `end`, with the member it names if it does. */
  type(i: number, end = this.tokens.length): { type?: string; member?: Member; end: number } | undefined {
    const first = this.tokens[i];
    if (!first || i >= end) return undefined;
    let type: string | undefined, path = "", at = i + 1;
    if (first.text === "(") {
      at = Math.min(this.#close(i) + 1, end);
      type = this.type(i + 1, at)?.type;
    } else if (first.kind === "name") {
      if (first.text === "assert" && this.tokens[at]?.text === "(") {
        type = this.type(at + 1, end)?.type;
        at = Math.min(this.#close(at) + 1, end);
      } else if (first.text === "komodo" && !this.#locals.has("komodo")) path = "komodo";
      else if (first.text === "require" && textOf(this.tokens[at + 1] ?? first) === "komodo") { path = "komodo"; at = Math.min(this.#close(at) + 1, end); }
      else type = this.#locals.get(first.text);
    } else return { end: at };

    while (at < end) {
      const { text, kind } = this.tokens[at]!;
      const name = this.tokens[at + 1];
      if (kind === "string" || text === "(" || text === "{") {           // a call
        const inside = kind === "string" ? this.tokens[at] : text === "(" ? name : undefined;
        const what = GROUPS[path.replace(/^komodo\./, "")];
        if (what && path.startsWith("komodo.")) {
          const request = inside?.kind === "string" ? this.defs.requests[what].get(textOf(inside)) : undefined;
          type = path === "komodo.start" ? "komodo.Update" : request?.result;
        } else type = path ? this.defs.members.get(path)?.type : undefined;
        path = "";
        at = kind === "string" ? at + 1 : this.#close(at) + 1;
      } else if ((text === "." || text === ":") && kind === "op" && name?.kind === "name" && at + 1 < end) {
        if (path) {
          path = `${path}.${name.text}`;
          if (!this.defs.members.has(path) && !GROUPS[path.slice(7)]) {
            const owner = this.defs.members.get(path.slice(0, path.lastIndexOf(".")));
            type = owner ? this.field(owner.type, name.text) : undefined;
            path = "";
          }
        } else type = type ? this.field(type, name.text) : undefined;
        at += 2;
      } else if (text === "[" && kind === "op") {
        const of = path ? this.defs.members.get(path)?.type : type;
        type = of ? elementOf(this.defs, of) : undefined;
        path = "";
        at = this.#close(at) + 1;
      } else if (text === "or" && type === undefined && !path) return this.type(at + 1, end);
      else break;
    }
    const member = path ? this.defs.members.get(path) : undefined;
    const whole = path ? (path === "komodo" ? "komodo" : member && !member.signature ? member.type : undefined) : type;
    return { ...(whole ? { type: whole } : {}), ...(member ? { member } : {}), end: at };
  }

  field(type: string, name: string): string | undefined {
    return fieldsOf(this.defs, type).find((f) => f.name === name)?.type;
  }

  /** Where the chain of names, calls and indexes begins that ends with token `i`. */
  chainStart(i: number): number {
    let at = i;
    for (;;) {
      const token = this.tokens[at];
      if (!token) return at + 1;
      if (token.text === ")" || token.text === "]" || token.text === "}") {
        let depth = 0;
        for (; at >= 0; at--) {
          const { text, kind } = this.tokens[at]!;
          if (kind !== "op") continue;
          if (OPENER[text]) depth++;
          else if (CLOSER[text] && --depth === 0) break;
        }
        const before = this.tokens[at - 1];
        if (before && (before.kind === "name" || before.text === ")" || before.text === "]")) { at--; continue; }
        return Math.max(0, at);
      }
      if (token.kind === "string") {
        if (this.tokens[at - 1]?.kind === "name") { at--; continue; }
        return at;
      }
      if (token.kind !== "name") return at + 1;
      const before = this.tokens[at - 1];
      if (before && before.kind === "op" && (before.text === "." || before.text === ":")) at -= 2;
      else return at;
    }
  }

  /** Members offered after `x.` where token `i` is the last of x. */
  members(i: number): { owner: string; type?: string } | undefined {
    const start = this.chainStart(i);
    const chain = this.tokens.slice(start, i + 1);
    if (chain[0]?.text === "komodo" && !this.#locals.has("komodo") && chain.every((t, n) => (n % 2 ? t.text === "." : t.kind === "name"))) {
      const owner = chain.map((t) => t.text).join("");
      const member = this.defs.members.get(owner), type = member?.signature ? undefined : member?.type;
      return { owner, ...(type ? { type } : {}) };
    }
    const type = this.type(start, i + 1)?.type;
    return type ? { owner: "", type } : undefined;
  }

  /** The call whose argument number `index` stands at token `i`: what is called, and where its bracket is. */
  call(i: number): { path: string; open: number; index: number } | null {
    const open = this.opener(i);
    if (open === null || this.tokens[open]!.text !== "(" || this.tokens[open - 1]?.kind !== "name") return null;
    const start = this.chainStart(open - 1);
    let index = 0, depth = 0;
    for (let j = open + 1; j < i; j++) {
      const { text, kind } = this.tokens[j]!;
      if (kind !== "op") continue;
      if (CLOSER[text]) depth++;
      else if (OPENER[text]) depth--;
      else if (text === "," && depth === 0) index++;
    }
    return { path: this.tokens.slice(start, open).map((t) => t.text).join(""), open, index };
  }

  /** The type that the table literal with its `{` at token `open` should have, by where it stands. */
  expected(open: number, depth = 0): string | undefined {
    if (depth > 8) return undefined;
    const before = this.tokens[open - 1];
    if (!before) return undefined;
    if (before.text === "=" && this.tokens[open - 2]?.kind === "name") {
      const outer = this.opener(open - 2);
      if (outer === null || this.tokens[outer]!.text !== "{") return undefined;
      const type = this.expected(outer, depth + 1);
      return type ? this.field(type, this.tokens[open - 2]!.text) : undefined;
    }
    if (before.kind === "name") return this.#parameter(this.tokens.slice(this.chainStart(open - 1), open).map((t) => t.text).join(""), 0, open);
    const outer = this.opener(open);
    if (outer === null) return undefined;
    if (this.tokens[outer]!.text === "{") {
      const type = this.expected(outer, depth + 1);
      return type ? elementOf(this.defs, type) : undefined;
    }
    const call = this.call(open);
    return call ? this.#parameter(call.path, call.index, call.open) : undefined;
  }

  #parameter(path: string, index: number, open: number): string | undefined {
    const group = GROUPS[path.replace(/^komodo\./, "")];
    if (group && path.startsWith("komodo.")) {
      const name = this.tokens[open + 1];
      if (index === 2) return "komodo.ExecuteOptions";
      return index === 1 && name?.kind === "string" ? this.defs.requests[group].get(textOf(name))?.params : undefined;
    }
    return this.defs.members.get(path)?.params[index]?.type;
  }
}
