local paging = require("komodo.paging")

local function names(list)
  local out = {}
  for i, item in ipairs(list) do out[i] = item.name end
  return table.concat(out, " ")
end
local function items(...)
  local list = {}
  for i, name in ipairs({ ... }) do list[i] = { name = name, size = #name, id = i } end
  return list
end

describe("komodo.paging", function()
  it("keeps those that have every term", function()
    assert.equal("Web-1 web-1b", names(paging.named(items("Web-1", "web-2", "db-1", "web-1b"), { "WEB", "1" })))
    assert.equal("a b", names(paging.named(items("a", "b"), {})))
    assert.equal("a.b", names(paging.named(items("a.b", "axb"), { "a.b" })))
  end)

  it("sorts by a key, then by name, then by what is left", function()
    local size = function(it) return it.size end
    assert.equal("a b aa", names(paging.sort(items("b", "aa", "a"), size, false)))
    assert.equal("aa b a", names(paging.sort(items("b", "aa", "a"), size, true)))
    local twins = paging.sort(items("x", "x", "x"), size, true, function(it) return it.id end)
    assert.same({ 3, 2, 1 }, { twins[1].id, twins[2].id, twins[3].id })
  end)

  it("cuts a page out", function()
    local list = items("a", "b", "c", "d", "e")
    assert.equal("a b", names(paging.page(list, 0, 2)))
    assert.equal("e", names(paging.page(list, 2, 2)))
    assert.equal("", names(paging.page(list, 3, 2)))
    assert.equal("", names(paging.page(list, 1, 5)))
    assert.equal("a b c d e", names(paging.page(list, 7, 0)))
    assert.same({}, paging.page({}, 0, 2))
  end)

  it("is not led astray by pages and limits that overflow", function()
    local list = items("a", "b")
    for _, huge in ipairs({ 1 << 62, math.maxinteger, 2.0 ^ 63, 2.0 ^ 200 }) do
      assert.equal("", names(paging.page(list, 3, huge)))
      assert.equal("a b", names(paging.page(list, 0, huge)))
      assert.equal("", names(paging.page(list, huge, 3)))
      assert.equal("", names(paging.page(list, huge, huge)))
    end
  end)
end)
