--- Looks over a script before it runs: syntax, globals nobody defines, requests and their parameters, capabilities.
--
--   local diagnostics = check.script(source, { capabilities = { "read:*" } })
--   diagnostics[i] = { line, column, end_line, end_column, severity = "error"|"warning", code, message }
--
-- Columns count bytes from 1; the end is the place behind what is meant.
-- What is computed at run time is left alone: a diagnostic is meant to be right. Pure Lua, also for `km script check`.

local events = require("komodo.check.events")
local lexer = require("komodo.check.lexer")
local module = require("komodo.check.module")
local namespaces = require("komodo.check.namespaces")
local parser = require("komodo.check.parser")
local schema = require("komodo.schema")
local shape = require("komodo.check.shape")
local sugar = require("komodo._core.sugar_names")

local M = {}

--- Longest source that is looked at: the engine checks on its loop thread, where the worst script of that size takes a tenth of
--- a second. Longer ones get one diagnostic that says so.
M.SOURCE_MAX = 64 * 1024

local DIAGNOSTICS_MAX, SUGGESTIONS_MAX = 200, 20
local groups = { read = "read", write = "write", execute = "execute", start = "execute" }

-- ---- what an expression names ----

--- "komodo.read" for what is that, also behind locals that are never assigned again; nil otherwise.
local function path_of(node, depth)
  depth = (depth or 0) + 1
  if depth > 10 or not node then return nil end
  if node.kind == "name" then
    if not node.variable then return node.name end
    return not node.variable.assigned and path_of(node.variable.init, depth) or nil
  elseif node.kind == "index" and node.key.kind == "string" and not node.method then
    local object = path_of(node.object, depth)
    return object and object .. "." .. node.key.value
  elseif node.kind == "call" and path_of(node.callee, depth) == "require" and node.args[1] and node.args[1].value == "komodo" then
    return "komodo"
  end
end

local function text_of(node)
  if not node then return nil end
  if node.kind == "string" then return node.value end
  local variable = node.kind == "name" and node.variable
  return variable and not variable.assigned and variable.init and variable.init.kind == "string" and variable.init.value or nil
end

-- ---- globals and members ----

