--- Alerts as people handle them (spec monitoring.md 5.10).
local engine = require("engine")
local fail = require("komodo.fail")
local names = require("komodo.names")

local store = engine.store

-- What was never there counts as closed. A check that still finds the condition opens a new one.
engine.handle("write/CloseAlert", function(params)
  if not names.is_object_id(params.id) then fail.raise("invalid", "id: expected the id of an alert, 24 hexadecimal digits") end
  local alert, err = store.get("Alert", params.id)
  if not alert and err.code ~= "not_found" then error(err, 0) end
  if alert and not alert.resolved then
    alert.resolved = true
    local change = store.change()
    change:put("Alert", params.id, alert)
    fail.unless(nil, change:commit())
  end
  return engine.json.object({})
end)
