--- What km says besides results: log lines, errors, the question before something is done (spec cli.md 5, 6).

local native = require("km.native")

local M = {}

--- A log line, as cli_logging wants it.
---@param level string "INFO", "WARN", "ERROR"
---@param message string
function M.log(level, message)
  local how = native.config("cli_logging.stdio")
  if how == "none" then return end
  io.stdout:write(("%s %5s %s\n"):format(os.date("!%Y-%m-%dT%H:%M:%SZ"), level, message))
end

--- An error that ends the command; gives the exit code.
function M.error(message)
  io.stdout:flush()
  io.stderr:write("ERROR: ", tostring(message), "\n")
  return 1
end

--- Waits for ENTER, unless `yes`; false at the end of the input.
function M.confirm(action, yes)
  if yes then
    io.stdout:write("\n")
    return true
  end
  io.stdout:write(("\nPress ENTER to %s\n"):format(action))
  io.stdout:flush()
  return io.stdin:read(1) ~= nil
end

return M
