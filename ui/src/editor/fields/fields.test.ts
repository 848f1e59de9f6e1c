import { describe, expect, it } from "vitest";
import { keysOf, nodes } from "./compose";
import { jsonProblems } from "./json";
import { meant, type Offers } from "./offers";
import { explainSync, syncOffers, syncProblems } from "./sync";
import { scan, tomlProblems } from "./toml";
import { asPlain, explainVariable, variableOffers } from "./variables";
import { composeOffers, composeProblems, declared, explainCompose, placeAt, yamlProblems } from "./yaml";

/** Text and cursor: where the `¦` is. */
const cut = (marked: string): [string, number] => [marked.replace("¦", ""), marked.indexOf("¦")];
const labels = (offers: Offers | null): string[] => (offers?.list ?? []).map((o) => o.label);
const SHOP = "services:\n  web:\n    image: nginx\n  cache:\n    image: redis\nvolumes:\n  data:\nnetworks:\n  front:\n    driver: bridge\n";

describe("variables", () => {
  const known = [{ name: "TOKEN", doc: "Of the API.", secret: true }, { name: "REGION", doc: "", secret: false }];
  it("are offered behind two brackets, and closed", () => {
    expect(variableOffers(...cut("A = [[¦"), known)?.list.map((o) => o.insert)).toEqual(["TOKEN]]", "REGION]]"]);
    expect(variableOffers(...cut("A = x[[TO¦]]"), known)).toMatchObject({ from: 7, list: [{ insert: "TOKEN" }, { insert: "REGION" }] });
    for (const text of ["A = [¦", "A = [[B]]¦", "[[\n¦"]) expect(variableOffers(...cut(text), known)).toBeNull();
  });
  it("are explained", () => {
    expect(explainVariable(...cut("x\nA = [[TO¦KEN]]"), known)).toMatchObject({ from: 6, to: 15, doc: "Of the API." });
    expect(explainVariable(...cut("A = [[NO¦NE]]"), known)?.doc).toMatch(/^No variable/);
    expect(explainVariable(...cut("A¦ = [[TOKEN]]"), known)).toBeNull();
  });
  it("are plain words for a parser", () => expect(asPlain("a: [[B]]-[[C]]")).toBe("a: xxxxx-xxxxx"));
});

describe("the table of compose keys", () => {
  it.each(nodes())("%s names nodes that exist", (node) => {
    for (const key of keysOf(node).values()) {
      if (key.node) expect(keysOf(key.node).size, `${node}.${key.name}`).toBeGreaterThan(0);
      if (key.each) expect(keysOf(key.each).size, `${node}.${key.name}`).toBeGreaterThan(0);
      if (key.ref) expect(keysOf("root").has(key.ref), `${node}.${key.name}`).toBe(true);
    }
  });
});

describe("where the cursor is in YAML", () => {
  it.each<[string, string[], string | null, string]>([
    ["¦", [], null, ""], ["serv¦", [], null, "serv"], ["services:\n  ¦", ["services"], null, ""], ["services:\n  web:\n    im¦", ["services", "web"], null, "im"],
    ["services:\n  web:\n    restart: al¦", ["services", "web"], "restart", "al"], ["services:\n  web:\n    ports:\n      - ¦", ["services", "web", "ports", "[]"], null, ""],
    ["services:\n  web:\n    ports:\n    - target: 1\n      pub¦", ["services", "web", "ports", "[]"], null, "pub"], ["a:\n  - b:\n      c: 1\n  - d¦", ["a", "[]"], null, "d"],
    ["a:\n  b: 1\n\n  # note\n  c¦", ["a"], null, "c"], ["a:\n  b: 1\nc¦", [], null, "c"], ["a:\n- b\n- ¦", ["a", "[]"], null, ""], ['"a":\n  \'b\':\n    c¦', ["a", "b"], null, "c"],
    ["a: [b, c¦", [], "a", "c"],
  ])("%j", (marked, path, key, word) => expect(placeAt(...cut(marked))).toMatchObject({ path, key, word }));
  it.each(["# no¦", "a: 1 # no¦", "a: |\n  text¦", "a:\n  b: >-\n    one\n    two¦", "two words¦"])("nothing is offered at %j", (marked) => expect(placeAt(...cut(marked))).toBeNull());
});

