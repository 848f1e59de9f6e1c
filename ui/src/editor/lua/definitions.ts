// What `GET /lua/komodo.lua` (LuaCATS) tells about the module: classes with their fields, requests, functions. Types stay texts;
// fieldsOf() and elementOf() take them apart when somebody asks.

export interface Field { name: string; type: string; doc: string; optional: boolean }
export interface Request { name: string; doc: string; params: string; result: string }
export interface Member { name: string; doc: string; signature?: string; params: Field[]; type: string }
export type Group = "read" | "write" | "execute";

export interface Definitions {
  classes: Map<string, { doc: string; fields: Field[] }>;
  aliases: Map<string, { doc: string; parts: string[] }>;
  requests: Record<Group, Map<string, Request>>;
  /** By full name, such as "komodo.kv.get". */
  members: Map<string, Member>;
}

/** Splits at `separator` where no bracket or quote is open. */
export function split(text: string, separator: string): string[] {
  const out: string[] = [];
  let depth = 0, quote = false, from = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '"') quote = !quote;
    else if (quote) continue;
    else if ("({[<".includes(c)) depth++;
    else if (")}]>".includes(c)) depth--;
    else if (depth === 0 && text.startsWith(separator, i)) {
      out.push(text.slice(from, i));
      from = i + separator.length;
    }
  }
  out.push(text.slice(from));
  return out.map((part) => part.trim()).filter(Boolean);
}

