--- What the `komodo` module of user scripts keeps in the engine: log stages, variables, secrets, kv, locks.

local komodo, core, json = ...
local type, error, pcall, ipairs, tostring, setmetatable, concat = type, error, pcall, ipairs, tostring, setmetatable, table.concat
local rawget, ask, tell, freeze = rawget, core.ask, core.tell, core.freeze

-- Whoever is cancelled inside cannot wait any more: then the engine is told without waiting.
local function unless_done(name, params)
  local state = { done = false, name = name, params = params }
  return setmetatable(state, { __close = function() if not state.done then tell(name, params) end end })
end

-- What pcall returned, once the engine knows that it is over; `failure` of the parameters says how it went, where they have one.
local function finish(ending, ok, ...)
  ending.done = true
  if ending.params.failure then ending.params.failure = not ok and tostring((...)) or nil end
  local _, why = ask(ending.name, ending.params)
  if not ok then error((...), 0) end
  if why then error(why, 0) end
  return ...
end

local function need_text(value, what)
  if type(value) ~= "string" or value == "" then error(what .. ": the first argument is a text", 3) end
end

--- Runs fn with a log stage of its own in the Update; lines printed meanwhile go there. Returns what fn returns; its error
--- fails the stage and is raised.
function komodo.stage(name, fn)
  need_text(name, "komodo.stage")
  if type(fn) ~= "function" then error("komodo.stage: the second argument is a function", 2) end
  local stage, problem = ask("stage_begin", { name = name })
  if not stage then error(problem, 0) end
  local ending <close> = unless_done("stage_end", { id = stage.id, failure = "cancelled" })
  return finish(ending, pcall(fn))
end

--- The value of a variable; nil, err when there is none.
function komodo.var(name)
  need_text(name, "komodo.var")
  local answer, problem = ask("var", { name = name })
  if not answer then return nil, problem end
  return answer.value
end

-- A secret is the list of its parts; the engine puts the values in where a request is sent.
local secret_mt = {}
local function parts_of(value)
  local parts = type(value) == "table" and rawget(value, "$secret")
  return parts or { tostring(value) }
end
local function make(parts) return setmetatable({ ["$secret"] = json.array(parts) }, secret_mt) end
function secret_mt.__concat(a, b)
  local parts = {}
  for _, part in ipairs(parts_of(a)) do parts[#parts + 1] = part end
  for _, part in ipairs(parts_of(b)) do parts[#parts + 1] = part end
  return make(parts)
end
function secret_mt.__tostring(secret)
  local out = {}
  for i, part in ipairs(parts_of(secret)) do out[i] = type(part) == "table" and "<" .. part.name .. ">" or part end
  return concat(out)
end
secret_mt.__metatable = false

--- A handle of a secret: prints as <NAME>, may be joined to texts, becomes its value inside the parameters of write, start,
--- execute and http.
function komodo.secret(name)
  need_text(name, "komodo.secret")
  local answer, problem = ask("secret", { name = name })
  if not answer then return nil, problem end
  return make { { name = name } }
end

local kv = {}
komodo.kv = freeze(kv)

--- The value and its version; nil and 0 when there is none.
function kv.get(key)
  local answer, problem = ask("kv_get", { key = key })
  if not answer then return nil, problem end
  if answer.value == nil then return nil, answer.version end
  return answer.value, answer.version
end

--- Stores a JSON-able value; returns its version. opts.version: only when that is the stored version, 0: only when there is none.
function kv.set(key, value, opts)
  if value == nil then error("komodo.kv.set: the value is nil; komodo.kv.delete removes a key", 2) end
  local answer, problem = ask("kv_set", { key = key, value = value, version = opts and opts.version })
  if not answer then return nil, problem end
  return answer.version
end

--- Whether there was one.
function kv.delete(key)
  local answer, problem = ask("kv_delete", { key = key })
  if not answer then return nil, problem end
  return answer.deleted
end

--- Adds to a number (a missing one is 0) and returns it.
function kv.incr(key, by)
  local answer, problem = ask("kv_incr", { key = key, by = by or 1 })
  if not answer then return nil, problem end
  return answer.value
end

--- The keys that begin with the prefix, in order.
function kv.list(prefix) return ask("kv_list", { prefix = prefix or "" }) end

--- Runs fn while no other run of any Action holds the lock of this name. Returns what fn returns.
function komodo.lock(name, fn)
  need_text(name, "komodo.lock")
  if type(fn) ~= "function" then error("komodo.lock: the second argument is a function", 2) end
  local ending <close> = unless_done("unlock", { name = name })
  local lock, problem = ask("lock", { name = name })
  if not lock then error(problem, 0) end
  return finish(ending, pcall(fn))
end
