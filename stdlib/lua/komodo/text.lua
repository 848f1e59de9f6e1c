--- Text formats inside configs (spec resources.md 2). Pure.
local text = {}

local function trim(s) return (s:match("^%s*(.-)%s*$")) end

--- Splits at every `sep`; "" gives one empty part.
function text.split(s, sep)
  local out, from = {}, 1
  while true do
    local at, to = s:find(sep, from, true)
    if not at then break end
    out[#out + 1] = s:sub(from, at - 1)
    from = to + 1
  end
  out[#out + 1] = s:sub(from)
  return out
end

--- A string list (2.1): lines and commas separate, `#` comments are dropped.
---@param s string
---@return string[]
function text.list(s)
  local out = {}
  for _, line in ipairs(text.split(s, "\n")) do
    line = trim(line)
    if line ~= "" and line:sub(1, 1) ~= "#" then
      local cut = line:find(" #", 1, true)
      for _, part in ipairs(text.split(cut and line:sub(1, cut - 1) or line, ",")) do
        part = trim(part)
        if part ~= "" then out[#out + 1] = part end
      end
    end
  end
  return out
end

--- A key-value list (2.2) in order; nil and a message when a line has no assignment.
---@param s string
---@return { key: string, value: string }[]?
---@return string? err
function text.pairs(s)
  local out = {}
  s = trim(s)
  if s == "" then return out end
  for i, line in ipairs(text.split(s, "\n")) do
    line = trim(line)
    if line ~= "" and line:sub(1, 1) ~= "#" and line:sub(1, 2) ~= "//" then
      local cut = line:find(" #", 1, true)
      if cut then line = trim(line:sub(1, cut - 1)) end
      line = trim((line:gsub("^%-+", "")))
      local at = line:find("[=:]")
      if not at then return nil, ("line %d missing assignment character ('=' or ':')"):format(i - 1) end
      local key, value = trim(line:sub(1, at - 1)), trim(line:sub(at + 1))
      local first, last = key:sub(1, 1), value:sub(-1)
      if first:find("[\"']") and not key:find("[\"']$") and last:find("[\"']") then
        key, value = key:sub(2), value:sub(1, -2)
      end
      out[#out + 1] = { key = key, value = value }
    end
  end
  return out
end

--- Every occurrence of a plain text replaced by another.
function text.replace(s, what, by)
  local out, from = {}, 1
  while true do
    local at, to = s:find(what, from, true)
    if not at then break end
    out[#out + 1] = s:sub(from, at - 1)
    out[#out + 1] = by
    from = to + 1
  end
  out[#out + 1] = s:sub(from)
  return table.concat(out)
end

text.trim = trim
return text