local function check_globals(tree, report)
  local written = {}
  for _, global in ipairs(tree.globals) do
    if global.write then written[global.name] = true end
  end
  local names = {}
  for name in pairs(module.globals) do names[#names + 1] = name end
  table.sort(names)
  for _, global in ipairs(tree.globals) do
    local name = global.name
    if not module.globals[name] and not written[name] then
      local why = module.missing[name]
      report(global, ("undefined global '%s'%s"):format(name, why and ": " .. why or ""), "warning", "undefined-global",
        not why and { name = name, names = names } or nil)
    end
  end
end

local members, member_names = {}, {}
for _, list in ipairs({ module.requests, module.members }) do
  for _, member in ipairs(list) do
    members[member.name] = true
    member_names[#member_names + 1] = member.name
  end
end
for _, plural in ipairs(module.plurals) do
  members[plural] = true
  member_names[#member_names + 1] = plural
end

local function keys_of(set)
  local keys = {}
  for key in pairs(set) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local function check_fields(tree, report, trigger)
  local of_event = events.fields[trigger]
  for _, field in ipairs(tree.fields) do
    local object, key = not field.method and path_of(field.object), field.key.value
    local space = object and object:match("^komodo%.(%a[%w_]*)$")
    if object == "komodo" and not members[key] then
      report(field, ("komodo.%s does not exist"):format(key), "error", "unknown-member", { name = key, names = member_names })
    elseif space and namespaces.names[space] and not namespaces.names[space][key] then
      report(field, ("%s.%s does not exist"):format(object, key), "error", "unknown-member", { name = key, names = keys_of(namespaces.names[space]) })
    elseif space == "event" and of_event and not of_event[key] then
      report(field, ("komodo.event.%s is nil when the run is started by %s"):format(key, trigger), "warning", "unknown-member",
        { name = key, names = keys_of(of_event) })
    elseif object and module.libraries[object] and not module.libraries[object][key] then
      report(field, ("%s.%s is not available in scripts"):format(object, key), "warning", "unknown-member")
    end
  end
end

-- ---- requests ----

local names_of = {}   -- request names by group
for _, request in ipairs(schema.requests) do
  names_of[request.group] = names_of[request.group] or {}
  table.insert(names_of[request.group], request.name)
end

local function unknown_request(group, fn, name)
  for _, other in ipairs({ "read", "write", "execute" }) do
    if other ~= group and schema.request(other, name) then
      return ("'%s' is no %s request; use komodo.%s"):format(name, group, other)
    end
  end
  return ("komodo.%s: unknown request '%s'"):format(fn, name:sub(1, 60)), { name = name, names = names_of[group] }
end

--- A table given in place; nil: none is given. What is missing is reported at `call`.
local function check_params(request, params, call, report)
  if not params then params = { kind = "table", items = {}, line = call.line, column = call.column } end
  if params.kind ~= "table" then return end
  shape.struct(request.params, params, "", function(node, message, severity, hint)
    local at = node.line and node or params
    report(at, request.name .. ": " .. message, severity, severity == "error" and "parameters" or "unknown-field", hint)
  end)
end

-- ---- capabilities ----

local function pattern_of(glob)
  return "^" .. glob:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
end

--- Whether one capability allows `kind:what`, on `target` when that is known.
local function allows(capability, kind, what, target)
  if capability == "*" then return true end
  local given, rest = capability:match("^([^:]+):(.*)$")
  if not given then given, rest = capability, "*" end
  if given ~= kind then return false end
  local name, on = rest:match("^([^@]*)@(.*)$")
  name = name or rest
  if what and not what:find(pattern_of(name)) then return false end
  return not (on and target) or target:find(pattern_of(on)) ~= nil
end

--- Whether a list of capabilities allows something: kind "read", "write", "execute", "http", "secret", "kv", "terminal".
function M.allowed(capabilities, kind, what, target)
  for _, capability in ipairs(capabilities) do
    if allows(capability, kind, what, target) then return true end
  end
  return false
end

--- What a capability calls the target of komodo.terminal: "server", "container", "stack" or "deployment", and its name; nil when
--- it is not known.
---@param target string|table
function M.terminal_target(target)
  if type(target) ~= "table" then return "server", tostring(target) end
  for _, kind in ipairs({ "container", "server", "stack", "deployment" }) do
    if target[kind] then return kind, target[kind] end
  end
end

local function require_capability(state, call, kind, what, target)
  if not state.capabilities or M.allowed(state.capabilities, kind, what, target) then return end
  local missing = kind .. (what and ":" .. what or "")
  state.report(call, ("missing capability '%s'"):format(missing), "error", "capability")
end

local function member_text(node, key)
  for _, item in ipairs(node and node.kind == "table" and node.items or {}) do
    if item.key == key then return text_of(item.value) end
  end
end

local function target_of(request, params)
  local access = request.access
  return type(access) == "table" and access.param and member_text(params, access.param) or nil
end

local function host_of(url)
  local authority = url and url:match("^%a+://([^/?#]+)")
  return authority and authority:gsub("^.*@", ""):gsub(":%d+$", ""):lower()
end

local function check_request(state, call, fn)
  local name = text_of(call.args[1])
  local group = groups[fn]
  if not name then
    if not call.args[1] then state.report(call, ("komodo.%s needs the name of a request"):format(fn), "error", "parameters") end
    return
  end
  local request = schema.request(group, name)
  if not request then
    local words, hint = unknown_request(group, fn, name)
    state.report(call.args[1], words, "error", "unknown-request", hint)
    return
  end
  check_params(request, call.args[2], call.args[1], state.report)
  require_capability(state, call, group, request.name, target_of(request, call.args[2]))
end

local verbs_of = {}   -- by plural: the names of its executions

local function verbs(plural)
  if not verbs_of[plural] then
    local kind, list = sugar.kinds[plural], keys_of(sugar.plain)
    for _, request in ipairs(schema.requests) do
      list[#list + 1] = sugar.verb(kind, request)
    end
    verbs_of[plural] = list
  end
  return verbs_of[plural]
end

local function item(call, key, value) return { key = key, value = value, line = value.line or call.line, column = value.column or call.column } end

-- The parameters that komodo.stacks.deploy("web", { … }) sends, as a table given in place; nil when that is not known.
local function sugar_params(kind, verb, call)
  local first, second = call.args[1], call.args[2]
  local params = { kind = "table", items = {}, line = call.line, column = call.column }
  if verb == "create" then return first or params end
  if verb == "list" then
    if first and first.kind ~= "nil" then params.items[1] = item(call, "query", first) end
    return params
  end
  if first then params.items[1] = item(call, sugar.plain[verb] and verb ~= "get" and "id" or kind.param, first) end
  if verb == "update" and second then params.items[2] = item(call, "config", second) end
  if sugar.plain[verb] or not second or second.kind == "nil" then return params end
  if second.kind ~= "table" then return nil end
  for _, given in ipairs(second.items) do params.items[#params.items + 1] = given end
  params.computed = second.computed
  return params
end

local function check_sugar(state, call, plural, verb)
  local kind = sugar.kinds[plural]
  local group, name = "execute", sugar.execution(kind, verb)
  if sugar.plain[verb] then group, name = sugar.plain[verb](kind) end
  local request = schema.request(group, name)
  if not request then
    state.report(call, ("komodo.%s.%s: there is no execution '%s'"):format(plural, verb, name), "error", "unknown-request",
      { name = verb, names = verbs(plural) })
    return
  end
  local params = sugar_params(kind, verb, call)
  if params then check_params(request, params, call, state.report) end
  local target = sugar.plain[verb] and verb ~= "get" and verb ~= "delete" and verb ~= "update" and member_text(call.args[1], "name") or text_of(call.args[1])
  require_capability(state, call, group, name, target)
end

local function check_call(state, call)
  local path = path_of(call.callee)
  local fn = path and path:match("^komodo%.([%w_.]+)$")
  if not fn then return end
  local first = call.args[1]
  if groups[fn] then
    check_request(state, call, fn)
  elseif fn == "http" then
    require_capability(state, call, "http", host_of(member_text(first, "url")))
  elseif fn:find("^http%.") then
    require_capability(state, call, "http", host_of(text_of(first) or member_text(first, "url")))
  elseif sugar.kinds[fn:match("^[^.]+")] then
    local plural, verb = fn:match("^([^.]+)%.([^.]+)$")
    if verb then check_sugar(state, call, plural, verb) end
  elseif fn == "var" then
    require_capability(state, call, "read", "GetVariable", text_of(first))
  elseif fn == "respond" and state.trigger and state.trigger ~= "http" then
    state.report(call, "komodo.respond answers http triggers alone", "warning", "trigger")
  elseif fn:find("^kv%.") then
    require_capability(state, call, "kv")
  elseif fn == "secret" then
    require_capability(state, call, "secret", text_of(first))
  elseif fn == "terminal" then
    local given = text_of(first) and { server = text_of(first) } or {}
    for _, key in ipairs({ "server", "container", "stack", "deployment" }) do given[key] = given[key] or member_text(first, key) end
    require_capability(state, call, "terminal", M.terminal_target(given))
  end
end

-- ---- everything ----

local function by_place(a, b)
  if a.line ~= b.line then return a.line < b.line end
  if a.column ~= b.column then return a.column < b.column end
  return a.message < b.message
end

--- What Lua says about the source; the place of our parser where both mean the same line.
local function syntax_error(source, problem)
  local made, words = load(source, "=script", "t", {})
  if made then return nil end
  local line, message = tostring(words):match("^script:(%d+): (.*)$")
  line = tonumber(line) or 1
  local column = problem and problem.line == line and problem.column or 1
  return { line = line, column = column, severity = "error", code = "syntax", message = message or tostring(words) }
end

-- Where what is reported ends: behind the token that stands at its place.
local function add_ends(source, found)
  local ends = {}
  for _, token in ipairs(#found > 0 and lexer.tokens(source) or {}) do ends[token.line << 24 | token.column] = token end
  for _, d in ipairs(found) do
    local token = ends[d.line << 24 | d.column]
    d.end_line, d.end_column = token and token.end_line or d.line, token and token.end_column or d.column + 1
  end
  return found
end

--- Diagnostics of a script, in order of place. `options.capabilities`: what it will be allowed to call; absent: everything.
--- `options.trigger`: what starts it, by name or as in its config; absent: anything.
function M.script(source, options)
  if #source > M.SOURCE_MAX then
    return { { line = 1, column = 1, end_line = 1, end_column = 1, severity = "warning", code = "size",
      message = ("the script is longer than %d KB and was not looked over"):format(M.SOURCE_MAX // 1024) } }
  end
  local tree, problem = parser.parse(source)
  local refused = syntax_error(source, problem)
  if refused then return add_ends(source, { refused }) end
  if not tree then return {} end   -- Lua accepts it, so it is right
  local found = {}
  local function report(at, message, severity, code, hint)
    if #found < DIAGNOSTICS_MAX then
      if hint and #found < SUGGESTIONS_MAX then
        local meant = shape.suggest(hint.name, hint.names)
        message = message .. (meant ~= "" and meant or hint.otherwise or "")
      end
      found[#found + 1] = { line = at.line, column = at.column, severity = severity, code = code, message = message }
    end
  end
  check_globals(tree, report)
  local trigger = options and events.kind(options.trigger)
  check_fields(tree, report, trigger)
  local state = { report = report, capabilities = options and options.capabilities, trigger = trigger }
  for _, call in ipairs(tree.calls) do check_call(state, call) end
  table.sort(found, by_place)
  return add_ends(source, found)
end

return M
