--- komodo.http: requests to other servers; the engine sends them (komodo/script/http.lua).

local komodo, core = ...
local type, error, pairs, setmetatable, concat, utf8_len = type, error, pairs, setmetatable, table.concat, utf8.len
local ask, tell = core.ask, core.tell

local SLICE = 4 * 1024 * 1024   -- of base64 text that is decoded at once

-- The bytes that the engine sent as text, or as base64 when they are no UTF-8.
local function bytes_of(answer, name)
  local text = answer[name .. "_base64"]
  if not text then return answer[name] or "" end
  local parts = {}
  for at = 1, #text, SLICE do parts[#parts + 1] = core.unbase64(text:sub(at, at + SLICE - 1)) end
  return concat(parts)
end

-- The answer with its body handed to on_chunk as it comes; the server waits while on_chunk works. `false` from it ends the transfer.
local function download(request, on_chunk)
  local answer, problem = ask("http_open", request)
  if not answer then return nil, problem end
  local id = answer.id
  answer.id, answer.body = nil, nil
  if not id then return answer end   -- a dry run
  local _ <close> = setmetatable({}, { __close = function()
    if id then tell("http_close", { id = id }) end
  end })
  while true do
    local piece
    piece, problem = ask("http_read", { id = id })
    if not piece then return nil, problem end
    if piece.over then
      id = nil
      return answer
    end
    if on_chunk(bytes_of(piece, "data")) == false then return answer end
  end
end

local function send(given, url, method)
  local request = {}
  for name, value in pairs(given or {}) do request[name] = value end
  request.url, request.method = url or request.url, method or request.method
  if type(request.body) == "string" and not utf8_len(request.body) then
    request.body, request.body_base64 = nil, core.base64(request.body)
  end
  local on_chunk = request.on_chunk
  request.on_chunk = nil
  if on_chunk ~= nil and type(on_chunk) ~= "function" then error("komodo.http: 'on_chunk' is a function", 3) end
  if on_chunk then return download(request, on_chunk) end
  local answer, problem = ask("http", request)
  if not answer then return nil, problem end
  answer.body, answer.body_base64 = bytes_of(answer, "body"), nil
  return answer
end

local function get(url, fields) return send(fields, url, "GET") end
local function post(url, fields) return send(fields, url, "POST") end

--- komodo.http{ url =, method =, headers =, body | json | form =, timeout =, on_chunk = } -> { status, headers, body, url } | nil, err
komodo.http = core.freeze({ get = get, post = post }, function(_, request)
  if type(request) ~= "table" then error("komodo.http: the argument is a table with a url", 2) end
  return send(request)
end)
