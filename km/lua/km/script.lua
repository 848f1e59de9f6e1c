--- km script: write, check, try and test scripts without an engine.

local check = require("komodo.check")
local testing = require("komodo.testing")

local M = {}

M.help = [[
km script init [FOLDER]                         a folder to write scripts in: definitions, a sample, its spec
km script check FILE...                         syntax, names, requests, parameters, capabilities
km script run FILE [--fleet FLEET] [NAME=VALUE...]   runs a script against a fake fleet and shows what it would do
km script test [PATH...]                        runs specs with busted and komodo.testing
km script replay RUN.json [FILE]                runs a recorded run again, offline; FILE instead of its script
]]

local function complain(...)
  io.stderr:write("km: ", ...)
  io.stderr:write("\n")
end

local function read(path)
  local file, problem = io.open(path, "rb")
  if not file then return nil, problem end
  local text = file:read("a")
  file:close()
  if not text then return nil, path .. ": cannot be read" end
  return text
end

-- ---- init ----

local sample = [[
--- Restarts stacks that are unhealthy.
--
-- capabilities: read:ListStacks, execute:RestartStack

for _, stack in ipairs(assert(komodo.read("ListStacks"))) do
  if stack.info.state == "unhealthy" then
    assert(komodo.execute("RestartStack", { stack = stack.name }))
  end
end
]]

local sample_spec = [[
local testing = require("komodo.testing")

describe("sample", function()
  it("restarts what is unhealthy", function()
    local t = testing.new { stacks = { { name = "web", state = "unhealthy" }, { name = "db" } } }
    local outcome = t:run("sample.lua")
    assert(outcome.ok, outcome.error)
    assert.same({ "RestartStack web" }, t:trace("execute"))
  end)
end)
]]

local luarc = [[
{
  "runtime.version": "Lua 5.4",
  "workspace.library": ["komodo.lua"],
  "diagnostics.globals": ["komodo", "ARGS", "describe", "it", "before_each"]
}
]]

--- Writes a file unless it is there; the definitions are always written anew.
local function write(path, text, replace)
  local there = io.open(path)
  if there then there:close() end
  if there and not replace then
    print(path .. ": is there already, left as it is")
    return true
  end
  local file, problem = io.open(path, "wb")
  if not file or not file:write(text) or not file:close() then
    complain(problem or path .. ": cannot be written")
    return false
  end
  print(path)
  return true
end

function M.init(folder)
  folder = folder or "."
  local quoted = "'" .. (folder .. "/spec"):gsub("'", "'\\''") .. "'"
  if folder:find("%z") or not os.execute("mkdir -p -- " .. quoted) then
    complain(folder, ": cannot be made")
    return 1
  end
  local definitions = require("komodo.schema.gen.luacats").generate()
  local ok = write(folder .. "/komodo.lua", definitions, true) and write(folder .. "/.luarc.json", luarc)
    and write(folder .. "/sample.lua", sample) and write(folder .. "/spec/sample_spec.lua", sample_spec)
  return ok and 0 or 1
end

-- ---- check ----

function M.check(...)
  local paths = { ... }
  if #paths == 0 then
    complain("which files? km script check FILE...")
    return 2
  end
  local errors = 0
  for _, path in ipairs(paths) do
    local source, problem = read(path)
    if not source then
      complain(problem)
      errors = errors + 1
    end
    for _, d in ipairs(source and check.script(source, { capabilities = testing.header(source).capabilities }) or {}) do
      print(("%s:%d:%d: %s: %s"):format(path, d.line, d.column, d.severity, d.message))
      if d.severity == "error" then errors = errors + 1 end
    end
  end
  return errors > 0 and 1 or 0
end

-- ---- run ----

--- "true", numbers and JSON are what they say, the rest is text.
local function value_of(text)
  local value = testing.json.decode(text)
  if value == nil then return text end
  return value
end

local function run_options(...)
  local given, i, made = { ... }, 1, { args = {} }
  while i <= #given do
    local name, value = given[i]:match("^([%a_][%w_]*)=(.*)$")
    if given[i] == "--fleet" and given[i + 1] then
      made.fleet, i = given[i + 1], i + 1
    elseif name then
      made.args[name] = value_of(value)
    elseif made.path then
      return nil, "what is '" .. given[i] .. "'? arguments of the script look like name=value"
    else
      made.path = given[i]
    end
    i = i + 1
  end
  if not made.path then return nil, "which file? km script run FILE [--fleet FLEET] [NAME=VALUE...]" end
  return made
end

--- A fleet is a Lua file that returns the table that komodo.testing takes.
local function fleet_of(path)
  if not path then return {} end
  local chunk, problem = loadfile(path, "t", {})
  if not chunk then return nil, problem end
  local ok, spec = pcall(chunk)
  if not ok or type(spec) ~= "table" then return nil, ok and path .. ": must return a table" or tostring(spec) end
  return spec
end

function M.run(...)
  local options, problem = run_options(...)
  if not options then
    complain(problem)
    return 2
  end
  local spec, source
  spec, problem = fleet_of(options.fleet)
  if spec then source, problem = read(options.path) end
  if not source then
    complain(problem)
    return 1
  end
  local t = testing.new(spec)
  t.capabilities = t.capabilities or testing.header(source).capabilities
  local outcome = t:run_source(source, options.args, options.path)
  if outcome.log ~= "" then print(outcome.log) end
  for _, call in ipairs(t.calls) do
    if call.group ~= "read" then
      print(("%s %s %s"):format(call.group, call.name, call.target and call.target ~= call.name and call.target or ""):match("^(.-)%s*$"))
    end
  end
  if not outcome.ok then
    complain(outcome.error)
    return 1
  end
  if outcome.result ~= nil then print("result: " .. testing.json.encode(outcome.result)) end
  return 0
end

-- ---- replay ----

--- 0: every call, the outcome and the result are the recorded ones.
function M.replay(path, script, more)
  if not path or more then
    complain("which recording? km script replay RUN.json [FILE]")
    return 2
  end
  local recording, problem = read(path)
  local source
  if recording and script then source, problem = read(script) end
  if problem then
    complain(problem)
    return 1
  end
  local ok, outcome = pcall(testing.replay, recording, source)
  if not ok then
    complain(path, ": ", tostring(outcome))
    return 1
  end
  if outcome.log ~= "" then print(outcome.log) end
  if outcome.difference then
    complain(outcome.difference)
    return 1
  end
  print(outcome.ended or outcome.ok and "the same as recorded" or "fails as recorded: " .. outcome.error)
  return 0
end

-- ---- test ----

function M.test(...)
  local found, runner = pcall(require, "busted.runner")
  if not found then
    complain("busted is not installed; Debian has it as lua-busted, LuaRocks as busted")
    return 1
  end
  local given = { [0] = "km script test", ... }
  given[1] = given[1] or "spec"
  _G.arg = given   -- where the runner looks
  runner({ standalone = false })   -- ends the program with its own code
  return 0
end

return M
