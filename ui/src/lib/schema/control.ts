// Which control edits a field. What the type does not tell, the name does: server_id is a server, a script is code.
import { kinds, type TypeName } from "$lib/resources/kinds";
import type { Values } from "./edits";
import type { Language } from "./languages";
import { typeOf, type Expression, type FieldSchema } from "./schema";

export type Control =
  | { kind: "switch" }
  | { kind: "number"; whole: boolean; least?: number; most?: number }
  | { kind: "text"; secret?: boolean }
  | { kind: "code"; language: Language }
  | { kind: "choice"; values: readonly string[] }
  | { kind: "choices"; values: readonly string[] }
  | { kind: "resource"; type: TypeName }
  | { kind: "resources"; type: TypeName }
  | { kind: "zone" }
  | { kind: "date" }
  | { kind: "tags" }
  | { kind: "list" }
  | { kind: "map" }
  | { kind: "rows"; of: Expression }
  | { kind: "struct"; of: Expression }
  | { kind: "union"; of: Expression }
  | { kind: "version" }
  | { kind: "json" };

const references: Record<string, TypeName> = { linked_repo: "Repo" };
for (const kind of kinds) {
  references[kind.param] ??= kind.name;
  references[`${kind.param}_id`] = kind.name;
  references[`${kind.param}_ids`] = kind.name;
}

/** Fields whose text has a language, by type and name. */
const languageOf: Record<string, Language> = {
  "StackConfig.file_contents": "compose", "StackConfig.compose_cmd_wrapper": "shell", "ActionConfig.file_contents": "lua",
  "ActionConfig.arguments": "keyvalue", "ResourceSyncConfig.file_contents": "sync", "BuildConfig.dockerfile": "dockerfile",
  "SystemCommand.command": "shell", "AwsBuilderConfig.user_data": "shell", "DeploymentConfig.command": "shell",
  "RunAction.file_contents": "lua", "EnabledExecution.when": "lua", "ProcedureStage.when": "lua",
};

/** Languages of the arguments of an Action, by their format. */
const argumentFormats: Record<string, Language> = { key_value: "keyvalue", toml: "toml", yaml: "yaml", json: "json" };

/** `values`: of the fields beside it, where one says what another is written in. */
export function controlOf(field: FieldSchema, owner = "", values: Values = {}): Control {
  const { name, normal } = field;
  const format = owner === "ActionConfig" && name === "arguments" ? argumentFormats[String(values["arguments_format"])] : undefined;
  const language = format ?? languageOf[`${owner}.${name}`];
  if (language) return { kind: "code", language };
  if (normal?.startsWith("kvtext")) return { kind: "code", language: "keyvalue" };
  if (normal === "filetext") return { kind: "code", language: "text" };
  if (normal === "version") return { kind: "version" };
  let of = field.type;
  while (Array.isArray(of) && of[0] === "optional") of = of[1];
  if (Array.isArray(of)) {
    if (of[0] === "list") return listControl(name, of[1]);
    if (of[0] === "map" && of[1] === "string") return { kind: "map" };
    return of[0] === "partial" ? { kind: "struct", of: of[1] } : { kind: "json" };
  }
  if (of === "bool") return { kind: "switch" };
  const [least, most] = /_(?:warning|critical)$/.test(name) ? [0, 100] : bounds[name] ?? (of === "uint" ? [0] : []);
  const within = { ...(least !== undefined ? { least } : {}), ...(most !== undefined ? { most } : {}) };
  if (of === "int" || of === "uint") return { kind: "number", whole: true, ...within };
  if (of === "number") return { kind: "number", whole: false, ...within };
  if (of === "string" || of === "digest") {
    const type = references[name];
    if (type) return { kind: "resource", type };
    if (/(?:^|_)timezone$/.test(name)) return { kind: "zone" };
    if (name === "day_of_week") return { kind: "choice", values: weekdays };
    if (name === "date") return { kind: "date" };
    return { kind: "text", ...(/secret|token|passkey|password/.test(name) ? { secret: true } : {}) };
  }
  const declared = typeOf(of);
  if (declared?.kind === "enum") return { kind: "choice", values: declared.values };
  if (declared?.kind === "struct") return { kind: "struct", of };
  if (declared?.kind === "union") return { kind: "union", of };
  return { kind: "json" };
}

const weekdays = ["", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/** Numbers that mean something between two bounds alone. */
const bounds: Record<string, [number, number?]> = { hour: [0, 23], minute: [0, 59], port: [1, 65535], volume_gb: [1], duration_minutes: [1], duration_ms: [0], replicas: [0], termination_timeout: [0], parallel: [0] };

function listControl(name: string, of: Expression): Control {
  if (name === "match_tags") return { kind: "tags" };
  const type = references[name];
  if (of === "string" && type) return { kind: "resources", type };
  const declared = typeOf(of);
  if (declared?.kind === "enum") return { kind: "choices", values: declared.values };
  if (declared) return { kind: "rows", of };
  return of === "string" || of === "digest" ? { kind: "list" } : { kind: "json" };
}

/** Controls that stand below their label and use the whole width. */
export const isWide = (control: Control): boolean => ["code", "rows", "map", "json"].includes(control.kind);
