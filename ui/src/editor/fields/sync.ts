// Resource files (what a ResourceSync reads) after the schema: which tables and keys there are, what they take. Pure.
import { controlOf, type Control } from "$lib/schema/control";
import { schema, typeOf, type Expression, type FieldSchema } from "$lib/schema/schema";
import { kinds, type TypeName } from "$lib/resources/kinds";
import { meant, type Explained, type Offer, type Offers, type Problem } from "./offers";
import { scan, tomlProblems, type TomlKey } from "./toml";

/** A key of a table. */
interface Item {
  doc: string;
  values: readonly string[];
  /** Names of resources of that type, or of tags, fit. */
  names: TypeName | "Tag" | null;
  /** Kind of value, in a word. */
  type: string;
  /** Keys inside; a union's depend on what the file chose before. */
  table: (kindAt: KindAt) => Table | null;
}
/** The variant of a union that the file chooses at the place that is looked at, when it does. */
type KindAt = (variants: readonly string[]) => string | undefined;
/** Keys by name. `open`: others may be in it too. */
interface Table { title: string; keys: ReadonlyMap<string, Item>; open?: boolean }

const plain = (doc: string, type: string, more: Partial<Item> = {}): Item => ({ doc, type, values: type === "true or false" ? ["true", "false"] : [], names: null, table: () => null, ...more });
const snake = (name: string): string => name.replace(/(?<=.)[A-Z]/g, "_$&").toLowerCase();

/** Files name resources where configs hold ids (spec sync.md 3.3). */
function tomlName(field: FieldSchema, control: Control): string {
  if (control.kind === "resource") return field.name.replace(/_id$/, "");
  if (control.kind === "resources") return field.name.replace(/_ids$/, "s");
  return field.name === "stages" ? "stage" : field.name === "executions" ? "execution" : field.name;
}
const typeWords: Record<Control["kind"], string> = { switch: "true or false", number: "number", text: "text", code: "text", choice: "text", choices: "list", resource: "name", resources: "names", list: "list of texts", tags: "list of texts", map: "table", zone: "text", date: "text", rows: "list of tables", struct: "table", union: "table", version: "version", json: "value" };

function itemOf(field: FieldSchema, owner: string, title: string): Item {
  const control = controlOf(field, owner);
  return plain(field.doc ?? "", typeWords[control.kind], {
    names: control.kind === "resource" || control.kind === "resources" ? control.type : control.kind === "tags" ? "Tag" : null,
    values: control.kind === "switch" ? ["true", "false"] : control.kind === "choice" || control.kind === "choices" ? control.values.filter(Boolean) : [],
    table: (kindAt) => (control.kind === "struct" || control.kind === "union" || control.kind === "rows" ? tableOf(control.of, title, kindAt) : null),
  });
}

function tableOf(of: Expression, title: string, kindAt: KindAt): Table | null {
  const declared = typeOf(of);
  const owner = typeof of === "string" ? of : "";
  if (declared?.kind === "struct") return fieldsTable(declared.fields, owner, title);
  if (declared?.kind !== "union") return null;
  const names = declared.variants.map((v) => v.name), chosen = kindAt(names);
  const variants = declared.variants.filter((v) => chosen === undefined || v.name === chosen);
  const keys = new Map<string, Item>([[declared.tag, plain(declared.doc || "Which kind it is.", "text", { values: names })]]);
  const content = (): Table => {
    const inner = new Map<string, Item>();
    for (const v of variants) {
      const struct = v.type && typeOf(v.type);
      if (struct && struct.kind === "struct") for (const [name, item] of fieldsTable(struct.fields, typeof v.type === "string" ? v.type : "", title).keys) inner.set(name, item);
    }
    return { title, keys: inner, open: chosen === undefined };
  };
  keys.set(declared.content, declared.content === "id" ? plain("Its name.", "name", { names: kinds.find((k) => k.name === chosen)?.name ?? null }) : plain("What this kind needs.", "table", { table: content }));
  return { title, keys };
}

