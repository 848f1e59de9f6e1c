--- What git is told when it reads the script of an Action, and what its failures mean. Pure.
---
--- There is no working copy: one commit is fetched into a bare repository and files are read as its objects, so links,
--- hooks, filters and submodules of a hostile repository never come to life.
local fail = require("komodo.fail")
local git = {}

--- Where the fetched commit is kept in the repository.
git.REF = "refs/komodo/script"

---@class GitSource
---@field provider string Domain, perhaps with port.
---@field https boolean
---@field account string
---@field repo string
---@field branch string
---@field commit string Empty: the newest of the branch.

local function refuse(field, value, how)
  fail.raise("invalid", "config.%s: %s is not allowed; it must be %s", field, ("%q"):format(value:sub(1, 100)), how)
end

local function is_name(s, max) return #s <= max and not s:find("[%c%s\\]") and not s:find("^[-/]") and not s:find("..", 1, true) end

local checks = {
  git_provider = function(s) return is_name(s, 255) and s:find("^[%w%.%-_%[%]:/]+$") ~= nil, "a domain such as github.com" end,
  repo = function(s)
    return is_name(s, 500) and s:find("^[%w%.%-_~+%%@/]+$") ~= nil and s:find("[^/]$") ~= nil, "the path of a repository such as owner/name"
  end,
  branch = function(s)
    return is_name(s, 250) and not s:find("[~^:?*%[]") and not s:find("@{", 1, true) and not s:find("//", 1, true)
      and not s:find("[/.]$") and not s:find("%.lock$"), "the name of a branch"
  end,
  commit = function(s) return #s >= 7 and #s <= 40 and s:find("^%x+$") ~= nil, "the 7 to 40 hexadecimal digits of a commit" end,
  file_path = function(s)
    return #s <= 1000 and not s:find("[%c\\]") and not ("/" .. s .. "/"):find("/%.?%.?/"),
      "the path of a file in the repository, without '..' and a slash at its ends"
  end,
}

--- Refuses what must not reach git; empty fields are left out.
---@param config table Git fields of a resource, or some of them.
function git.check(config)
  for field, check in pairs(checks) do
    local value = config[field]
    if type(value) == "string" and value ~= "" then
      local ok, how = check(value)
      if not ok then refuse(field, value, how) end
    end
  end
end

---@param from GitSource
function git.url(from) return ("%s://%s/%s"):format(from.https and "https" or "http", from.provider, from.repo) end

