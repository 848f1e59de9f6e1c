-- Holds the schema against what Komodo 2.3.2 publishes and answers:
--   the declarations of its npm clients (KOMODO_CLIENT_DTS, or tests/e2e/node_modules), name by name, both ways;
--   the recorded exchanges (KOMODO_SHARED, or ../shared), answer by answer.
-- Exceptions are listed with their reason; one that is no longer needed is an error too.

package.path = "stdlib/lua/?.lua;stdlib/lua/?/init.lua;tests/lua/?.lua;" .. package.path
local schema = require("komodo.schema")
local dsl = require("komodo.schema.dsl")
local resources = require("komodo.schema.resources")
local dts = require("schema_dts")
local dkjson = require("dkjson")

local function exists(path)
  local file = io.open(path)
  return file and file:close()
end

local types_path = os.getenv("KOMODO_CLIENT_DTS") or "tests/e2e/node_modules/komodo_client/dist/types.d.ts"
local shared = os.getenv("KOMODO_SHARED") or "../shared"

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

local function set(list)
  local made = {}
  for _, item in ipairs(list) do
    made[item] = true
  end
  return made
end

-- ---- a common form of type expressions, as text ----

-- Ours.
local function our_form(expression, normal)
  if normal == "permission" or expression == "permission" then
    return "permission"
  end
  if type(expression) == "table" then
    if expression.kind == "struct" then
      return "{" .. expression.name .. "}"
    elseif expression[1] == "optional" then
      return our_form(expression[2])
    end
    return expression[1] .. "(" .. our_form(expression[2]) .. ")"
  end
  local simple = { bool = "boolean", int = "number", uint = "number", object = "any", digest = "string" }
  local declared = schema.types[expression]
  if declared and declared.kind == "alias" then
    return our_form(declared.type)
  end
  return simple[expression] or expression
end

local published      -- declarations by name

-- Theirs. Aliases are followed; an alias of a generic instance or of a union is the name of a type.
local renamed = { undefined = "any", MongoIdObj = "MongoId", __Serror = "Serror", PartialBuilderConfig = "partial(BuilderConfig)" }

local function their_form(expression)
  if expression.tag == "array" then
    return "list(" .. their_form(expression.of) .. ")"
  elseif expression.tag == "index" then
    return their_form(expression.of) .. "Variant"
  elseif expression.tag == "object" then
    return #expression.members == 0 and "NoData" or "{}"
  elseif expression.tag == "union" then
    local forms = {}
    for i, part in ipairs(expression.of) do
      forms[i] = their_form(part)
    end
    local text = table.concat(forms, "|")
    assert(text == "PermissionLevelAndSpecifics|PermissionLevel", "unexpected union " .. text)
    return "permission"
  end
  local name, args = expression.name, expression.args
  if name == "Record" then
    return "map(" .. their_form(args[2]) .. ")"
  elseif name == "Array" then
    return "list(" .. their_form(args[1]) .. ")"
  elseif name == "Partial" then
    return "partial(" .. their_form(args[1]) .. ")"
  elseif name == "ResourceToml" then
    return their_form(args[1]):match("^partial%((.+)Config%)$") .. "Toml"
  elseif renamed[name] then
    return renamed[name]
  end
  local declared = published[name]
  if declared and declared.kind == "alias" then
    local target = declared.type
    if target.tag == "union" then
      return name
    elseif target.tag == "name" and (target.name == "Resource" or target.name == "ResourceListItem" or target.name == "ResourceQuery") then
      return name
    end
    return their_form(target)
  end
  return name
end

-- ---- comparing fields ----

-- Published as always there, yet the input may leave them out and gets a zero value: Komodo names the default in a function.
local zero_by_function = set({
  "ServerConfig.enabled", "ActionConfig.run_at_startup", "StackConfig.compose_cmd_wrapper_include",
  "PermissionLevelAndSpecifics.specific",                                       -- spec api.md 7.7
  "Version.major", "Version.minor", "Version.patch",                             -- "1.2" is accepted
  "BuildInfo.last_built_at",                                                     -- a new Build has none yet
})
local used_exceptions = {}

local function is_zero(value)
  return value == "" or value == false or value == 0 or (type(value) == "table" and next(value) == nil)
end

local function compare_fields(ours, theirs, owner)
  local by_name = {}
  for _, field in ipairs(ours) do
    by_name[field.name] = field
  end
  for _, member in ipairs(theirs) do
    local path = owner .. "." .. member.name
    local field = by_name[member.name]
    assert(field, path .. ": published, not declared")
    by_name[member.name] = nil
    local form, expected = our_form(field.type, field.normal), their_form(member.type)
    if form:match("^{") and expected == "{}" then
      compare_fields(field.type.fields, member.type.members, path)
    else
      assert.are.equal(expected, form, path)
    end
    if member.optional then
      assert(field.optional or field.default ~= nil, path .. ": published as optional, declared mandatory")
    else
      assert(not field.optional, path .. ": published as always there, declared optional")
      if field.default ~= nil and is_zero(field.default) and not owner:match("ActionState$") then
        assert(zero_by_function[path], path .. ": has a zero default, so it would be published as optional")
        used_exceptions[path] = true
      end
    end
  end
  for _, field in pairs(by_name) do
    assert(field.ours, owner .. "." .. field.name .. ": declared, not published")
  end
