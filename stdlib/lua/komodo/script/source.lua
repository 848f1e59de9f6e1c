--- Scripts of Actions that are kept in git (spec lua.md 1): `file_path` in a repository, fetched anew at each run unless a
--- commit is pinned. Runs of one source at a time share one fetch.
local engine = require("engine")
local fail = require("komodo.fail")
local git = require("komodo.script.git")
local locks = require("komodo.script.locks")
local secrets = require("komodo.secrets")
local text = require("komodo.text")
local update = require("komodo.update")

local store = engine.store
local source = {}

local FETCH_MS, READ_MS, FILE_BYTES = 60000, 10000, 4 * 1024 * 1024
local PACK_BYTES, PACKS, MEMORY_BYTES = 256 * 1024 * 1024, 32, 1024 * 1024 * 1024   -- of a clone, and of a git process
local AT_ONCE = 8                                                                   -- git processes, of each sort

---@class Clone A bare repository on disk.
---@field name string Of its folder.
---@field uses integer Runs that read from it.
---@field dropped? boolean It goes with its last use.
---@field pinned? { hash: string, subject: string }

local clones = {}      -- key of a source -> Clone, the one to fetch into
local fetches = {}     -- key -> { places, task }, under way
local waiting = {}     -- id of a run -> its place
local count, turn = 0, 0

local function folder() return engine.conf_path("action_directory") end

-- ---- what a config means ----

---@return GitSource, string? token
local function describe(config)
  local fields = config
  if config.linked_repo ~= "" then
    local repo = store.resolve("Repo", config.linked_repo)
    if not repo then fail.raise("not_found", "config.linked_repo: the Repo is gone; choose another one, or set config.repo") end
    fields = repo.config
  end
  if fields.repo == "" then
    fail.raise("invalid", "config.file_path names a file in git: set config.repo or config.linked_repo, or empty config.file_path")
  end
  git.check(fields)
  git.check({ file_path = config.file_path })
  local token, https = secrets.git_token(fields.git_provider, fields.git_account)
  if https == nil then https = fields.git_https end
  return { provider = fields.git_provider, https = https, account = fields.git_account, repo = fields.repo,
    branch = fields.branch ~= "" and fields.branch or "main", commit = fields.commit:lower() }, token
end

-- Another account must not see what is private to this one.
local function key_of(from)
  return table.concat({ tostring(from.https), from.provider, from.account, from.repo, from.branch, from.commit }, "\n")
end

-- ---- running git ----

-- At most so many at once; the others wait their turn.
local function run_git(sort, clone, from, token, args, timeout_ms)
  turn = turn % AT_ONCE + 1
  local dir = folder() .. "/" .. clone.name
  local credentials = token and engine.crypto.base64(token:find(":", 1, true) and token or "token:" .. token)
  local out, err = locks.with(("git/%s/%d"):format(sort, turn), function()
    return engine.git.run({ args = args, env = git.environment(dir, from.https, credentials and "Basic " .. credentials),
      timeout_ms = timeout_ms, file_bytes = PACK_BYTES, memory_bytes = MEMORY_BYTES })
  end)
  if not out then return nil, err end
  if token then
    for _, secret in ipairs({ credentials, token }) do out.stderr = text.replace(out.stderr, secret, "<token>") end
  end
  return out
end

-- What git read from the objects that are there.
local function read_git(clone, from, args)
  return fail.unless("The script could not be read from its repository", run_git("read", clone, from, nil, args, READ_MS))
end

-- ---- clones ----

local function remove(clone)
  local ok, err = engine.fs.remove(folder(), clone.name)
  if not ok and err.code ~= "not_found" then engine.log.warn("a clone that is not needed is still there: " .. err.message) end
end

-- Nobody starts to use it any more.
local function drop(key, clone)
  if clones[key] == clone then clones[key] = nil end
  if clone.dropped then return end
  clone.dropped = true
  if clone.uses == 0 then engine.spawn(remove, clone) end
end

local function release(clone)
  clone.uses = clone.uses - 1
  if clone.uses == 0 and clone.dropped then remove(clone) end
end

--- Drops the clones that no Action has as its source.
function source.sweep()
  local wanted = {}
  for _, action in ipairs(store.list("Action")) do
    if action.config.file_path ~= "" then
      local ok, from = pcall(describe, action.config)
      if ok then wanted[key_of(from)] = true end
    end
  end
  for key, clone in pairs(clones) do
    if not wanted[key] and not fetches[key] then drop(key, clone) end
  end
end

