// The engine's schema as the forms use it; stdlib/lua/komodo/schema/gen/ui.lua writes it and says what is in it.
import data from "$generated/schema.json";

export type Expression = string | [maker: "list" | "map" | "optional" | "partial", of: Expression] | TypeSchema;

export interface FieldSchema {
  name: string;
  type: Expression;
  doc?: string;
  default?: unknown;
  optional?: boolean;
  normal?: string;
  ours?: boolean;
}

export type TypeSchema =
  | { kind: "struct"; doc?: string; fields: FieldSchema[] }
  | { kind: "enum"; doc: string; values: string[] }
  | { kind: "union"; doc: string; tag: string; content: string; variants: { name: string; type?: Expression }[] }
  | { kind: "alias"; doc: string; type: Expression };

export interface ExecutionSchema {
  name: string;
  doc: string;
  resource?: string;
  level?: string;
  fields: FieldSchema[];
}

interface Schema {
  types: Record<string, TypeSchema>;
  configs: Record<string, string>;
  executions: ExecutionSchema[];
}
export const schema = data as unknown as Schema;

/** The declaration behind an expression; nothing for simple types. Aliases and partials are looked through. */
export function typeOf(of: Expression): TypeSchema | undefined {
  if (typeof of === "string") {
    const declared = schema.types[of];
    return declared?.kind === "alias" ? typeOf(declared.type) : declared;
  }
  if (!Array.isArray(of)) return of;
  return of[0] === "optional" || of[0] === "partial" ? typeOf(of[1]) : undefined;
}

/** A value of that type as it is before anybody sets anything. */
export function emptyOf(of: Expression): unknown {
  if (Array.isArray(of)) return of[0] === "list" ? [] : of[0] === "map" ? {} : of[0] === "optional" ? null : emptyOf(of[1]);
  const declared = typeOf(of);
  if (!declared) return of === "bool" ? false : of === "int" || of === "uint" || of === "number" ? 0 : of === "object" ? {} : of === "any" ? null : "";
  switch (declared.kind) {
    case "struct": return Object.fromEntries(declared.fields.map((field) => [field.name, defaultOf(field)]).filter(([, value]) => value !== undefined));
    case "enum": return declared.values[0] ?? "";
    case "union": return variantOf(declared, declared.variants[0]?.name ?? "");
    case "alias": return emptyOf(declared.type);
  }
}

export function variantOf(union: TypeSchema & { kind: "union" }, name: string): Record<string, unknown> {
  const variant = union.variants.find((v) => v.name === name);
  return { [union.tag]: name, ...(variant?.type ? { [union.content]: emptyOf(variant.type) } : {}) };
}

/** Fields without a default that may be absent have none here either. */
export function defaultOf(field: FieldSchema): unknown {
  if (field.default !== undefined) return structuredClone(field.default);
  return field.optional ? undefined : emptyOf(field.type);
}
