-- What is made from the schema: complete, well formed, and the checked-in pages current.

package.path = "stdlib/lua/?.lua;stdlib/lua/?/init.lua;" .. package.path
local schema = require("komodo.schema")
local dsl = require("komodo.schema.dsl")
local json = require("komodo.schema.gen.json")
local views = require("komodo.schema.gen.views")
local dkjson = require("dkjson")

local function read_file(path)
  local file = io.open(path)
  if not file then
    return nil
  end
  local text = file:read("a")
  file:close()
  return text
end

describe("the JSON writer", function()
  it("keeps the order of keys and writes every kind of value", function()
    local value = json.object("b", 1, "a", { "x", true, 1.5 }, "none", nil, "empty", {}, "object", json.object(), "null", json.null)
    value:set("b", 2)
    assert.are.equal('{\n  "b": 2,\n  "a": [\n    "x",\n    true,\n    1.5\n  ],\n  "empty": [],\n  "object": {},\n  "null": null\n}\n',
      json.encode(value))
  end)

  it("escapes text", function()
    assert.are.equal('"a\\"\\\\\\n\\u0001é"\n', json.encode('a"\\\n\1é'))
  end)

  it("refuses what is not a number", function()
    assert.has_error(function() json.encode(0 / 0) end)
  end)
end)