--- At start: what an engine before this one left.
---@async
function source.start()
  for _, name in ipairs(engine.fs.list(folder()) or {}) do
    if name:find("^git%-%d+$") then remove({ name = name }) end
  end
end

local function new_clone(key)
  source.sweep()
  count = count + 1
  clones[key] = { name = "git-" .. count, uses = 0 }
  return clones[key]
end

local function make(clone, from)
  local made = fail.unless("A clone cannot be made in action_directory", engine.git.run({
    args = { "init", "--bare", "--quiet", "--template=", folder() .. "/" .. clone.name },
    env = { "HOME=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C" },
    timeout_ms = READ_MS, file_bytes = PACK_BYTES, memory_bytes = MEMORY_BYTES }))
  if made.code ~= 0 then
    fail.raise("io", "action_directory: a clone of %s cannot be made there: %s", git.url(from), git.words(made.stderr))
  end
end

-- Fetches; nil or the kind of failure, and git's words.
local function try_fetch(clone, from, token, what, whole)
  local out, err = run_git("fetch", clone, from, token, git.fetch_args(from, what, whole), FETCH_MS)
  if not out then error(err.code == "timeout" and fail.new("timeout", ("%s did not answer within %d s"):format(git.url(from), FETCH_MS // 1000)) or err, 0) end
  if out.code ~= 0 then return git.failure(out.stderr), git.words(out.stderr) end
end

-- A commit by its hash; servers that give only branches, and short hashes, take the whole branch.
local function fetch_commit(clone, from, token)
  local branch = "refs/heads/" .. from.branch
  if from.commit == "" then return try_fetch(clone, from, token, branch) end
  local kind, words
  if #from.commit == 40 then kind, words = try_fetch(clone, from, token, from.commit) end
  if #from.commit < 40 or kind == "commit" then kind, words = try_fetch(clone, from, token, branch, true) end
  return kind, words
end

local function commit_of(clone, from)
  local rev = from.commit ~= "" and from.commit or git.REF
  local out = read_git(clone, from, { "log", "-1", "--no-show-signature", "--format=%H%n%s", rev .. "^{commit}", "--" })
  local hash, subject = out.stdout:match("^(%x+)\n([^\n]*)")
  if out.code ~= 0 or not hash then error(git.explain(from, "commit", git.words(out.stderr), false), 0) end
  return { hash = hash, subject = subject }
end

-- Too much history has gathered: the next run begins anew.
local function bound(key, clone, from)
  local out = read_git(clone, from, { "count-objects", "-v" })
  local packs, kib = tonumber(out.stdout:match("packs: (%d+)")), tonumber(out.stdout:match("size%-pack: (%d+)"))
  if (packs or 0) > PACKS or (kib or 0) * 1024 > PACK_BYTES then drop(key, clone) end
end

-- The fetch keeps its clone until it is over.
local function hold(fetch, clone)
  if fetch.clone then release(fetch.clone) end
  fetch.clone = clone
  clone.uses = clone.uses + 1
end

-- Fetches into the clone of the source; the commit.
local function refresh(key, fetch, from, token)
  local clone = clones[key]
  local fresh = not clone
  clone = clone or new_clone(key)
  hold(fetch, clone)
  if clone.pinned then return clone.pinned end
  if fresh then make(clone, from) end
  local kind, words = fetch_commit(clone, from, token)
  if kind == "other" and not fresh then   -- perhaps the clone was left in the middle of something
    drop(key, clone)
    return refresh(key, fetch, from, token)
  end
  if kind then error(git.explain(from, kind, words, token ~= nil), 0) end
  local commit = commit_of(clone, from)
  if from.commit ~= "" then clone.pinned = commit end
  return commit
end

-- ---- sharing a fetch ----

-- Runs the fetch, and tells all who wait.
local function run_fetch(key, fetch, from, token)
  local ok, result = pcall(refresh, key, fetch, from, token)
  local clone = fetch.clone
  if fetches[key] == fetch then fetches[key] = nil end
  if not ok and clone then drop(key, clone) end
  for place in pairs(fetch.places) do
    place.ok, place.result = ok, result
    if ok then
      place.clone = clone
      clone.uses = clone.uses + 1
    end
    place.gate:open()
  end
  if ok then pcall(bound, key, clone, from) end
  if clone then release(clone) end
end

-- Who waits no more; the fetch ends with the last of them.
local function leave(key, fetch, place)
  if place.clone then release(place.clone) end
  fetch.places[place] = nil
  if fetches[key] ~= fetch or next(fetch.places) then return end
  fetches[key] = nil
  if fetch.clone then drop(key, fetch.clone) end
  fetch.task:cancel()
end

-- The clone, held for the caller, and the commit.
local function take(run_id, from, token, wait_ms)
  local key, place = key_of(from), { gate = engine.gate() }
  local fetch = fetches[key]
  if not fetch then
    fetch = { places = {} }
    fetches[key] = fetch
    fetch.task = engine.spawn(run_fetch, key, fetch, from, token)
  end
  fetch.places[place], waiting[run_id] = true, place
  local ok, opened = pcall(place.gate.wait, place.gate, wait_ms)
  waiting[run_id] = nil
  if ok and opened and place.ok and not place.cancelled then return place.clone, place.result end
  leave(key, fetch, place)
  if not ok then error(opened, 0) end
  if place.cancelled then fail.raise("cancelled", "the run was cancelled while its script was fetched") end
  if not opened then fail.raise("timeout", "limit: time: %s did not answer in time", git.url(from)) end
  error(place.result, 0)
end

--- Stops a run that waits for its script.
---@param run_id string
---@return boolean found
function source.cancel(run_id)
  local place = waiting[run_id]
  if not place then return false end
  place.cancelled = true
  place.gate:open()
  return true
end

-- ---- reading ----

---@class ScriptSource The repository of one run, to be closed.
---@field text string The script.
---@field name string Its path: how messages call it.
---@field from GitSource
---@field clone Clone
---@field commit { hash: string, subject: string }
local Source = {}
Source.__index = Source

--- Lets go of the clone.
function Source:close() release(self.clone) end

-- The first of the paths that is there: its text and itself; nil: none is.
local function read(self, paths)
  local args = { "ls-tree", "--full-tree", "-l", "-z", self.commit.hash, "--" }
  table.move(paths, 1, #paths, #args + 1, args)
  local out = read_git(self.clone, self.from, args)
  if out.code ~= 0 then fail.raise("io", "the clone of %s cannot be read: %s", git.url(self.from), git.words(out.stderr)) end
  local entries = git.entries(out.stdout)
  for _, path in ipairs(paths) do
    local entry = entries[path]
    if entry and entry.type ~= "tree" then
      if entry.mode == "120000" or entry.type ~= "blob" then
        fail.raise("invalid", "'%s' is a %s in %s: name the file itself", path,
          entry.type == "blob" and "symbolic link" or "submodule", git.url(self.from))
      end
      if entry.size > FILE_BYTES then fail.raise("too_big", "'%s' in %s is larger than %d MB", path, git.url(self.from), FILE_BYTES >> 20) end
      local blob = read_git(self.clone, self.from, { "cat-file", "blob", entry.hash })
      if blob.code ~= 0 then fail.raise("io", "the clone of %s cannot be read: %s", git.url(self.from), git.words(blob.stderr)) end
      return blob.stdout, path
    end
  end
end

--- The script of a job whose Action takes it from git; nil: it is in the config. The record says which commit it is.
---@async
---@param job Job
---@return ScriptSource?
function source.open(job)
  local config, u = job.target.config, job.update
  if config.file_path == "" then return nil end
  local from, token = describe(config)
  local wall_ms = ((config.limits or {}).wall_seconds or math.huge) * 1000
  local clone, commit = take(update.id(u), from, token, math.floor(math.min(FETCH_MS, wall_ms)))
  local self = setmetatable({ from = from, clone = clone, commit = commit, name = config.file_path }, Source)
  local ok, script = pcall(read, self, { config.file_path })
  if ok and script then
    self.text = script
    u.commit_hash = commit.hash:sub(1, 7)
    update.log(u, "Read Script", ("%s\nrepository: %s\nbranch: %s\ncommit: %s\nmessage: %s"):format(
      config.file_path, git.url(from), from.branch, commit.hash, commit.subject))
    return self
  end
  release(clone)
  if not ok then error(script, 0) end
  fail.raise("not_found", "config.file_path: there is no file '%s' in %s at commit %s of branch '%s'", config.file_path,
    git.url(from), commit.hash:sub(1, 7), from.branch)
end

--- A module of the repository that a run's script requires: beside the script, else from the root.
---@async
---@param run ScriptRun Its `source` is what source.open gave.
---@param name string
---@return string? text nil: there is none, or the run's script is not from git.
---@return string? chunk_name
function source.module(run, name)
  local paths = run.source and git.module_paths(run.source.name, name)
  if not paths then return nil end
  return read(run.source, paths)
end

return source
