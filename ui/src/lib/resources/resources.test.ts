import { describe, expect, it } from "vitest";
import { touched, tagsOf } from "$lib/query/tags";
import { match } from "$routes/router.svelte";
import { nextOrder, sorted, type TableColumn } from "$lib/components/table";
import { hasToken, parseFilter, passes, toggleToken } from "./filter";
import { portList } from "./docker";
import { kinds, pathOf, share } from "./kinds";
import { containerState, runState, stateOf, statusText } from "./states";
import type { UpdateListItem } from "$generated/types";

describe("filter", () => {
  const row = { text: "web ghcr.io/acme/web fra-1", values: { tag: ["prod", "edge"], state: ["running"], host: ["fra db"] } };
  it.each([
    ["", true], ["web", true], ["WEB acme", true], ["nginx", false], ["tag:prod", true], ["tag:test", false], ["tag:test,prod", true], ["-tag:prod", false],
    ["-tag:test", true], ["tag:pr*", true], ["state:running tag:edge web", true], ['host:"fra db"', true], ["unknown:x", false],
  ])("%j", (text, expected) => expect(passes(parseFilter(text), row)).toBe(expected));
  it("tokens go in and out of the text", () => {
    expect(toggleToken("web", "tag", "prod")).toBe("web tag:prod");
    expect(toggleToken("web tag:prod", "tag", "prod")).toBe("web");
    expect(toggleToken("", "host", "fra db")).toBe('host:"fra db"');
    expect(hasToken('host:"fra db"', "host", "fra db")).toBe(true);
  });
});

describe("states are shapes", () => {
  it.each([[stateOf("Ok"), "ok"], [stateOf("NotOk"), "bad"], [stateOf("not_deployed"), "off"], [stateOf("deploying"), "run"], [stateOf("whatever"), "unknown"], [runState("Running"), "run"],
    [containerState("exited", "Exited (1) 2 minutes ago"), "bad"], [containerState("exited", "Exited (0) now"), "off"], [containerState("running", "Up"), "ok"]])("%j", (state, shape) => expect(state.shape).toBe(shape));
});

describe("what docker says of a container", () => {
  it.each([["Up 9 minutes (healthy)", "up 9 min (healthy)"], ["Up About a minute", "up 1 min"], ["Up Less than a second", "up 1 s"], ["Up About an hour", "up 1 h"], ["Exited (137) 40 seconds ago", "40 s ago"],
    ["Exited (0) 3 weeks ago", "3 weeks ago"], ["Created", "created"], ["", ""], [null, ""]])("%j", (text, shown) => expect(statusText(text)).toBe(shown));
});

describe("kinds", () => {
  it("are the eleven types, each with a path and what is lost with it", () => {
    expect(kinds.map((k) => k.name).sort()).toEqual(["Action", "Alerter", "Build", "Builder", "Deployment", "Procedure", "Repo", "ResourceSync", "Server", "Stack", "Swarm"]);
    for (const kind of kinds) expect(kind.deletes).toBeTruthy();
  });
  it("give paths of targets", () => {
    expect(pathOf({ type: "ResourceSync", id: "a" })).toBe("/resource-syncs/a");
    expect(pathOf({ type: "System", id: "system" })).toBeNull();
  });
  it("say nothing about a share of nothing", () => {
    expect(share(1, 0)).toBeUndefined();
    expect(share(undefined, 5)).toBeUndefined();
    expect(share(1, 4)).toBe(25);
  });
});

describe("updates make answers old", () => {
  const update = (type: string, status: string) => ({ id: "u", status, target: { type, id: "t" } }) as UpdateListItem;
  it("at once what shows that it runs, everything when it is over", () => {
    expect(touched(update("Stack", "InProgress"))).toEqual(["updates", "update:u", "Stack"]);
    expect(touched(update("Stack", "Complete"))).toContain("docker");
    expect(touched(update("Action", "Complete"))).toContain("schedules");
  });
  it("by what they depend on", () => {
    expect(tagsOf("ListStacks", {})).toContain("Stack");
    expect(tagsOf("GetStack", { stack: "x" })).toContain("Stack:x");
    expect(tagsOf("GetUpdate", { id: "u" })).toContain("update:u");
    expect(tagsOf("GetCoreInfo", {})).toEqual(["request:GetCoreInfo"]);
  });
});

describe("routes", () => {
  it.each([["/", "/", {}], ["/servers/:id", "/servers/a%2Fb", { id: "a/b" }], ["/servers/:id", "/servers", null], ["/servers/:id", "/servers/a/b", null], ["/servers", "/servers/", {}], ["/a/:x", "/a/%", null]])("%s against %s", (pattern, path, expected) => expect(match(pattern, path)).toEqual(expected));
});

describe("tables", () => {
  const columns: TableColumn<{ n: string; v: number }>[] = [{ id: "n", label: "N", cell: (r) => ({ text: r.n }) }, { id: "v", label: "V", cell: (r) => ({ text: `${r.v} %`, sort: r.v }) }];
  const rows = [{ n: "web-10", v: 9 }, { n: "web-2", v: 100 }, { n: "api", v: 9 }];
  it("sort names as people do and numbers as numbers", () => {
    expect(sorted(rows, columns, { by: "n", down: false }).map((r) => r.n)).toEqual(["api", "web-2", "web-10"]);
    expect(sorted(rows, columns, { by: "v", down: true }).map((r) => r.n)).toEqual(["web-2", "web-10", "api"]);
    expect(sorted(rows, columns, null)).toBe(rows);
  });
  it("turn through the orders", () => {
    expect(nextOrder(null, "n")).toEqual({ by: "n", down: false });
    expect(nextOrder({ by: "n", down: false }, "n")).toEqual({ by: "n", down: true });
    expect(nextOrder({ by: "n", down: true }, "n")).toBeNull();
  });
});

describe("ports", () => {
  const port = (PublicPort: number | null, PrivatePort: number) => ({ IP: null, PublicPort, PrivatePort, Type: null });
  it("show once, neighbours as ranges", () => expect(portList([port(8081, 80), port(8081, 80), port(9000, 9000), port(9001, 9001), port(null, 22)])).toEqual(["8081→80", "9000–9001→9000–9001"]));
});
