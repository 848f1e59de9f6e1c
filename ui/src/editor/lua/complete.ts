// What the editor offers at a place: pure, over the words before it.
import { choicesOf, fieldsOf, shortType, type Definitions, type Field, type Member, type Request } from "./definitions";
import { GROUPS, Script } from "./analyse";
import { keywords, textOf, tokens, type Token } from "./lexer";

export interface Offer { label: string; kind: "function" | "property" | "request" | "keyword" | "variable" | "enum" | "namespace"; detail?: string; doc?: string; insert?: string }
export interface Offers { from: number; list: Offer[] }

/** Lua's own, with what they take. */
export const LUA: Record<string, string> = {
  assert: "(value, message)", error: "(message, level)", getmetatable: "(object)", ipairs: "(list)", load: "(text, name, mode, env)", next: "(table, index)", pairs: "(table)",
  pcall: "(fn, ...)", print: "(...)", rawequal: "(a, b)", rawget: "(table, key)", rawlen: "(value)", rawset: "(table, key, value)", require: "(name)", select: "(n, ...)",
  setmetatable: "(table, metatable)", tonumber: "(value, base)", tostring: "(value)", type: "(value)", xpcall: "(fn, handler, ...)",
  "string.byte": "(s, i, j)", "string.char": "(...)", "string.find": "(s, pattern, init, plain)", "string.format": "(format, ...)", "string.gmatch": "(s, pattern)",
  "string.gsub": "(s, pattern, replacement, n)", "string.len": "(s)", "string.lower": "(s)", "string.match": "(s, pattern, init)", "string.pack": "(format, ...)",
  "string.rep": "(s, n, separator)", "string.reverse": "(s)", "string.sub": "(s, i, j)", "string.unpack": "(format, s, at)", "string.upper": "(s)",
  "table.concat": "(list, separator, i, j)", "table.insert": "(list, position, value)", "table.move": "(a, from, to, at, b)", "table.pack": "(...)", "table.remove": "(list, position)",
  "table.sort": "(list, before)", "table.unpack": "(list, i, j)", "os.time": "(parts)", "os.date": "(format, time)", "os.clock": "()", "os.difftime": "(a, b)", "debug.traceback": "(message, level)",
  "math.abs": "(x)", "math.ceil": "(x)", "math.floor": "(x)", "math.fmod": "(x, y)", "math.huge": "", "math.max": "(x, ...)", "math.maxinteger": "", "math.min": "(x, ...)", "math.mininteger": "",
  "math.pi": "", "math.random": "(m, n)", "math.sqrt": "(x)", "math.tointeger": "(x)", "math.type": "(x)", "utf8.char": "(...)", "utf8.codes": "(s)", "utf8.codepoint": "(s, i, j)", "utf8.len": "(s, i, j)", "utf8.offset": "(s, n, i)",
};

const WORD = /[A-Za-z_]\w*$/;

const ofField = (f: Field): Offer => ({
  label: f.name, kind: "property", detail: shortType(f.type), ...(f.doc ? { doc: f.doc } : {}),
});
const ofMember = (m: Member): Offer => ({
  label: m.name.slice(m.name.lastIndexOf(".") + 1), kind: m.signature ? "function" : "namespace", ...(m.signature ? { detail: m.signature } : {}), ...(m.doc ? { doc: m.doc } : {}),
});

function luaMembers(library: string): Offer[] {
  return Object.entries(LUA).filter(([name]) => name.startsWith(`${library}.`))
    .map(([name, signature]) => ({ label: name.slice(library.length + 1), kind: signature ? "function" : "property", ...(signature ? { detail: signature } : {}) }));
}

function afterDot(defs: Definitions, script: Script, dot: number): Offer[] {
  const before = script.tokens[dot - 1];
  if (!before) return [];
  if (before.kind === "name" && script.tokens[dot - 2]?.text !== ".") {
    const own = luaMembers(before.text);
    if (own.length) return own;
  }
  const found = script.members(dot - 1);
  if (!found) return [];
  const out: Offer[] = [];
  if (found.owner) {
    for (const member of defs.members.values())
      if (member.name.startsWith(`${found.owner}.`) && !member.name.slice(found.owner.length + 1).includes(".")) out.push(ofMember(member));
  }
  if (found.type) for (const f of fieldsOf(defs, found.type)) if (/^\w+$/.test(f.name) && !out.some((o) => o.label === f.name)) out.push(ofField(f));
  return out;
}

