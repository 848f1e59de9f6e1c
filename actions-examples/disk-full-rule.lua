--- Alert rule: a disk that will be full soon.
--
-- What: draws a line through the last hours of each disk and warns when it meets the disk's size within `hours`.
-- Args: hours = 48, look_back = 360 (minutes)
-- Trigger: poll, targets: servers
-- capabilities: none

local event = komodo.event
local hours, look_back = komodo.args.hours or 48, komodo.args.look_back or 360

-- Least squares: gigabytes per hour.
local function growth(points)
  local n, sx, sy, sxx, sxy = #points, 0, 0, 0, 0
  for _, p in ipairs(points) do
    local x = (p.ts - points[1].ts) / 3600000
    sx, sy, sxx, sxy = sx + x, sy + p.used, sxx + x * x, sxy + x * p.used
  end
  local below = n * sxx - sx * sx
  return below > 0 and (n * sxy - sx * sy) / below or 0
end

local by_mount = {}
for _, record in ipairs(event.history(look_back)) do
  for _, disk in ipairs(record.disks) do
    by_mount[disk.mount] = by_mount[disk.mount] or {}
    table.insert(by_mount[disk.mount], { ts = record.ts, used = disk.used_gb })
  end
end

local worst
for _, disk in ipairs(event.stats.disks) do
  local points = by_mount[disk.mount] or {}
  local rate = #points >= 5 and growth(points) or 0
  local left = rate > 0 and (disk.total_gb - disk.used_gb) / rate or math.huge
  if left < hours and (not worst or left < worst.left) then worst = { disk = disk, left = left, rate = rate } end
end

if not worst then return nil end
return {
  level = worst.left < hours / 4 and "CRITICAL" or "WARNING",
  message = ("%s: %s is full in %.0f hours"):format(event.target.name, worst.disk.mount, worst.left),
  details = ("%.1f of %.1f GB used, growing by %.2f GB an hour"):format(worst.disk.used_gb, worst.disk.total_gb, worst.rate),
  for_seconds = 300,
}
