--- Maintenance windows (spec monitoring.md 5.9): is one of them open now?
local engine = require("engine")
local window = {}

local MINUTE, DAY = 60, 86400

-- Weekdays as days since a Monday. Komodo takes any other spelling for Monday; the full names are taken as they are meant.
local weekdays = {}
for i, names in ipairs({ { "monday", "mon" }, { "tuesday", "tue", "tues" }, { "wednesday", "wed" }, { "thursday", "thu", "thur", "thurs" },
  { "friday", "fri" }, { "saturday", "sat" }, { "sunday", "sun" } }) do
  for _, name in ipairs(names) do weekdays[name] = i - 1 end
end

--- Whether a window covers a moment that its wall clock shows.
---@param w table MaintenanceWindow
---@param at integer Seconds since 1970-01-01, as that clock counts them.
---@return boolean
function window.covers(w, at)
  local today, now = at // DAY, at % DAY
  if w.schedule_type == "Weekly" then
    if (today + 3) % 7 ~= (weekdays[tostring(w.day_of_week):lower()] or 0) then return false end   -- 1970-01-01 was a Thursday
  elseif w.schedule_type == "OneTime" and os.date("!%Y-%m-%d", at) ~= w.date then
    return false
  end
  local start = w.hour < 24 and w.minute < 60 and (w.hour * 60 + w.minute) * MINUTE or 0
  local stop = (start + w.duration_minutes * MINUTE) % DAY
  if stop < start then return now >= start or now <= stop end
  return start <= now and now <= stop
end

--- Whether any of the windows is open.
---@async
---@param windows table[]
---@param now integer In milliseconds.
function window.is_open(windows, now)
  for _, w in ipairs(windows) do
    if w.enabled then
      local zone = w.timezone ~= "" and w.timezone or engine.conf("timezone") or ""
      local offset, err = engine.schedule.offset(zone, now)
      if offset and window.covers(w, now // 1000 + offset) then return true end
      if not offset then engine.log.warn(("maintenance window '%s': %s"):format(w.name, err.message)) end
    end
  end
  return false
end

return window
