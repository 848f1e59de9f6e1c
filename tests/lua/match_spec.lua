-- komodo.match: spec api.md 12.3.
local match = require("komodo.match")

--- A stand-in for the engine's regular expressions: Lua patterns, the one named "(" is invalid.
local function regex(pattern)
  if pattern == "(" then
    error({ code = "invalid", message = "Regex matching string invalid: missing )" }, 0)
  end
  return function(name)
    return name:find(pattern) ~= nil
  end
end

local function selected(pattern, names)
  local test, out = match.predicate(pattern, regex), {}
  for _, name in ipairs(names) do
    if test(name) then
      out[#out + 1] = name
    end
  end
  return out
end

describe("a pattern", function()
  local names = { "web", "web-1", "web-22", "Web", "db", "a*b", "a?b", "axb", "a\\b", "é" }
  local cases = {
    { "selects nothing when it is empty", "", {} },
    { "selects nothing when it is a comment", "# web", {} },
    { "without wildcards is the whole name", "web", { "web" } },
    { "tells upper from lower case", "Web", { "Web" } },
    { "takes * for any run, also an empty one", "web*", { "web", "web-1", "web-22" } },
    { "takes * alone for every name", "*", names },
    { "takes * in the middle", "w*2", { "web-22" } },
    { "takes several *", "*e*-*", { "web-1", "web-22" } },
    { "takes ** like *", "**b", { "web", "Web", "db", "a*b", "a?b", "axb", "a\\b" } },
    { "takes ? for exactly one byte", "web-?", { "web-1" } },
    { "takes ? for a byte, not a character", "??", { "db", "é" } },
    { "takes an escaped * for a star", "a\\*b", { "a*b" } },
    { "takes an escaped ? for a question mark", "a\\?b", { "a?b" } },
    { "takes an escaped \\ for a backslash", "a\\\\b", { "a\\b" } },
    { "with several entries selects what any of them does, once", "db, *b\n# w\nweb", { "web", "Web", "db", "a*b", "a?b", "axb", "a\\b" } },
    { "between backslashes is a regular expression", "\\^w.*%d$\\", { "web-1", "web-22" } },
    { "between backslashes is not anchored", "\\eb\\", { "web", "web-1", "web-22", "Web" } },
    { "mixes both kinds", "\\^d\\, axb", { "db", "axb" } },
    { "of two backslashes is the regular expression that finds everything", "\\\\", names },
    { "does not read other signs as magic", "a.b", {} },
  }
  for _, case in ipairs(cases) do
    it(case[1], function()
      assert.same(case[3], selected(case[2], names))
    end)
  end

  local broken = {
    { "a lone backslash", "\\", "^Regex matching string invalid" },
    { "a regular expression that is not one", "web, \\(\\", "^Regex matching string invalid" },
    { "an escape of an ordinary sign", "a\\b", "^Wildcard matching string invalid" },
    { "an escape at the end", "ab\\", "^Wildcard matching string invalid" },
  }
  for _, case in ipairs(broken) do
    it("refuses " .. case[1], function()
      local ok, err = pcall(match.predicate, case[2], regex)
      assert.is_false(ok)
      assert.equal("invalid", err.code)
      assert.truthy(err.message:find(case[3]))
    end)
  end

  it("quotes a percent sign of a refused entry as it is", function()
    local _, err = pcall(match.predicate, "100%d\\x", regex)
    assert.truthy(err.message:find("100%d\\x", 1, true))
  end)

  it("made to be slow is not", function()
    local test = match.predicate(("*a"):rep(40) .. "b", regex)
    local steps = 0
    debug.sethook(function() steps = steps + 1 end, "", 1000)
    local found = test(("a"):rep(2000))
    debug.sethook()
    assert.is_false(found)
    assert.is_true(steps < 3000, steps .. " thousand steps")
  end)
end)