const requestOffer = (r: Request): Offer => ({ label: r.name, kind: "request", detail: shortType(r.result), ...(r.doc ? { doc: r.doc } : {}) });

function inString(defs: Definitions, script: Script, i: number): Offer[] {
  const before = script.tokens[i - 1];
  const callee = before?.text === "(" ? i - 2 : before?.kind === "name" ? i - 1 : -1;
  const name = script.tokens[callee];
  const group = name && GROUPS[name.text];
  if (group && script.tokens[callee - 1]?.text === "." && script.tokens[callee - 2]?.text === "komodo") return [...defs.requests[group].values()].map(requestOffer);
  if (name?.text === "require" && callee >= 0) return [{ label: "komodo", kind: "namespace" }];
  if (before?.text === "=" || before?.text === "==" || before?.text === "~=") {
    const key = script.tokens[i - 2];
    let type: string | undefined;
    const open = before.text === "=" ? script.opener(i) : null;
    if (open !== null && key?.kind === "name" && script.tokens[open]!.text === "{") {
      const of = script.expected(open);
      if (of) type = script.field(of, key.text);
    } else if (before.text !== "=") type = script.type(script.chainStart(i - 2), i - 1)?.type;
    if (type) return choicesOf(defs, type).map((label) => ({ label, kind: "enum" as const }));
  }
  return [];
}

function inTable(defs: Definitions, script: Script, i: number): Offer[] | null {
  const open = script.opener(i);
  if (open === null || script.tokens[open]!.text !== "{") return null;
  const before = script.tokens[i - 1]!.text;
  if (before !== "{" && before !== "," && before !== ";") return null;
  const type = script.expected(open);
  if (!type) return null;
  const given = new Set<string>();
  for (let j = open + 1; j < i; j++) if (script.tokens[j]!.kind === "name" && script.tokens[j + 1]?.text === "=") given.add(script.tokens[j]!.text);
  const fields = fieldsOf(defs, type).filter((f) => /^\w+$/.test(f.name) && !given.has(f.name));
  return fields.length ? fields.map((f) => ({ ...ofField(f), insert: `${f.name} = ` })) : null;
}

/** What may be written at `pos`; null when nothing fits. `asked`: somebody pressed the key for it. */
export function offers(defs: Definitions, source: string, pos: number, asked = false): Offers | null {
  const all = tokens(source.slice(0, pos));
  const last = all.at(-1);
  if (last?.kind === "comment" && last.to === pos && !/\]=*\]$/.test(last.text)) return null;
  if (last?.kind === "string" && last.to === pos && !isClosed(last)) {
    const script = new Script(defs, all.slice(0, -1));
    const list = inString(defs, new Script(defs, all), script.tokens.length);
    return list.length ? { from: last.from + 1, list } : null;
  }
  const word = last && last.to === pos ? WORD.exec(last.text) : null;
  const from = word && (last?.kind === "name" || last?.kind === "keyword") ? last.from : pos;
  const script = new Script(defs, from < pos ? all.slice(0, -1) : all);
  const i = script.tokens.length;
  const before = script.tokens[i - 1];
  if (before?.kind === "op" && (before.text === "." || before.text === ":")) {
    const list = afterDot(defs, script, i - 1);
    return list.length ? { from, list } : null;
  }
  if (from === pos && !asked && before?.text !== "{") return null;
  if (last?.kind === "number" && last.to === pos) return null;
  const fields = before ? inTable(defs, script, i) : null;
  if (fields && (asked || from < pos || before?.text === "{")) return { from, list: fields };
  if (from === pos && !asked) return null;
  if (before?.kind === "keyword" && ["local", "function", "for"].includes(before.text)) return null;
  const list: Offer[] = [{ label: "komodo", kind: "namespace", doc: "The module: requests, logs, http, state." }];
  for (const name of script.names) if (name !== "_") list.push({ label: name, kind: "variable" });
  for (const [name, signature] of Object.entries(LUA)) if (!name.includes(".")) list.push({ label: name, kind: "function", detail: signature });
  for (const name of ["string", "table", "math", "os", "utf8", "coroutine"]) list.push({ label: name, kind: "namespace" });
  for (const keyword of keywords) list.push({ label: keyword, kind: "keyword" });
  return { from, list };
}

const isClosed = (t: Token): boolean => t.text.startsWith("[") ? /\]=*\]$/.test(t.text) : t.text.length > 1 && t.text.at(-1) === t.text[0];

