--- The reference pages of the API, as Markdown.
--
--   for name, text in pairs(require("komodo.schema.gen.reference").generate()) do … end

local schema = require("komodo.schema")
local dsl = require("komodo.schema.dsl")
local views = require("komodo.schema.gen.views")

local M = {}

local made_by = "<!-- Made from the schema by scripts/gen-docs. Change the schema, not this page. -->\n"

-- What a page of types is called; the order is that of the schema.
local titles = {
  common = "Common types", permission = "Permissions", user = "Users and logins", update = "Updates", tag = "Tags, variables, accounts",
  system = "System and terminals", server = "Servers", swarm = "Swarms", deployment = "Deployments", stack = "Stacks", build = "Builds",
  repo = "Repos", procedure = "Procedures", action = "Actions", builder = "Builders", alerter = "Alerters and alerts",
  sync = "Resource Syncs", resource = "Resource documents", docker = "Docker", docker_swarm = "Docker swarm",
}

local intros = {
  login = "How to get a token. These need no credentials.",
  manage = "What users change about their own login.",
  read = "What can be known. These change nothing.",
  write = "Changes that are done when the answer comes.",
  execute = "Work that goes on in the background. Each answers at once with the [Update](types-update.md#update) that records it; poll "
    .. "[GetUpdate](read.md#getupdate), or follow `/ws/update`, until its `status` is `Complete`.",
}

local page_of = {}   -- file of a type, by name
for _, area in ipairs(schema.areas) do
  for _, name in ipairs(area.types) do
    page_of[name] = "types-" .. area.name .. ".md"
  end
end

local function link(name)
  return ("[%s](%s#%s)"):format(name, page_of[name], name:lower())
end

local simple = { string = "text", digest = "text", bool = "bool", int = "integer", uint = "integer ≥ 0", number = "number", any = "any",
  object = "object" }

local function expression(of)
  if of == "permission" then
    return link("PermissionLevelAndSpecifics")
  elseif type(of) == "string" then
    return simple[of] or link(of)
  elseif of.kind then
    if #of.fields == 0 then
      return "nothing"
    end
    local names = {}
    for i, field in ipairs(of.fields) do
      names[i] = "`" .. field.name .. "`: " .. expression(field.type) .. (field.doc and " (" .. field.doc:gsub("%.$", "") .. ")" or "")
    end
    return table.concat(names, ", ")
  end
  local maker, inner = of[1], expression(of[2])
  if maker == "list" then
    return "list of " .. inner
  elseif maker == "map" then
    return "map to " .. inner
  elseif maker == "partial" then
    return "fields of " .. inner
  end
  return inner .. " or null"
end

local function literal(value)
  if value == dsl.null then
    return "null"
  elseif type(value) == "string" then
    return '"' .. value .. '"'
  elseif type(value) == "number" then
    return value == math.floor(value) and ("%d"):format(value) or tostring(value)
  elseif type(value) ~= "table" then
    return tostring(value)
  elseif getmetatable(value) == dsl.array_mt then
    local items = {}
    for i, item in ipairs(value) do
      items[i] = literal(item)
    end
    return "[" .. table.concat(items, ", ") .. "]"
  elseif next(value) == nil then
    return "{}"
  end
  return "…"   -- the defaults of the struct, which its own page tells
end

local accepts = {
  strlist = "Also text, one entry per line or comma.",
  version = 'Also text such as "1.2".',
  one_or_list = "Also one object instead of a list.",
  env_files = "An entry may be its path alone.",
  config_files = "An entry may be its path alone.",
  permission = "Also the level alone.",
  ["kvtext:env"] = "Lines `KEY = value`, or a list of {variable, value}.",
  ["kvtext:label"] = "Lines `key: value`, or a list of {variable, value}.",
  ["kvtext:conversion"] = "Lines `host: container`, or a list of {local, container}.",
  ["kvtext:signal"] = "Lines `SIGNAL: label`, or a list of {signal, label}.",
}

local function cell(text)
  return (text:gsub("|", "\\|"):gsub("\n", " "))
end