describe("compose files", () => {
  it.each<[string, string[]]>([
    ["¦", ["services", "networks", "volumes"]], ["services:\n  web:\n    ¦", ["image", "restart", "healthcheck"]], ["services:\n  web:\n    restart: ¦", ["no", "always", "unless-stopped"]],
    [`${SHOP}services:\n  x:\n    networks:\n      - ¦`, ["front", "aliases"]], [SHOP.replace("image: redis", "networks:\n      ¦"), ["front"]], [SHOP.replace("image: redis", "depends_on:\n      - ¦"), ["web", "cache"]],
    [SHOP.replace("image: redis", "depends_on:\n      web:\n        condition: ¦"), ["service_healthy"]], [SHOP.replace("image: redis", "volumes:\n      - ¦"), ["data", "type", "source"]],
    [SHOP.replace("image: redis", "healthcheck:\n      ¦"), ["test", "interval"]], [SHOP.replace("driver: bridge", "driver: ¦"), ["bridge", "overlay"]],
    ["services:\n  web:\n    deploy:\n      resources:\n        limits:\n          ¦", ["cpus", "memory"]], ["services:\n  web:\n    tty: ¦", ["true", "false"]],
  ])("%j offers %j", (marked, some) => expect(labels(composeOffers(...cut(marked)))).toEqual(expect.arrayContaining(some)));
  it("offers nothing where anything may stand", () => {
    expect(composeOffers(...cut("services:\n  ¦"))).toBeNull();
    expect(labels(composeOffers(...cut("services:\n  web:\n    image: ¦")))).toEqual([]);
    expect(composeOffers(...cut("services:\n  web:\n    nonsense:\n      ¦"))).toBeNull();
  });
  it("writes what belongs behind a key", () => {
    const insert = (marked: string, label: string): string | undefined => composeOffers(...cut(marked))?.list.find((o) => o.label === label)?.insert;
    expect(insert("services:\n  web:\n    ¦", "healthcheck")).toBe("healthcheck:\n      ");
    expect(insert("services:\n  web:\n    ¦", "image")).toBe("image: ");
    expect(insert("services:\n  web:\n    restart: ¦", "no")).toBe('"no"');
  });
  it("knows what is declared", () => expect([declared(SHOP, "services"), declared(SHOP, "networks")]).toEqual([["web", "cache"], ["front"]]));
  it("explains keys", () => {
    expect(explainCompose(...cut("services:\n  web:\n    rest¦art: always"))).toMatchObject({ from: 21, to: 28, title: "restart" });
    expect(explainCompose(...cut("services:\n  we¦b:\n"))).toBeNull();
  });
  it.each<[string, number | null, RegExp]>([
    [SHOP, null, /./], ["a: 1\nb: [1", 2, /flow/i], ["a: 1\n b: 2\n", 2, /indentation|mapping/i], ["a: 1\na: 2", 2, /duplicated/i], ["x: 'open", 1, /quote|stream/i], ["a:\n\t- b", 2, /tab/i],
  ])("syntax of %j", (text, line, message) => {
    const [first] = yamlProblems(text);
    expect(first?.line ?? null).toBe(line);
    if (first) expect(first.message).toMatch(message);
  });
  it("takes what compose takes", () => {
    for (const text of ["x-a: !reset null", "services:\n  web:\n    image: \"[[IMAGE]]:[[TAG]]\"\n    x-own: 1\n    environment:\n      ANY: [[A]]-[[B]]\n", "x-base: &b\n  image: a\nservices:\n  w:\n    <<: *b\n    ports: !override []\n", "version: '3'\n",
      "services:\n  w:\n    command: |\n      nonsense: 1\n    labels:\n      any.thing: 1\n    networks:\n      front:\n        aliases: [a]\n    depends_on:\n      x:\n        condition: service_healthy\n"]) expect(composeProblems(text), text).toEqual([]);
  });
  it("tells unknown keys", () => expect(composeProblems("services:\n  web:\n    imagee: nginx\n    helthcheck:\n      test: a\n")).toMatchObject([
    { line: 3, column: 4, severity: "warning", message: 'Compose knows no key "imagee" in services.web. Did you mean image?' }, { line: 4, message: /healthcheck/ }]));
});

