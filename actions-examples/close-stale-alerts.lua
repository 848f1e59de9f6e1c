--- Closes alerts that stayed open for too long.
--
-- What: alerts of some kinds never resolve by themselves; the old ones are closed and listed.
-- Args: days = 7, kinds = { "BuildFailed", "ProcedureFailed", "ActionFailed" }
-- Trigger: schedule, "every day at 06:00"
-- capabilities: read:ListAlerts, write:CloseAlert

local kinds = {}
for _, kind in ipairs(komodo.args.kinds or { "BuildFailed", "ProcedureFailed", "ActionFailed" }) do kinds[kind] = true end
local before = komodo.now() - (komodo.args.days or 7) * 86400000

-- All pages first: closing changes what a page holds.
local stale, page = {}, 0
while page and page < 100 do
  local answer = assert(komodo.read("ListAlerts", { query = { resolved = false }, page = page }))
  for _, alert in ipairs(answer.alerts) do
    if not alert.resolved and alert.ts < before and kinds[alert.data.type] then table.insert(stale, alert) end
  end
  page = answer.next_page ~= komodo.json.null and answer.next_page or nil
end

for _, alert in ipairs(stale) do
  assert(komodo.write("CloseAlert", { id = alert._id["$oid"] }))
  komodo.log(("closed %s of %s"):format(alert.data.type, os.date("!%Y-%m-%d", alert.ts // 1000)))
end
return { closed = #stale }
