--- What `km execute` may be asked for: every execution of the API, its words made into the request (spec cli.md 8). Pure.

local schema = require("komodo.schema")
local words = require("km.words")

local M = {}

--- Short names, by request.
local aliases = {
  DeployStack = { "stack", "st" }, Deploy = { "dp" }, RunBuild = { "build", "bd" }, CloneRepo = { "clone" },
  RunProcedure = { "procedure", "pr" }, RunAction = { "action", "ac" }, RunSync = { "sync" }, CommitSync = { "commit" },
  SendAlert = { "alert" }, BackupCoreDatabase = { "backup-database", "backup-db", "backup" },
  RotateAllServerKeys = { "rotate-keys" }, GlobalAutoUpdate = { "auto-update" },
}

--- Fields that are options alone, although their type could be a word of its own.
local options_only = {
  RunStackService = { env = true, workdir = true, user = true, entrypoint = true },
  SendAlert = { level = true, details = true, alerters = true },
  DestroyStack = { stop_time = true },
  CancelProcedure = { update_id = true },
  UpdateSwarmNode = { availability = true, label_add = true, label_rm = true, role = true },
  RunAction = { file_contents = true },
}

local letters = {
  RunStackService = { e = "env" }, CancelProcedure = { u = "update_id" }, SendAlert = { l = "level", d = "details", a = "alerters" },
  RemoveSwarmNodes = { f = "force" }, UpdateSwarmNode = { a = "availability", l = "label_add", r = "role", lr = "label_rm" },
  RemoveSwarmStacks = { d = "detach" }, GlobalAutoUpdate = { s = "skip_auto_update" }, RotateCoreKeys = { f = "force" },
}

--- Everything from the first word of this field on belongs to it.
local greedy = { RunStackService = "command" }
local preset = { RemoveSwarmStacks = { detach = true } }
local enum_aliases = {
  SeverityLevel = { low = "OK", l = "OK", w = "WARNING", medium = "WARNING", m = "WARNING", c = "CRITICAL", high = "CRITICAL", h = "CRITICAL" },
}

local function kebab(name) return (name:gsub("(%l)(%u)", "%1-%2"):gsub("_", "-"):lower()) end
M.kebab = kebab

local by_name
local function index()
  if by_name then return by_name end
  by_name = {}
  local function add(request)
    by_name[kebab(request.name)] = request
    for _, alias in ipairs(aliases[request.name] or {}) do by_name[alias] = request end
  end
  for _, request in ipairs(schema.requests) do
    if request.group == "execute" then add(request) end
  end
  add(schema.request("write", "CommitSync"))
  return by_name
end