// Files have thousands of keys: a table is made once.
const tables = new Map<readonly FieldSchema[], Map<string, Table>>();
function fieldsTable(fields: readonly FieldSchema[], owner: string, title: string): Table {
  let byTitle = tables.get(fields);
  if (!byTitle) tables.set(fields, byTitle = new Map());
  let table = byTitle.get(title);
  if (!table) byTitle.set(title, table = { title, keys: new Map(fields.map((field) => [tomlName(field, controlOf(field, owner)), itemOf(field, owner, title)])) });
  return table;
}

const variable: Table = { title: "a variable", keys: new Map([
  ["name", plain("Name, as it stands in [[NAME]].", "text")], ["description", plain("What it is for.", "text")], ["value", plain("What it stands for.", "text")],
  ["is_secret", plain("Nobody is shown its value.", "true or false")],
]) };
const group: Table = { title: "a user group", keys: new Map([
  ["name", plain("Name of the group.", "text")], ["everyone", plain("Everybody belongs to it.", "true or false")], ["users", plain("User names.", "list of texts")],
  ["all", plain("Level for all resources of a type: Server = \"Read\".", "table", { table: () => ({ title: "all", open: true, keys: new Map(kinds.map((k) => [k.name, plain(`Level for every ${k.label}.`, "text", { values: ["None", "Read", "Execute", "Write"] })])) }) })],
  ["permissions", plain("Levels for single resources.", "list of tables", { table: () => ({ title: "a permission", keys: new Map([
    ["target", plain("The resource: { type, id }.", "table", { table: () => ({ title: "a target", keys: new Map([["type", plain("Type of the resource.", "text", { values: kinds.map((k) => k.name) })], ["id", plain("Its name.", "name")]]) }) })],
    ["level", plain("What is allowed.", "text", { values: ["None", "Read", "Execute", "Write"] })],
    ["specific", plain("Further rights.", "list", { values: ["Terminal", "Attach", "Inspect", "Logs", "Processes"] })],
  ]) }) })],
]) };

function makeRoot(): Table {
  const keys = new Map<string, Item>();
  for (const kind of kinds) {
    const config = schema.configs[kind.name];
    const title = `${kind.label} config`;
    const deploys = kind.name === "Stack" || kind.name === "Deployment";
    const entry = new Map<string, Item>([
      ["name", plain(`Name of the ${kind.label}.`, "text")], ["description", plain("What it is.", "text")], ["template", plain("Others are made from it; it is never run itself.", "true or false")],
      ["tags", plain("Names of tags.", "list of texts", { names: "Tag" })],
      ...(deploys ? [["deploy", plain("Running the sync deploys it when it changed.", "true or false")], ["after", plain("What is deployed before it.", "names", { names: kind.name })]] as [string, Item][] : []),
    ]);
    entry.set("config", plain(`Settings of the ${kind.label}.`, "table", { table: (kindAt) => (config ? tableOf(config, title, kindAt) : null) }));
    keys.set(snake(kind.name), plain(`A ${kind.label}. Write [[${snake(kind.name)}]] for each.`, "list of tables", { table: () => ({ title: `a ${kind.label}`, keys: entry }) }));
  }
  keys.set("variable", plain("A variable. Write [[variable]] for each.", "list of tables", { table: () => variable }));
  keys.set("user_group", plain("A user group. Write [[user_group]] for each.", "list of tables", { table: () => group }));
  return { title: "the file", keys };
}

const root = makeRoot();

/** Other spellings that the engine reads as well. */
function sameKey(table: Table, key: string): Item | undefined {
  return table.keys.get(key) ?? table.keys.get(key.replace(/s$/, "")) ?? table.keys.get(`${key}s`) ?? table.keys.get(key.replace(/_id$/, "")) ?? table.keys.get(key.replace(/_ids$/, "s"));
}