/** "table<string, any> What it is." → type and doc. */
function typeAndDoc(text: string): [string, string] {
  const [type = ""] = split(text, " ");
  let doc = text.slice(text.indexOf(type) + type.length).trim();
  if (/^fun\(/.test(type) && type.endsWith(":")) {
    const [result = ""] = split(doc, " ");
    doc = doc.slice(result.length).trim();
    return [`${type} ${result}`, doc];
  }
  return [type, doc];
}

function field(text: string): Field {
  const found = /^(\["[^"]+"\]|[\w.]+)(\??)\s+(.*)$/.exec(text);
  if (!found) return { name: text, type: "any", doc: "", optional: true };
  const [type, doc] = typeAndDoc(found[3]!);
  return { name: found[1]!, optional: found[2] === "?", type, doc };
}

export function parseDefinitions(text: string): Definitions {
  const out: Definitions = { classes: new Map(), aliases: new Map(), requests: { read: new Map(), write: new Map(), execute: new Map() }, members: new Map() };
  let doc: string[] = [], params: Field[] = [], returns: string[] = [], type = "", overloads: string[] = [];
  let fields: Field[] | null = null, parts: string[] | null = null;
  const docs = (): string => doc.join(" ").trim();
  const forget = (): void => { doc = []; params = []; returns = []; type = ""; overloads = []; fields = null; parts = null; };

  for (const line of text.split("\n")) {
    if (line === "") { forget(); continue; }
    const tag = /^---\s*@(\w+)\s*(.*)$/.exec(line);
    if (tag) {
      const rest = tag[2]!;
      switch (tag[1]) {
        case "class": {
          const name = /^[\w.]+/.exec(rest)?.[0] ?? rest;
          fields = [];
          out.classes.set(name, { doc: docs(), fields });
          break;
        }
        case "field": fields?.push(field(rest)); break;
        case "alias": {
          const [name = "", inline = ""] = rest.split(/\s+(.*)/s);
          parts = inline ? [inline] : [];
          out.aliases.set(name, { doc: docs(), parts });
          break;
        }
        case "param": params.push(field(rest)); break;
        case "return": returns.push(typeAndDoc(rest)[0]); break;
        case "type": type = rest; break;
        case "overload": overloads.push(rest); break;
      }
      continue;
    }
    const part = /^---\|\s*(.*)$/.exec(line);
    if (part) { parts?.push(part[1]!); continue; }
    if (line.startsWith("---")) { doc.push(line.replace(/^---\s?/, "")); continue; }
    const fn = /^function ([\w.]+)\((.*)\) end/.exec(line);
    if (fn) {
      const name = fn[1]!;
      const group = /^komodo\.(read|write|execute)$/.exec(name)?.[1] as Group | undefined;
      for (const overload of overloads) {
        const of = /^fun\(name: "(\w+)"(?:, params\??: ([\w.]+))?.*?\): (.*)$/.exec(overload);
        if (!of || !group) continue;
        const input = of[2] ?? "";
        out.requests[group].set(of[1]!, { name: of[1]!, doc: out.classes.get(input)?.doc ?? "", params: input, result: (split(of[3]!, ",")[0] ?? "any").replace(/\?$/, "") });
      }
      out.members.set(name, { name, doc: docs(), signature: `(${fn[2]!})`, params, type: (returns[0] ?? "nil").replace(/\?$/, "") });
    } else {
      const value = /^(komodo\.[\w.]+) = (.*)$/.exec(line);
      if (value) {
        const name = value[1]!;
        // A table that can be called: its type is what the call gives.
        const callable = overloads[0] ? /^fun\(([^()]*)\)(?:: (.*))?$/.exec(overloads[0]) : null;
        const taken = callable ? split(callable[1]!, ",").map((part) => field(part.replace(/^([\w.]+\??): /, "$1 "))) : [];
        const gives = callable ? (split(callable[2] ?? "nil", ",")[0] ?? "nil").replace(/\?$/, "") : type || name;
        out.members.set(name, { name, doc: docs(), ...(callable ? { signature: `(${taken.map((f) => f.name).join(", ")})` } : {}), params: taken, type: gives });
        for (const inner of value[2]!.matchAll(/(\w+) = function\(([^)]*)\)/g))
          out.members.set(`${name}.${inner[1]!}`, { name: `${name}.${inner[1]!}`, doc: docs(), signature: `(${inner[2]!})`, params: [], type: "nil" });
      }
    }
    forget();
  }
  return out;
}

/** The types a type may be: aliases are looked through, "nil" and "?" are left out. */
export function variants(defs: Definitions, type: string, depth = 0): string[] {
  return split(type.replace(/\?$/, ""), "|").flatMap((part) => {
    const bare = part.replace(/\?$/, "");
    const alias = defs.aliases.get(bare);
    return alias && depth < 4 ? alias.parts.flatMap((p) => variants(defs, p, depth + 1)) : bare === "nil" ? [] : [bare];
  });
}

export function fieldsOf(defs: Definitions, type: string): Field[] {
  const seen = new Map<string, Field>();
  for (const variant of variants(defs, type)) {
    const inline = /^\{(.*)\}$/s.exec(variant);
    const fields = inline
      ? split(inline[1]!, ",").map((part) => {
        const found = /^(\w+)(\??):\s*(.*)$/s.exec(part);
        return { name: found?.[1] ?? part, optional: found?.[2] === "?", type: found?.[3] ?? "any", doc: "" };
      })
      : defs.classes.get(variant)?.fields ?? [];
    for (const one of fields) {
      const old = seen.get(one.name);
      seen.set(one.name, old ? { ...old, type: old.type === one.type ? old.type : `${old.type}|${one.type}` } : one);
    }
  }
  return [...seen.values()];
}

/** What a list or a map of that type holds. */
export function elementOf(defs: Definitions, type: string): string | undefined {
  for (const variant of variants(defs, type)) {
    if (variant.endsWith("[]")) return variant.slice(0, -2).replace(/^\((.*)\)$/, "$1");
    const map = /^table<[^,]+,\s*(.*)>$/.exec(variant);
    if (map) return map[1];
  }
  return undefined;
}

/** Words a text of that type may be. */
export const choicesOf = (defs: Definitions, type: string): string[] => variants(defs, type).filter((v) => v.startsWith('"')).map((v) => v.slice(1, -1));

/** A type as people read it. */
export const shortType = (type: string): string => type.replace(/komodo\./g, "");
