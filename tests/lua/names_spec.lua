-- komodo.names: spec resources.md 1.4.
local names = require("komodo.names")

local cases = {
  { "general", "  My Server \n", "My Server", "keeps inner spaces, drops outer ones" },
  { "general", "two\nlines", "two_lines", "writes a line break as an underscore" },
  { "general", "Büro & Co/1", "Büro & Co/1", "leaves everything else alone" },
  { "general", " \t\n ", "", "has nothing left of blanks" },
  { "path", " my repo ", "my_repo", "writes spaces as underscores" },
  { "path", "a\nb c", "a_b_c", "writes line breaks as underscores" },
  { "path", "org/repo.git", "org/repo.git", "keeps what a path is made of" },
  { "container", " My App.v1-2_x ", "My_App.v1-2_x", "keeps letters, digits, dot, dash and underscore" },
  { "container", "__..-app", "app", "drops what may not stand first" },
  { "container", "/web:1", "web_1", "strips after replacing" },
  { "container", "caféx", "caf_x", "writes a character of two bytes as one underscore" },
  { "container", "a🦎b", "a_b", "writes a character of four bytes as one underscore" },
  { "container", "é", "", "has nothing left of foreign characters alone" },
  { "docker", " My Stack.1 ", "my_stack_1", "lowers letters, and takes no dot" },
  { "docker", "-_9Lives", "9lives", "lets a digit stand first" },
  { "docker", "ÀB", "b", "drops a foreign character that would stand first" },
  { "docker", "aÀ-b", "a_-b", "keeps dashes" },
}

describe("a name", function()
  for _, case in ipairs(cases) do
    local rule, raw, wanted, why = table.unpack(case)
    it(("by the %s rule %s: %q"):format(rule, why, raw), function()
      assert.equal(wanted, names.normalise(rule, raw))
    end)

    it(("by the %s rule is in form afterwards: %q"):format(rule, raw), function()
      local once = names.normalise(rule, raw)
      assert.equal(once, names.normalise(rule, once))
    end)
  end

  it("comes alone, without the count of its replacements", function()
    for _, rule in ipairs({ "general", "path", "container", "docker" }) do
      assert.equal(1, select("#", names.normalise(rule, "a b")))
    end
  end)
end)

describe("an object id", function()
  for text, wanted in pairs({
    ["0123456789abcdefABCDEF01"] = true,
    ["0123456789abcdefABCDEF0"] = false,
    ["0123456789abcdefABCDEF012"] = false,
    ["0123456789abcdefABCDEFg1"] = false,
    ["0123456789abcdef ABCDEF1"] = false,
    [""] = false,
  }) do
    it(("is %s for %q"):format(wanted and "seen" or "not seen", text), function()
      assert.equal(wanted, names.is_object_id(text))
    end)
  end
end)
