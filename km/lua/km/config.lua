--- km config: the effective configuration (spec cli.md 2.4).

local native = require("km.native")
local out = require("km.out")

local M = {}

M.help = [[
km config [OPTIONS]

  -a, --all-profiles   with all profiles
      --unsanitized    secrets in clear
]]

--- Gives the exit code.
function M.run(...)
  local how = {}
  for _, word in ipairs({ ... }) do
    if word == "-a" or word == "--all-profiles" then
      how.profiles = true
    elseif word == "--unsanitized" then
      how.secrets = true
    elseif word == "-h" or word == "--help" or word == "help" then
      io.stdout:write(M.help)
      return 0
    else
      io.stderr:write(("km config: what is '%s'?\n\n%s"):format(word, M.help))
      return 2
    end
  end
  local text, problem = native.config_text(how)
  if not text then return out.error(problem) end
  io.stdout:write("\nCLI Config ", text, "\n")
  return 0
end

return M
