package.path = "stdlib/lua/?.lua;stdlib/lua/?/init.lua;" .. package.path
local toml = require("komodo.toml")

local T, A = toml.table, toml.array

describe("toml.fields", function()
  local rows = {
    { "writes scalars as JSON does", T({ { "a", true }, { "b", 80.0 }, { "c", 7 }, { "d", 0.1 }, { "e", 1e21 } }),
      "a = true\nb = 80.0\nc = 7\nd = 0.1\ne = 1e+21" },
    { "escapes quotes and backslashes on one line", T({ { "a", 'say "C:\\x"' } }), [[a = "say \"C:\\x\""]] },
    { "escapes control characters", T({ { "a", "x\r\1\127" } }), [[a = "x\r\u0001\u007F"]] },
    { "keeps tabs", T({ { "a", "x\ty" } }), 'a = "x\ty"' },
    { "leaves multi-line text raw", T({ { "a", "x \\d \"q\"\ny\n" } }), 'a = """\nx \\d "q"\ny\n"""' },
    { "writes on one line what triple quotes cannot hold", T({ { "a", 'x """\ny' }, { "b", "x\n\1" }, { "c", "x\ny\rz" } }),
      'a = "x \\"\\"\\"\\ny"\nb = "x\\n\\u0001"\nc = "x\\ny\\rz"' },
    { "keeps line breaks of other systems", T({ { "a", "x\r\ny\r\n" } }), 'a = """\nx\r\ny\r\n"""' },
    { "puts dots between nested keys", T({ { "a", T({ { "b", T({ { "c", 1 } }) } }) }, { "d", 2 } }), "a.b.c = 1\nd = 2" },
    { "quotes keys that need it", T({ { "a b", T({ { "", 1 } }) } }), '"a b"."" = 1' },
    { "leaves out what is empty", T({ { "a", 1 }, { "b", "" }, { "c", nil }, { "d", T({}) }, { "e", 2 } }), "a = 1\ne = 2" },
    { "leaves an empty line for what is left out in front", T({ { "a", "" }, { "b", 1 } }), "\nb = 1" },
    { "writes nothing for nothing", T({}), "" },
    { "joins short lists", T({ { "a", A({ "12345678901", "1234567890123" }) }, { "b", A({}) } }),
      'a = ["12345678901", "1234567890123"]\nb = []' },
    { "breaks lists of more than 30 bytes", T({ { "a", A({ "123456789012345", "12345678901234" }) } }),
      'a = [\n  "123456789012345",\n  "12345678901234"\n]' },
    { "escapes line breaks in lists", T({ { "a", A({ "x\ny", "" }) } }), 'a = ["x\\ny", ""]' },
    { "writes tables in lists on one line", T({ { "a", A({ T({ { "x", 1 }, { "y", A({ 1, T({}) }) }, { "z", "" } }) }) } }),
      "a = [{ x = 1, y = [1, {}] }]" },
    { "keeps spaces around = in texts", T({ { "a", A({ T({ { "x", "a  =  b" } }) }) } }), 'a = [{ x = "a  =  b" }]' },
  }
  for _, row in ipairs(rows) do
    it(row[1], function()
      assert.equal(row[3], toml.fields(row[2]))
    end)
  end

  it("writes empty tables on demand", function()
    assert.equal("a = {}\nb = [{ c = {} }]", toml.fields(T({ { "a", T({}) }, { "b", A({ T({ { "c", T({}) } }) }) } }), true))
  end)

  it("refuses what TOML cannot say", function()
    assert.has_error(function() toml.fields(T({ { "a", print } })) end)
    assert.has_error(function() toml.fields(T({ { "a", 0 / 0 } })) end)
  end)
end)
