--- Selecting resources by name patterns (spec api.md 12.3). Pure.
local fail = require("komodo.fail")
local text = require("komodo.text")
local match = {}

-- Wildcards over the whole name: `*` any run, `?` one byte, `\` escapes. Compiled to a list of parts, matched without
-- backtracking over more than the last `*`, so that a hostile pattern costs at most pattern x name steps.
local function compile(pattern)
  local parts, i = {}, 1
  while i <= #pattern do
    local c = pattern:sub(i, i)
    if c == "\\" then
      local n = pattern:sub(i + 1, i + 1)
      if not n:find("[*?\\]") then fail.raise("invalid", "Wildcard matching string invalid: '%s' has '\\' before '%s'", pattern, n) end
      parts[#parts + 1] = n
      i = i + 2
    else
      parts[#parts + 1] = c == "*" and match.ANY or c == "?" and match.ONE or c
      i = i + 1
    end
  end
  return parts
end
match.ANY, match.ONE = {}, {}

local function wildcard(pattern)
  local parts = compile(pattern)
  return function(name)
    local p, n, star, mark = 1, 1, nil, nil
    while n <= #name do
      local part = parts[p]
      if part == match.ANY then
        star, mark = p, n
        p = p + 1
      elseif part == match.ONE or (part and part == name:sub(n, n)) then
        p, n = p + 1, n + 1
      elseif star then
        p, mark = star + 1, mark + 1
        n = mark
      else
        return false
      end
    end
    while parts[p] == match.ANY do p = p + 1 end
    return p > #parts
  end
end

--- A predicate over names. `regex(pattern)` compiles an entry written as \regex\ and raises when it is invalid.
---@param pattern string
---@param regex fun(pattern: string): fun(name: string): boolean
---@return fun(name: string): boolean
function match.predicate(pattern, regex)
  local tests = {}
  for _, entry in ipairs(text.list(pattern)) do
    if entry:sub(1, 1) == "\\" and entry:sub(-1) == "\\" then
      if #entry < 2 then fail.raise("invalid", "Regex matching string invalid: a lone '\\'") end
      tests[#tests + 1] = regex(entry:sub(2, -2))
    else
      tests[#tests + 1] = wildcard(entry)
    end
  end
  return function(name)
    for _, test in ipairs(tests) do
      if test(name) then return true end
    end
    return false
  end
end

return match
