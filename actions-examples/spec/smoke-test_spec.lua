local testing = require("komodo.testing")

describe("smoke-test", function()
  local URL = "https://shop.test/health"
  local t
  before_each(function() t = testing.new { stacks = { { name = "shop" } } } end)
  local function run() return t:run("actions-examples/smoke-test.lua", { stack = "shop", url = URL }) end

  it("waits for good answers in a row", function()
    local answers = { 503, 200, 502, 200, 200, 200 }
    t:answer("http", URL, function() return { status = table.remove(answers, 1) } end)
    assert.same({ answered = 3 }, run().result)
    assert.equal(6, #t:calls_of("http"))
  end)

  it("alerts when there are none", function()
    t:fail("http", URL, nil, "connection refused", { times = 1000 })
    assert.matches("connection refused", run().error)
    assert.equal(URL .. ": connection refused", t:calls_of("execute", "SendAlert")[1].params.details)
  end)
end)
