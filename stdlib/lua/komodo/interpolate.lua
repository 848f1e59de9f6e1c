--- Variables and secrets in texts: `[[KEY]]` (spec resources.md 3).
local fail = require("komodo.fail")
local interpolate = {}

---@param s string
---@param values table<string, string>
---@param used table<string, string> Receives name -> value of what was replaced.
---@return string?
---@return string? err
local function pass(s, values, used)
  local out, at = {}, s:find("[[", 1, true)
  if not at then return s end
  out[1] = s:sub(1, at - 1)
  local rest, index = s:sub(at + 2), 0
  while rest do
    local next_at = rest:find("[[", 1, true)
    local segment = next_at and rest:sub(1, next_at - 1) or rest
    rest = next_at and rest:sub(next_at + 2)
    if segment == "" or segment:byte() >= 0x80 then return nil, "found double opener '[[[[', formatting will fail" end
    if segment:sub(1, 1) == "[" then
      local first = segment:find("]]]", 1, true)
      if first then segment = segment:sub(1, first - 1) .. "]]" .. segment:sub(first + 3):gsub("%]%]%]", "") end
      out[#out + 1] = "[" .. segment
    else
      local close = segment:find("]]", 1, true)
      if not close then return nil, ("no closing tags for variable at index %d"):format(index) end
      local key = segment:sub(1, close - 1)
      local value = values[key]
      if value then
        used[key] = value
        out[#out + 1] = value
      else
        out[#out + 1] = "[[" .. key .. "]]"
      end
      out[#out + 1] = segment:sub(close + 2)
    end
    index = index + 1
  end
  return table.concat(out)
end

---@class Interpolator
---@field variables table<string, string>
---@field secrets table<string, string>
---@field used_variables table<string, string>
---@field used_secrets table<string, string>

--- One set of sources, and the memory of what was replaced.
---@return Interpolator
function interpolate.new(variables, secrets)
  return { variables = variables, secrets = secrets, used_variables = {}, used_secrets = {} }
end

--- The text with variables, then secrets replaced; raises on a malformed opener.
---@param it Interpolator
---@param s string
---@return string
function interpolate.text(it, s)
  local once, err = pass(s, it.variables, it.used_variables)
  if not once then fail.raise("invalid", "failed to interpolate variables into target '%s': %s", s, err) end
  local twice
  twice, err = pass(once, it.secrets, it.used_secrets)
  if not twice then fail.raise("invalid", "failed to interpolate secrets into target: %s", err) end
  return twice
end

--- Replaces the fields at `paths` of `object` in place: "environment", "pre_deploy.command", "extra_args[]".
function interpolate.fields(it, object, paths)
  for _, path in ipairs(paths) do
    local holder, key = object, path
    local dot = path:find(".", 1, true)
    if dot then holder, key = object[path:sub(1, dot - 1)], path:sub(dot + 1) end
    if key:sub(-2) == "[]" then
      local list = holder[key:sub(1, -3)]
      for i = 1, #list do list[i] = interpolate.text(it, list[i]) end
    elseif type(holder) == "table" and type(holder[key]) == "string" then
      holder[key] = interpolate.text(it, holder[key])
    end
  end
end

--- The secrets that were used, as the agent wants them: { {value, name}, … }.
function interpolate.replacers(it)
  local out, names = {}, {}
  for name in pairs(it.used_secrets) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do out[i] = { it.used_secrets[name], name } end
  return out
end

--- Texts of the two logs that tell what was replaced; nil for one that would be empty. Secret values are never shown.
function interpolate.log_lines(it)
  local function lines(used, show)
    local names, out = {}, {}
    for name in pairs(used) do names[#names + 1] = name end
    if #names == 0 then return nil end
    table.sort(names)
    for i, name in ipairs(names) do out[i] = show(name) end
    return table.concat(out, "\n")
  end
  local function label(name) return ('<span class="text-muted-foreground">%s</span>'):format(name) end
  return lines(it.used_variables, function(name) return label(name) .. " => " .. it.used_variables[name] end),
    lines(it.used_secrets, function(name) return label("replaced:") .. " " .. name end)
end

return interpolate