/** The item at a path, or the first of its keys that nobody knows; `count` of the keys stand before it. */
function walk(path: readonly string[], keys: readonly TomlKey[], count = keys.length): { item: Item | null; table: Table | null; unknown: string | null } {
  let at: string[] = [];
  // What `type` beside the union says, the one set last.
  const kindAt = (variants: readonly string[]): string | undefined => {
    for (let i = count - 1; i >= 0; i--) {
      const key = keys[i]!;
      if (key.path.at(-1) === "type" && key.path.length === at.length + 1 && at.every((part, n) => part === key.path[n])) return key.value !== undefined && variants.includes(key.value) ? key.value : undefined;
    }
    return undefined;
  };
  let table: Table | null = root, item: Item | null = null;
  for (const step of path) {
    at = [...at, step];
    if (step === "[]") { table = (item as Item | null)?.table(kindAt) ?? null; continue; }
    if (!table) return { item: null, table: null, unknown: null };
    item = sameKey(table, step) ?? null;
    if (!item) return { item: null, table, unknown: table.open ? null : step };
    table = item.table(kindAt);
  }
  return { item, table, unknown: null };
}

/** Names of resources and tags come from outside: `names` says which fit. */
export interface SyncOffers extends Offers { names: TypeName | "Tag" | null; wrap: [before: string, after: string] }

export function syncOffers(text: string, pos: number): SyncOffers | null {
  const { keys, here } = scan(text.slice(0, pos));
  if (here.kind === "none" || here.kind === "text") return null;
  if (here.kind === "value") {
    const { item } = walk(here.path, keys);
    if (!item || (item.type.startsWith("list of tables") && here.path.at(-1) !== "[]")) return null;
    const bare = item.type === "true or false";
    const closed = here.quote !== null && text[pos] === here.quote;
    const listed = /^(?:list|names)/.test(item.type) && here.path.at(-1) !== "[]" && here.quote === null;
    const wrap: [string, string] = bare || (here.quote && closed) ? ["", ""] : here.quote ? ["", here.quote] : listed ? ['["', '"]'] : ['"', '"'];
    if (bare && here.quote) return null;
    return { from: here.from, names: item.names, wrap, list: item.values.map((label): Offer => ({ label, kind: "value", insert: wrap[0] + label + wrap[1] })) };
  }
  const { table } = walk(here.path, keys);
  if (!table) return null;
  const top = here.kind === "key" && here.path.length === 0;
  // At the start of a line a table may begin too: the top ones, and those inside of the entry before.
  const heads = here.kind === "key" && !top && text.slice(0, here.from).endsWith("\n") ? [...root.keys].map(([name, item]): Offer => ({ label: `[[${name}]]`, kind: "key", doc: item.doc })) : [];
  const list = [...table.keys].map(([name, item]): Offer => {
    const header = top ? `[[${name}]]\nname = "` : item.type === "table" && here.kind === "key" ? `${name}.` : null;
    return { label: top ? `[[${name}]]` : name, kind: "key", detail: item.type, doc: item.doc, ...(here.kind === "key" ? { insert: header ?? `${name} = ` } : {}) };
  });
  return { from: here.from, names: null, wrap: ["", ""], list: [...list, ...heads] };
}

export function explainSync(text: string, pos: number): Explained | null {
  const { keys } = scan(text);
  const found = keys.find((key) => pos >= key.from && pos <= key.to);
  const item = found && walk(found.path, keys, Math.min(keys.length, keys.indexOf(found) + 3)).item;
  return found && item ? { from: found.from, to: found.to, title: `${found.path.filter((p) => p !== "[]").at(-1)}: ${item.type}`, doc: `${item.doc}${item.values.length && item.type !== "true or false" ? ` One of ${item.values.slice(0, 12).join(", ")}${item.values.length > 12 ? ", …" : ""}.` : ""}` } : null;
}

/** Mistakes in the syntax; then keys that the engine would leave out without a word. */
export function syncProblems(text: string): Problem[] {
  const wrong = tomlProblems(text);
  if (wrong.length) return wrong;
  const { keys } = scan(text);
  keys.forEach((key, i) => {
    const { unknown, table } = walk(key.path, keys, i + 1);
    // The parts before the last are told where they are set themselves.
    if (unknown === null || (unknown !== key.path.at(-1) && !key.header)) return;
    const before = text.slice(0, key.from).split("\n");
    const better = table && meant(unknown, table.keys.keys());
    wrong.push({ line: before.length, column: before.at(-1)!.length, severity: "warning", message: `${table?.title ?? "It"} has no key "${unknown}": it is ignored.${better ? ` Did you mean ${better}?` : ""}`.replace(/^./, (c) => c.toUpperCase()) });
  });
  return wrong;
}
