import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { explain, offers, signature } from "./complete";
import { fieldsOf, parseDefinitions } from "./definitions";
import { indent } from "./indent";
import { tokens } from "./lexer";

// The real file, as the engine serves it.
const root = path.resolve(process.cwd(), "..");
const defs = parseDefinitions(execFileSync(path.join(root, "scripts/gen-docs"), ["luacats", "-"], { encoding: "utf8", maxBuffer: 1 << 24 }));

/** Offers at the place marked with "|". */
function at(source: string, asked = false): string[] {
  const pos = source.indexOf("|");
  return offers(defs, source.replace("|", ""), pos, asked)?.list.map((o) => o.label) ?? [];
}

describe("definitions", () => {
  test("classes, aliases, requests and members are read", () => {
    expect(fieldsOf(defs, "komodo.StackListItem").map((f) => f.name)).toContain("info");
    expect(defs.requests.read.get("ListStacks")).toMatchObject({ result: "komodo.StackListItem[]", params: "komodo.ListStacksInput" });
    expect(defs.requests.execute.get("DeployStack")?.result).toBe("komodo.Update");
    expect(defs.members.get("komodo.sleep")?.signature).toBe("(seconds)");
    expect(fieldsOf(defs, "{ a: string, b?: table<string, any> }").map((f) => f.name)).toEqual(["a", "b"]);
  });
});

describe("completion", () => {
  test("members of the module and of Lua's libraries", () => {
    expect(at("komodo.|")).toEqual(expect.arrayContaining(["read", "execute", "sleep", "kv"]));
    expect(at("komodo.log.|")).toEqual(expect.arrayContaining(["info", "warn"]));
    expect(at("string.fo|")).toContain("format");
  });
  test("request names inside strings, by group", () => {
    expect(at('komodo.read("Li|')).toContain("ListStacks");
    expect(at('komodo.read("Li|')).not.toContain("DeployStack");
    expect(at("komodo.start('|")).toContain("DeployStack");
    expect(at('print("|')).toEqual([]);
  });
  test("parameters of a request, without those that are there", () => {
    expect(at('komodo.read("ListStacks", { |')).toEqual(expect.arrayContaining(["query", "limit"]));
    expect(at('komodo.read("ListStacks", { limit = 1, |', true)).not.toContain("limit");
    expect(at('komodo.read("ListStacks", { query = { na|')).toContain("names");
    expect(at('komodo.read("ListStacks", { query = { tag_behavior = "|')).toEqual(["All", "Any"]);
    expect(at("komodo.http { u|")).toContain("url");
    expect(at("local r = komodo.http { url = 'x' }\nr.|")).toContain("status");
  });
  test("fields of results, through assert, ipairs, indexes and fields", () => {
    const stacks = 'local stacks = assert(komodo.read("ListStacks"))\n';
    expect(at(`${stacks}for _, s in ipairs(stacks) do print(s.|`)).toEqual(expect.arrayContaining(["id", "name", "info"]));
    expect(at(`${stacks}stacks[1].info.|`)).toContain("state");
    expect(at('local s = komodo.read("GetStack", { stack = "x" })\ns.config.|')).toContain("file_contents");
    expect(at('komodo.read("ListStacks")[1].|')).toContain("name");
    expect(at('local u = komodo.start("DeployStack", { stack = "x" })\nu.|')).toContain("logs");
    expect(at(`${stacks}for _, s in ipairs(stacks) do if s.info.state == "|`)).toContain("running");
  });
  test("a name that was assigned anew has its new type", () => {
    expect(at('local a = komodo.read("ListStacks")\na = 1\na.|')).toEqual([]);
  });
  test("names, not in comments or after local", () => {
    expect(at("local value = 1\nprint(va|")).toContain("value");
    expect(at("-- ko|")).toEqual([]);
    expect(at("local ko|")).toEqual([]);
  });
});

describe("explanations", () => {
  const over = (source: string) => explain(defs, source.replace("|", ""), source.indexOf("|"));
  const inside = (source: string) => signature(defs, source.replace("|", ""), source.indexOf("|"));
  test("hover", () => {
    expect(over('komodo.read("List|Stacks")')).toMatchObject({ title: "ListStacks → StackListItem[]" });
    expect(over("komodo.sl|eep(1)")?.title).toBe("komodo.sleep(seconds)");
    expect(over('local x = komodo.read("ListStacks")\nprint(|x)')?.title).toBe("x: StackListItem[]");
    expect(over('komodo.read("ListStacks", { li|mit = 1 })')?.title).toBe("limit?: integer");
    expect(over("komodo.nothing|here()")).toBeNull();
  });
  test("signatures", () => {
    expect(inside("komodo.timeout(5, |")).toMatchObject({ name: "komodo.timeout", active: 1, parameters: ["seconds", "fn"] });
    expect(inside('komodo.read("ListStacks", { query = { |')).toMatchObject({ name: "komodo.read", active: 1 });
    expect(inside("string.rep('x', |")?.parameters).toEqual(["s", "n", "separator"]);
    expect(inside("local x = |")).toBeNull();
  });
});

describe("indent", () => {
  test("blocks, brackets, else, chains", () => {
    const messy = "local function f(a)\nif a then\nreturn {\n1,\n2,\n}\nelseif b then\nreturn 2\nelse\nfor i = 1, 2 do\nprint(i)\nend\nend\nend\nkomodo.stage('x', function()\nf(1)\nend, true)\nrepeat\nx = 1\nuntil x\nlocal y = a\nand b\n";
    expect(indent(messy)).toBe("local function f(a)\n  if a then\n    return {\n      1,\n      2,\n    }\n  elseif b then\n    return 2\n  else\n    for i = 1, 2 do\n      print(i)\n    end\n  end\nend\nkomodo.stage('x', function()\n  f(1)\nend, true)\nrepeat\n  x = 1\nuntil x\nlocal y = a\n  and b\n");
  });
  test("long strings and comments stay as they are", () => {
    const text = "if x then\ny = [[\n   keep  \n ]]\n--[[ a\n   b ]]\nend";
    expect(indent(text)).toBe("if x then\n  y = [[\n   keep  \n ]]\n  --[[ a\n   b ]]\nend");
  });
  test("unfinished scripts do no harm, and no word changes", () => {
    for (const text of ["end end )", "if x then", "x = 'abc\ny = 1", "--[[ open", "x = [==[ ]=] "]) {
      const words = (s: string) => tokens(s).map((t) => t.text.trim());
      expect(words(indent(text))).toEqual(words(text));
    }
  });
  test("every example is as the indenter would have it, and twice is as once", () => {
    const folder = path.join(root, "actions-examples");
    for (const file of readdirSync(folder).filter((f) => f.endsWith(".lua"))) {
      const text = readFileSync(path.join(folder, file), "utf8");
      const once = indent(text);
      expect(indent(once), file).toBe(once);
      expect(once.replace(/[ \t]+/g, " "), file).toBe(indent(text).replace(/[ \t]+/g, " "));
      expect(tokens(once).map((t) => t.text), file).toEqual(tokens(text).map((t) => t.text));
    }
  });
});
