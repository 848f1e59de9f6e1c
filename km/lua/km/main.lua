--- Commands of km.

local M = {}

local groups = { script = "km.script" }

local HELP = [[
km script init [FOLDER]                         a folder to write scripts in: definitions, a sample, its spec
km script check FILE...                         syntax, names, requests, parameters, capabilities
km script run FILE [--fleet FLEET] [NAME=VALUE...]   runs a script against a fake fleet and shows what it would do
km script test [PATH...]                        runs specs with busted and komodo.testing
km script replay RUN.json [FILE]                runs a recorded run again, offline; FILE instead of its script
]]

--- Gives the exit code.
function M.run(group, command, ...)
  if group == nil or group == "help" or group == "--help" or group == "-h" then
    io.stdout:write(HELP)
    return group and 0 or 2
  end
  local commands = groups[group] and require(groups[group])
  local fn = commands and commands[command or ""]
  if not fn then
    io.stderr:write(("km: there is no command '%s'\n\n%s"):format(command and group .. " " .. command or group, HELP))
    return 2
  end
  return fn(...)
end

return M
