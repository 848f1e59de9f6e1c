import { describe, expect, test } from "vitest";
import type { ProcedureStage } from "$generated/types";
import { atOnce, isInline, kindsOfExecution, moveCard, moveStage, neighbour, newExecution, progress, stepsOf, subject } from "./model";

const sleep = (n: number) => ({ execution: { type: "Sleep" as const, params: { duration_ms: n } }, enabled: true });
const stage = (name: string, ...ns: number[]): ProcedureStage => ({ name, enabled: true, executions: ns.map(sleep) });
const shape = (stages: readonly ProcedureStage[]) => stages.map((s) => s.executions.map((e) => (e.execution.params as { duration_ms: number }).duration_ms));

describe("moving", () => {
  const stages = [stage("a", 1, 2, 3), stage("b"), stage("c", 4)];
  test("cards, within a stage and to others", () => {
    expect(shape(moveCard(stages, { stage: 0, index: 0 }, { stage: 0, index: 2 }))).toEqual([[2, 1, 3], [], [4]]);
    expect(shape(moveCard(stages, { stage: 0, index: 2 }, { stage: 0, index: 0 }))).toEqual([[3, 1, 2], [], [4]]);
    expect(shape(moveCard(stages, { stage: 0, index: 1 }, { stage: 1, index: 9 }))).toEqual([[1, 3], [2], [4]]);
    expect(shape(moveCard(stages, { stage: 1, index: 0 }, { stage: 0, index: 0 }))).toEqual(shape(stages));
  });
  test("by keys, until there is nothing that way", () => {
    expect(neighbour(stages, { stage: 0, index: 0 }, "ArrowUp")).toBeNull();
    expect(shape(moveCard(stages, { stage: 0, index: 0 }, neighbour(stages, { stage: 0, index: 0 }, "ArrowDown")!))).toEqual([[2, 1, 3], [], [4]]);
    expect(neighbour(stages, { stage: 0, index: 2 }, "ArrowRight")).toEqual({ stage: 1, index: 0 });
    expect(neighbour(stages, { stage: 2, index: 0 }, "ArrowRight")).toBeNull();
  });
  test("stages", () => { expect(moveStage(stages, 0, 2).map((s) => s.name)).toEqual(["b", "c", "a"]); });
});

test("executions say what they work on", () => {
  expect(kindsOfExecution.map((k) => k.value)).toEqual(expect.arrayContaining(["DeployStack", "RunAction", "Sleep"]));
  expect(newExecution("DeployStack")).toMatchObject({ type: "DeployStack", params: { stack: "", services: [] } });
  expect(subject({ type: "DeployStack", params: { stack: "abc", services: [] } } as never)).toEqual({ type: "Stack", value: "abc" });
  expect(subject({ type: "Sleep", params: { duration_ms: 1500 } })).toEqual({ value: "1.5 s" });
  const inline = { type: "RunAction", params: { action: "", file_contents: "-- first\nreturn 1" } } as never;
  expect([isInline(inline), subject(inline).value]).toEqual([true, "return 1"]);
});

test("progress follows the lines of the run", () => {
  const stages = [{ name: "Build", enabled: true }, { name: "Off", enabled: false }, { name: "Deploy", enabled: true }, { name: "Deploy", enabled: true }];
  const b = (s: string) => `<span style="font-weight: bolder">${s}</span>`;
  const log = `INFO: Executing stage: '${b("Build")}'\nFinished stage '${b("Build")}' execution in 1 s\nExecuting stage: '${b("Deploy")}'`;
  expect(progress(log, stages, false)).toEqual(["ok", "skipped", "running", "waiting"]);
  expect(progress(log, stages, true)).toEqual(["ok", "skipped", "failed", "waiting"]);
  expect(progress(`${log}\nFinished stage 'Deploy' execution in 1 s\nSkipped stage: 'Deploy'`, stages, true)).toEqual(["ok", "skipped", "ok", "skipped"]);
});

test("steps belong to the cards they were made from, wherever those went", () => {
  const stages = [stage("a", 1, 2), stage("b", 3)];
  const step = (stage: number, execution: number, type = "Sleep") => ({ stage, execution, type, state: "Ok" as const, start_ts: 1, end_ts: 2, total: 1, done: 1, updates: [] });
  const found = stepsOf([step(0, 1), step(1, 0, "DeployStack"), step(4, 0)], stages);
  expect([...found.values()].length).toBe(1);
  const moved = moveCard(stages, { stage: 0, index: 1 }, { stage: 1, index: 0 });
  expect(found.get(moved[1]!.executions[0]!)?.execution).toBe(1);
  expect(stepsOf(undefined, stages).size).toBe(0);
});

test("how many at once", () => {
  expect(["", " 3 ", "0", "1001", "1.5", "x"].map(atOnce)).toEqual([undefined, 3, null, null, null, null]);
});
