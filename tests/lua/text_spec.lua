-- komodo.text: spec resources.md 2.1 and 2.2.
local text = require("komodo.text")

--- Pairs as "key|value", which reads better in a failure.
local function flat(list)
  local out = {}
  for i, pair in ipairs(list) do
    out[i] = pair.key .. "|" .. pair.value
  end
  return out
end

describe("a string list", function()
  local cases = {
    { "is empty without text", "", {} },
    { "is empty for blank lines and commas", " \n\n , ,, \n", {} },
    { "has one entry per line", "one\n two \nthree\n", { "one", "two", "three" } },
    { "has one entry per comma", "one,two , three", { "one", "two", "three" } },
    { "mixes lines and commas", "a, b\nc", { "a", "b", "c" } },
    { "skips lines of comment", "# all\n  # more\na", { "a" } },
    { "ends a line at space and hash", "a, b # c, d\ne", { "a", "b", "e" } },
    { "keeps a hash inside a word", "a#b, #c", { "a#b" } },
    { "keeps spaces inside an entry", "--name a b, c", { "--name a b", "c" } },
    { "takes carriage returns for blanks", "a\r\nb\r\n", { "a", "b" } },
    { "keeps repetitions in their order", "b,a,b", { "b", "a", "b" } },
  }
  for _, case in ipairs(cases) do
    it(case[1], function()
      assert.same(case[3], text.list(case[2]))
    end)
  end
end)

describe("a key-value list", function()
  local cases = {
    { "is empty without text", "", {} },
    { "is empty for blank text", " \n \t\n", {} },
    { "splits at an equals sign", "KEY=v", { "KEY|v" } },
    { "splits at a colon", "KEY: v", { "KEY|v" } },
    { "splits at whichever comes first", "URL=http://x\nmap: a=b", { "URL|http://x", "map|a=b" } },
    { "splits a port once", "127.0.0.1:8080:80", { "127.0.0.1|8080:80" } },
    { "splits a volume once", "/data:/data:ro", { "/data|/data:ro" } },
    { "drops a note behind the value", "KEY = v # note", { "KEY|v" } },
    { "drops a note even inside quotes", "KEY='a # b'", { "KEY|'a" } },
    { "keeps a hash without a space before it", "COLOR=#fff", { "COLOR|#fff" } },
    { "cuts a value that starts with a hash after a space", "COLOR= #fff", { "COLOR|" } },
    { "takes the list form of YAML, quotes kept", "- KEY: 'v'", { "KEY|'v'" } },
    { "takes any number of dashes", "---KEY=v", { "KEY|v" } },
    { "keeps dashes of the value", "KEY=--flag", { "KEY|--flag" } },
    { "strips quotes around a whole pair", '"KEY=v"\n\'A: b\'', { "KEY|v", "A|b" } },
    { "strips quotes of two kinds around a pair", "\"KEY=v'", { "KEY|v" } },
    { "keeps quotes around the key alone", '"KEY"=v"', { '"KEY"|v"' } },
    { "keeps quotes around the value alone", 'KEY="v"', { 'KEY|"v"' } },
    { "keeps an opening quote that nothing closes", '"KEY=v', { '"KEY|v' } },
    { "allows an empty value", "KEY=\nA:", { "KEY|", "A|" } },
    { "allows an empty key", "=v", { "|v" } },
    { "skips comments of both kinds", "# one\n// two\n  # three\nA=1", { "A|1" } },
    { "keeps repeated keys in their order", "A=1\nB=2\nA=3", { "A|1", "B|2", "A|3" } },
    { "takes carriage returns for blanks", "A=1\r\nB=2\r\n", { "A|1", "B|2" } },
  }
  for _, case in ipairs(cases) do
    it(case[1], function()
      assert.same(case[3], flat(assert(text.pairs(case[2]))))
    end)
  end

  local broken = {
    { "a line without assignment", "KEY", 0 },
    { "the line by its number in the text", "A=1\n\n# note\nB", 3 },
    { "the line after leading blank lines, which do not count", "\n\nA=1\nB", 1 },
    { "a line of which a note took the rest", "- # KEY=v", 0 },
  }
  for _, case in ipairs(broken) do
    it("refuses " .. case[1], function()
      local pairs_, err = text.pairs(case[2])
      assert.is_nil(pairs_)
      assert.equal(("line %d missing assignment character ('=' or ':')"):format(case[3]), err)
    end)
  end
end)

describe("splitting", function()
  it("gives one empty part of nothing", function()
    assert.same({ "" }, text.split("", ","))
  end)
  it("keeps empty parts at both ends and between", function()
    assert.same({ "", "a", "", "b", "" }, text.split(",a,,b,", ","))
  end)
  it("takes the separator as it is", function()
    assert.same({ "a", "b.c" }, text.split("a.*b.c", ".*"))
  end)
end)

describe("replacing", function()
  it("takes both texts as they are", function()
    assert.equal("a%1b%1", text.replace("a.b.", ".", "%1"))
  end)
  it("does not look into what it inserted", function()
    assert.equal("aaaa", text.replace("aa", "a", "aa"))
  end)
  it("leaves a text without an occurrence alone", function()
    assert.equal("abc", text.replace("abc", "x", "y"))
  end)
end)