describe("TOML", () => {
  const here = (marked: string) => scan(cut(marked)[0].slice(0, cut(marked)[1])).here;
  it.each<[string, object]>([
    ["¦", { kind: "key", path: [] }], ["[[st¦", { kind: "header", array: true, path: [], from: 2 }], ["[[a]]\n[a.co¦", { kind: "header", array: false, path: ["a"] }], ["[a]\nb.c¦", { kind: "key", path: ["a", "b"] }],
    ["[a]\nb = ¦", { kind: "value", path: ["a", "b"], quote: null }], ['[a]\nb = "x¦', { kind: "value", path: ["a", "b"], quote: '"', from: 9 }], ['a = ["x", "y¦', { kind: "value", path: ["a", "[]"], quote: '"' }],
    ["a = { b = { c¦", { kind: "key", path: ["a", "b"] }], ["a = [ { b = ¦", { kind: "value", path: ["a", "[]", "b"] }], ['a = """\nx = 1\n¦', { kind: "text", path: ["a"] }], ["# a¦", { kind: "none" }], ["a = 1 ¦", { kind: "value", path: ["a"] }], ['a = "b" ¦', { kind: "none" }],
  ])("%j", (marked, expected) => expect(here(marked)).toMatchObject(expected));
  it("finds keys past mistakes", () => {
    expect(scan('[a]\nb = \n= 3\nc = "x"\n[[d.e]]\n"f g".h = """\ni = 1\n"""\nj = { k = 1, l = [1, { m = 2 }] }\n').keys.map((k) => k.path.join("/"))).toEqual(["a", "a/b", "a/c", "d/e", "d/e/f g/h", "d/e/j", "d/e/j/k", "d/e/j/l", "d/e/j/l/[]/m"]);
    for (const text of ["[", "[[", "a =", '"', "a = [[[[", "a = {{{", "]]]", "a = '''", "= = =", "\r\n\r", "a..b = 1"]) expect(scan(text).keys).toBeDefined();
  });
  it.each<[string, number | null]>([["a = 1\n", null], ["a = 1\nb = \n", 2], ["a = 1\na = 2", 2], ["[a\n", 1]])("syntax of %j", (text, line) => expect(tomlProblems(text)[0]?.line ?? null).toBe(line));
});

