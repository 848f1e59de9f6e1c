package.path = "stdlib/lua/?.lua;" .. package.path
local http_trigger = require("komodo.script.http_trigger")
local response = require("komodo.script.response")

local null = setmetatable({}, { __name = "null" })
local json = { null = null, array = function(t) return t end, encode = function(t)
  local out = {}
  for k, v in pairs(t) do out[#out + 1] = tostring(k) .. "=" .. tostring(v) end
  table.sort(out)
  return "{" .. table.concat(out, ",") .. "}"
end }

describe("http triggers", function()
  local function http(fields)
    fields.type = "http"
    return fields
  end
  local function problem(...)
    local ok, err = pcall(http_trigger.check, { ... }, null)
    return not ok and err.message or nil
  end

  it("accept what the chapter says", function()
    assert.is_nil(problem(
      http { auth = "none" }, http { path = "release", auth = "github" }, http { path = "a/b", method = "GET", auth = "token" },
      http { path = "c", auth = { hmac = { header = "X-Signature", algorithm = "sha512" } }, every = null },
      http { path = "d", auth = { hmac = { header = "X-Signature" } } }, http { path = "a/b", method = "PUT", auth = "gitlab" }))
  end)

  for name, case in pairs {
    ["without auth"] = { "config.triggers[0].auth is missing", http {} },
    ["with auth null"] = { "config.triggers[0].auth is missing", http { auth = null } },
    ["with an unknown auth"] = { "config.triggers[0].auth: expected", http { auth = "basic" } },
    ["with auth of another type"] = { "config.triggers[0].auth: expected", http { auth = 5 } },
    ["with more than hmac"] = { "config.triggers[0].auth.token is unknown", http { auth = { hmac = { header = "X" }, token = 1 } } },
    ["with hmac that is a text"] = { "config.triggers[0].auth.hmac: expected", http { auth = { hmac = "sha256" } } },
    ["with hmac without a header"] = { "config.triggers[0].auth.hmac.header: expected", http { auth = { hmac = {} } } },
    ["with a header that is none"] = { "config.triggers[0].auth.hmac.header: expected", http { auth = { hmac = { header = "X: y" } } } },
    ["with an unknown algorithm"] = { "config.triggers[0].auth.hmac.algorithm: expected",
      http { auth = { hmac = { header = "X", algorithm = "md5" } } } },
    ["with an unknown field of hmac"] = { "config.triggers[0].auth.hmac.key is unknown", http { auth = { hmac = { header = "X", key = "s" } } } },
    ["with another method"] = { "config.triggers[0].method: expected", http { auth = "none", method = "get" } },
    ["with a query in the path"] = { "config.triggers[0].path: expected", http { auth = "none", path = "a?b" } },
    ["with an empty part"] = { "config.triggers[0].path: expected", http { auth = "none", path = "a//b" } },
    ["with a long path"] = { "config.triggers[0].path: expected", http { auth = "none", path = ("a"):rep(201) } },
    ["with a field of rules"] = { "config.triggers[0].every does not belong", http { auth = "none", every = "1-min" } },
    ["twice the same"] = { "config.triggers[1].path: config.triggers[0] has the same", http { auth = "none", path = "a" },
      http { auth = "token", path = "/a/" } },
  } do
    it("are refused " .. name, function()
      local words = problem(case[2], case[3])
      assert.equal(case[1], words and words:sub(1, #case[1]))
    end)
  end

  it("are found by method and path", function()
    local list = { { type = "poll" }, http { path = "/a/", auth = "none" }, http { path = "a", method = "GET", auth = "token" }, http { auth = "none" } }
    assert.equal(list[2], http_trigger.find(list, "POST", "a"))
    assert.equal(list[3], http_trigger.find(list, "GET", "a"))
    assert.equal(list[4], http_trigger.find(list, "POST", ""))
    assert.is_nil(http_trigger.find(list, "DELETE", "a"))
    assert.is_nil(http_trigger.find(list, "POST", "b"))
  end)
end)

describe("the answer of a script", function()
  local function header(answer, name)
    for _, pair in ipairs(answer.headers) do
      if pair[1] == name then return pair[2] end
    end
  end

  it("is nothing, a text, or a table", function()
    assert.equal(204, response.of(nil, json).status)
    assert.equal(204, response.of(null, json).status)
    local text = response.of("hello", json)
    assert.same({ 200, "hello", "text/plain; charset=utf-8" }, { text.status, text.body, header(text, "Content-Type") })
    local table_ = response.of({ status = 201, headers = { ["X-A"] = 5 }, body = { a = 1 } }, json)
    assert.same({ 201, "{a=1}", "application/json", "5" }, { table_.status, table_.body, header(table_, "Content-Type"), header(table_, "X-A") })
    local bytes = response.of({ body_base64 = "//8=" }, json)
    assert.same({ "//8=", "application/octet-stream" }, { bytes.body_base64, header(bytes, "Content-Type") })
    local page = response.of({ headers = { ["content-type"] = "text/html" }, body = "<p>" }, json)
    assert.is_nil(header(page, "Content-Type"))
    assert.truthy(header(page, "Content-Security-Policy"):find("^sandbox "))
  end)

  for name, case in pairs {
    ["a number"] = { 5, "expected nothing, a text" },
    ["a list"] = { { "a" }, "the field '1' is unknown" },
    ["an unknown field"] = { { state = 1 }, "the field 'state' is unknown" },
    ["a status below"] = { { status = 199 }, "'status' must be" },
    ["a status above"] = { { status = 600 }, "'status' must be" },
    ["a fraction"] = { { status = 200.5 }, "'status' must be" },
    ["a text as status"] = { { status = "200" }, "'status' must be" },
    ["headers that are a text"] = { { headers = "X: y" }, "'headers' must be" },
    ["a line break in a name"] = { { headers = { ["X\r\nY"] = "z" } }, "is no name of a header" },
    ["a line break in a value"] = { { headers = { X = "a\r\nSet-Cookie: b" } }, "line break" },
    ["a zero byte in a value"] = { { headers = { X = "a\0b" } }, "line break" },
    ["a table as a value"] = { { headers = { X = {} } }, "'X' must be a text" },
    ["a header of the connection"] = { { headers = { ["transfer-Encoding"] = "chunked" } }, "set by the engine alone" },
    ["a cookie"] = { { headers = { ["Set-Cookie"] = "a=b" } }, "set by the engine alone" },
    ["CORS"] = { { headers = { ["Access-Control-Allow-Origin"] = "*" } }, "set by the engine alone" },
    ["two bodies"] = { { body = "a", body_base64 = "YQ==" }, "only one of" },
    ["no base64"] = { { body_base64 = "a" }, "'body_base64' must be" },
    ["a number as body"] = { { body = 5 }, "'body' must be" },
    ["a large body"] = { ("x"):rep(8 * 1024 * 1024 + 1), "larger than" },
  } do
    it("is not " .. name, function()
      local ok, err = pcall(response.of, case[1], json)
      assert.is_false(ok)
      assert.truthy(err.message:find(case[2], 1, true), err.message)
    end)
  end

  it("has a bounded number of headers", function()
    local headers = {}
    for i = 1, 25 do headers["X-" .. i] = "y" end
    assert.is_false(pcall(response.of, { headers = headers }, json))
    assert.is_false(pcall(response.of, { headers = { X = ("y"):rep(17000) } }, json))
  end)
end)
