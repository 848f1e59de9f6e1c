--- Warns of TLS certificates that expire soon.
--
-- What: asks each host for its certificate with openssl on one of the servers; alerts go to the alerters of Komodo.
-- Args: server = "web-1", hosts = { "example.com", "example.com:8443" }, days = 14
-- Trigger: schedule, "every day at 08:00"
-- capabilities: execute:SendAlert, terminal:server

local server = assert(komodo.args.server, "args.server: who asks?")
local hosts = assert(komodo.args.hosts, "args.hosts: which hosts?")
local days = komodo.args.days or 14
local months = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

-- Days from 1970-01-01, without a time zone.
local function day_number(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469
end

local function days_left(host)
  if not host:find("^[%w.-]+$") and not host:find("^[%w.-]+:%d+$") then error("args.hosts: '" .. host .. "' is no host", 0) end
  local address = host:find(":") and host or host .. ":443"
  local name = address:match("^[^:]+")
  local result, err = komodo.terminal({ server = server },
    ("openssl s_client -connect %s -servername %s </dev/null 2>/dev/null | openssl x509 -noout -enddate"):format(address, name))
  if not result then return nil, tostring(err) end
  local month, day, year = result.stdout:match("notAfter=(%a+)%s+(%d+) [%d:]+ (%d+)")
  if not month then return nil, "no certificate" end
  return day_number(tonumber(year), months[month], tonumber(day)) - komodo.now() // 86400000
end

local found = {}
for _, host in ipairs(hosts) do
  local left, err = days_left(host)
  komodo.log(host .. ": " .. (left and left .. " days" or err))
  if not left or left <= days then
    table.insert(found, ("%s: %s"):format(host, left and ("expires in %d days"):format(left) or err))
  end
end
if #found > 0 then
  assert(komodo.execute("SendAlert", { level = "WARNING", message = "Certificates need care", details = table.concat(found, "\n") }))
end
return { checked = #hosts, warned = #found }
