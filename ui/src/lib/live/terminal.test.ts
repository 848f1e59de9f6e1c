import { expect, it } from "vitest";
import { framed, isOver, terminalPath } from "./terminal";

it("marks messages with what they are in the last byte", () => {
  expect([...framed("é\r", "stdin")]).toEqual([0xc3, 0xa9, 0x0d, 0x01]);
  const size = framed('{"rows":24,"cols":80}', "resize");
  expect(size.at(-1)).toBe(0xff);
  expect(new TextDecoder().decode(size.subarray(0, -1))).toBe('{"rows":24,"cols":80}');
});

it("names the target with literal brackets, and values as they are", () => {
  expect(terminalPath({ type: "Container", params: { server: "a1", container: "b&c" } }, "my shell"))
    .toBe("/ws/terminal?target[type]=Container&target[params][server]=a1&target[params][container]=b%26c&terminal=my%20shell");
  expect(terminalPath({ type: "Stack", params: { stack: "s", service: null } }, "t")).not.toContain("service");
});

it("knows the end of a terminal from a broken way", () => {
  expect(isOver("\npty exited")).toBe(true);
  expect(isOver("\n\x1b[31mpty exited\x1b[0m")).toBe(true);
  expect(isOver("ERROR: No terminal at x")).toBe(true);
  expect(isOver("\r\n\nSTREAM EOF")).toBe(false);
});
