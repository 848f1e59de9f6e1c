--- Commands of scripts in terminals: what is typed, what comes back (komodo.script.terminal_text).
local text = require("komodo.script.terminal_text")

describe("what is typed", function()
  local function evaluated(command)
    local typed = text.line(command)
    assert.is_nil(typed:find("[\n\t!]"), "one line, no key of an editor")
    local out = assert(io.popen("dash -c '" .. typed:gsub("'", "'\\''") .. "' 2>/dev/null", "r"))
    local said = out:read("a")
    local _, _, code = out:close()
    return said, code
  end

  local cases = {
    { "plain", "echo hello", "hello\n", 0 },
    { "quotes of both kinds", [[echo "it's" 'a "b"']], "it's a \"b\"\n", 0 },
    { "backslashes", [[printf '%s' 'a\b\\c']], [[a\b\\c]], 0 },
    { "percent signs", "echo 100%", "100%\n", 0 },
    { "an exclamation mark", "echo hi!", "hi!\n", 0 },
    { "lines and tabs", "for i in 1 2\ndo\n\techo $i\ndone", "1\n2\n", 0 },
    { "a comment at the end", "echo x # y", "x\n", 0 },
    { "exit leaves the subshell alone", "exit 7", "", 7 },
    { "an ampersand at the end", "true &", "", 0 },
    { "text beyond ASCII", "echo grüße", "grüße\n", 0 },
    { "a here document", "cat <<E\nin\nE", "in\n", 0 },
  }
  for _, case in ipairs(cases) do
    it(case[1], function() assert.same({ case[3], case[4] }, { evaluated(case[2]) }) end)
  end
  it("an open quote is the command's mistake alone", function()
    local _, code = evaluated("echo 'open")
    assert.not_equal(0, code)
  end)
end)

describe("what comes back", function()
  local CODE, END = "__KOMODO_EXIT_CODE:", "__KOMODO_END_OF_OUTPUT__"
  local function read(stream, step)
    local output, lines = text.output(), {}
    for i = 1, #stream, step do
      output:feed(stream:sub(i, i + step - 1))
      for _, line in ipairs(output:take()) do lines[#lines + 1] = line end
    end
    return { lines, output.code, output.newline }
  end

  local cases = {
    { "nothing", "\n\n" .. CODE .. "0\n" .. END, { {}, 0, true } },
    { "lines", "\none\ntwo\n\n" .. CODE .. "3\n" .. END, { { "one", "two" }, 3, true } },
    { "no end of the last line", "\nabc\n" .. CODE .. "0\n" .. END, { { "abc" }, 0, false } },
    { "empty lines", "\n\n\nx\n\n\n" .. CODE .. "0\n" .. END, { { "", "", "x", "" }, 0, true } },
    { "carriage returns", "\na\r\nb\r\r\n\n" .. CODE .. "0\n" .. END, { { "a", "b" }, 0, true } },
    { "a line like the code", "\n" .. CODE .. "1\n\n" .. CODE .. "2\nx\n\n" .. CODE .. "0\n" .. END,
      { { CODE .. "1", "", CODE .. "2", "x" }, 0, true } },
    { "a line like the end", "\n" .. END .. "\n\n" .. CODE .. "0\n" .. END, { { END }, 0, true } },
    { "bytes that are no text", "\nx\xFFy\xC3\n\n" .. CODE .. "0\n" .. END, { { "x\u{FFFD}y\u{FFFD}" }, 0, true } },
    { "an end that does not come", "\nx\n\n" .. CODE .. "0\n", { { "x" } } },
  }
  for _, case in ipairs(cases) do
    it(case[1], function()
      for _, step in ipairs({ 1, 3, 7, 1000 }) do assert.same(case[3], read(case[2], step)) end
    end)
  end
  it("holds an empty line back, but no other", function()
    local output = text.output()
    output:feed("\none\n")
    assert.same({ "one" }, output:take())
    output:feed("\n")
    assert.same({}, output:take())
    output:feed("two\n")
    assert.same({ "", "two" }, output:take())
  end)
end)
