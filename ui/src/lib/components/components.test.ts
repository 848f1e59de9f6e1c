import { flushSync, mount, unmount } from "svelte";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiError, errorOf } from "$lib/api/error";
import Button from "./Button.svelte";
import ErrorNote from "./ErrorNote.svelte";
import ListInput from "./ListInput.svelte";
import LogView from "./LogView.svelte";

let shown: ReturnType<typeof mount> | undefined;
const show = (component: unknown, props: Record<string, unknown>): HTMLElement => {
  shown = mount(component as typeof Button, { target: document.body, props });
  flushSync();
  return document.body;
};
afterEach(async () => {
  if (shown) await unmount(shown);
  shown = undefined;
  document.body.innerHTML = "";
});

describe("ErrorNote", () => {
  it("shows message and causes, and offers to try again", () => {
    const retry = vi.fn();
    const body = show(ErrorNote, { error: new ApiError(500, "Not saved", ["disk full"]), retry });
    expect(body.textContent).toContain("disk full");
    body.querySelector("button")!.click();
    expect(retry).toHaveBeenCalledOnce();
  });
  it("says in one quiet line what the engine cannot do", () => {
    const body = show(ErrorNote, { error: new ApiError(501, "RunSync is not offered") });
    expect(body.querySelector("[role=alert]")).toBeNull();
    expect(body.textContent).toContain("cannot do that yet");
  });
});

describe("answers of the engine", () => {
  it.each([['{"error":"a","trace":["b"]}', "a", ["b"]], ['{"error":"a"}', "a", []], ["<html>", "<html>", []], ["", "The engine answered with status 502", []]])("%j", (body, error, trace) => {
    const made = errorOf(502, body);
    expect([made.error, made.trace]).toEqual([error, trace]);
  });
});

describe("Button", () => {
  it("cannot be pressed while it works, and has a name when it is an icon", () => {
    const body = show(Button, { icon: "close", label: "Close", busy: true });
    const button = body.querySelector("button")!;
    expect(button.disabled).toBe(true);
    expect(button.getAttribute("aria-label")).toBe("Close");
  });
});

describe("ListInput", () => {
  it("removes an empty line with Backspace", () => {
    const onchange = vi.fn();
    const body = show(ListInput, { label: "Args", value: ["a", ""], onchange });
    body.querySelectorAll("input")[1]!.dispatchEvent(new KeyboardEvent("keydown", { key: "Backspace", bubbles: true }));
    expect(onchange).toHaveBeenCalledWith(["a"]);
  });
});

describe("LogView", () => {
  it("draws a few of 100,000 lines", () => {
    const text = Array.from({ length: 100_000 }, (_, i) => `line ${i}`).join("\n");
    const body = show(LogView, { text });
    expect(body.querySelectorAll(".line").length).toBeLessThan(200);
    expect(body.querySelector<HTMLElement>(".all")!.style.height).toBe(`${100_000 * 18}px`);
  });
  it("never makes elements of what a log says", () => {
    const body = show(LogView, { text: "<img src=x onerror=alert(1)>" });
    expect(body.querySelector("img")).toBeNull();
    expect(body.textContent).toContain("<img src=x");
  });
});
