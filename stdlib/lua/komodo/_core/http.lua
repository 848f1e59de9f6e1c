--- komodo.http: requests to other servers; the engine sends them (komodo/script/http.lua).

local komodo, core = ...
local type, error, pairs = type, error, pairs
local ask = core.ask

local function with(method, url, fields)
  local request = {}
  for name, value in pairs(fields or {}) do request[name] = value end
  request.url, request.method = url, method
  return ask("http", request)
end

local function get(url, fields) return with("GET", url, fields) end
local function post(url, fields) return with("POST", url, fields) end

--- komodo.http{ url =, method =, headers =, body | json | form =, timeout = } -> { status, headers, body, url } | nil, err
komodo.http = core.freeze({ get = get, post = post }, function(_, request)
  if type(request) ~= "table" then error("komodo.http: the argument is a table with a url", 2) end
  return ask("http", request)
end)
