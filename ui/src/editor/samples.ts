// Events to try an event trigger with: which names it listens to, and events of that name that nobody had yet.
import { kinds } from "$lib/resources/kinds";
import { emptyOf, schema, typeOf, variantOf, type Expression } from "$lib/schema/schema";

const valuesOf = (of: Expression): readonly string[] => {
  const declared = typeOf(of);
  return declared?.kind === "enum" ? declared.values.filter((value) => value !== "None") : [];
};

/** Every event there is, as `on` of a trigger names them. */
export const everyEvent: readonly string[] = [...valuesOf("Operation").map((name) => `update:${name}`), ...valuesOf("AlertDataVariant").map((name) => `alert:${name}`)];

/** Those that a trigger listens to. */
export function heard(on: readonly string[]): string[] {
  const tests = on.filter(Boolean).map((entry) => new RegExp(`^${entry.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".")}$`));
  return everyEvent.filter((name) => tests.some((test) => test.test(name)));
}

const unnamed: Record<string, string> = { ContainerStateChange: "Deployment" };

/** What an operation or alert is about: what its request says, else the type of resource in its name. */
function targetOf(kind: string): { type: string; id: string } {
  const named = [...kinds].sort((a, b) => b.name.length - a.name.length).find(({ name }) => kind.includes(name))?.name;
  const type = schema.executions.find((e) => e.name === kind)?.resource ?? named ?? unnamed[kind] ?? "System";
  return { type, id: type === "System" ? "system" : "" };
}

/** An event of that name as RunAction takes it: complete, and empty where only the world could tell. */
export function madeUp(name: string, now: number, user: string): Record<string, unknown> {
  const [what, kind] = name.split(":") as [string, string];
  if (what === "update")
    return { update: { operation: kind, start_ts: now - 1000, end_ts: now, success: true, status: "Complete", operator: user, target: targetOf(kind), logs: [] } };
  const union = typeOf("AlertData");
  const data = union?.kind === "union" ? variantOf(union, kind) : emptyOf("AlertData");
  return { alert: { ts: now, resolved: false, level: "WARNING", target: targetOf(kind), data, resolved_ts: null } };
}

/** Why a text is no event; empty: it may be one. */
export function wrongEvent(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && ("update" in value || "alert" in value) ? "" : "An object with update or alert is needed.";
  } catch (thrown) { return thrown instanceof Error ? thrown.message : "No JSON."; }
}
