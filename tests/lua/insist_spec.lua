-- komodo.insist against a faked engine whose clock is a list of pauses.

local function load()
  local pauses, spawned = {}, {}
  package.loaded["engine"] = {
    sleep = function(ms) pauses[#pauses + 1] = ms end,
    spawn = function(fn) spawned[#spawned + 1] = fn end,
  }
  package.loaded["komodo.fail"], package.loaded["komodo.insist"] = nil, nil
  return require("komodo.insist"), require("komodo.fail"), pauses, spawned
end

-- A write that fails `times` times with `code`.
local function refused(fail, times, code)
  local count = 0
  return function()
    count = count + 1
    if count <= times then error(fail.new(code, "Failed to store the Update", { "no space left" }), 0) end
  end, function() return count end
end

describe("insist", function()
  after_each(function()
    for _, name in ipairs({ "engine", "komodo.fail", "komodo.insist" }) do package.loaded[name] = nil end
  end)

  it("writes once when that works, and tells nobody", function()
    local insist, fail, pauses, spawned = load()
    local write, count = refused(fail, 0)
    insist.wait(write, error)
    insist.later(write, error)
    assert.are.equal(2, count())
    assert.are.same({}, pauses)
    assert.are.same({}, spawned)
  end)

  it("tries again while the disk is full, pausing twice as long up to half a minute", function()
    local insist, fail, pauses = load()
    local write, count = refused(fail, 9, "full")
    local told = {}
    insist.wait(write, function(reason) told[#told + 1] = reason end)
    assert.are.equal(10, count())
    assert.are.same({ 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000 }, pauses)
    assert.are.same({ "no space left" }, told)
  end)

  it("raises at once what will not pass", function()
    local insist, fail, pauses = load()
    for _, code in ipairs({ "conflict", "too_big", "cancelled", "closed", "internal" }) do
      local ok, err = pcall(insist.wait, (refused(fail, 1, code)))
      assert.is_false(ok)
      assert.are.equal(code, err.code)
      assert.is_false((pcall(insist.later, (refused(fail, 1, code)), error)))
    end
    assert.are.same({}, pauses)
  end)

  it("leaves further tries to a task of their own when it is to come back at once", function()
    local insist, fail, pauses, spawned = load()
    local write, count = refused(fail, 2, "io")
    local reason
    insist.later(write, function(r) reason = r end)
    assert.are.equal("no space left", reason)
    assert.are.equal(1, count())
    assert.are.equal(1, #spawned)
    spawned[1]()
    assert.are.equal(3, count())
    assert.are.same({ 500 }, pauses)
  end)
end)
