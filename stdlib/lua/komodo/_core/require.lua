--- require of user scripts (spec lua.md 3): modules of the engine, then what the engine finds by the name (Actions that are
--- libraries). Each runs once, in the task that asked first; others that want it meanwhile wait.

local komodo, core = ...
local error, type, pairs, setmetatable, concat, sort = error, type, pairs, setmetatable, table.concat, table.sort
local ask, park, wake, builtin, compile, lineage, current = core.ask, core.park, core.wake, core.builtin, core.compile, core.lineage, core.task

local loaded = { komodo = core.public }   -- by name
local loading, loads = {}, 0              -- by name: { name, task, number } what is being run
local waiting = {}                        -- by task: the name it waits for

-- The modules on the way from the one that is wanted to itself.
local function circle(name)
  local list, path = {}, {}
  for _, entry in pairs(loading) do
    if entry.number >= loading[name].number then list[#list + 1] = entry end
  end
  sort(list, function(a, b) return a.number < b.number end)
  for i = 1, #list do path[i] = list[i].name end
  path[#path + 1] = name
  return concat(path, " -> ")
end

-- Would whoever waits for the module wait for itself?
local function is_circle(name, tasks)
  local seen = {}
  while name and loading[name] and not seen[name] do
    if tasks[loading[name].task] then return true end
    seen[name] = true
    name = waiting[loading[name].task]
  end
  return false
end

local function find(name)
  local chunk = builtin(name)
  if chunk then return chunk end
  local answer, problem = ask("module", { name = name })
  if not answer then error(problem, 0) end
  local words
  chunk, words = compile(answer.source, answer.name)
  if not chunk then error(words, 0) end
  return chunk
end

local function load(name)
  loads = loads + 1
  loading[name] = { name = name, task = current(), number = loads }
  local guard <close> = setmetatable({}, { __close = function()
    loading[name] = nil
    wake()
  end })
  local value = find(name)(name)
  loaded[name] = value == nil and true or value
end

--- The value of the module with this name; what its script returned.
function komodo.require(name)
  if type(name) ~= "string" or name == "" then error("require: the name of a module is a text", 2) end
  while loaded[name] == nil do
    if not loading[name] then
      load(name)
    else
      local tasks, me = lineage(), current()
      if is_circle(name, tasks) then error("require: the modules require each other: " .. circle(name), 2) end
      waiting[me] = name
      local guard <close> = setmetatable({}, { __close = function() waiting[me] = nil end })
      park()
    end
  end
  return loaded[name]
end
