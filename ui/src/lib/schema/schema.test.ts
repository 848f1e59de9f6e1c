import { describe, expect, it } from "vitest";
import { groups, idle } from "$lib/resources/groups";
import { controlOf } from "./control";
import { asText, conflicts, edit, same, type Values } from "./edits";
import { defaultOf, emptyOf, schema, typeOf, type Expression, type FieldSchema } from "./schema";

const fieldsOf = (type: string): FieldSchema[] => {
  const declared = typeOf(type);
  return declared?.kind === "struct" ? declared.fields : [];
};
const field = (type: string, name: string): FieldSchema => fieldsOf(type).find((f) => f.name === name)!;

describe("controls", () => {
  it.each([
    ["ServerConfig", "enabled", "switch"], ["ServerConfig", "cpu_warning", "number"], ["StackConfig", "server_id", "resource"], ["SwarmConfig", "server_ids", "resources"],
    ["StackConfig", "linked_repo", "resource"], ["StackConfig", "file_contents", "code"], ["StackConfig", "environment", "code"], ["StackConfig", "extra_args", "list"],
    ["DeploymentConfig", "restart", "choice"], ["DeploymentConfig", "image", "union"], ["AlerterConfig", "alert_types", "choices"], ["StackConfig", "pre_deploy", "struct"],
    ["ServerConfig", "maintenance_windows", "rows"], ["BuildConfig", "version", "version"], ["StackConfig", "webhook_secret", "text"],
  ])("%s.%s is a %s", (type, name, kind) => expect(controlOf(field(type, name), type).kind).toBe(kind));
  it.each([
    ["MaintenanceWindow", "timezone", { kind: "zone" }], ["MaintenanceWindow", "date", { kind: "date" }], ["MaintenanceWindow", "hour", { kind: "number", whole: true, least: 0, most: 23 }], ["ServerConfig", "cpu_warning", { kind: "number", whole: false, least: 0, most: 100 }],
    ["ResourceSyncConfig", "match_tags", { kind: "tags" }], ["ResourceSyncConfig", "file_contents", { kind: "code", language: "sync" }], ["StackConfig", "file_contents", { kind: "code", language: "compose" }], ["AwsBuilderConfig", "port", { kind: "number", whole: true, least: 1, most: 65535 }],
  ])("%s.%s is %j", (type, name, control) => expect(controlOf(field(type, name), type)).toEqual(control));
  it("follow the field that says what another is written in", () => {
    for (const [format, language] of [["key_value", "keyvalue"], ["toml", "toml"], ["yaml", "yaml"], ["json", "json"]]) expect(controlOf(field("ActionConfig", "arguments"), "ActionConfig", { arguments_format: format })).toEqual({ kind: "code", language });
  });

  /** Fields whose value has no type of its own: JSON, or the page of the Action, which has controls for them. */
  const free = new Set(["ActionConfig.limits", "ActionTrigger.auth", "ActionTrigger.targets", "RunAction.args", "RunAction.event"]);
  const seen = new Set<string>();
  /** Every field below a type: its control edits what the field may hold, and holds its default. */
  function visit(of: Expression, path: string): void {
    const name = typeof of === "string" ? of : path;
    if (seen.has(name)) return;
    seen.add(name);
    const declared = typeOf(of);
    if (declared?.kind === "union") for (const v of declared.variants) if (v.type) visit(v.type, v.name);
    if (declared?.kind === "struct") for (const f of declared.fields) fits(f, typeof of === "string" ? of : path);
  }
  function fits(f: FieldSchema, owner: string): void {
    const where = `${owner}.${f.name}`, control = controlOf(f, owner), value = defaultOf(f);
    if (free.has(where)) { expect(control.kind, where).toBe("json"); return; }
    expect(control.kind, `${where} has a control of its own`).not.toBe("json");
    if (value !== undefined && value !== null) {
      const holds: Record<string, () => unknown> = {
        switch: () => typeof value === "boolean", number: () => typeof value === "number" && value >= (control.kind === "number" ? control.least ?? -Infinity : 0) || f.default === undefined, list: () => Array.isArray(value), tags: () => Array.isArray(value), rows: () => Array.isArray(value), resources: () => Array.isArray(value),
        choice: () => control.kind === "choice" && control.values.includes(value as string), choices: () => Array.isArray(value), struct: () => typeof value === "object", map: () => typeof value === "object", version: () => typeof value === "object",
        union: () => control.kind === "union" && typeof (value as Values)[(typeOf(control.of) as { tag: string }).tag] === "string",
      };
      expect((holds[control.kind] ?? (() => typeof value === "string"))(), `${where}: ${JSON.stringify(value)} fits ${control.kind}`).toBe(true);
    }
    if (control.kind === "struct" || control.kind === "union" || control.kind === "rows") visit(control.of, where);
  }
  it.each(Object.entries(schema.configs))("exist for every field of %s", (_, type) => visit(type, type));
  it("exist for every parameter of every execution", () => { for (const e of schema.executions) for (const f of e.fields) fits(f, e.name); });
});

describe("groups", () => {
  it("name fields that exist, once", () => {
    for (const [type, list] of Object.entries(groups)) {
      const known = new Set(fieldsOf(type).map((f) => f.name));
      const named = list.flatMap((g) => g.fields).filter((name) => known.has(name));
      expect(new Set(named).size, type).toBe(named.length);
      expect(named.length / known.size, `${type}: most fields have a group`).toBeGreaterThanOrEqual(0.8);
    }
  });
  it("say why a field has no effect", () => {
    expect(idle("StackConfig", "server_id", { swarm_id: "x" })).toMatch(/swarm/);
    expect(idle("StackConfig", "branch", { linked_repo: "x" })).toMatch(/linked repo/);
    expect(idle("StackConfig", "branch", { linked_repo: "" })).toBeNull();
    expect(idle("MaintenanceWindow", "date", { schedule_type: "Daily" })).toMatch(/once/);
    expect(idle("MaintenanceWindow", "schedule_type", { schedule_type: "Daily" })).toBeNull();
    expect(idle("ServerConfig", "cpu_warning", { send_cpu_alerts: false })).toMatch(/off/);
  });
});

describe("values", () => {
  it("begin with their defaults", () => {
    expect(emptyOf("SystemCommand")).toEqual({ path: "", command: "", shell_mode: false });
    expect(emptyOf("DeploymentImage")).toEqual({ type: "Image", params: { image: "" } });
    expect(defaultOf(field("ServerConfig", "cpu_warning"))).toBe(90);
  });
});

describe("edits", () => {
  const saved = { a: 1, b: { x: [1], y: 2 }, c: "t" };
  it("hold what differs alone", () => {
    const one = edit(saved, {}, "a", 2);
    expect(one).toEqual({ a: 2 });
    expect(edit(saved, one, "a", 1)).toEqual({});
    expect(edit(saved, {}, "b", { y: 2, x: [1] })).toEqual({});
  });
  it("know when somebody else changed the same field", () => {
    expect(conflicts(saved, { ...saved, a: 5 }, { a: 2 })).toEqual(["a"]);
    expect(conflicts(saved, { ...saved, c: "u" }, { a: 2 })).toEqual([]);
    expect(conflicts(saved, { ...saved, a: 2 }, { a: 2 })).toEqual([]);
  });
  it("compare and read as text", () => {
    expect(same([1, { a: null }], [1, { a: null }])).toBe(true);
    expect(same({ a: 1 }, { b: 1 })).toBe(false);
    expect(same([], {})).toBe(false);
    expect(asText(["a", "b"])).toBe("a\nb");
    expect(asText(true)).toBe("true");
  });
});
