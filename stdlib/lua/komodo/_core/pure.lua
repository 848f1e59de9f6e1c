--- Pure helpers of the `komodo` module: codecs, digests, url, glob, semver, template.

local komodo, core = ...
local type, error, tostring, tonumber, pairs, ipairs, concat, sort = type, error, tostring, tonumber, pairs, ipairs, table.concat, table.sort
local freeze, math_type = core.freeze, math.type

komodo.base64 = freeze { encode = core.base64, decode = core.unbase64 }
komodo.hex = freeze { encode = core.hex, decode = core.unhex }

--- Hex digest of the text; "sha256", "sha512", "sha1" or "md5".
komodo.hash = core.hash
--- hmac(algorithm, key, text): hex.
komodo.hmac = core.hmac

local url = { encode = core.percent, decode = core.unpercent }

--- "a=1&b=x%20y" of a table, in the order of the names.
function url.query(fields)
  local out = {}
  for name, value in pairs(fields) do out[#out + 1] = core.percent(tostring(name)) .. "=" .. core.percent(tostring(value)) end
  sort(out)
  return concat(out, "&")
end
komodo.url = freeze(url)

--- Does the whole text match the pattern? `*`: any run of characters, `?`: one.
function komodo.glob(pattern, s)
  if type(pattern) ~= "string" or type(s) ~= "string" then error("komodo.glob: pattern and text are texts", 2) end
  local p, i, star, mark = 1, 1, nil, nil
  while i <= #s do
    local c = pattern:sub(p, p)
    if c == "*" then
      star, mark, p = p, i, p + 1
    elseif c == "?" or (c ~= "" and c == s:sub(i, i)) then
      p, i = p + 1, i + 1
    elseif star then
      p, mark = star + 1, mark + 1
      i = mark
    else
      return false
    end
  end
  return pattern:find("^%**$", p) ~= nil
end

--- "Hello {{name}}" with the fields of a table; an unknown field is an error.
function komodo.template(s, fields)
  return (s:gsub("{{%s*([%w_.]+)%s*}}", function(path)
    local value = fields
    for key in path:gmatch("[^.]+") do
      if type(value) ~= "table" then value = nil break end
      value = value[key]
      if value == nil then break end
    end
    if value == nil then error("komodo.template: there is no field '" .. path .. "'", 0) end
    return tostring(value)
  end))
end

-- ---- semver ----
local semver = {}

local function parse(text)
  local numbers, rest = tostring(text):match("^v?([%d.]+)(.*)$")
  if not numbers then return nil end
  local pre, build = rest:match("^%-([%w.-]+)%+?([%w.-]*)$")
  if not pre then pre, build = "", rest:match("^%+([%w.-]+)$") or "" end
  if rest ~= (pre ~= "" and "-" .. pre or "") .. (build ~= "" and "+" .. build or "") then return nil end
  local major, minor, patch = numbers:match("^(%d+)%.(%d+)%.(%d+)$")
  if not major then major, minor = numbers:match("^(%d+)%.(%d+)$") end
  major = major or numbers:match("^%d+$")
  local n = { major = tonumber(major), minor = tonumber(minor or 0), patch = tonumber(patch or 0), pre = pre, build = build }
  for _, key in ipairs { "major", "minor", "patch" } do
    if math_type(n[key]) ~= "integer" then return nil end
  end
  return n
end

local function need(text)
  local v = parse(text)
  if not v then error("komodo.semver: '" .. tostring(text) .. "' is no version", 3) end
  return v
end

local function compare_pre(a, b)
  if a == b then return 0 end
  if a == "" then return 1 end
  if b == "" then return -1 end
  local next_a, next_b = a:gmatch("[^.]+"), b:gmatch("[^.]+")
  while true do
    local x, y = next_a(), next_b()
    if not x or not y then return x and 1 or y and -1 or 0 end
    local m, n = x:find("^%d+$") and tonumber(x), y:find("^%d+$") and tonumber(y)
    if m and n and m ~= n then return m < n and -1 or 1 end
    if not m ~= not n then return m and -1 or 1 end   -- luacheck: ignore 582 (one of the two)
    if x ~= y and not (m and n) then return x < y and -1 or 1 end
  end
end

--- { major, minor, patch, pre, build } of "v1.2.3-rc.1+5", or nil; what is missing of the numbers is 0.
semver.parse = parse

--- -1, 0 or 1: which comes first.
function semver.compare(a, b)
  local x, y = need(a), need(b)
  for _, key in ipairs { "major", "minor", "patch" } do
    if x[key] ~= y[key] then return x[key] < y[key] and -1 or 1 end
  end
  return compare_pre(x.pre, y.pre)
end

--- Sorts a list of versions in place, the oldest first; returns it.
function semver.sort(list)
  sort(list, function(a, b) return semver.compare(a, b) < 0 end)
  return list
end
komodo.semver = freeze(semver)
