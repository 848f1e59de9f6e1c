// Every config of the schema as a form: it draws, its controls have names, and drawing changes nothing.
import { flushSync, mount, unmount } from "svelte";
import { afterEach, describe, expect, it } from "vitest";
import { controlOf } from "$lib/schema/control";
import { newProblems } from "$lib/schema/problems.svelte";
import { emptyOf, schema, typeOf } from "$lib/schema/schema";
import type { Values } from "$lib/schema/edits";
import ConfigForm from "./ConfigForm.svelte";

let shown: Record<string, unknown> | undefined;
afterEach(async () => {
  if (shown) await unmount(shown);
  shown = undefined;
  document.body.innerHTML = "";
});

const types = Object.values(schema.configs).flatMap((type) => {
  const declared = typeOf(type);
  return declared?.kind === "union" ? declared.variants.map((v) => String(v.type)) : [type];
});

function form(type: string, saved: Values, problems = newProblems()): { edits: Values } {
  const props = $state({ type, saved, edits: {} as Values, problems });
  shown = mount(ConfigForm, { target: document.body, props: { type, saved, problems, get edits() { return props.edits; }, set edits(v) { props.edits = v; } } });
  flushSync();
  return props;
}
function type(input: HTMLInputElement, text: string): void {
  input.value = text;
  input.dispatchEvent(new InputEvent("input", { bubbles: true }));
  flushSync();
}

describe("a form of each config", () => {
  it.each(types)("%s", (name) => {
    const declared = typeOf(name);
    const fields = declared?.kind === "struct" ? declared.fields : [];
    const props = form(name, emptyOf(name) as Values);
    for (const field of fields) {
      const line = document.getElementById(`field-${field.name}`);
      expect(line, field.name).not.toBeNull();
      expect(line!.querySelector("input, select, textarea, button, [role=switch], [contenteditable]"), `${field.name}: ${controlOf(field, name).kind}`).not.toBeNull();
      expect(line!.textContent, `${field.name} says what it is for`).toContain((field.doc ?? "").split("`")[0]!.trim());
    }
    for (const input of document.querySelectorAll<HTMLElement>("input, select, textarea")) {
      const named = input.getAttribute("aria-label") ?? (input as HTMLInputElement).labels?.[0]?.textContent ?? "";
      expect(named.trim(), input.outerHTML).not.toBe("");
    }
    expect(props.edits).toEqual({});
  });
});

describe("what is typed wrongly", () => {
  it("is told, and never becomes a value", () => {
    const problems = newProblems();
    const props = form("ServerConfig", emptyOf("ServerConfig") as Values, problems);
    const input = document.querySelector<HTMLInputElement>("#field-cpu_warning input")!;
    type(input, "70");
    expect(props.edits).toEqual({ cpu_warning: 70 });
    for (const [text, message] of [["7x", /number is needed/], ["", /number is needed/], ["101", /At most 100/], ["-1", /At least 0/]] as const) {
      type(input, text);
      expect([...problems.values()]).toMatchObject([{ field: "CPU warning", message, blocks: true }]);
      expect(input.value).toBe(text);
    }
    expect(props.edits).toEqual({ cpu_warning: 70 });
    type(input, "80");
    expect(problems.size).toBe(0);
  });
  it("is forgotten with the control", async () => {
    const problems = newProblems();
    form("ServerConfig", emptyOf("ServerConfig") as Values, problems);
    type(document.querySelector<HTMLInputElement>("#field-cpu_warning input")!, "x");
    expect(problems.size).toBe(1);
    await unmount(shown!);
    shown = undefined;
    expect(problems.size).toBe(0);
  });
});