export interface Explanation { from: number; to: number; title: string; doc: string; fields: Field[] }

const explainRequest = (r: Request, at: Token, defs: Definitions): Explanation =>
  ({ from: at.from, to: at.to, title: `${r.name} → ${shortType(r.result)}`, doc: r.doc, fields: fieldsOf(defs, r.params) });

/** What stands at `pos`, for a hover. */
export function explain(defs: Definitions, source: string, pos: number): Explanation | null {
  const all = tokens(source);
  const at = all.find((t) => t.from <= pos && pos < t.to);
  if (!at || (at.kind !== "name" && at.kind !== "string")) return null;
  const script = new Script(defs, all.filter((t) => t.to <= at.to));
  const i = script.tokens.length - 1;
  const before = script.tokens[i - 1];
  if (at.kind === "string") {
    const call = script.call(i);
    const group = call && GROUPS[call.path.replace(/^komodo\./, "")];
    const request = group && call.index === 0 ? defs.requests[group].get(textOf(at)) : undefined;
    return request ? explainRequest(request, at, defs) : null;
  }
  if (before?.text === "." || before?.text === ":") {
    const path = script.tokens.slice(script.chainStart(i), i + 1).map((t) => t.text).join("");
    const member = defs.members.get(path);
    if (member) return { from: at.from, to: at.to, title: `${member.name}${member.signature ?? ""}`, doc: member.doc, fields: member.params };
    if (LUA[path] !== undefined) return { from: at.from, to: at.to, title: path + LUA[path], doc: "Part of Lua.", fields: [] };
    const owner = script.members(i - 2);
    const field = owner?.type ? fieldsOf(defs, owner.type).find((f) => f.name === at.text) : undefined;
    return field ? { from: at.from, to: at.to, title: `${field.name}: ${shortType(field.type)}`, doc: field.doc, fields: [] } : null;
  }
  const open = script.opener(i);
  const follows = all[all.indexOf(at) + 1];
  if (follows?.text === "=" && open !== null && script.tokens[open]!.text === "{") {
    const type = script.expected(open);
    const field = type ? fieldsOf(defs, type).find((f) => f.name === at.text) : undefined;
    if (field) return { from: at.from, to: at.to, title: `${field.name}${field.optional ? "?" : ""}: ${shortType(field.type)}`, doc: field.doc, fields: [] };
  }
  if (LUA[at.text] !== undefined) return { from: at.from, to: at.to, title: at.text + LUA[at.text], doc: "Part of Lua.", fields: [] };
  const type = script.type(i)?.type;
  return type && type !== "komodo" ? { from: at.from, to: at.to, title: `${at.text}: ${shortType(type)}`, doc: defs.classes.get(type)?.doc ?? "", fields: fieldsOf(defs, type).slice(0, 12) } : null;
}

export interface Signature { at: number; name: string; parameters: string[]; active: number; doc: string; fields: Field[] }

/** The call that `pos` is in. */
export function signature(defs: Definitions, source: string, pos: number): Signature | null {
  const all = tokens(source.slice(0, pos));
  const last = all.at(-1);
  if (last?.kind === "comment") return null;
  const script = new Script(defs, all);
  let i = script.tokens.length;
  // In a table literal it is still the call around it.
  for (let depth = 0; depth < 8; depth++) {
    const open = script.opener(i);
    if (open === null) return null;
    const call = script.call(i);
    if (!call) { i = open; continue; }
    const path = call.path;
    const text = defs.members.get(path)?.signature ?? LUA[path];
    if (!text) return null;
    const parameters = text.slice(1, -1).split(",").map((p) => p.trim()).filter(Boolean);
    const group = path.startsWith("komodo.") ? GROUPS[path.slice(7)] : undefined;
    const name = script.tokens[call.open + 1];
    const request = group && name?.kind === "string" ? defs.requests[group].get(textOf(name)) : undefined;
    const at = script.tokens[script.chainStart(call.open - 1)]!.from;
    return {
      at, name: path, parameters, active: Math.min(call.index, Math.max(0, parameters.length - 1)),
      doc: request ? `${request.name} → ${shortType(request.result)}: ${request.doc}` : defs.members.get(path)?.doc ?? "",
      fields: request && call.index === 1 ? fieldsOf(defs, request.params) : [],
    };
  }
  return null;
}
