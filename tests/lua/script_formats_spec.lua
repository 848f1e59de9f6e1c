-- What komodo.toml and komodo.yaml write (komodo/_core); reading is C: tests/c/script/test_formats.c.
local json = require("komodo.testing.json")
local toml = require("komodo._core.toml_text")
local yaml = require("komodo._core.yaml_text")

local function encode(value) return toml.encode(value, json.is_array) end

describe("toml.encode", function()
  it("writes values before tables, keys sorted", function()
    assert.equal([=[
a = 1
list = [1, "two", [true], { x = 1 }]

[t]
b = "x\ny"

[t.inner]
c = []

[[t.rows]]
n = 1

[[t.rows]]
]=], encode({ a = 1, list = { 1, "two", { true }, { x = 1 } },
      t = { b = "x\ny", inner = { c = json.array() }, rows = { { n = 1 }, {} } } }))
    assert.equal("", encode({}))
  end)

  it("refuses lists, odd keys, cycles and values that are no data", function()
    local cycle = {}
    cycle.cycle = cycle
    for _, bad in ipairs({ { 1, 2 }, { a = { [1.5] = 1 } }, cycle, { a = print }, { a = 1 / 0 } }) do
      assert.has_error(function() encode(bad) end)
    end
    assert.has_error(function() encode("x") end)
  end)
end)

describe("yaml.encode", function()
  local function y(value) return yaml.encode(value, json.is_array, json.null, toml.number) end

  it("writes blocks, keys sorted, and quotes what would be something else", function()
    assert.equal([=[
a: 1
b: 1.0
c: null
d: []
e: {}
f:
  - x
  - k: 1
    l:
      - 2
  -
    - deep
g: "true"
h: |
  two
  lines
i: "- no list"
"j k": "1"
]=], y({ a = 1, b = 1.0, c = json.null, d = json.array(), e = {}, f = { "x", { k = 1, l = { 2 } }, { "deep" } }, g = "true",
      h = "two\nlines\n", i = "- no list", ["j k"] = "1" }))
    assert.equal("text\n", y("text"))
    assert.equal("[]\n", y(json.array()))
  end)

  it("refuses what YAML cannot say", function()
    local cycle = {}
    cycle.cycle = cycle
    for _, bad in ipairs({ { a = { [1.5] = 1 } }, cycle, { a = print }, { a = 1 / 0 }, { a = "\255" }, { 1, x = 2 } }) do
      assert.has_error(function() y(bad) end)
    end
  end)
end)

-- The names that the checker and the editors know are those that the parts in komodo/_core make.
describe("komodo/_core", function()
  local core = require("komodo.testing.core")
  local namespaces = require("komodo.check.namespaces")

  it("has every function of the namespaces, and no other", function()
    local komodo = {}
    local made = core.new(komodo, {})
    for _, part in ipairs({ "pure", "time", "formats" }) do core.load(part, komodo, made) end
    for name, known in pairs(namespaces.names) do
      if komodo[name] then
        local there = {}
        for key in pairs(komodo[name]) do there[key] = true end
        assert.same(known, there, name)
      end
    end
  end)
end)
