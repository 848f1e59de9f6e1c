--- What agents last said of the checkouts of repos (spec monitoring.md 2.2, step 8). Memory only.
local engine = require("engine")
local monitor = require("komodo.monitor")

local store = engine.store
local repos = {}
local commits = {}   -- repo id -> { hash, message }

--- The latest commit of a repo's checkout, or nil.
---@param id string
---@return { hash: string?, message: string? }?
function repos.commit(id) return commits[id] end

local function text(value) return type(value) == "string" and value or nil end

local function id_of(repo) return repo._id["$oid"] end

-- One after the other, the oldest first.
local function ask(server_id)
  local list = store.list("Repo")
  table.sort(list, function(a, b) return id_of(a) < id_of(b) end)
  for _, repo in ipairs(list) do
    if repo.config.server_id == server_id then
      local id, path = id_of(repo), repo.config.path
      local answer = engine.status.state(server_id) == "Ok" and engine.hub.request(server_id, "GetLatestCommit", {
        name = repo.name,
        path = path ~= "" and path or engine.json.null,
      })
      local known, now = commits[id], answer and answer ~= engine.json.null and { hash = text(answer.hash), message = text(answer.message) }
      commits[id] = now or nil
      if (known and known.hash) ~= (now and now.hash) then engine.model.touch("Repo", id) end
    end
  end
end

monitor.on_refresh(ask)

return repos
