--- km execute: runs one execution and follows it to its end (spec cli.md 8).

local api = require("km.api")
local execution = require("km.execution")
local json = require("komodo.testing.json")
local native = require("km.native")
local out = require("km.out")
local words = require("km.words")

local M = {}

local POLL_MS = 250

M.help = [[
km execute [OPTIONS] EXECUTION WORDS...

  -a, --host URL       address of the engine
  -k, --key KEY        API key
  -s, --secret SECRET  API secret
  -y, --yes            do not ask
      --exit-code      end with 1 when the execution could not be started or failed; without it that is 0

Executions (km execute help EXECUTION explains one; `sleep MS` and `none` do nothing else):
]]

local options = { host = { letter = "a" }, key = { letter = "k" }, secret = { letter = "s" }, yes = { letter = "y", flag = true }, ["exit-code"] = { flag = true } }

-- Finds an option of the command; its value goes into `given`.
local function finder(given)
  return function(name, is_letter)
    for long, option in pairs(options) do
      if (is_letter and option.letter or not is_letter and long) == name then
        return { flag = option.flag, set = function(value) given[long] = option.flag and value == "true" or not option.flag and value end }
      end
    end
  end
end

local function print_help(name)
  if name and execution.find(name) then
    io.stdout:write(execution.usage(name))
    return 0
  end
  io.stdout:write(M.help)
  for _, it in ipairs(execution.list()) do
    io.stdout:write(("  %-28s  %s\n"):format(table.concat({ it.name, table.unpack(it.aliases) }, ", "), it.doc:match("^[^.]*")))
  end
  return 0
end

-- ---- following a record ----

local function plain(text) return (text:gsub("</?span[^<>]*>", ""):gsub("&lt;", "<"):gsub("&gt;", ">"):gsub("&amp;", "&")) end

---@class Follower What was printed of one record.
---@field at? integer The stage that was printed last.
---@field printed table<string, integer>

-- Prints what the record has more than last time, under the name of its stage.
local function print_news(follower, update, prefix)
  for i, log in ipairs(update.logs) do
    for _, stream in ipairs({ "stdout", "stderr" }) do
      local key, text = i .. stream, log[stream] or ""
      local from = follower.printed[key] or 0
      if #text > from then
        if follower.at ~= i then io.stdout:write(("\n%s%s\n"):format(prefix, log.stage)) end
        follower.at, follower.printed[key] = i, #text
        local news = plain(text:sub(from + 1))
        io.stdout:write(news, news:find("\n$") and "" or update.status == "Complete" and "\n" or "")
      end
    end
  end
  io.stdout:flush()
end

-- Follows records to their ends, side by side; true when all went well, nil and why when one cannot be followed.
local function follow(client, updates)
  local open, ok, begin = {}, true, native.mono()
  for _, update in ipairs(updates) do
    local id = update._id["$oid"]
    io.stdout:write(("Link: '%s/updates/%s'\n"):format(client.host, id))
    open[#open + 1] = { id = id, printed = {}, prefix = #updates > 1 and (update.target or {}).id and ("[%s] "):format(update.target.id) or "" }
  end
  while #open > 0 do
    for i = #open, 1, -1 do
      local follower = open[i]
      local update, problem = client:call("read", "GetUpdate", { id = follower.id })
      if not update then return nil, problem end
      print_news(follower, update, follower.prefix)
      if update.status == "Complete" then
        table.remove(open, i)
        ok = ok and update.success
        local stream = update.success and io.stdout or io.stderr
        io.stdout:flush()
        stream:write(("\n%sFINISHED in %.1fs: EXECUTION %s\n"):format(follower.prefix, (native.mono() - begin) / 1000,
          update.success and "SUCCESSFUL" or "FAILED"))
      end
    end
    if #open > 0 then native.sleep(POLL_MS) end
  end
  return ok
end

-- The records of an answer: one, or those of a batch; what was refused is said, and counts as failed.
local function records(answer)
  if not json.is_array(answer) then return answer._id and { answer } or {}, true end
  local updates, ok = {}, true
  for _, item in ipairs(answer) do
    if item.status == "Ok" then
      updates[#updates + 1] = item.data
    else
      ok = false
      out.log("ERROR", ("%s: %s"):format(tostring(item.data.name), tostring(item.data.error and item.data.error.error)))
    end
  end
  return updates, ok
end

local function send(client, request)
  out.log("INFO", "Running Execution...")
  local answer, problem = client:call(request.group, request.name, request.params)
  if answer == nil then
    out.error(problem)
    return 0, false
  end
  local updates, started = records(answer)
  for i = #updates, 1, -1 do
    if updates[i]._id["$oid"] == "" then   -- DeployStackIfChanged had nothing to do, or queued it
      table.remove(updates, i)
      out.log("INFO", "There is no record of it: nothing had to be done")
    end
  end
  local ok
  ok, problem = follow(client, updates)
  if ok == nil then
    out.error(problem)
    return 1, false
  end
  return 0, ok and started
end

-- ---- what is done here ----

local function sleep_here(list, over)
  local ms = #list == 1 and math.tointeger(tonumber(list[1]))
  if not ms or ms < 0 then
    out.error("sleep wants its milliseconds: km execute sleep MS")
    return 2
  end
  local client, problem = api.open(over)
  if not client then return out.error(problem) end
  native.sleep(ms)
  print("Finished sleeping!")
  return 0
end

local function nothing()
  print("Got 'none' execution. Doing nothing...")
  native.sleep(3000)
  print("Finished doing nothing. Exiting...")
  return 0
end

local function usage_error(message)
  io.stderr:write("km execute: ", message, "\n`km execute help` lists executions, `km execute help EXECUTION` explains one.\n")
  return 2
end

--- Gives the exit code.
function M.run(...)
  local list, given, i = { ... }, {}, 1
  local find = finder(given)
  while list[i] and words.is_option(list[i]) do
    if list[i] == "-h" or list[i] == "--help" then return print_help() end
    local option, value, after = words.option(list, i, find)
    if not option then return usage_error(value) end
    option.set(value)
    i = after
  end
  local name = list[i]
  local rest = table.move(list, i + 1, #list, 1, {})
  if not name then
    io.stderr:write(M.help)
    return 2
  end
  if name == "help" then return print_help(rest[1]) end
  if rest[1] == "-h" or rest[1] == "--help" then return print_help(name) end
  if name == "none" then return nothing() end
  if name == "sleep" then return sleep_here(rest, given) end
  local request, problem = execution.parse(name, rest, find)
  if not request then return usage_error(problem) end
  io.stdout:write("\nMode: Execution\n", ("Data: %s %s\n"):format(request.name, json.encode(request.params)))
  if not out.confirm("run execution", given.yes) then return out.error("failed to read ENTER") end
  local client
  client, problem = api.open(given)
  if not client then return out.error(problem) end
  local code, ok = send(client, request)
  return given["exit-code"] and not ok and 1 or code
end

return M
