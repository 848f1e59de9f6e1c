--- What user scripts see besides Lua itself: the members of `komodo` and the globals (spec lua.md 3, 6). The checker, the
--- editor's completions and the LuaCATS file are made of this one list.
--
--   { name, signature, doc, cats = { "@param …", … } }     `value` instead of `signature`: not a function

local namespaces = require("komodo.check.namespaces")
local sugar = require("komodo._core.sugar_names")

local M = {}

local function fn(name, signature, doc, ...)
  return { name = name, signature = signature, doc = doc, cats = { ... } }
end

--- Requests, declared by komodo.schema.gen.luacats: here for completions alone.
M.requests = {
  fn("read", "(name, params)", "Reads something."),
  fn("write", "(name, params)", "Changes something; it is done when the call returns."),
  fn("execute", "(name, params, options)", "Executes something and waits for its end; gives the finished Update."),
  fn("start", "(name, params)", "Executes something and returns its Update at once; see komodo.wait."),
}

M.members = {
  fn("wait", "(update, timeout)", "Waits until an execution ends; gives the finished Update.",
    "@param update komodo.Update|string Update or its id", "@param timeout? number seconds", "@return komodo.Update? update",
    "@return komodo.Error? problem"),
  fn("all", "(functions, options)", "Runs functions side by side; gives their results in order. The first error stops the others.",
    "@param functions (fun(): any)[]", "@param options? { max?: integer }", "@return any[]? results", "@return komodo.Error? problem"),
  fn("race", "(functions)", "Runs functions side by side; gives the result of the first that ends and stops the others.",
    "@param functions (fun(): any)[]", "@return any result", "@return komodo.Error? problem"),
  fn("spawn", "(fn)", "Starts a function beside this one; it ends with its parent at the latest.", "@param fn fun(): any",
    "@return komodo.Task task"),
  fn("sleep", "(seconds)", "Waits.", "@param seconds number", "@return true"),
  fn("timeout", "(seconds, fn)", "Runs a function for at most that long.", "@param seconds number", "@param fn fun(): any",
    "@return any result", "@return komodo.Error? problem"),
  fn("now", "()", "Unix time in milliseconds.", "@return integer"),
  fn("stage", "(name, fn)", "Runs a function as a log stage of its own.", "@param name string", "@param fn fun(): any",
    "@return any result", "@return komodo.Error? problem"),
  fn("http", "(request)", "An HTTP request; also komodo.http.get(url) and komodo.http.post(url, request).",
    "@param request komodo.HttpRequest", "@return komodo.HttpResponse? response", "@return komodo.Error? problem"),
  fn("terminal", "(target, command, options)", "Runs a command on a server or in a container; a terminal mixes both outputs in stdout.",
    "@param target string|{ server?: string, container?: string, stack?: string, service?: string, deployment?: string }",
    "@param command string|table", "@param options? { on_line?: fun(line: string), timeout?: number, shell?: string }",
    "@return { code: integer, stdout: string, stderr: string }? result", "@return komodo.Error? problem"),
  fn("var", "(name)", "Value of a variable.", "@param name string", "@return string? value", "@return komodo.Error? problem"),
  fn("secret", "(name)", "A handle that becomes the secret's value only inside http, write, execute and terminal.", "@param name string",
    "@return komodo.Secret? secret", "@return komodo.Error? problem"),
  fn("lock", "(name, fn)", "Runs a function while no other run holds that name.", "@param name string", "@param fn fun(): any",
    "@return any result", "@return komodo.Error? problem"),
  fn("respond", "(response)", "Answers an http trigger before the script ends.",
    "@param response string|{ status?: integer, headers?: table<string, string>, body?: string|table, body_base64?: string }|nil",
    "@return true? answered", "@return komodo.Error? problem"),
  fn("log", "(...)", "A line in the log; also log.info, log.warn, log.error. Tables print readably.", "@param ... any"),
  fn("hash", "(algorithm, text)", "A digest in hexadecimal.", '@param algorithm "sha256"|"sha512"|"sha1"|"md5"', "@param text string", "@return string"),
  fn("hmac", "(algorithm, key, text)", "A keyed digest in hexadecimal.", '@param algorithm "sha256"|"sha512"|"sha1"|"md5"', "@param key string",
    "@param text string", "@return string"),
  fn("template", "(text, fields)", "The text with {{name}} replaced by fields.", "@param text string", "@param fields table", "@return string"),
  fn("glob", "(pattern, text)", "Whether the whole text matches: * any run of characters, ? one.", "@param pattern string", "@param text string",
    "@return boolean"),
  { name = "args", value = "table<string, any>", doc = "Arguments of the run." },
  { name = "event", value = "komodo.Event", doc = "What started the run: its type, and what belongs to it." },
  { name = "run", value = "{ id: string, action: string, action_id: string, user: string, started_by: string, dry_run: boolean, event: komodo.Event }", doc = "The run itself." },
}
for _, space in ipairs(namespaces.list) do M.members[#M.members + 1] = { name = space.name, value = "table", doc = space.doc, space = space } end

--- Members that the engine does not have: the checker and komodo.testing know them, editors are not offered them.
M.absent = {}

--- Plural names of resources: komodo.stacks.list{…}, komodo.stacks.deploy("web").
M.plurals = {}
for plural in pairs(sugar.kinds) do M.plurals[#M.plurals + 1] = plural end
table.sort(M.plurals)

--- Globals of a script; a table lists what the library has.
M.globals = {}
for name in ([[assert error getmetatable ipairs load next pairs pcall print rawequal rawget rawlen rawset require select
  setmetatable tonumber tostring type xpcall collectgarbage string table math utf8 coroutine os debug komodo ARGS
  _VERSION _ENV]]):gmatch("%S+") do
  M.globals[name] = true
end

local function set(words)
  local made = {}
  for word in words:gmatch("%S+") do made[word] = true end
  return made
end

--- What exists of the libraries that scripts see in part.
M.libraries = {
  os = set("time date clock difftime"),
  debug = set("traceback"),
  string = set("byte char find format gmatch gsub len lower match pack packsize rep reverse sub unpack upper"),
  table = set("concat insert move pack remove sort unpack"),
}

--- Members that no script has although Lua does, and what to use.
M.missing = { io = "files are not available to scripts", dofile = "use require", loadfile = "use require", warn = "use komodo.log.warn",
  _G = "globals have no table here", package = "use require" }

--- The members that the engine has.
function M.present()
  local list = {}
  for _, member in ipairs(M.members) do
    if not M.absent[member.name] then list[#list + 1] = member end
  end
  return list
end

local function luacats_function(lines, name, member)
  lines[#lines + 1] = "--- " .. member.doc
  for _, line in ipairs(member.cats) do lines[#lines + 1] = "---" .. line end
  lines[#lines + 1] = ("function komodo.%s%s end\n"):format(name, member.signature)
end

-- A table that can be called: a class with an overload of the call.
local function luacats_callable(lines, member, functions)
  local params, returns = {}, {}
  for _, line in ipairs(member.cats) do
    local name, of = line:match("^@param (%S+) (.*)$")
    if name then params[#params + 1] = name .. ": " .. of end
    of = line:match("^@return (%S+)")
    if of then returns[#returns + 1] = of end
  end
  lines[#lines + 1] = "--- " .. member.doc
  lines[#lines + 1] = "---@class komodo." .. member.name
  lines[#lines + 1] = ("---@overload fun(%s)%s"):format(table.concat(params, ", "), #returns > 0 and ": " .. table.concat(returns, ", ") or "")
  lines[#lines + 1] = ("komodo.%s = {}\n"):format(member.name)
  for _, inner in ipairs(functions) do luacats_function(lines, member.name .. "." .. inner.name, inner) end
end

--- The members as LuaCATS, for the file that komodo.schema.gen.luacats begins.
function M.luacats()
  local lines = { namespaces.classes }
  for _, member in ipairs(M.present()) do
    local functions = namespaces.callable[member.name]
    if functions then
      luacats_callable(lines, member, functions)
    elseif member.signature then
      luacats_function(lines, member.name, member)
    elseif member.space then
      lines[#lines + 1] = ("--- %s\nkomodo.%s = {}\n"):format(member.doc, member.name)
      for _, field in ipairs(member.space.fields or {}) do
        lines[#lines + 1] = ("--- %s\n---@type %s\nkomodo.%s.%s = nil\n"):format(field.doc, field.value, member.name, field.name)
      end
      for _, inner in ipairs(member.space.functions) do luacats_function(lines, member.name .. "." .. inner.name, inner) end
    else
      lines[#lines + 1] = ("--- %s\n---@type %s\nkomodo.%s = nil\n"):format(member.doc, member.value, member.name)
    end
  end
  return table.concat(lines, "\n")
end

return M
