--- Recognises an Action that is still TypeScript and says so, instead of a syntax error.

local ROWS, WIDTH = 6, 160

--- How one line of TypeScript reads in Lua: a hint for a person, not a translation.
local function hint(text)
  text = text:gsub("//", "--", 1):gsub(";%s*$", "")
  text = text:gsub("^(%s*)export%s+", "%1"):gsub("^(%s*)const%s+", "%1local "):gsub("^(%s*)let%s+", "%1local ")
  text = text:gsub("^(%s*)var%s+", "%1local "):gsub("await%s+", ""):gsub("console%.log", "print")
  text = text:gsub("===", "=="):gsub("!==?", "~="):gsub("&&", "and"):gsub("||", "or"):gsub("%f[%w]null%f[%W]", "nil")
  text = text:gsub("([%w_]+)%s*:%s", "%1 = "):gsub("%[(.-)%]", "{%1}")
  return (text:gsub("`(.-)`", function(inner) return '"' .. inner:gsub("%${(.-)}", '" .. %1 .. "') .. '"' end))
end

---@param source string
---@param problem string the syntax error
---@return string
return function(source, problem)
  local head = source:sub(1, 65536)
  local signs = 0
  for _, pattern in ipairs { "%f[%w]await%s", "%f[%w]const%s+[%w_{%[]", "%f[%w]let%s+[%w_]+", "=>", "\n%s*//", "^%s*//",
    "console%.log", "===", "`" } do
    if head:find(pattern) then signs = signs + 1 end
  end
  if signs < 2 then return problem end
  local lines = {}
  for text in head:gmatch("[^\n]+") do
    if #lines < ROWS and text:find("%S") then lines[#lines + 1] = "    " .. hint(text:sub(1, WIDTH)) end
  end
  return "this Action is written in TypeScript; this engine runs Lua 5.4. Its first lines would read like:\n"
    .. table.concat(lines, "\n") .. "\nSee docs/porting-actions.md. (" .. problem .. ")"
end
