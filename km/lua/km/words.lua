--- The words of a command line: options, and texts like "a=1&b[c]=2". Pure.

local M = {}

---@class Option
---@field name string
---@field flag? boolean Takes no value, or "=true" and "=false".

--- The option at list[i].
---@param list string[]
---@param i integer
---@param find fun(name: string, is_letter: boolean): Option? `name` without dashes.
---@return Option? option nil: wrong use
---@return string value The message when there is no option.
---@return integer next Where the words go on.
function M.option(list, i, find)
  local word = list[i]
  local name, value = word:match("^%-%-([^=]+)=?(.*)$")
  local is_letter = not name
  if is_letter then name, value = word:sub(2, 2), word:sub(3):gsub("^=", "") end
  local has_value = is_letter and #word > 2 or not is_letter and word:find("=", 1, true) ~= nil
  local option = find(name, is_letter)
  if not option then return nil, ("unknown option %s"):format(word), i end
  if option.flag then
    if not has_value then return option, "true", i + 1 end
    if is_letter or (value ~= "true" and value ~= "false") then return nil, ("%s takes no value but =true or =false"):format(word:match("^%-%-?[^=]+")), i end
    return option, value, i + 1
  end
  if has_value then return option, value, i + 1 end
  if list[i + 1] == nil then return nil, ("%s wants a value"):format(word), i end
  return option, list[i + 1], i + 2
end

--- Is this word an option? "-" alone is none.
function M.is_option(word) return word:find("^%-.") ~= nil end

local function decode(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

--- "a=1&b[c]=2" as an object of texts and objects; nil and what is wrong.
---@param text string
---@return table?
---@return string? message
function M.query(text)
  local out = {}
  for part in text:gmatch("[^&]+") do
    local key, value = part:match("^([^=]*)=(.*)$")
    key, value = decode(key or part), decode(value or "")
    local first, rest = key:match("^([^%[%]]+)(.*)$")
    if not first or rest:gsub("%[[^%[%]]+%]", "") ~= "" then return nil, ("'%s' is no name like a or a[b]"):format(key) end
    local at, name = out, first
    for inner in rest:gmatch("%[([^%[%]]+)%]") do
      if at[name] == nil then at[name] = {} end
      if type(at[name]) ~= "table" then return nil, ("'%s' is a value and an object at once"):format(key) end
      at, name = at[name], inner
    end
    if type(at[name]) == "table" then return nil, ("'%s' is a value and an object at once"):format(key) end
    at[name] = value
  end
  return out
end

return M
