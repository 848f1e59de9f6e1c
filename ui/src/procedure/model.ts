// Stages of a Procedure as the page moves and follows them. Pure.
import type { EnabledExecution, Execution, ProcedureStage, ProcedureStep } from "$generated/types";
import { words } from "$lib/format/names";
import { plain } from "$lib/format/ansi";
import { schema, typeOf, variantOf, type TypeSchema } from "$lib/schema/schema";

export interface Spot { stage: number; index: number }

/** Takes the card at `from` and puts it before `to.index` of stage `to.stage`, counted as it stands now. */
export function moveCard(stages: readonly ProcedureStage[], from: Spot, to: Spot): ProcedureStage[] {
  const card = stages[from.stage]?.executions[from.index];
  if (!card) return [...stages];
  return stages.map((stage, s) => {
    if (s !== from.stage && s !== to.stage) return stage;
    const executions = [...stage.executions];
    let at = to.index;
    if (s === from.stage) {
      executions.splice(from.index, 1);
      if (s === to.stage && at > from.index) at--;
    }
    if (s === to.stage) executions.splice(Math.min(Math.max(0, at), executions.length), 0, card);
    return { ...stage, executions };
  });
}

export function moveStage(stages: readonly ProcedureStage[], from: number, to: number): ProcedureStage[] {
  const next = [...stages];
  const [stage] = next.splice(from, 1);
  if (stage) next.splice(Math.min(Math.max(0, to), next.length), 0, stage);
  return next;
}

/** Where a key moves a card; null when there is nothing that way. */
export function neighbour(stages: readonly ProcedureStage[], at: Spot, key: string): Spot | null {
  const { stage, index } = at;
  const here = stages[stage]!.executions.length;
  if (key === "ArrowUp") return index > 0 ? { stage, index: index - 1 } : null;
  if (key === "ArrowDown") return index < here - 1 ? { stage, index: index + 2 } : null;
  const next = key === "ArrowLeft" ? stage - 1 : key === "ArrowRight" ? stage + 1 : -1;
  const there = stages[next];
  return there ? { stage: next, index: Math.min(index, there.executions.length) } : null;
}

const union = typeOf("Execution") as TypeSchema & { kind: "union" };

/** Kinds of executions that may be chosen, with what they do. */
export const kindsOfExecution: readonly { value: string; label: string; hint: string }[] = union.variants
  .filter((v) => v.name !== "None").map((v) => ({ value: v.name, label: words(v.name), hint: docOf(v.name) }));

export function docOf(type: string): string {
  const of = union.variants.find((v) => v.name === type)?.type, declared = of ? typeOf(of) : undefined;
  return declared && "doc" in declared ? declared.doc ?? "" : "";
}
export const newExecution = (type: string): Execution => variantOf(union, type) as unknown as Execution;
export const paramsOf = (type: string) => union.variants.find((v) => v.name === type)?.type;

export const isInline = (execution: Execution): boolean => {
  const params = execution.params as { action?: string; file_contents?: string };
  return execution.type === "RunAction" && !params.action && typeof params.file_contents === "string";
};

/** The parameter that names what it works on: value and what type of resource it is. */
export function subject(execution: Execution): { type?: string; value: string } {
  const params = execution.params as unknown as Record<string, unknown>;
  const declared = schema.executions.find((e) => e.name === execution.type);
  if (isInline(execution)) return { value: String(params["file_contents"]).split("\n").find((line) => line.trim() && !line.startsWith("--")) ?? "" };
  if (execution.type === "Sleep") return { value: `${Number(params["duration_ms"] ?? 0) / 1000} s` };
  for (const [name, value] of Object.entries(params))
    if (typeof value === "string" && value && (name === declared?.resource?.toLowerCase() || ["pattern", "server", "swarm", "sync", "message"].includes(name)))
      return { ...(declared?.resource && name !== "pattern" ? { type: declared.resource } : name === "server" ? { type: "Server" } : {}), value };
  return { value: "" };
}

export type Progress = "waiting" | "running" | "ok" | "failed" | "skipped";

/** How far each stage came, by the lines the run writes. Stages of the same name are told apart by their order. */
export function progress(log: string, stages: readonly { name: string; enabled: boolean }[], over: boolean): Progress[] {
  const out: Progress[] = stages.map((s) => (s.enabled ? "waiting" : "skipped"));
  let at = -1;
  const find = (name: string): number => stages.findIndex((s, i) => i > at && s.name === name && s.enabled);
  for (const raw of plain(log).split("\n")) {
    const line = raw.replace(/<[^>]*>/g, "");
    const begun = /Executing stage: '(.*)'/.exec(line), skipped = /Skipped stage: '(.*)'/.exec(line);
    const ended = /(Finished|Failed) stage '(.*)' execution/.exec(line);
    if (begun ?? skipped) {
      const i = find((begun ?? skipped)![1]!);
      if (i >= 0) { at = i; out[i] = begun ? "running" : "skipped"; }
    } else if (ended && at >= 0) out[at] = ended[1] === "Finished" ? "ok" : "failed";
  }
  if (over && at >= 0 && out[at] === "running") out[at] = "failed";
  return out;
}

/** How each card goes by what the Update of a run says, of the stages that it runs. What was changed since is not told of. */
export function stepsOf(steps: readonly ProcedureStep[] | undefined, stages: readonly ProcedureStage[]): Map<EnabledExecution, ProcedureStep> {
  const out = new Map<EnabledExecution, ProcedureStep>();
  for (const step of steps ?? []) {
    const card = stages[step.stage]?.executions[step.execution];
    if (card && card.execution.type === step.type) out.set(card, step);
  }
  return out;
}

export const MOST_AT_ONCE = 1000;
/** How many of a stage run at once, as it was typed: nothing takes the engine's number; null: that is none. */
export function atOnce(typed: string): number | undefined | null {
  if (typed.trim() === "") return undefined;
  const value = Number(typed);
  return Number.isInteger(value) && value >= 1 && value <= MOST_AT_ONCE ? value : null;
}
