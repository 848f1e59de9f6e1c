--- The frame of every execution (spec resources.md 5, api.md 12): a record that is answered at once, then the work.
local engine = require("engine")
local fail = require("komodo.fail")
local kinds = require("komodo.kinds")
local match = require("komodo.match")
local resource = require("komodo.resource")
local rights = require("komodo.script.rights")
local runs = require("komodo.runs")
local state = require("komodo.state")
local update = require("komodo.update")
local users = require("komodo.users")

local json = engine.json
local execute = { work = {}, batches = {} }

--- How a run is stopped, by its operation: fun(update_id): whether there was something to stop.
execute.cancels = {}

--- By name of the execution: what is stored in the same commits as its Update. begun(job) and over(job) make the document,
--- put(change, doc) adds it, stored(doc) is told once the last one is on disk.
execute.records = {}

local PROCEDURE = users.builtin("Procedure").id

---@class Job
---@field update table The record; logs are pushed to it.
---@field user User
---@field params table
---@field target table The resource.
---@field id string Its id.
---@field event? table What started it, of Actions (spec lua.md 2); absent: a person, or the API.
---@field chain? string[] Ids of the Procedures and Actions that started each other, and this one.
---@field on_respond? fun(response: any) Told when the script answers early (komodo.respond).
---@field on_outcome? fun(outcome: table) Told how the script ended, before the record is complete; what it raises fails that.
---@field outcome? table How the script ended, once it has.
---@field failure? Err What the work raised, once it has.
---@field bounds? Bounds Of the script or Procedure that started it.
---@field capabilities? string[] What a trigger narrows those of an Action to.

-- Runs the work of one record to its end. Whatever it raises becomes the record's last log.
local function run(job, work)
  local ok, err = pcall(work, job)
  if not ok then
    job.failure = fail.from(err)
    update.push(job.update, update.error_log(job.user.id == PROCEDURE and "Execution error" or "Task Error", err))
  end
  update.finalize(job.update)
  runs.note(job.update)
  local record, doc = execute.records[job.update.operation], nil
  if record then
    ok, doc = pcall(record.over, job)
    if not ok then   -- the end of the run is told all the same
      engine.log.error(("the record of %s %s could not be made: %s"):format(job.update.operation, update.id(job.update), fail.from(doc).message))
      doc = nil
    end
  end
  update.settle(job.update, doc and function(change) record.put(change, doc) end)
  if doc then record.stored(doc) end
end

-- Starts the work and returns its record, in progress.
local function begin(name, kind, id, job)
  local u = update.new(job.user, name, { type = kind, id = id })
  job.update, job.id = u, id
  local record = execute.records[name]
  update.save(u, record and function(change) record.put(change, record.begun(job)) end)
  local answer = json.decode(json.encode(u))
  engine.spawn(function() run(job, execute.work[name]) end)
  return answer
end

--- Declares an execution on a resource.
---@param name string Request and operation name.
---@param kind string
---@param work async fun(job: Job)
---@param check? fun(params: table) Raises for what a request may not ask for.
function execute.define(name, kind, work, check)
  execute.work[name] = work
  engine.handle("execute/" .. name, function(params, ctx)
    if check then check(params) end
    local target = resource.require(ctx, kind, params[kinds[kind].param], "Execute")
    return (execute.start(name, kind, target, params, ctx.user, { bounds = rights.of(ctx) }))
  end)
end

--- Declares an execution on the engine itself.
---@param work async fun(job: Job) Its `target` is nil.
function execute.define_system(name, work)
  execute.work[name] = work
  engine.handle("execute/" .. name, function(params, ctx)
    return begin(name, "System", "system", { user = ctx.user, params = params })
  end)
end

--- Starts the work of an execution on a resource and returns its record, in progress.
---@async
---@param more? table Further fields of the Job: what a trigger knows and no request can say.
---@return table record
---@return Job job
function execute.start(name, kind, target, params, user, more)
  local job = { user = user, params = params, target = target }
  for key, value in pairs(more or {}) do job[key] = value end
  return begin(name, kind, resource.id(target), job), job
end

--- Sends an execution as `user` and waits for its end: the complete record; raises when it could not be started.
---@async
---@param user User
---@param name string
---@param params table
---@param group? string "write" for what a Procedure may do besides executions.
---@param by? string The run whose bounds hold for it (rights.open).
---@param begun? fun(id: string) Told the id of the record.
function execute.await(user, name, params, group, by, begun)
  local answer = fail.unless(nil, engine.dispatch(user, group or "execute", name, params, by))
  if begun and answer._id then begun(update.id(answer)) end
  return answer._id and update.wait(update.id(answer)) or answer
end

--- Runs a Procedure or Action because of a trigger, as one of the built-in users, and waits for its end: the complete record;
--- nil when the resource is gone.
---@async
---@param kind "Procedure"|"Action"
---@param params table Of the request.
---@param username string
---@param event table What started it.
function execute.triggered(kind, id, params, username, event)
  local target = engine.store.row(kind, id)
  if not target then return nil end
  params[kinds[kind].param] = id
  return update.wait(update.id((execute.start("Run" .. kind, kind, target, params, users.builtin(username), { event = event }))))
end

--- The work with its flag set; the record goes out as in progress once it is. The refresh of what it changed belongs inside.
---@async
function execute.exclusive(job, flag, fn)
  state.exclusive(job.update.target.type, job.id, flag, function()
    update.broadcast(job.update)
    fn()
  end)
end

--- A request to an agent whose answer is one log or a list of logs; a failing request becomes an error log of that stage.
---@async
---@return boolean ok Every log succeeded.
function execute.agent(job, server_id, request, params, stage)
  local result, err = engine.hub.request(server_id, request, params)
  if not result then
    update.push(job.update, update.error_log(stage, err))
    return false
  end
  local ok = true
  for _, log in ipairs(result.stage and { result } or result) do
    update.push(job.update, log)
    ok = ok and log.success
  end
  return ok
end

--- The resources a batch request is about, by name: the user may execute on them, they have the tags and match the pattern.
---@return table[]
function execute.matching(user, kind, params)
  local selected, out = match.predicate(params.pattern, engine.regex), {}
  for _, target in ipairs(engine.model.select(user, kind, { tags = params.tags }, "Execute")) do
    if selected(target.name) then out[#out + 1] = target end
  end
  return out
end

--- Declares Batch<Name>: the same execution on every resource whose name matches (spec api.md 12.3).
function execute.define_batch(name, single, kind)
  execute.batches[name] = { single = single, kind = kind, param = kinds[kind].param }
  engine.handle("execute/" .. name, function(params, ctx)
    local starts, out, more = {}, json.array({}), { bounds = rights.of(ctx) }
    for i, target in ipairs(execute.matching(ctx.user, kind, params)) do
      starts[i] = function()
        local request = json.object({ [kinds[kind].param] = resource.id(target) })
        local ok, result = pcall(execute.start, single, kind, target, request, ctx.user, more)
        if ok then return { status = "Ok", data = result } end
        local e = fail.from(result)
        return { status = "Err", data = { name = target.name, error = { error = e.message, trace = json.array(e.trace) } } }
      end
    end
    for i, item in ipairs(engine.all(starts)) do out[i] = item end
    return out
  end)
end

return execute
