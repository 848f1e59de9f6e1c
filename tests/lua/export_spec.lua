-- Exports against what Komodo 2.3.2 exports: the recorded exchanges (documents of the API and their TOML) and the sync files with what
-- became of them, both in KOMODO_SHARED or ../shared. Without recordings those tests are pending.

package.path = "stdlib/lua/?.lua;stdlib/lua/?/init.lua;" .. package.path
local export = require("komodo.export")
local schema = require("komodo.schema")
local dkjson = require("dkjson")

local shared = os.getenv("KOMODO_SHARED") or "../shared"
local null = setmetatable({}, { __name = "null" })

local kinds = { server = "Server", swarm = "Swarm", stack = "Stack", deployment = "Deployment", build = "Build", repo = "Repo",
  procedure = "Procedure", action = "Action", alerter = "Alerter", builder = "Builder", resource_sync = "ResourceSync" }

local function same_name(_, name)
  return name
end

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("a")
  if file then
    file:close()
  end
  return text
end

local function files(pattern)
  local found = {}
  local pipe = io.popen("ls -d '" .. shared .. "'/" .. pattern .. " 2>/dev/null")
  for path in pipe:lines() do
    found[#found + 1] = path
  end
  pipe:close()
  return found
end

local function entries_of(text)
  local entries = {}
  text = text .. "\n\n##\n\n"
  for entry in text:gmatch("(.-)\n\n##\n\n") do
    entries[#entries + 1] = entry
  end
  return entries
end

-- Komodo writes this flag of Swarms when it is the default, and not when it is not (spec sync.md 17, 19): not compared.
local function without_swarm_flag(text)
  return (text:gsub("\nsend_unhealthy_alerts = %a+", ""):gsub("%.config%]\n*$", ".config]"))
end

-- It writes targets of Alerters that it did not resolve without their id (17, 1).
local function lost_a_target(text)
  return text:find('{ type = "%a+" }') ~= nil
end

-- What it wrote, made right (17, 2).
local function mended(text)
  -- Backslashes of single-line strings are not escaped: those that begin no escape are, here. Multi-line ones stay raw.
  local parts, inside, from = {}, false, 1
  while true do
    local quote = text:find('"""', from, true)
    local piece = text:sub(from, (quote or #text + 1) - 1)
    if not inside then
      piece = piece:gsub('(\\+)("?)', function(run, behind)
        return behind == "" and run .. run or run:sub(2) .. run .. behind
      end):gsub('%$\\"', '$\\\\"')   -- a pattern that ends in $\
    end
    parts[#parts + 1] = piece
    if not quote then
      return table.concat(parts)
    end
    parts[#parts + 1] = '"""'
    inside, from = not inside, quote + 3
  end
end

describe("an exported entry", function()
  local names = { s1 = "web-1", t1 = "prod", u1 = "zoe", u2 = "adam", b1 = "image" }
  local function lookup(_, id)
    return names[id]
  end

  it("names what it refers to, and forgets what is gone", function()
    assert.equal('[[stack]]\nname = "a"\ntags = ["prod"]\ndeploy = true\nafter = ["db"]\n[stack.config]\nserver = "web-1"\n' ..
      'auto_pull = false', export.resource("Stack", { name = "a", description = "", tags = { "t1", "gone" }, deploy = true,
      after = { "db" }, config = { server_id = "s1", linked_repo = "gone", auto_pull = false, repo = "" } }, lookup))
    assert.equal('[[alerter]]\nname = "a"\n[alerter.config]\nresources = [\n  { type = "Server", id = "web-1" }\n]',
      export.resource("Alerter", { name = "a", config = { resources = { { type = "Server", id = "s1" }, { type = "Server", id = "gone" } } } },
        lookup))
  end)

  it("leaves an empty line for a version that counts by itself", function()
    local config = { version = { major = 1, minor = 2, patch = 3 }, image_name = "x" }
    assert.equal('[[build]]\nname = "a"\n[build.config]\n\nimage_name = "x"', export.resource("Build", { name = "a", config = config }, lookup))
    config.auto_increment_version = false
    assert.equal('[[build]]\nname = "a"\n[build.config]\nversion = "1.2.3"\nauto_increment_version = false\nimage_name = "x"',
      export.resource("Build", { name = "a", config = config }, lookup))
  end)

  it("has no version when the latest image is meant", function()
    local function image(patch)
      return { name = "a", config = { image = { type = "Build", params = { build_id = "b1", version = { major = 0, minor = 0, patch = patch } } } } }
    end
    local head = '[[deployment]]\nname = "a"\n[deployment.config]\nimage.type = "Build"\n'
    assert.equal(head .. 'image.params.build = "image"', export.resource("Deployment", image(0), lookup))
    assert.equal(head .. 'image.params.version = "0.0.7"\nimage.params.build = "image"', export.resource("Deployment", image(7), lookup))
  end)

  it("keeps the params of an execution that refers to nothing", function()
    local text = export.resource("Procedure", { name = "a", config = { stages = { { name = "s", enabled = true, executions = {
      { execution = { type = "RunBuild", params = { build = "gone" } }, enabled = true } } } } } }, lookup)
    assert.truthy(text:find('{ execution.type = "RunBuild", execution.params = {}, enabled = true }', 1, true))
  end)

  it("never holds the tokens of accounts", function()
    local text = export.resource("Builder", { name = "a", config = { type = "Aws", params = { git_providers = {
      { domain = "d", https = true, accounts = { { username = "u", token = "hush" } } } } } } }, lookup)
    assert.truthy(text:find('accounts = [{ username = "u" }]', 1, true))
    assert.falsy(text:find("hush", 1, true))
  end)

  it("needs a type that exists", function()
    assert.has_error(function() export.resource("Nothing", { name = "a" }, lookup) end)
  end)

  it("names the users and targets of a group, sorted", function()
    local group = export.named_user_group({ name = "g", users = { "u1", "u2", "gone" }, all = { Server = { level = "Read", specific = { "Logs" } },
      Build = "Execute", Repo = "None" } }, {
      { resource_target = { type = "Stack", id = "b1" }, level = "Read", specific = {} },
      { resource_target = { type = "Server", id = "s1" }, level = "Write", specific = { "Logs" } },
      { resource_target = { type = "Server", id = "gone" }, level = "Write" },
      { resource_target = { type = "Server", id = "s1" }, level = "None", specific = { "Logs" } },
    }, lookup)
    assert.equal([=[
[[user_group]]
name = "g"
users = ["adam", "zoe"]
all.Build = "Execute"
all.Server = { level = "Read", specific = ["Logs"] }
permissions = [
  { target.type = "Server", target.id = "web-1", level = "Write", specific = ["Logs"] },
  { target.type = "Stack", target.id = "image", level = "Read" }
]]=], export.user_group(group))
  end)

  it("is none for a sync that is written in the engine", function()
    assert.is_true(export.is_exported("Stack", {}))
    assert.is_false(export.is_exported("ResourceSync", { config = { file_contents = "x", repo = "a/b" } }))
    assert.is_false(export.is_exported("ResourceSync", { config = { file_contents = "", repo = "" } }))
    assert.is_true(export.is_exported("ResourceSync", { config = { linked_repo = "r" } }))
  end)
end)

describe("the recorded exports", function()
  -- What the answers tell, newest first: documents and names by id.
  local function learn(state, value)
    if type(value) ~= "table" then
      return
    end
    local oid = type(value._id) == "table" and value._id["$oid"]
    local id = oid or (type(value.id) == "string" and value.id)
    if id and type(value.name) == "string" then
      state.names[id] = value.name
    end
    if oid and type(value.username) == "string" then
      state.names[oid] = value.username
    end
    if oid and type(value.config) == "table" then
      state.docs[oid] = value
    end
    if type(value.name) == "string" and type(value.is_secret) == "boolean" then
      state.variables[value.name] = value
    end
    for _, inner in pairs(value) do
      learn(state, inner)
    end
  end

  -- Requests that change a document and answer something else.
  local function apply(state, step)
    local body = step.body
    local function id_of(text)
      local name, path = tostring(text):match("^{{([%w_]+)%.([^}]+)}}$")
      if not name then
        return text
      end
      local value = state.steps[name]
      for key in path:gmatch("[^.]+") do
        value = type(value) == "table" and value[key] or nil
      end
      return value
    end
    if step.path == "/write/UpdateResourceMeta" and body.target then
      for id, doc in pairs(state.docs) do
        if id == id_of(body.target.id) or doc.name == body.target.id then
          for _, key in ipairs({ "description", "template", "tags" }) do
            if body[key] ~= nil and body[key] ~= null then
              doc[key] = body[key]
            end
          end
        end
      end
    end
  end

  local function lookup_in(state)
    return function(_, id)
      return state.names[id] or (#id == 24 and "Local" or id)   -- the first server is made before the recording
    end
  end

  local function doc_of(state, kind, name)
    local best
    for _, doc in pairs(state.docs) do
      -- Types are told apart by what the type's config has.
      local first = kind == "Builder" and "params" or schema.types[kind .. "Config"].fields[1].name
      if doc.name == name and doc.config[first] ~= nil and (not best or doc.updated_at > best.updated_at) then
        best = doc
      end
    end
    return best
  end

  local compared = 0

  local function check(state, toml, where)
    for _, entry in ipairs(entries_of(toml)) do
      local section, name = entry:match('^%[%[([%w_]+)%]%]\nname = "([^\n]*)"')
      local got
      if section == "variable" and name ~= "GS_VAR" then   -- that one was changed by a sync in between
        got = state.variables[name] and export.variable(state.variables[name])
      elseif kinds[section] then
        local doc = doc_of(state, kinds[section], name)
        got = doc and export.resource(kinds[section], doc, lookup_in(state))
      end
      if got then
        assert.equal(without_swarm_flag(mended(entry)), without_swarm_flag(got), where)
        compared = compared + 1
      end
    end
  end

  local recordings = files("golden/*.jsonl")
  if #recordings == 0 then
    pending("no recordings in " .. shared)
    return
  end
  for _, path in ipairs(recordings) do
    local file = path:match("[^/]+$")
    it("are ours too: " .. file, function()
      local state = { docs = {}, names = {}, variables = {}, steps = {} }
      for line in io.lines(path) do
        local step = dkjson.decode(line, 1, null)
        if step.status == 200 then
          if step.path:find("ToToml", 1, true) then
            check(state, step.response.toml, file .. " " .. step.id)
          end
          learn(state, step.response)
          apply(state, step)
          state.steps[step.id] = step.response
        end
      end
    end)
  end

  it("were enough to say so", function()
    assert.is_true(compared >= 45, compared .. " entries compared")
  end)
end)

-- ---- sync files: what Komodo wrote, read again and written again ----

--- The texts as documents, in one run of Python; nil without a Python that reads TOML.
local function parse_all(texts)
  local from, to, script = os.tmpname(), os.tmpname(), os.tmpname()
  local function put(path, text)
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
  end
  put(from, dkjson.encode(texts))
  put(script, [[
import json, sys, tomllib
def parse(text):
    parts = text.split('"""')
    text = '"""'.join(p.replace("\\", "\\\\") if i % 2 else p for i, p in enumerate(parts))
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as e:
        return str(e)
print(json.dumps([parse(t) for t in json.load(open(sys.argv[1]))]))
]])
  local ok = os.execute(("python3 %s %s > %s 2>/dev/null"):format(script, from, to))
  local parsed = ok and dkjson.decode(read(to), 1, null)
  os.remove(from)
  os.remove(to)
  os.remove(script)
  return parsed
end

local stored

-- The stored form of a declared struct: aliases resolved, versions split.
local function stored_struct(declared, value)
  local made = {}
  for _, field in ipairs(declared.fields) do
    local given = value[field.name]
    for _, alias in ipairs(field.aliases or {}) do
      if given == nil then
        given = value[alias]
      end
    end
    if given ~= nil then
      made[field.name] = stored(field.type, given)
    end
  end
  return made
end

function stored(expression, value)
  if expression == "Version" then
    local major, minor, patch = value:match("^(%d+)%.(%d+)%.(%d+)$")
    return { major = tonumber(major), minor = tonumber(minor), patch = tonumber(patch) }
  elseif type(expression) == "table" and expression[1] == "list" then
    local made = setmetatable({}, getmetatable(value))
    for i, item in ipairs(value) do
      made[i] = stored(expression[2], item)
    end
    return made
  end
  local declared = type(expression) == "table" and expression or schema.types[expression]
  if declared and declared.kind == "struct" then
    return stored_struct(declared, value)
  elseif declared and declared.kind == "union" and type(value) == "table" then
    for _, variant in ipairs(declared.variants) do
      if variant[1] == value[declared.tag] then
        return { [declared.tag] = variant[1], [declared.content] = stored(variant[2], value[declared.content]) }
      end
    end
  end
  return value
end

--- The entry of one parsed text written again.
local function written_again(document)
  local section, list = next(document)
  local entry = list[1]
  if section == "variable" then
    return export.variable(entry)
  elseif section == "user_group" then
    return export.user_group(entry)
  end
  entry.config = stored(kinds[section] .. "Config", entry.config or {})
  return export.resource(kinds[section], entry, same_name)
end

describe("the exports of sync files", function()
  local texts, origins = {}, {}
  local function add(text, where)
    for _, entry in ipairs(entries_of(text)) do
      if entry ~= "" and not lost_a_target(entry) then
        texts[#texts + 1] = mended(entry)
        origins[#origins + 1] = where
      end
    end
  end
  for _, path in ipairs(files("golden/toml/*.json")) do
    local number = path:match("(%d+)%.json$")
    local data = dkjson.decode(read(path), 1, null)
    add(read((path:gsub("%.json$", ".out.toml"))), number .. ".out.toml")
    for _, part in ipairs({ "pending", "pending_after", "roundtrip" }) do
      for _, list in ipairs({ "resource_updates", "variable_updates", "user_group_updates" }) do
        for _, update in ipairs(type(data[part]) == "table" and data[part][list] or {}) do
          for _, text in ipairs({ update.proposed or "", update.current or "" }) do
            add(text, number .. ".json " .. part)
          end
        end
      end
    end
  end
  local parsed = #texts > 0 and parse_all(texts)
  if not parsed then
    pending("no recordings in " .. shared .. ", or no python3 with tomllib")
    return
  end

  it("are written alike once more", function()
    for i, text in ipairs(texts) do
      assert.equal("table", type(parsed[i]), origins[i] .. ": " .. tostring(parsed[i]) .. "\n" .. text)
      -- An empty line after a header stands for a key that was left out (a version that counts by itself): it cannot be read back.
      local want = text:gsub("(%.config%]\n)\n([^\n])", "%1%2")
      assert.equal(without_swarm_flag(want), without_swarm_flag(written_again(parsed[i])), origins[i])
    end
  end)

  it("were enough to say so", function()
    assert.is_true(#texts > 500, #texts .. " entries compared")
  end)
end)