end

local function compare_variants(ours, theirs, owner)
  local expected = {}
  for _, object in ipairs(theirs) do
    local tag, content
    for _, member in ipairs(object.members) do
      if member.type.tag == "literal" then
        tag = member
      else
        content = member
      end
    end
    assert.are.equal(ours.tag, tag.name, owner)
    assert.are.equal(ours.content, content.name, owner)
    expected[#expected + 1] = { name = tag.type.value, type = content.type }
  end
  -- The order of Execution is our own: what /execute has, then the rest.
  if owner == "Execution" then
    local place = {}
    for i, variant in ipairs(ours.variants) do
      place[variant[1]] = i
    end
    table.sort(expected, function(a, b) return (place[a.name] or 0) < (place[b.name] or 0) end)
  end
  for i, variant in ipairs(expected) do
    local mine = ours.variants[i]
    local path = owner .. "." .. variant.name
    assert.are.equal(variant.name, mine and mine[1], path)
    if type(mine[2]) == "table" and mine[2].kind == "struct" then
      local members = variant.type.members or published[variant.type.name].members
      compare_fields(mine[2].fields, members, path)
    else
      assert.are.equal(their_form(variant.type), our_form(mine[2]), path)
    end
  end
  assert.are.equal(#expected, #ours.variants, owner .. ": number of variants")
end

-- The members of a generic interface with its parameters replaced.
local function instance(expression)
  local generic = published[expression.name]
  local members = {}
  for i, member in ipairs(generic.members) do
    local type_ = member.type
    for n, param in ipairs(generic.params) do
      if type_.tag == "name" and type_.name == param then
        type_ = expression.args[n]
      end
    end
    members[i] = { name = member.name, optional = member.optional, type = type_ }
  end
  return members
end

-- Compares one published declaration with ours. Returns false when it is only another name for something.
local function compare_type(name, declared)
  local ours = schema.types[renamed[name] or name]
  if declared.kind == "interface" then
    assert(ours, name .. ": published, not declared")
    assert.are.equal("struct", ours.kind, name)
    compare_fields(ours.fields, declared.members, name)
  elseif declared.kind == "enum" then
    assert(ours, name .. ": published, not declared")
    assert.are.same(declared.values, ours.values, name)
  elseif declared.type.tag == "union" then
    assert(ours, name .. ": published, not declared")
    compare_variants(ours, declared.type.of, name)
  elseif declared.type.tag == "name" and #declared.type.args > 0 and published[declared.type.name] then
    assert(ours, name .. ": published, not declared")
    compare_fields(ours.fields, instance(declared.type), name)
  elseif ours then
    assert.are.equal(their_form(declared.type), our_form(ours.kind == "alias" and ours.type or name), name)
  else
    return false
  end
  return true
end

local unions = { read = "ReadRequest", write = "WriteRequest", execute = "ExecuteRequest", login = "LoginRequest",
  manage = "ManageRequest" }
local answers = { read = "ReadResponses", write = "WriteResponses", execute = "ExecuteResponses", login = "LoginResponses",
  manage = "ManageResponses" }

describe("the schema and the published types", function()
  local responses, by_group

  setup(function()
    if not exists(types_path) then
      return
    end
    published, responses, by_group = {}, {}, {}
    local auth = types_path:gsub("komodo_client/dist/types%.d%.ts$", "mogh_auth_client/dist/types.d.ts")
    assert(exists(auth), "mogh_auth_client is not beside komodo_client: " .. auth)
    for _, path in ipairs({ auth, types_path }) do
      for name, declared in pairs(dts.read(path)) do
        published[name] = declared
      end
      for name, declared in pairs(dts.read((path:gsub("types%.d%.ts$", "responses.d.ts")))) do
        responses[name] = declared
      end
    end
    for group, union in pairs(unions) do
      by_group[group] = {}
      for _, object in ipairs(published[union].type.of) do
        by_group[group][object.members[1].type.value] = published[object.members[2].type.name]
      end
    end
  end)

  local function needs_types()
    if not published then
      pending("komodo_client is not installed: `npm ci` in tests/e2e, or set KOMODO_CLIENT_DTS to its types.d.ts")
    end
    return published ~= nil
  end

  it("have the same requests: 140 read + 114 write + 79 execute = 333, and 6 login + 16 manage", function()
    if not needs_types() then return end
    local counts = {}
    for group, requests in pairs(by_group) do
      counts[group] = #sorted_keys(requests)
      for name in pairs(requests) do
        local found = schema.request(group, name)
        assert(found and found.name == name, group .. "/" .. name .. ": published, not declared")
      end
    end
    assert.are.same({ read = 140, write = 114, execute = 79, login = 6, manage = 16 }, counts)
    assert.are.equal(333, counts.read + counts.write + counts.execute)
    for _, request in ipairs(schema.requests) do
      assert(by_group[request.group][request.name] or request.ours, request.group .. "/" .. request.name .. ": declared, not published")
    end
  end)

  it("have the same parameters", function()
    if not needs_types() then return end
    for group, requests in pairs(by_group) do
      for name, declared in pairs(requests) do
        compare_fields(schema.request(group, name).params, declared.members, name)
      end
    end
  end)

  it("have the same results", function()
    if not needs_types() then return end
    for group, requests in pairs(by_group) do
      local mapped = {}
      for _, member in ipairs(responses[answers[group]].type.members) do
        mapped[member.name] = member.type
      end
      for name in pairs(requests) do
        local result = assert(mapped[name], name .. ": no response published")
        local expected = their_form(result)
        expected = expected == "PermissionLevelAndSpecifics" and "permission" or expected   -- spec api.md 7.7
        assert.are.equal(expected, our_form(schema.request(group, name).result), group .. "/" .. name)
      end
    end
  end)

  -- Published declarations that are not types of ours, and why.
  local not_types = {
    Resource = "generic; every instance is compared", ResourceListItem = "generic", ResourceQuery = "generic",
    ResourceToml = "generic; ours are <Type>Toml", PartialBuilderConfig = "written as a partial",
    InspectStackSwarmInfo = "parameters of a request that 2.3.2 does not serve",
    ReadRequest = "the requests themselves", WriteRequest = "same", ExecuteRequest = "same", LoginRequest = "same", ManageRequest = "same",
    UserIdOrTwoFactor = "inside the published server only",
  }

  it("have the same types", function()
    if not needs_types() then return end
    local requests = {}
    for _, group in pairs(by_group) do
      for name in pairs(group) do
        requests[name] = true
      end
    end
    local compared = 0
    for _, name in ipairs(sorted_keys(published)) do
      if not requests[name] and not not_types[name] and compare_type(name, published[name]) then
        compared = compared + 1
      end
    end
    assert(compared > 300, "only " .. compared .. " types compared")
    for path in pairs(zero_by_function) do
      assert(used_exceptions[path], path .. ": exception not needed")
    end
  end)

  it("declare nothing else but additions and helpers", function()
    if not needs_types() then return end
    for _, name in ipairs(schema.order) do
      local declared = schema.types[name]
      local helper = name:match("^(.*)Variant$") or (resources[name:match("^(.*)Toml$") or ""] and name)
      assert(published[name] or declared.ours or helper or renamed["__" .. name] or name == "MongoId" or name == "Serror",
        name .. ": declared, not published")
    end
  end)
end)

-- ---- recorded exchanges ----

local function steps_of(file)
  local steps = {}
  for line in io.lines(file) do
    local step, _, problem = dkjson.decode(line, 1, dkjson.null)
    assert(step, problem)
    steps[#steps + 1] = step
  end
  return steps
end

local function golden_files()
  local files = {}
  local list = io.popen('ls "' .. shared .. '"/golden/*.jsonl 2>/dev/null')
  for path in list:lines() do
    files[#files + 1] = path
  end
  list:close()
  return files
end

local function is_array(value)
  local meta = getmetatable(value)
  return meta ~= nil and meta.__jsontype == "array"
end

-- The recordings leave out what differs from run to run: the image a service is said to have, and whether a run that is going on has
-- succeeded.
local left_out = { image = true, latest_image = true, success = true }

local conforms

local function conforms_fields(fields, value, path)
  assert(type(value) == "table" and not is_array(value), path .. ": not an object")
  local known = {}
  for _, field in ipairs(fields) do
    known[field.name] = true
    local item = value[field.name]
    if item == nil then
      assert(field.skip_empty or field.ours or left_out[field.name], path .. "." .. field.name .. ": absent")
    elseif item == dkjson.null then
      assert(field.optional and not field.skip_empty, path .. "." .. field.name .. ": null")
    elseif field.normal == "permission" then
      conforms("permission", item, path .. "." .. field.name)
    else
      conforms(field.type, item, path .. "." .. field.name)
    end
  end
  for key in pairs(value) do
    assert(known[key], path .. "." .. key .. ": not declared")
  end
end

local checks = {
  string = function(value) return type(value) == "string" end,
  digest = function(value) return type(value) == "string" end,
  bool = function(value) return type(value) == "boolean" end,
  int = function(value) return math.type(value) == "integer" end,
  uint = function(value) return math.type(value) == "integer" and value >= 0 end,
  number = function(value) return type(value) == "number" end,
  any = function() return true end,
  object = function(value) return type(value) == "table" and not is_array(value) end,
}

function conforms(expression, value, path)
  if type(expression) == "table" then
    if expression.kind == "struct" then
      return conforms_fields(expression.fields, value, path)
    elseif expression[1] == "list" then
      assert(type(value) == "table" and is_array(value), path .. ": not an array")
      for i, item in ipairs(value) do
        conforms(expression[2], item, path .. "[" .. i .. "]")
      end
      return
    elseif expression[1] == "map" then
      assert(type(value) == "table" and not is_array(value), path .. ": not an object")
      for key, item in pairs(value) do
        conforms(expression[2], item, path .. "." .. key)
      end
      return
    end
    error(path .. ": no such type expression in answers")
  end
  if checks[expression] then
    return assert(checks[expression](value), path .. ": not of type " .. expression)
  elseif expression == "permission" then
    return conforms(type(value) == "string" and "PermissionLevel" or "PermissionLevelAndSpecifics", value, path)
  end
  local declared = schema.types[expression]
  if declared.kind == "struct" then
    conforms_fields(declared.fields, value, path)
  elseif declared.kind == "alias" then
    conforms(declared.type, value, path)
  elseif declared.kind == "enum" then
    assert(set(declared.values)[value], path .. ": " .. tostring(value) .. " is not a " .. expression)
  else
    local name = value[declared.tag]
    for _, variant in ipairs(declared.variants) do
      if variant[1] == name then
        return conforms(variant[2], value[declared.content], path .. "(" .. name .. ")")
      end
    end
    error(path .. ": " .. tostring(name) .. " is not a variant of " .. expression)
  end
end

-- "…" stands for any text in recordings, also where a number or an object was.
local function has_any_text(value)
  if type(value) == "table" then
    for _, item in pairs(value) do
      if has_any_text(item) then
        return true
      end
    end
  end
  return value == "…"
end

describe("the schema and the recorded answers", function()
  local files = golden_files()

  local function needs_files()
    if #files == 0 then
      pending("no recordings: set KOMODO_SHARED to the folder that has golden/")
    end
    return #files > 0
  end

  it("agree on every answer's fields", function()
    if not needs_files() then return end
    local checked, problems = 0, {}
    for _, file in ipairs(files) do
      for _, step in ipairs(steps_of(file)) do
        local group, name = tostring(step.path):match("^/([%w/]+)/(%w+)$")
        group = group and (group:match("^auth/(%w+)$") or group)
        local request = group and schema.request(group, name)
        if request and step.status == 200 and step.response ~= nil then
          checked = checked + 1
          local ok, problem = pcall(conforms, request.result, step.response, request.name)
          if not ok and not has_any_text(step.response) then
            problems[tostring(problem):gsub("%[%d+%]", "[]"):gsub("^.-%.lua:%d+: ", "")] = file:match("[^/]*$") .. " " .. step.id
          end
        end
      end
    end
    assert.are.same({}, problems)
    assert(checked > 1000, "only " .. checked .. " answers checked")
  end)

  it("agree on the defaults of every resource type", function()
    if not needs_files() then return end
    local seen = {}
    for _, file in ipairs(files) do
      for _, step in ipairs(steps_of(file)) do
        local name = tostring(step.path):match("^/write/Create(%w+)$")
        local resource = name and resources[name]
        local given = step.body and step.body.config
        local untouched = given == nil or name == "Builder"
        if resource and untouched and step.status == 200 and type(step.response) == "table" and not seen[name] then
          seen[name] = true
          local answer = step.response.config
          if name == "Builder" then
            assert.are.equal("Server", answer.type)   -- the recording gives the type; the default is in spec resources.md 13.1
          elseif name == "Action" then
            answer.file_contents = ""                 -- Komodo puts a sample script there
          end
          local fields = name == "Builder" and schema.types.ServerBuilderConfig.fields or schema.types[name .. "Config"].fields
          answer = name == "Builder" and answer.params or answer
          for _, field in ipairs(fields) do
            if not field.ours then
              local expected, default = answer[field.name], field.default
              if type(default) == "number" then
                assert.are.equal(expected, default, name .. "." .. field.name)
              elseif default == dsl.null then
                assert.are.equal(dkjson.null, expected, name .. "." .. field.name)
              else
                assert.are.same(expected, default, name .. "." .. field.name)
              end
            end
          end
        end
      end
    end
    for _, resource in ipairs(resources) do
      assert(seen[resource.name], resource.name .. ": no recording of its defaults")
    end
  end)
end)
