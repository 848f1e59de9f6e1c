--- A digest of who did what in the last day.
--
-- What: counts the operations by user, lists what failed; system users can be left out.
-- Args: hours = 24, skip_system = true
-- Trigger: schedule, "every day at 07:00"
-- capabilities: read:ListUpdates, execute:SendAlert

local hours = komodo.args.hours or 24
local since = komodo.now() - hours * 3600000
local skip_system = komodo.args.skip_system ~= false
local system = { System = true, Procedure = true, Action = true, ["Auto Redeploy"] = true, ["Git Webhook"] = true }

local counts, failures, page, total = {}, {}, 0, 0
while page and page < 50 do
  local answer = assert(komodo.read("ListUpdates", { query = { start_ts = { ["$gte"] = since } }, page = page }))
  for _, update in ipairs(answer.updates) do
    local who = update.username ~= "" and update.username or update.operator
    if update.start_ts >= since and not (skip_system and system[who]) then
      counts[who] = counts[who] or {}
      counts[who][update.operation] = (counts[who][update.operation] or 0) + 1
      total = total + 1
      if not update.success then table.insert(failures, ("%s by %s"):format(update.operation, who)) end
    end
  end
  page = answer.next_page ~= komodo.json.null and answer.next_page or nil
end

local function sorted(map)
  local keys = {}
  for key in pairs(map) do table.insert(keys, key) end
  table.sort(keys)
  return keys
end

local lines = {}
for _, who in ipairs(sorted(counts)) do
  local parts = {}
  for _, operation in ipairs(sorted(counts[who])) do table.insert(parts, ("%s x%d"):format(operation, counts[who][operation])) end
  table.insert(lines, who .. ": " .. table.concat(parts, ", "))
end
if #failures > 0 then table.insert(lines, "failed: " .. table.concat(failures, ", ")) end
local digest = table.concat(lines, "\n")
print(digest)
if total > 0 then
  assert(komodo.execute("SendAlert", { level = "OK", message = ("%d operations in %d hours"):format(total, hours), details = digest }))
end
return { operations = total, failed = #failures }
