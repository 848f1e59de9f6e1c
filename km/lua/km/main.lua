--- Commands of km, one row each.

local native = require("km.native")

local M = {}

---@class Command
---@field name string
---@field aliases string[]
---@field module string Its `run(words...)` gives the exit code; of a group, each function is a command that does.
---@field group? boolean
---@field doc string

---@type Command[]
local commands = {
  { name = "config", aliases = { "cfg", "cf" }, module = "km.config", doc = "the effective configuration" },
  { name = "execute", aliases = { "x", "run", "deploy", "dep", "send" }, module = "km.execute", doc = "runs an execution and follows it to its end" },
  { name = "script", aliases = {}, module = "km.script", group = true, doc = "write, check, try and test scripts of Actions, without an engine" },
}

local function find(name)
  for _, command in ipairs(commands) do
    if command.name == name then return command end
    for _, alias in ipairs(command.aliases) do
      if alias == name then return command end
    end
  end
end

local function help_text()
  local lines = { "km [OPTIONS] COMMAND WORDS...\n\n", native.options(), "\n" }
  for _, command in ipairs(commands) do
    lines[#lines + 1] = ("  %-34s  %s\n"):format(table.concat({ command.name, table.unpack(command.aliases) }, ", "), command.doc)
  end
  lines[#lines + 1] = "\n`km COMMAND help` explains a command.\n"
  return table.concat(lines)
end

--- Gives the exit code, as the others.
function M.help()
  io.stdout:write(help_text())
  return 0
end

function M.version()
  print(("komodo-cli %s (km %s)"):format(native.api_version, native.version))
  return 0
end

local function run_group(command, name, ...)
  local module = require(command.module)
  if name == "help" or name == "-h" or name == "--help" then
    io.stdout:write(module.help)
    return 0
  end
  local fn = module[name or ""]
  if type(fn) == "function" then return fn(...) end
  io.stderr:write(name and ("km: there is no command '%s %s'\n\n"):format(command.name, name) or "", module.help)
  return 2
end

function M.run(name, ...)
  if name == "help" and (...) == nil then return M.help() end
  if name == nil then
    io.stderr:write(help_text())
    return 2
  end
  local command = find(name == "help" and ... or name)
  if not command then
    io.stderr:write(("km: there is no command '%s'\n\n%s"):format(name, help_text()))
    return 2
  end
  local words = name == "help" and { "help", select(2, ...) } or { ... }
  return (command.group and run_group or function(_, ...) return require(command.module).run(...) end)(command, table.unpack(words))
end

return M