--- Those executions, for help: { { name, aliases, doc }, … } by name.
function M.list()
  local out, seen = {}, {}
  for _, request in pairs(index()) do
    if not seen[request] then
      seen[request] = true
      out[#out + 1] = { name = kebab(request.name), aliases = aliases[request.name] or {}, doc = request.doc }
    end
  end
  table.sort(out, function(a, b) return a.name < b.name end)
  return out
end

--- The request of a name or short name.
function M.find(name) return index()[name] end

-- ---- types ----

-- "string", "int", "bool", "list", "map", "object" or the values of an enum; optional wrappers do not matter here.
local function shape(t)
  if type(t) == "table" then
    if t[1] == "optional" then return shape(t[2]) end
    return t[1]
  end
  local declared = schema.types[t]
  if declared and declared.kind == "alias" then return shape(declared.type) end
  if declared and declared.kind == "enum" then return "enum", declared end
  return (t == "uint" or t == "number") and "int" or t == "any" and "string" or t
end

local function normal(text) return (text:lower():gsub("[-_]", "")) end

local function enum_value(declared, text)
  local alias = (enum_aliases[declared.name] or {})[text:lower()]
  for _, value in ipairs(declared.values) do
    if value == alias or normal(value) == normal(text) then return value end
  end
end

local function enum_words(declared)
  local out = {}
  for i, value in ipairs(declared.values) do out[i] = kebab(value) end
  return table.concat(out, ", ")
end

local function label(field) return field.name:upper() end

-- The value of one word; nil and a message.
local function value_of(field, text)
  local kind, declared = shape(field.type)
  if kind == "bool" then return text == "true" end
  if kind == "int" then
    local n = math.tointeger(tonumber(text))
    if not n then return nil, ("%s wants a whole number, found '%s'"):format(label(field), text) end
    return n
  elseif kind == "enum" then
    local value = enum_value(declared, text)
    if not value then return nil, ("%s wants one of %s, found '%s'"):format(label(field), enum_words(declared), text) end
    return value
  elseif kind == "map" or kind == "object" then
    local value, problem
    if text:find("^%s*{") then value, problem = require("komodo.testing.json").decode(text) else value, problem = words.query(text) end
    if not value then return nil, ("%s: %s; it looks like \"A=1&B=2\", or is a JSON object"):format(label(field), tostring(problem)) end
    return value
  end
  return text
end

-- ---- positional words ----

local function positional(request)
  local out, only = {}, options_only[request.name] or {}
  for _, field in ipairs(request.params) do
    local kind = shape(field.type)
    if kind ~= "bool" and kind ~= "map" and not only[field.name] then out[#out + 1] = field end
  end
  return out
end

local function is_needed(field) return field.default == nil and not field.optional end

-- Would this word do for this field? Numbers and enums say so; any text is a text.
local function fits(field, word)
  local kind = shape(field.type)
  if kind == "int" or kind == "enum" then return value_of(field, word) ~= nil end
  return true
end

-- Gives the words to the fields, in order. A list leaves the last word to the field behind it, when that can take it.
local function assign(fields, given, params)
  local at = 1
  for i, field in ipairs(fields) do
    local following, rest = fields[i + 1], #given - at + 1
    if shape(field.type) == "list" then
      local list, last = params[field.name] or {}, #given
      if following and rest > 0 and fits(following, given[last]) then last = last - 1 end
      for k = at, last do list[#list + 1] = given[k] end
      if #list > 0 then params[field.name] = list end
      at = last + 1
    elseif params[field.name] == nil and rest > 0 then   -- else an option said it
      local ahead_is_list = following and shape(following.type) == "list"
      if fits(field, given[at]) or not ahead_is_list then
        local value, problem = value_of(field, given[at])
        if value == nil then return problem end
        params[field.name] = value
        at = at + 1
      end
    elseif params[field.name] == nil and is_needed(field) then
      return ("%s is missing"):format(label(field))
    end
  end
  if at <= #given then return ("what is '%s'?"):format(given[at]) end
end

-- ---- everything together ----

local function field_named(request, name)
  for _, field in ipairs(request.params) do
    if field.name == name then return field end
  end
end

local function set_option(params, field, text)
  if shape(field.type) == "list" then
    params[field.name] = params[field.name] or {}
    table.insert(params[field.name], text)
    return
  end
  local value, problem = value_of(field, text)
  if value == nil then return problem end
  params[field.name] = value
end

-- Splits into options, which go into params, and the other words. `other` finds options that are not of the execution.
local function split(request, list, params, other)
  local given, fields, i = {}, positional(request), 1
  local short = letters[request.name] or {}
  local function find(name, is_letter)
    local field = field_named(request, short[name] or not is_letter and name:gsub("-", "_") or "")
    if field then return { field = field, flag = shape(field.type) == "bool" } end
    return other(name, is_letter)
  end
  while i <= #list do
    local word, field = list[i], fields[#given + 1]
    local takes_all = field and field.name == greedy[request.name] and not words.is_option(word)
    if word == "--" or takes_all then
      table.move(list, takes_all and i or i + 1, #list, #given + 1, given)
      break
    elseif words.is_option(word) then
      local option, value, after = words.option(list, i, find)
      if not option then return nil, value end
      local problem
      if option.field then problem = set_option(params, option.field, value) else option.set(value) end
      if problem then return nil, problem end
      i = after
    else
      given[#given + 1] = word
      i = i + 1
    end
  end
  return given, fields
end

--- The request that these words mean; nil and what is wrong with them.
---@param name string
---@param list string[] The words after the name.
---@param other fun(name: string, is_letter: boolean): { flag: boolean, set: fun(value: string) }? Options of the command.
---@return { group: string, name: string, params: table }?
---@return string? message
function M.parse(name, list, other)
  local request = M.find(name)
  if not request then return nil, ("there is no execution '%s'"):format(name) end
  local params = {}
  for key, value in pairs(preset[request.name] or {}) do params[key] = value end
  local given, fields = split(request, list, params, other)
  if not given then return nil, fields end
  local problem = assign(fields, given, params)
  if problem then return nil, problem end
  return { group = request.group, name = request.name, params = params }
end

--- The words of an execution as help shows them.
---@param name string
function M.usage(name)
  local request = M.find(name)
  local out, lines = { kebab(request.name) }, {}
  local at_place = {}
  for _, field in ipairs(positional(request)) do
    at_place[field.name] = true
    local kind = shape(field.type)
    out[#out + 1] = kind == "list" and label(field) .. "…" or is_needed(field) and label(field) or "[" .. label(field) .. "]"
  end
  for _, field in ipairs(request.params) do
    local flag = shape(field.type) == "bool"
    local left = at_place[field.name] and label(field) or "--" .. kebab(field.name) .. (flag and "" or " " .. label(field))
    lines[#lines + 1] = ("  %-32s  %s"):format(left, field.doc)
  end
  return ("km execute %s\n\n%s\n\n%s\n"):format(table.concat(out, " "), request.doc, table.concat(lines, "\n"))
end

return M
