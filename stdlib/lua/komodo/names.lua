--- How names are brought into form (spec resources.md 1.4). Pure.
local names = {}

local function trim(s) return (s:match("^%s*(.-)%s*$")) end
local function strip_leading(s) return (s:gsub("^[^%w]+", "")) end

local rules = {
  general = function(s) return (trim(s):gsub("\n", "_")) end,
  path = function(s) return (trim(s):gsub("[ \n]", "_")) end,
  -- A character of several bytes becomes one underscore.
  container = function(s) return strip_leading((trim(s):gsub("[\xC2-\xF4][\x80-\xBF]*", "_"):gsub("[^%w_.-]", "_"))) end,
  docker = function(s)
    return strip_leading((trim(s):lower():gsub("[\xC2-\xF4][\x80-\xBF]*", "_"):gsub("[^%l%d_-]", "_")))
  end,
}

---@param rule "general"|"path"|"container"|"docker"
---@param name string
---@return string
function names.normalise(rule, name) return rules[rule](name) end

---@param s string
---@return boolean
function names.is_object_id(s) return #s == 24 and not s:find("%X") end

names.trim = trim
return names
