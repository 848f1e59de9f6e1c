-- komodo.fail: errors that keep their code.
local fail = require("komodo.fail")

local function raised(fn, ...)
  local ok, e = pcall(fn, ...)
  assert.is_false(ok)
  return e
end

describe("an error", function()
  it("carries a code, words, and no causes at first", function()
    local e = raised(fail.raise, "not_found", "no %s named %q", "server", "x")
    assert.equal("not_found", e.code)
    assert.equal('no server named "x"', e.message)
    assert.same({}, e.trace)
    assert.equal('no server named "x"', tostring(e))
  end)

  it("takes words without arguments as they are", function()
    assert.equal("100%d", raised(fail.raise, "invalid", "100%d").message)
  end)

  it("stays itself when it is caught", function()
    local e = fail.new("busy", "Server busy")
    assert.equal(e, fail.from(e))
  end)

  it("is internal when it was a plain text", function()
    local e = fail.from("x.lua:3: attempt to index nil")
    assert.equal("internal", e.code)
    assert.equal("x.lua:3: attempt to index nil", e.message)
  end)

  it("is internal when it was some table or nothing", function()
    assert.equal("internal", fail.from({}).code)
    assert.equal("nil", fail.from(nil).message)
  end)

  it("below an outer message keeps code, status and causes", function()
    local e = fail.new("remote", "inner", { "innermost" })
    e.status = 502
    local outer = fail.context("outer", e)
    assert.equal("remote", outer.code)
    assert.equal(502, outer.status)
    assert.equal("outer", outer.message)
    assert.same({ "inner", "innermost" }, outer.trace)
    assert.same({ "innermost" }, e.trace)
  end)

  it("below an outer message takes a plain text as its cause", function()
    local outer = fail.context("outer", "boom")
    assert.equal("internal", outer.code)
    assert.same({ "boom" }, outer.trace)
  end)
end)

describe("fail.unless", function()
  it("gives back a value, false as well", function()
    assert.equal(1, fail.unless("m", 1))
    assert.is_false(fail.unless("m", false))
  end)

  it("raises the error of a call, as it is or below a message", function()
    local e = fail.new("io", "broken")
    assert.equal(e, raised(fail.unless, nil, nil, e))
    local outer = raised(fail.unless, "while reading", nil, e)
    assert.equal("io", outer.code)
    assert.equal("while reading", outer.message)
    assert.same({ "broken" }, outer.trace)
  end)
end)
