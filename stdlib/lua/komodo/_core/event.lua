--- komodo.event, what started the run, and komodo.respond. What is bulky to take apart is so in the script's own time.

local komodo, core, json = ...
local type, error, pairs, ipairs, setmetatable = type, error, pairs, ipairs, setmetatable
local public = core.public

local function decoded(s) return core.unpercent((s:gsub("%+", " "))) end

-- The first value of each name.
local function form_of(body)
  local form = {}
  for pair in body:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    name, value = decoded(name), decoded(value)
    if name and value and form[name] == nil then form[name] = value end
  end
  return form
end

local function of_http(event)
  if event.body_base64 then event.body, event.body_base64 = core.unbase64(event.body_base64), nil end
  local media = (event.headers["content-type"] or ""):lower():match("^[^;%s]*")
  if media == "application/json" or media:find("^application/.+%+json$") then event.json = json.decode(event.body) end
  if media == "application/x-www-form-urlencoded" then event.form = form_of(event.body) end
end

-- The list of stages, which has them by their names too; of several that are called so the first.
local function of_procedure(event)
  local list, by_name = event.results, {}
  for _, stage in ipairs(list) do by_name[stage.name] = by_name[stage.name] or stage end
  event.results = setmetatable(by_name, {
    __index = list, __json = list, __len = function() return #list end, __pairs = function() return ipairs(list) end,
  })
end

local take_apart = { http = of_http, procedure = of_procedure }

local given = public.run.event
local take = type(given) == "table" and take_apart[given.type]
if take then
  local event = {}
  for name, value in pairs(given) do event[name] = value end
  take(event)
  given = core.freeze_data(event)
end
komodo.event = given

--- Answers the http trigger's request; the script goes on. Raises when it was answered already, or cannot be answered so;
--- nil, err when nobody waits.
function komodo.respond(response)
  local answered, problem = core.ask("respond", { response = response })
  if answered then return true end
  if problem.code == "invalid" or problem.code == "conflict" then error(problem, 2) end
  return nil, problem
end
