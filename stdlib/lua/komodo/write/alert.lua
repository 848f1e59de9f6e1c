--- Alerts as people handle them (spec monitoring.md 5.10).
local alert = require("komodo.alert")
local engine = require("engine")
local fail = require("komodo.fail")
local names = require("komodo.names")

engine.handle("write/CloseAlert", function(params)
  if not names.is_object_id(params.id) then fail.raise("invalid", "id: expected the id of an alert, 24 hexadecimal digits") end
  alert.close(params.id)
  return engine.json.object({})
end)
