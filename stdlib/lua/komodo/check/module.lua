--- What user scripts see besides Lua itself: the members of `komodo` and the globals (spec lua.md 3, 6). The checker, the
--- editor's completions and the LuaCATS file are made of this one list.
--
--   { name, signature, doc, cats = { "@param …", … } }     `value` instead of `signature`: not a function

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
    "@return table task"),
  fn("sleep", "(seconds)", "Waits.", "@param seconds number", "@return true"),
  fn("timeout", "(seconds, fn)", "Runs a function for at most that long.", "@param seconds number", "@param fn fun(): any",
    "@return any result", "@return komodo.Error? problem"),
  fn("now", "()", "Unix time in milliseconds.", "@return integer"),
  fn("stage", "(name, fn)", "Runs a function as a log stage of its own.", "@param name string", "@param fn fun(): any",
    "@return any result", "@return komodo.Error? problem"),
  fn("http", "(request)", "An HTTP request; also komodo.http.get(url) and komodo.http.post(url, request).",
    "@param request { url: string, method?: string, headers?: table<string, string>, body?: string, json?: any, form?: table, timeout?: number }",
    "@return { status: integer, headers: table<string, string>, body: string, url: string }? response", "@return komodo.Error? problem"),
  fn("terminal", "(target, command, options)", "Runs a command on a server or in a container; a terminal mixes both outputs in stdout.",
    "@param target string|{ server?: string, container?: string, stack?: string, service?: string, deployment?: string }",
    "@param command string|table", "@param options? { on_line?: fun(line: string), timeout?: number, shell?: string }",
    "@return { code: integer, stdout: string, stderr: string }? result", "@return komodo.Error? problem"),
  fn("var", "(name)", "Value of a variable.", "@param name string", "@return string? value", "@return komodo.Error? problem"),
  fn("secret", "(name)", "A handle that becomes the secret's value only inside http, write, execute and terminal.", "@param name string",
    "@return table? secret", "@return komodo.Error? problem"),
  fn("lock", "(name, fn)", "Runs a function while no other run holds that name.", "@param name string", "@param fn fun(): any",
    "@return any result", "@return komodo.Error? problem"),
  fn("respond", "(response)", "Answers an http trigger before the script ends.",
    "@param response string|{ status?: integer, headers?: table<string, string>, body?: string|table, body_base64?: string }|nil",
    "@return true? answered", "@return komodo.Error? problem"),
  fn("base64", "", "Base64: encode(bytes), decode(text)."),
  fn("hex", "", "Hexadecimal: encode(bytes), decode(text)."),
  fn("log", "(...)", "A line in the log; also log.info, log.warn, log.error. Tables print readably.", "@param ... any"),
  { name = "kv", value = "table", doc = "Small durable state of this Action: get, set, delete, incr, list." },
  { name = "json", value = "table", doc = "JSON: encode(value), decode(text), null, array(t)." },
  { name = "toml", value = "table", doc = "TOML: encode(value), decode(text)." },
  { name = "yaml", value = "table", doc = "YAML: encode(value), decode(text)." },
  { name = "time", value = "table", doc = "Time: iso, zones, arithmetic, cron." },
  { name = "hash", value = "any", doc = "Hashes by name of the algorithm." },
  { name = "hmac", value = "any", doc = "Keyed hashes by name of the algorithm." },
  { name = "url", value = "table", doc = "URLs: parse, encode, decode." },
  { name = "template", value = "any", doc = "Text with holes." },
  { name = "glob", value = "any", doc = "Name patterns." },
  { name = "semver", value = "table", doc = "Versions: parse, compare." },
  { name = "args", value = "table<string, any>", doc = "Arguments of the run." },
  { name = "event", value = "komodo.Event", doc = "What started the run: its type, and what belongs to it." },
  { name = "run", value = "{ id: string, action: string, action_id: string, user: string, started_by: string, dry_run: boolean, event: komodo.Event }", doc = "The run itself." },
}
for _, member in ipairs(M.members) do
  if member.signature == "" then member.value, member.signature, member.cats = "any", nil, nil end
end

--- Members that the engine does not have: the checker and komodo.testing know them, editors are not offered them.
M.absent = {}
for name in ("toml yaml time"):gmatch("%S+") do M.absent[name] = true end

--- Plural names of resources: komodo.stacks.list{…}, komodo.stacks.deploy("web").
M.plurals = { "servers", "swarms", "stacks", "deployments", "builds", "repos", "procedures", "actions", "builders", "alerters",
  "resource_syncs", "syncs", "users", "user_groups", "variables", "tags", "alerts", "updates" }

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

-- What komodo.event has, by what started the run.
local event_class = [[
---@class komodo.Event
---@field type string "manual", "schedule", "webhook", "poll", "event", …
---@field target? { type: string, id: string, name: string, tags: string[], server: string? } Of alert rules: what they look at.
---@field state? string Of alert rules: the state of the target.
---@field stats? komodo.SystemStats Of alert rules: the last stats of the target's server.
---@field containers? komodo.ContainerListItem[] Of alert rules: those of the target.
---@field history? fun(minutes: number): komodo.SystemStatsRecord[] Of alert rules: stored stats, oldest first.
---@field name? string Of events: "update:DeployStack", "alert:ServerCpu".
---@field update? komodo.Update
---@field alert? komodo.Alert
---@field dropped? integer Events that were left out before this one, since too many waited.
]]

--- The members as LuaCATS, for the file that komodo.schema.gen.luacats begins.
function M.luacats()
  local lines = { event_class }
  for _, member in ipairs(M.present()) do
    lines[#lines + 1] = "--- " .. member.doc
    if member.signature then
      for _, line in ipairs(member.cats) do lines[#lines + 1] = "---" .. line end
      local parameters = member.signature
      if member.name == "log" then   -- a table that can be called
        lines[#lines] = "---@overload fun(...: any)"
        lines[#lines + 1] = "komodo.log = { info = function(...) end, warn = function(...) end, error = function(...) end }\n"
      else
        lines[#lines + 1] = ("function komodo.%s%s end\n"):format(member.name, parameters)
      end
    else
      lines[#lines + 1] = ("---@type %s\nkomodo.%s = nil\n"):format(member.value, member.name)
    end
  end
  return table.concat(lines, "\n")
end

return M