local function field_row(field)
  local doc = { field.doc }
  doc[#doc + 1] = accepts[field.normal]
  if field.aliases then
    doc[#doc + 1] = "Also named `" .. table.concat(field.aliases, "`, `") .. "`."
  end
  if field.skip_empty then
    doc[#doc + 1] = "Left out of answers when empty."
  end
  if field.ours then
    doc[#doc + 1] = "Not in Komodo 2.3.2."
  end
  local default = "required"
  if field.optional then
    default = "optional"
  elseif field.default ~= nil then
    default = "`" .. literal(field.default) .. "`"
  end
  return ("| `%s` | %s | %s | %s |\n"):format(field.name, cell(expression(field.type)), cell(default), cell(table.concat(doc, " ")))
end

local function field_table(fields)
  local rows = { "| field | type | default | |\n|---|---|---|---|\n" }
  for _, field in ipairs(fields) do
    rows[#rows + 1] = field_row(field)
  end
  return table.concat(rows)
end

local function type_text(declared)
  local out = { "## ", declared.name, "\n\n", declared.doc, declared.ours and " Not in Komodo 2.3.2." or "", "\n\n" }
  if declared.kind == "struct" then
    out[#out + 1] = #declared.fields > 0 and field_table(declared.fields) or ""
  elseif declared.kind == "enum" then
    local values = {}
    for i, value in ipairs(declared.values) do
      values[i] = value == "" and "(empty)" or "`" .. value .. "`"
    end
    out[#out + 1] = "One of " .. table.concat(values, ", ") .. ".\n"
    local others = {}
    for other, value in pairs(declared.input_aliases or {}) do
      others[#others + 1] = ("`%s` (%s)"):format(other, value)
    end
    table.sort(others)
    if #others > 0 then
      out[#out + 1] = "Also accepted: " .. table.concat(others, ", ") .. ".\n"
    end
  elseif declared.kind == "union" then
    out[#out + 1] = ("`{ \"%s\": …, \"%s\": … }`\n\n| `%s` | `%s` |\n|---|---|\n"):format(declared.tag, declared.content, declared.tag,
      declared.content)
    for _, variant in ipairs(declared.variants) do
      local content = variant[2] and expression(variant[2]) or "–"
      if declared.name == "Execution" and type(variant[2]) == "table" then
        content = ("as [%s](%s.md#%s)"):format(variant[1], variant[1] == "CommitSync" and "write" or "execute", variant[1]:lower())
      end
      out[#out + 1] = ("| `%s` | %s |\n"):format(variant[1], cell(content))
    end
  else
    out[#out + 1] = expression(declared.type):gsub("^%l", string.upper) .. ".\n"
  end
  return table.concat(out)
end

local function request_text(request)
  local out = { "## ", request.name, "\n\n", request.doc, "\n\n" }
  if request.group ~= "login" and request.group ~= "manage" then
    out[#out + 1] = "For " .. views.access_text(request.access) .. ". "
  end
  out[#out + 1] = "Answers with " .. expression(request.result) .. "."
  if request.aliases then
    out[#out + 1] = " Old name: `" .. table.concat(request.aliases, "`, `") .. "`."
  end
  out[#out + 1] = "\n"
  if #request.params > 0 then
    out[#out + 1] = "\n" .. field_table(request.params)
  end
  return table.concat(out)
end

local function index_page()
  local out = { made_by, [[
# Reference

Every request is a POST whose JSON body holds its parameters: `POST /read/GetStack` with `{"stack": "web"}`. The same in another form:
`POST /read` with `{"type": "GetStack", "params": {"stack": "web"}}`. Credentials go into the header `Authorization` (a token), or into
`X-API-KEY` and `X-API-SECRET`. A refusal is a JSON [Serror](types-common.md#serror).

- Wherever a resource is named, its id or its name will do.
- Times are milliseconds since 1970; 0 means never.
- A parameter with a default may be left out. An optional one may be left out, or null, which is the same.
- Unknown parameters are ignored.

## Requests

]] }
  for _, group in ipairs(views.groups) do
    local count = 0
    for _, request in ipairs(schema.requests) do
      count = count + (request.group == group and 1 or 0)
    end
    out[#out + 1] = ("- [%s](%s.md), %d: %s\n"):format(views.paths[group], group, count, intros[group]:match("^[^.]*%."))
  end
  out[#out + 1] = "\n## Types\n\n"
  for _, area in ipairs(schema.areas) do
    out[#out + 1] = ("- [%s](types-%s.md)\n"):format(titles[area.name], area.name)
  end
  return table.concat(out)
end

--- Pages by file name.
function M.generate()
  local pages = { ["README.md"] = index_page() }
  for _, group in ipairs(views.groups) do
    local parts = { made_by .. "# " .. views.paths[group] .. "\n\n" .. intros[group] .. "\n" }
    for _, request in ipairs(schema.requests) do
      if request.group == group then
        parts[#parts + 1] = request_text(request)
      end
    end
    pages[group .. ".md"] = table.concat(parts, "\n")
  end
  for _, area in ipairs(schema.areas) do
    local parts = { made_by .. "# " .. assert(titles[area.name], area.name .. ": needs a title") .. "\n" }
    for _, name in ipairs(area.types) do
      parts[#parts + 1] = type_text(schema.types[name])
    end
    pages["types-" .. area.name .. ".md"] = table.concat(parts, "\n")
  end
  return pages
end

return M