--- The environment of every git process: nobody's configuration, no questions, one protocol.
---@param dir string The repository.
---@param https boolean
---@param authorization? string Value of that header; it goes nowhere else, so that redirects are not followed with it.
---@return string[]
function git.environment(dir, https, authorization)
  local settings = {
    { "protocol.allow", "never" }, { https and "protocol.https.allow" or "protocol.http.allow", "always" },
    { "http.followRedirects", authorization and "false" or "initial" },
    { "core.hooksPath", "/dev/null" }, { "core.askPass", "" }, { "credential.helper", "" },
    { "gc.auto", "0" }, { "maintenance.auto", "false" }, { "fetch.recurseSubmodules", "false" }, { "transfer.bundleURI", "false" },
    { "fetch.unpackLimit", "1" }, { "core.bigFileThreshold", "1m" }, { "pack.threads", "1" },
  }
  if authorization then settings[#settings + 1] = { "http.extraHeader", "Authorization: " .. authorization } end
  local env = {
    "HOME=" .. dir, "GIT_DIR=" .. dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ATTR_NOSYSTEM=1",
    "GIT_TERMINAL_PROMPT=0", "GIT_NO_REPLACE_OBJECTS=1", "GIT_LITERAL_PATHSPECS=1", "LC_ALL=C",
    "GIT_CONFIG_COUNT=" .. #settings,
  }
  for i, setting in ipairs(settings) do
    env[#env + 1] = ("GIT_CONFIG_KEY_%d=%s"):format(i - 1, setting[1])
    env[#env + 1] = ("GIT_CONFIG_VALUE_%d=%s"):format(i - 1, setting[2])
  end
  return env
end

--- Arguments that fetch a branch (its newest commit), or a commit by its full hash, alone; `whole`: with all its history.
function git.fetch_args(from, what, whole)
  local args = { "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules" }
  if not whole then args[#args + 1] = "--depth=1" end
  args[#args + 1] = "--"
  args[#args + 1] = git.url(from)
  args[#args + 1] = ("+%s:%s"):format(what, git.REF)
  return args
end

---@class GitEntry
---@field mode string
---@field type string
---@field hash string
---@field size? integer Of files.

--- Output of `ls-tree -l -z`: entries by path.
---@return table<string, GitEntry>
function git.entries(text)
  local out = {}
  for mode, type, hash, size, path in text:gmatch("(%d+) (%a+) (%x+) +([%d-]+)\t([^\0]+)\0") do
    out[path] = { mode = mode, type = type, hash = hash, size = math.tointeger(tonumber(size)) }
  end
  return out
end

-- What git says, in lower case, and the kind of failure it means; the first that fits.
local failures = {
  { { "could not read username", "could not read password", "authentication failed", "invalid credentials", "error: 401", "error: 403" }, "unauthorized" },
  { { "couldn't find remote ref" }, "branch" },
  { { "not our ref", "unadvertised object", "no such remote ref" }, "commit" },
  { { "' not found", "error: 404", "repository not found", "error: 410" }, "repo" },
  { { "error: 30" }, "redirect" },
  { { "file too large", "signal 25" }, "size" },
  { { "could not resolve", "failed to connect", "couldn't connect", "connection refused", "timed out", "certificate", "ssl",
      "error: 5", "empty reply", "recv failure" }, "network" },
}

--- The kind of a failure: one of those above, or "other".
---@param stderr string
---@return string
function git.failure(stderr)
  local said = stderr:lower()
  for _, row in ipairs(failures) do
    for _, needle in ipairs(row[1]) do
      if said:find(needle, 1, true) then return row[2] end
    end
  end
  return "other"
end

--- The line of git's words that says what went wrong.
function git.words(stderr)
  local last = ""
  for line in stderr:gmatch("[^\r\n]+") do
    if line:find("^fatal: ") or line:find("^error: ") then return (line:gsub("^%a+: ", "")) end
    last = line
  end
  return last
end

--- The error of a failed fetch, as the user reads it.
---@param from GitSource
---@param kind string
---@param words string What git said, without secrets.
---@param has_token boolean
---@return Err
function git.explain(from, kind, words, has_token)
  local url = git.url(from)
  local told = {
    unauthorized = { "unauthorized", has_token
      and ("%s refused the token of the git account '%s'"):format(from.provider, from.account)
      or from.account ~= "" and ("%s asks for a login, and there is no token of the git account '%s' on %s: add it to the git providers"):format(url, from.account, from.provider)
      or ("%s asks for a login: it does not exist, or it is private and config.git_account must name an account"):format(url) },
    repo = { "not_found", ("there is no repository %s%s: check config.git_provider and config.repo"):format(
      url, from.account == "" and " that is open to all" or (" that the git account '%s' may read"):format(from.account)) },
    branch = { "not_found", ("%s has no branch '%s': check config.branch"):format(url, from.branch) },
    commit = { "not_found", ("%s has no commit %s in its branch '%s': check config.commit and config.branch"):format(url, from.commit, from.branch) },
    redirect = { "remote", ("%s has moved: set config.git_provider and config.repo to its new address"):format(url) },
    size = { "too_big", ("%s is too large to take a script from it"):format(url) },
    network = { "remote", ("%s cannot be reached: %s"):format(url, words) },
  }
  local it = told[kind]
  if not it then return fail.new("remote", ("%s could not be fetched: %s"):format(url, words)) end
  return fail.new(it[1], it[2], words ~= "" and kind ~= "network" and { words } or nil)
end

--- Where a module may be: beside the script, then from the root of the repository.
---@param script string Path of the script.
---@param name string As `require` got it.
---@return string[]? paths nil: no such name can be one of a file.
function git.module_paths(script, name)
  if #name > 200 or not name:find("^[%w_%-]+[%w_%-%.]*$") or name:find("..", 1, true) or name:find("%.$") then return nil end
  local path, beside, out = name:gsub("%.", "/"), script:match("^(.*/)[^/]*$") or "", {}
  for _, folder in ipairs(beside ~= "" and { beside, "" } or { "" }) do
    out[#out + 1] = folder .. path .. ".lua"
    out[#out + 1] = folder .. path .. "/init.lua"
  end
  return out
end

return git
