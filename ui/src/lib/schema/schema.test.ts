import { describe, expect, it } from "vitest";
import { groups, idle } from "$lib/resources/groups";
import { controlOf } from "./control";
import { asText, conflicts, edit, same } from "./edits";
import { defaultOf, emptyOf, schema, typeOf, type FieldSchema } from "./schema";

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
  it("exist for every field of every config", () => {
    for (const type of Object.values(schema.configs))
      for (const f of fieldsOf(type)) expect(controlOf(f, type).kind, `${type}.${f.name}`).toBeTruthy();
  });
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