describe("the OpenAPI document", function()
  local text = require("komodo.schema.gen.openapi").generate({ version = "1.2.3" })
  local document = dkjson.decode(text)

  it("has a path for every request", function()
    assert.are.equal("1.2.3", document.info.version)
    for _, request in ipairs(schema.requests) do
      local path = views.paths[request.group] .. "/" .. request.name
      assert(document.paths[path] and document.paths[path].post, path .. ": missing")
      assert.are.equal(request.name, document.paths[path].post.operationId)
    end
  end)

  it("refers to nothing that is not there", function()
    local names = 0
    for kind, name in text:gmatch('"#/components/(%w+)/([%w_]+)"') do
      assert(document.components[kind][name], name .. ": no such component")
      names = names + 1
    end
    assert(names > 1000)
  end)

  it("asks credentials of all but the login requests", function()
    assert.are.equal(0, #document.paths["/auth/login/LoginLocalUser"].post.security)
    assert.is_nil(document.paths["/read/GetStack"].post.security)
    assert.are.equal(2, #document.security)
  end)

  it("tells mandatory parameters from those with a default, and partial configs from whole ones", function()
    local body = document.paths["/write/CreateStack"].post.requestBody.content["application/json"].schema
    assert.are.same({ "name" }, { table.unpack(body.required) })
    assert.are.equal("#/components/schemas/PartialStackConfig", body.properties.config["$ref"])
    assert.is_nil(document.components.schemas.PartialStackConfig.required)
    assert.are.equal(#schema.types.StackConfig.fields, #document.components.schemas.StackConfig.required)
  end)

  it("is the same on every run", function()
    assert.are.equal(text, require("komodo.schema.gen.openapi").generate({ version = "1.2.3" }))
  end)
end)

describe("the TypeScript declarations", function()
  local text = require("komodo.schema.gen.typescript").generate()

  it("declare every name once, and every name they use", function()
    local known = { Record = true }
    for name in text:gmatch("export %a+ ([%w_]+)") do
      assert(not known[name], name .. ": declared twice")
      known[name] = true
    end
    local without_comments = text:gsub("/%*%*.-%*/", ""):gsub("//[^\n]*", ""):gsub('"[^"\n]*"', "")
    for line in without_comments:gmatch("[^\n]+") do
      local used = line:match(":(.*)$") or line:match("=(.*)$") or ""
      for name in used:gmatch("%f[%w_]%u[%w_]*") do
        assert(known[name], name .. ": not declared, in " .. line)
      end
    end
  end)

  it("tie every request to its parameters and result", function()
    for _, request in ipairs(schema.requests) do
      assert(text:find(("\n  %s: { params: %s; result: "):format(request.name, request.name), 1, true), request.name .. ": missing")
    end
  end)
end)

describe("the schema of the web page", function()
  local text = require("komodo.schema.gen.ui").generate()

  it("has every config and execution", function()
    for _, resource in ipairs(require("komodo.schema.resources")) do
      assert(text:find(('"%s": "%sConfig"'):format(resource.name, resource.name), 1, true), resource.name .. ": no config")
    end
    for _, request in ipairs(schema.requests) do
      if request.group == "execute" then
        assert(text:find(('"name": "%s"'):format(request.name), 1, true), request.name .. ": missing")
      end
    end
  end)

  it("is the same on every run", function()
    assert.are.equal(text, require("komodo.schema.gen.ui").generate())
  end)
end)

describe("the LuaCATS definitions", function()
  local text = require("komodo.schema.gen.luacats").generate()

  it("are Lua", function()
    assert(load(text, "=definitions", "t"))
  end)

  it("declare every name once, and every name they use", function()
    local known = {}
    for name in text:gmatch("\n%-%-%-@class (komodo%.[%w_]+)") do
      assert(not known[name], name .. ": declared twice")
      known[name] = true
    end
    for name in text:gmatch("\n%-%-%-@alias (komodo%.[%w_]+)") do
      assert(not known[name], name .. ": declared twice")
      known[name] = true
    end
    for name in text:gmatch("komodo%.%u[%w_]*") do
      assert(known[name], name .. ": not declared")
    end
  end)

  it("describe every function of the module", function()
    local namespaces = require("komodo.check.namespaces")
    for _, member in ipairs(require("komodo.check.module").present()) do
      local inner = member.space and member.space.functions or namespaces.callable[member.name] or {}
      for _, fn in ipairs(inner) do
        assert(text:find(("\nfunction komodo.%s.%s("):format(member.name, fn.name), 1, true), member.name .. "." .. fn.name)
      end
      assert(text:find("\nfunction komodo." .. member.name .. "(", 1, true) or text:find("\nkomodo." .. member.name .. " = ", 1, true), member.name)
    end
    for plural, kind in pairs(require("komodo._core.sugar_names").kinds) do
      for _, request in ipairs(schema.requests) do
        local verb = require("komodo._core.sugar_names").verb(kind, request)
        assert(not verb or text:find(("\nfunction komodo.%s.%s("):format(plural, verb), 1, true), request.name)
      end
    end
  end)

  it("have an overload for every request of a script", function()
    for _, request in ipairs(schema.requests) do
      if request.group == "read" or request.group == "write" or request.group == "execute" then
        assert(text:find(('---@overload fun(name: "%s", params'):format(request.name), 1, true), request.name .. ": missing")
      end
    end
  end)
end)

describe("the reference pages", function()
  local pages = require("komodo.schema.gen.reference").generate()

  it("are current in docs/reference", function()
    for name, text in pairs(pages) do
      local found = read_file("docs/reference/" .. name)
      assert(found == text, name .. ": not current, run scripts/gen-docs")
    end
    local list = io.popen("ls docs/reference")
    for name in list:lines() do
      assert(pages[name], "docs/reference/" .. name .. ": nothing makes this page, delete it")
    end
    list:close()
  end)

  it("link to headings that are there", function()
    local headings = {}
    for name, text in pairs(pages) do
      headings[name] = {}
      for heading in text:gmatch("\n## ([^\n]+)") do
        headings[name][heading:lower()] = true
      end
    end
    for name, text in pairs(pages) do
      for target in text:gmatch("%]%(([^)%s]+)%)") do
        local page, heading = target:match("^([^#]+)#?(.*)$")
        assert(headings[page] and (heading == "" or headings[page][heading]), name .. ": " .. target .. " leads nowhere")
      end
    end
  end)
end)

describe("the words for declarations", function()
  it("refuse a field twice, a type without doc, a default of another type", function()
    assert.has_error(function() dsl.struct("X", "Doc.", { dsl.must("a", "string"), dsl.must("a", "string") }) end, "X.a: declared twice")
    assert.has_error(function() dsl.struct("X", "", {}) end, "X: needs a doc")
    assert.has_error(function() dsl.text("a", 1) end, "a: default must be a string")
    assert.has_error(function() dsl.int("a", 1.5) end, "a: default must be an integer")
    assert.has_error(function() dsl.uint("a", -1) end, "a: default must be an integer >= 0")
    assert.has_error(function() dsl.with("a", "string") end, "a: needs a default")
  end)

  it("mark empty lists as lists", function()
    assert.are.equal(dsl.array_mt, getmetatable(dsl.list("a", "string").default))
    assert.is_nil(getmetatable(dsl.map("a", "string").default))
  end)
end)

describe("the schema", function()
  local function load_with(area, declared)
    local saved = {}
    for name, module in pairs(package.loaded) do
      if name == "komodo.schema" or name:match("^komodo%.schema%.types") or name:match("^komodo%.schema%.requests") then
        saved[name] = module
        package.loaded[name] = nil
      end
    end
    package.loaded["komodo.schema.types." .. area] = declared
    local ok, problem = pcall(require, "komodo.schema")
    for name in pairs(package.loaded) do
      if name == "komodo.schema" or name:match("^komodo%.schema%.types") or name:match("^komodo%.schema%.requests") then
        package.loaded[name] = nil
      end
    end
    for name, module in pairs(saved) do
      package.loaded[name] = module
    end
    return ok, problem
  end

  local function with_tag_types(change)
    local types = { table.unpack(require("komodo.schema.types.tag")) }
    change(types)
    return load_with("tag", types)
  end

  it("names an unknown type and who uses it", function()
    local ok, problem = with_tag_types(function(types)
      types[#types + 1] = dsl.struct("Wrong", "Doc.", { dsl.must("a", { "list", "NoSuchType" }) })
    end)
    assert.is_false(ok)
    assert.matches("Wrong%.a: unknown type NoSuchType", problem)
  end)

  it("names a type declared twice", function()
    local ok, problem = with_tag_types(function(types)
      types[#types + 1] = dsl.struct("Tag", "Doc.", {})
    end)
    assert.is_false(ok)
    assert.matches("Tag: type declared twice", problem)
  end)

  it("names a struct that has no default where one is needed", function()
    local ok, problem = with_tag_types(function(types)
      types[#types + 1] = dsl.struct("Inner", "Doc.", { dsl.must("must", "string") })
      types[#types + 1] = dsl.struct("Outer", "Doc.", { dsl.with("inner", "Inner", dsl.defaults) })
    end)
    assert.is_false(ok)
    assert.matches("Outer%.inner: .*must: mandatory, so the struct has no default", problem)
  end)

  it("finds requests by name and by old name", function()
    assert.are.equal("ListContainers", schema.request("read", "ListDockerContainers").name)
    assert.are.equal("GetStack", schema.request("read", "GetStack").name)
    assert.is_nil(schema.request("write", "GetStack"))
    assert.is_nil(schema.request("nothing", "GetStack"))
  end)

  it("has a resource parameter for every rule about one", function()
    for _, request in ipairs(schema.requests) do
      local access = request.access
      if type(access) == "table" and access.resource then
        local found = false
        for _, field in ipairs(request.params) do
          found = found or (field.name == access.param and field.type == "string")
        end
        assert(found, request.name .. ": no parameter " .. access.param)
      end
    end
  end)
end)
