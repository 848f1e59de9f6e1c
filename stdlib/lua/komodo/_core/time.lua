--- komodo.time: ISO 8601, wall clocks of IANA zones, arithmetic, schedules. Instants are Unix milliseconds, as of komodo.now().
---
--- A wall clock time that the clocks are put forward over counts as the first instant after the gap. One that is shown twice is
--- the first of the two, unless what it is derived from had the offset of the second.

local komodo, core = ...
local type, error, tonumber, tostring, next, math_type, floor = type, error, tonumber, tostring, next, math.type, math.floor
local public, err = core.public, core.err

local DAY, MS_MIN, MS_MAX = 86400, -62135596800000, 253402300799999   -- of the years 1 to 9999
local time = {}

local function bad(words) return nil, err { code = "invalid", status = 400, message = "komodo.time: " .. words, trace = {} } end

-- ---- calendar: days since 1970-01-01 of the proleptic Gregorian calendar ----

local function days_of(year, month, day)
  year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
  if month <= 2 then year, month = year - 1, month + 12 end
  return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469
end

local function date_of(days)
  days = days + 719468
  local era = days // 146097
  local day = days - era * 146097
  local of_era = (day - day // 1460 + day // 36524 - day // 146096) // 365
  local of_year = day - (365 * of_era + of_era // 4 - of_era // 100)
  local from_march = (5 * of_year + 2) // 153
  local month = from_march < 10 and from_march + 3 or from_march - 9
  return of_era + era * 400 + (month <= 2 and 1 or 0), month, of_year - (153 * from_march + 2) // 5 + 1
end

local function month_length(year, month) return days_of(year, month + 1, 1) - days_of(year, month, 1) end

-- ---- zones ----

local utc = { UTC = true, ["Etc/UTC"] = true, Z = true }

-- The offset in seconds at an instant; an error for a zone that is none.
local function offset_at(ms, zone)
  if zone == nil or utc[zone] then return 0 end
  return core.zone_offset(zone, ms // 1000)
end

-- The instant of a wall clock time in seconds; `offset` is preferred where both that time and this offset are right.
local function instant(local_s, zone, offset)
  if zone == nil or utc[zone] then return local_s end
  local at, why = core.zone_find(zone, local_s)
  if not at then return nil, why end
  if offset and core.zone_offset(zone, local_s - offset) == offset then return local_s - offset end
  return at
end

local function check_zone(zone, what)
  if zone ~= nil and type(zone) ~= "string" then error(what .. ": the zone is a name such as \"Europe/Berlin\"", 3) end
end

local function check_ms(ms, what)
  if ms == nil then return public.now() end
  if type(ms) ~= "number" or ms ~= ms then error(what .. ": an instant is Unix milliseconds", 3) end
  ms = floor(ms)
  if math_type(ms) ~= "integer" or ms < MS_MIN or ms > MS_MAX then error(what .. ": outside the years 1 to 9999", 3) end
  return ms
end

local function in_range(ms)
  if ms >= MS_MIN and ms <= MS_MAX then return ms end
  return bad("outside the years 1 to 9999")
end

-- ---- parts ----

local function parts_of(ms, offset, zone)
  local shown = ms // 1000 + offset
  local days, rest = shown // DAY, shown % DAY
  local year, month, day = date_of(days)
  return { year = year, month = month, day = day, hour = rest // 3600, min = rest // 60 % 60, sec = rest % 60, ms = ms % 1000,
    weekday = (days + 3) % 7 + 1, yearday = days - days_of(year, 1, 1) + 1, offset = offset, zone = zone or "UTC" }
end

--- What calendar and clock of the zone (UTC without one) show: { year, month, day, hour, min, sec, ms, weekday (1: Monday, 7: Sunday),
--- yearday, offset (seconds ahead of UTC), zone }; nil, err for an unknown zone.
function time.parts(ms, zone)
  check_zone(zone, "komodo.time.parts")
  ms = check_ms(ms, "komodo.time.parts")
  local offset, why = offset_at(ms, zone)
  if not offset then return nil, why end
  return parts_of(ms, offset, zone)
end

local function whole(t, name, otherwise)
  local value = t[name]
  if value == nil then value = otherwise end
  if type(value) ~= "number" or value ~= floor(value) or value < -1e9 or value > 1e9 then
    error("komodo.time: '" .. name .. "' must be a whole number", 3)
  end
  return floor(value)
end

--- The instant of parts; what is missing is the first month or day, or zero. Parts may be out of range: day 0 is the last of the month before.
function time.from(parts, zone)
  if type(parts) ~= "table" then error("komodo.time.from: the first argument is a table with year, month, day …", 2) end
  check_zone(zone, "komodo.time.from")
  local year, month = whole(parts, "year"), whole(parts, "month", 1)
  if year < -100000 or year > 100000 then return bad("outside the years 1 to 9999") end
  local seconds = days_of(year, month, whole(parts, "day", 1)) * DAY + whole(parts, "hour", 0) * 3600 + whole(parts, "min", 0) * 60
    + whole(parts, "sec", 0)
  local ms = whole(parts, "ms", 0)
  local at, why = instant(seconds, zone, parts.offset)
  if not at then return nil, why end
  return in_range(at * 1000 + ms)
end

--- 1 for Monday to 7 for Sunday, and the name of the day.
function time.weekday(ms, zone)
  local parts, why = time.parts(ms, zone)
  if not parts then return nil, why end
  local names = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday" }
  return parts.weekday, names[parts.weekday]
end

-- ---- ISO 8601 ----

local function offset_text(offset)
  local sign, abs = offset < 0 and "-" or "+", offset < 0 and -offset or offset
  local seconds = abs % 60
  return ("%s%02d:%02d%s"):format(sign, abs // 3600, abs // 60 % 60, seconds > 0 and (":%02d"):format(seconds) or "")
end

--- "2026-03-29T01:30:00Z", or with the offset of the zone "2026-03-29T03:30:00+02:00"; milliseconds when there are any.
function time.format(ms, zone)
  check_zone(zone, "komodo.time.format")
  ms = check_ms(ms, "komodo.time.format")
  local offset, why = offset_at(ms, zone)
  if not offset then return nil, why end
  local p = parts_of(ms, offset, zone)
  return ("%04d-%02d-%02dT%02d:%02d:%02d%s%s"):format(p.year, p.month, p.day, p.hour, p.min, p.sec,
    p.ms > 0 and (".%03d"):format(p.ms) or "", (zone == nil or utc[zone]) and "Z" or offset_text(offset))
end

-- Seconds ahead of UTC of "Z", "+02", "+0200", "-02:00", or false when there is none.
local function offset_of(text)
  if text == "" then return false end
  if text == "Z" or text == "z" then return 0 end
  local sign, hours, minutes = text:match("^([+-])(%d%d):?(%d?%d?)$")
  if not hours or #minutes == 1 then return nil end
  hours, minutes = tonumber(hours), tonumber(minutes == "" and "0" or minutes)
  if hours > 23 or minutes > 59 then return nil end
  return (hours * 3600 + minutes * 60) * (sign == "-" and -1 or 1)
end

-- Hours, minutes, seconds, fraction, what is behind.
local function clock_of(text)
  if text == "" then return "0", "0", "0", "", "" end
  local rest = text:match("^[Tt ](.*)$")
  if not rest then return nil end
  local hour, min, sec, fraction, behind = rest:match("^(%d%d):(%d%d):(%d%d)[.,]?(%d*)(.*)$")
  if not hour then hour, min, behind = rest:match("^(%d%d):(%d%d)(.*)$") end
  if not hour then hour, min, sec, fraction, behind = rest:match("^(%d%d)(%d%d)(%d%d)[.,]?(%d*)(.*)$") end
  if not hour then hour, min, behind = rest:match("^(%d%d)(%d%d)(.*)$") end
  return hour, min, sec or "0", fraction or "", behind
end

--- Unix milliseconds of an ISO 8601 text: a date, or date and time with or without seconds, fraction and offset. Without an
--- offset it is of the zone, or of UTC. nil, err when it is none.
function time.parse(text, zone)
  if type(text) ~= "string" then error("komodo.time.parse: the first argument is a text", 2) end
  check_zone(zone, "komodo.time.parse")
  local function none() return bad(("'%s' is not a time like 2026-01-31T12:34:56Z"):format(text:sub(1, 60))) end
  local year, month, day, rest = text:match("^(%d%d%d%d)-(%d%d)-(%d%d)(.*)$")
  if not year then year, month, day, rest = text:match("^(%d%d%d%d)(%d%d)(%d%d)(.*)$") end
  if not year then return none() end
  local hour, min, sec, fraction, behind = clock_of(rest)
  if not hour then return none() end
  year, month, day, hour, min, sec = tonumber(year), tonumber(month), tonumber(day), tonumber(hour), tonumber(min), tonumber(sec)
  local offset = offset_of(behind)
  local is_end = hour == 24 and min == 0 and sec == 0
  if offset == nil or year < 1 or month < 1 or month > 12 or day < 1 or day > month_length(year, month) or (hour > 23 and not is_end)
    or min > 59 or sec > 60 then
    return none()
  end
  local seconds = days_of(year, month, day) * DAY + hour * 3600 + min * 60 + sec
  local ms = tonumber(((fraction or "") .. "000"):sub(1, 3))
  if offset then return in_range((seconds - offset) * 1000 + ms) end
  local at, why = instant(seconds, zone)
  if not at then return nil, why end
  return in_range(at * 1000 + ms)
end

-- ---- arithmetic ----

local exact = { weeks = false, days = false, hours = 3600000, minutes = 60000, seconds = 1000, ms = 1 }
local calendar = { years = true, months = true, weeks = true, days = true }

local function check_amounts(amounts)
  if type(amounts) ~= "table" then error("komodo.time.add: the second argument is a table such as { days = 1 }", 3) end
  for name, value in next, amounts do
    if exact[name] == nil and not calendar[name] then
      error(("komodo.time.add: '%s' is none of years, months, weeks, days, hours, minutes, seconds, ms"):format(name), 3)
    end
    if type(value) ~= "number" or value ~= value or value < -1e12 or value > 1e12 or (calendar[name] and value ~= floor(value)) then
      error(("komodo.time.add: '%s' must be a%s number"):format(name, calendar[name] and " whole" or ""), 3)
    end
  end
end

--- Later (or with negative numbers earlier): { years, months, weeks, days } move the calendar of the zone and leave the time of
--- day, where a month is too short to its last day; { hours, minutes, seconds, ms } then pass as time does.
function time.add(ms, amounts, zone)
  check_zone(zone, "komodo.time.add")
  check_amounts(amounts)
  ms = check_ms(ms, "komodo.time.add")
  local months = floor(amounts.years or 0) * 12 + floor(amounts.months or 0)
  local days = floor(amounts.weeks or 0) * 7 + floor(amounts.days or 0)
  if months ~= 0 or days ~= 0 then
    if months < -130000 or months > 130000 or days < -4000000 or days > 4000000 then return bad("outside the years 1 to 9999") end
    local offset, why = offset_at(ms, zone)
    if not offset then return nil, why end
    local p = parts_of(ms, offset, zone)
    local month = p.month - 1 + months
    local year = p.year + month // 12
    month = month % 12 + 1
    local day, last = p.day, month_length(year, month)
    local shown = (days_of(year, month, day < last and day or last) + days) * DAY + p.hour * 3600 + p.min * 60 + p.sec
    local at
    at, why = instant(shown, zone, offset)
    if not at then return nil, why end
    ms = at * 1000 + p.ms
  end
  local pass = 0
  for name, unit in next, exact do pass = pass + (unit and (amounts[name] or 0) * unit or 0) end
  return in_range(ms + floor(pass))
end

-- How many whole units fit: the greatest n with add(from, n) not after to.
local function count_units(from, to, unit, zone, guess)
  local n = guess
  local function at(k) return time.add(from, { [unit] = k }, zone) end
  while true do
    local moved, why = at(n + 1)
    if not moved then return nil, why end
    if moved > to then break end
    n = n + 1
  end
  while true do
    local moved, why = at(n)
    if not moved then return nil, why end
    if moved <= to then return n end
    n = n - 1
  end
end

--- From one instant to another: "seconds" (without a unit), "ms", "minutes", "hours" as they pass; "days", "weeks", "months" and
--- "years" as whole ones of the zone's calendar, towards zero.
function time.diff(from, to, unit, zone)
  check_zone(zone, "komodo.time.diff")
  from, to, unit = check_ms(from, "komodo.time.diff"), check_ms(to, "komodo.time.diff"), unit or "seconds"
  if exact[unit] then
    if unit == "ms" then return to - from end
    return (to - from) / exact[unit]
  end
  if not calendar[unit] then error("komodo.time.diff: the unit is one of ms, seconds, minutes, hours, days, weeks, months, years", 2) end
  local zone_offset, why = offset_at(from, zone)
  if not zone_offset then return nil, why end
  if to < from then
    local n
    n, why = time.diff(to, from, unit, zone)
    return n and -n, why
  end
  local length = ({ days = 1, weeks = 7, months = 31, years = 366 })[unit] * DAY * 1000
  local guess = (to - from) // length - 1
  return count_units(from, to, unit, zone, guess > 0 and guess or 0)
end

--- The begin of the "hour", "day", "week" (Monday), "month" or "year" that an instant is in.
function time.start_of(ms, unit, zone)
  check_zone(zone, "komodo.time.start_of")
  local p, why = time.parts(ms, zone)
  if not p then return nil, why end
  if unit == "hour" then return time.from({ year = p.year, month = p.month, day = p.day, hour = p.hour, offset = p.offset }, zone) end
  if unit == "day" then return time.from({ year = p.year, month = p.month, day = p.day }, zone) end
  if unit == "week" then return time.from({ year = p.year, month = p.month, day = p.day - p.weekday + 1 }, zone) end
  if unit == "month" then return time.from({ year = p.year, month = p.month }, zone) end
  if unit == "year" then return time.from({ year = p.year }, zone) end
  error("komodo.time.start_of: the unit is one of hour, day, week, month, year", 2)
end

-- ---- schedules ----

local formats = { cron = "Cron", english = "English" }

--- When a schedule is due next, as the engine's own schedules are: a cron line ("0 30 2 * * *", seconds first) or English
--- ("every day at 2:30 am"). opts: zone (UTC), format ("Cron" or "English"; without it the text decides), after (now).
function time.next(schedule, opts)
  opts = opts or {}
  if type(schedule) ~= "string" then error("komodo.time.next: the first argument is a cron line or an English schedule", 2) end
  if type(opts) ~= "table" then error("komodo.time.next: the second argument is a table { zone =, format =, after = }", 2) end
  for name in next, opts do
    if name ~= "zone" and name ~= "format" and name ~= "after" then error("komodo.time.next: the option '" .. tostring(name) .. "' is unknown", 2) end
  end
  check_zone(opts.zone, "komodo.time.next")
  local format = opts.format == nil and (schedule:find("^%s*[%d*@?]") and "Cron" or "English")
    or type(opts.format) == "string" and formats[opts.format:lower()]
  if not format then error("komodo.time.next: 'format' is \"Cron\" or \"English\"", 2) end
  return core.schedule_next(format, schedule, opts.zone or "UTC", check_ms(opts.after, "komodo.time.next"))
end

komodo.time = core.freeze(time)
