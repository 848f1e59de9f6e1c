-- komodo.markup: spec api.md 11.5.
local fail = require("komodo.fail")
local markup = require("komodo.markup")

describe("markup", function()
  it("writes the spans that clients know", function()
    assert.equal('<span style="font-weight: bolder">a</span>', markup.bold("a"))
    assert.equal('<span style="color: var(--mantine-color-dimmed)">a</span>', markup.dim("a"))
    assert.equal('<span style="color: var(--mantine-color-red-6)">a</span>', markup.red("a"))
    assert.equal('<span style="color: var(--mantine-color-green-6)">a</span>', markup.green("a"))
  end)

  it("writes percent signs as they are", function()
    assert.equal('<span style="font-weight: bolder">100%d</span>', markup.bold("100%d"))
  end)

  it("shows an error without causes in one line", function()
    assert.equal('<span style="color: var(--mantine-color-red-6)">ERROR</span>: it broke', markup.error(fail.new("io", "it broke")))
  end)

  it("numbers the causes of an error", function()
    local dim = function(s) return '<span style="color: var(--mantine-color-dimmed)">' .. s .. "</span>" end
    assert.equal('<span style="color: var(--mantine-color-red-6)">ERROR</span>: it broke\n\n' .. dim("TRACE") .. ":\n\t" ..
      dim("1") .. ": outer\n\t" .. dim("2") .. ": inner", markup.error(fail.new("io", "it broke", { "outer", "inner" })))
  end)
end)
