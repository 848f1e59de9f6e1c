import { describe, expect, test } from "vitest";
import { asked, defaults, given, parseKeyValue } from "./args";
import { columnOf } from "./engine";
import { examples } from "./examples";
import { curlLine, hookUrl } from "./hooks";
import { everyEvent, heard, madeUp, wrongEvent } from "./samples";
import { textField } from "./versions";

describe("arguments", () => {
  test("defaults are read, the script says what it asks for", () => {
    expect(parseKeyValue("# no\nA = 1\nB: \"two words\"\n\nC=")).toEqual({ A: "1", B: "two words", C: "" });
    expect(defaults('{"n": 3}', "json")).toEqual({ n: 3 });
    expect(defaults("{", "json")).toEqual({});
    expect(asked("local args = komodo.args\nprint(args.tag or komodo.args.hours, other.args.no) -- komodo.args.comment\n")).toEqual(["hours", "tag"]);
  });
  test("only what was filled in is given, as what it is", () => {
    expect(given({ a: "5", b: "", c: "[1]", d: "text", "": "x" }, { a: "1" })).toEqual({ a: "5", c: [1], d: "text" });
  });
});

describe("history", () => {
  test("the script is taken out of the TOML of an Update", () => {
    expect(textField('[[action]]\nname = "x"\n[action.config]\nfile_contents = """\nlocal a = "b\\\\n"\nreturn a\n"""\nlimits = {}\n', "file_contents")).toBe('local a = "b\\n"\nreturn a\n');
    expect(textField("file_contents = '''\nraw \\n ''text\n'''\n", "file_contents")).toBe("raw \\n ''text\n");
    expect(textField('file_contents = "one\\tline \\u00e4"', "file_contents")).toBe("one\tline ä");
    expect(textField('name = "x"', "file_contents")).toBe("");
  });
});

describe("http triggers", () => {
  test("route and command", () => {
    expect(hookUrl("https://k.example.com/", "a b", "/release/v1/")).toBe("https://k.example.com/hook/a%20b/release/v1");
    expect(curlLine("https://h/x", "GET", "none")).toBe("curl 'https://h/x'");
    expect(curlLine("https://h/it's", "POST", "token")).toBe(`curl -X POST -H "Authorization: Bearer $SECRET" -H 'Content-Type: application/json' -d '{}' 'https://h/it'\\''s'`);
    expect(curlLine("https://h/x", "POST", { hmac: { header: "X-Sig", algorithm: "sha512" } })).toContain(`"X-Sig: $(printf '%s' '{}' | openssl dgst -sha512`);
    expect(curlLine("https://h/x", "POST", "github")).toContain("X-Hub-Signature-256: sha256=$(");
  });
});

describe("events to try", () => {
  test("a trigger hears what its patterns match", () => {
    expect(everyEvent).toEqual(expect.arrayContaining(["update:DeployStack", "alert:ServerCpu"]));
    expect(everyEvent).not.toContain("update:None");
    expect(heard(["alert:Server?pu", "update:DeployStack", "", "update:("])).toEqual(["update:DeployStack", "alert:ServerCpu"]);
    expect(heard(["alert:*"]).length).toBe(everyEvent.filter((name) => name.startsWith("alert:")).length);
  });
  test("made-up ones are about the right type of resource", () => {
    expect(madeUp("update:DeployStack", 5000, "me")).toMatchObject({ update: { operation: "DeployStack", start_ts: 4000, end_ts: 5000, operator: "me", target: { type: "Stack", id: "" }, logs: [] } });
    expect(madeUp("update:UpdateServer", 1, "me")).toMatchObject({ update: { target: { type: "Server" } } });
    expect(madeUp("update:CreateVariable", 1, "me")).toMatchObject({ update: { target: { type: "System", id: "system" } } });
    expect(madeUp("alert:ServerCpu", 7, "me")).toMatchObject({ alert: { ts: 7, target: { type: "Server" }, data: { type: "ServerCpu", data: { id: "", name: "", percentage: 0 } } } });
    expect(madeUp("alert:ContainerStateChange", 7, "me")).toMatchObject({ alert: { target: { type: "Deployment" } } });
  });
  test("a text that is none", () => {
    expect(wrongEvent("{")).not.toBe("");
    expect(wrongEvent("[]")).toMatch(/update or alert/);
    expect(wrongEvent('{"alert": {}}')).toBe("");
  });
});

test("columns of the engine are bytes", () => {
  expect(columnOf("äb€c", 1)).toBe(0);
  expect(columnOf("äb€c", 3)).toBe(1);
  expect(columnOf("äb€c", 7)).toBe(3);
  expect(columnOf("ab", 99)).toBe(2);
});

test("every example says what it is", () => {
  expect(examples.length).toBeGreaterThanOrEqual(25);
  for (const e of examples) {
    expect(e.title, e.name).not.toBe("");
    expect(e.what, e.name).not.toBe("");
    expect(e.trigger, e.name).not.toBe("");
  }
});