describe("resource files", () => {
  it.each<[string, string[]]>([
    ["¦", ["[[server]]", "[[stack]]", "[[resource_sync]]", "[[variable]]", "[[user_group]]"]], ["[[¦", ["stack"]], ["[[stack]]\n¦", ["name", "tags", "deploy", "config", "[[server]]"]], ["[[server]]\n[server.¦", ["config"]],
    ["[[stack]]\n[stack.config]\n¦", ["server", "file_contents", "auto_pull", "pre_deploy"]], ["[[stack]]\n[stack.config]\npre_deploy.¦", ["path", "command"]], ["[[stack]]\n[stack.config]\nauto_pull = ¦", ["true", "false"]],
    ["[[deployment]]\n[deployment.config]\nrestart = ¦", ["always", "unless-stopped"]], ['[[deployment]]\n[deployment.config]\nrestart = "a¦"', ["always"]], ["[[deployment]]\n[deployment.config]\nimage.type = ¦", ["Image", "Build"]],
    ['[[alerter]]\n[alerter.config]\nendpoint = { type = "Ntfy", params = { ¦', ["url", "email"]], ["[[alerter]]\n[alerter.config]\nalert_types = [\"¦", ["ServerCpu"]], ["[[procedure]]\n[[procedure.config.stage]]\n¦", ["name", "execution", "enabled"]],
    ['[[procedure]]\n[[procedure.config.stage]]\nexecutions = [\n  { execution.type = "DeployStack", execution.params.¦', ["stack", "services"]], ["[[user_group]]\npermissions = [ { level = ¦", ["Read", "Write"]],
    ['[[builder]]\n[builder.config]\ntype = "Aws"\n[builder.config.params]\n¦', ["ami_id", "region"]], ["[[server]]\n[[server.config.maintenance_windows]]\nschedule_type = ¦", ["Daily", "Weekly"]],
  ])("%j offers %j", (marked, some) => expect(labels(syncOffers(...cut(marked)))).toEqual(expect.arrayContaining(some)));
  it("offers what the kind chosen before has alone", () => {
    const offers = labels(syncOffers(...cut('[[builder]]\n[builder.config]\ntype = "Server"\n[builder.config.params]\n¦')));
    expect(offers).toContain("servers");
    expect(offers).not.toContain("ami_id");
  });
  it("asks for names of resources", () => {
    expect(syncOffers(...cut("[[stack]]\n[stack.config]\nserver = ¦"))).toMatchObject({ names: "Server", wrap: ['"', '"'] });
    expect(syncOffers(...cut('[[stack]]\n[stack.config]\nserver = "f¦"'))).toMatchObject({ names: "Server", wrap: ["", ""] });
    expect(syncOffers(...cut("[[swarm]]\n[swarm.config]\nservers = ¦"))).toMatchObject({ names: "Server", wrap: ['["', '"]'] });
    expect(syncOffers(...cut('[[stack]]\ntags = ["¦'))).toMatchObject({ names: "Tag" });
  });
  it("offers nothing inside of texts", () => expect(syncOffers(...cut('[[stack]]\n[stack.config]\nfile_contents = """\n¦'))).toBeNull());
  it("explains keys", () => expect(explainSync(...cut("[[deployment]]\n[deployment.config]\nres¦tart = \"no\"\n"))).toMatchObject({ title: "restart: text", doc: /unless-stopped/ }));
  it.each<[string, object[]]>([
    ['[[stack]]\nname = "a"\n[stack.config]\nserver_id = "x"\nauto_pul = true\n', [{ line: 5, message: /has no key "auto_pul": it is ignored. Did you mean auto_pull/ }]],
    ['[[resource-sync]]\nname = "a"\n', [{ line: 1, message: /resource_sync/ }]], ['[[stacks]]\nname = "a"\n[stacks.config]\nserver = "b"\n', []], ["[[stack]]\nname = \n", [{ line: 2, severity: "error" }]],
    ['[[procedure]]\nname = "p"\n[[procedure.config.stage]]\nname = "s"\nexecutions = [\n  { execution.type = "DeployStack", execution.params.stack = "x", execution.params.nope = 1, enabled = true }\n]\n', [{ line: 6, message: /nope/ }]],
    ['[[user_group]]\nname = "g"\nall.Server = "Read"\npermissions = [{ target.type = "Stack", target.id = "s", level = "Read" }]\n', []],
    ['[[alerter]]\nname = "a"\n[alerter.config]\nendpoint = { type = "Slack", params = { url = "x" } }\nresources = [{ type = "Stack", id = "x" }]\n', []],
  ])("problems of %j", (text, expected) => expect(syncProblems(text)).toMatchObject(expected));
});

describe("long files", () => {
  const quick = (look: () => unknown): void => {
    const start = performance.now();
    look();
    expect(performance.now() - start).toBeLessThan(3000);   // some 100 ms on a quiet machine
  };
  it("of resources", () => quick(() => expect(syncProblems(Array.from({ length: 1000 }, (_, i) => `[[stack]]\nname = "s${i}"\n[stack.config]\nserver = "a"\nauto_pull = true\n`).join(""))).toEqual([])));
  it("of services", () => quick(() => expect(composeProblems(`services:\n${Array.from({ length: 700 }, (_, i) => `  s${i}:\n    image: a\n    restart: always\n`).join("")}`)).toEqual([])));
  it("made to be slow", () => quick(() => composeProblems(`a${" ".repeat(100_000)}b\n${"- ".repeat(50_000)}x`)));
});

describe("JSON", () => {
  it.each<[string, number | null, number?]>([
    ["", null], ['{ "a": [1, 2.5e3, "x\\n", true, null] }', null], ["[]", null], ['{\n  "a": 1,\n}', 3, 0], ['{"a" 1}', 1, 5], ["[1\n 2]", 2, 1], ['{\n "a": tru\n}', 2, 6], ["[1", 1, 2], ['{"a": "x', 1, 6], ["1 2", 1, 2], ["[01]", 1, 1], ["{a: 1}", 1, 1],
  ])("%j", (text, line, column) => {
    const [first] = jsonProblems(text);
    expect(first?.line ?? null).toBe(line);
    if (column !== undefined) expect(first!.column).toBe(column);
    if (first) expect(first.message).not.toMatch(/position|undefined/);
  });
});

describe("what was perhaps meant", () => it.each([["imagee", "image"], ["resart", "restart"], ["xyz", null], ["im", null]])("%s: %s", (word, better) => expect(meant(word, ["image", "restart", "volumes"])).toBe(better)));
