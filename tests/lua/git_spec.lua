-- komodo.script.git, and komodo.script.source.module against a faked engine.
local git = require("komodo.script.git")

local function source(fields)
  local from = { provider = "git.example.com", https = true, account = "", repo = "me/scripts", branch = "main", commit = "" }
  for key, value in pairs(fields or {}) do from[key] = value end
  return from
end

describe("git", function()
  it("lets through what providers, repositories, branches, commits and files are called", function()
    for field, values in pairs({
      git_provider = { "github.com", "127.0.0.1:3000", "[::1]:3000", "git.example.com/gitlab", "localhost" },
      repo = { "owner/name", "group/sub/name.git", "~user/repo", "org/project/_git/a%20b", "a" },
      branch = { "main", "feature/x-1", "v1.0", "fix_#12", "日本" },
      commit = { "0123abc", "0123456789abcdef0123456789ABCDEF01234567" },
      file_path = { "a.lua", "dir/sub/a b.lua", "..a/b..lua", ".hidden/x" },
    }) do
      for _, value in ipairs(values) do
        assert.has_no.errors(function() git.check({ [field] = value }) end, field .. " " .. value)
      end
    end
    git.check({ git_provider = "", repo = "", branch = "", commit = "", file_path = "", other = "\0" })
  end)

  it("refuses what could be an option, a path out, or two things, and names the field", function()
    for field, values in pairs({
      git_provider = { "-x", "user@host", "a b", "host?x", "a/../b", "host\n" },
      repo = { "-x/y", "/etc", "a/../b", "a b", "a\nb", "a?b", "a#b", "a\\b", "a/", ("x"):rep(501) },
      branch = { "--upload-pack=x", "a..b", "a b", "a\1", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b", "a@{1}", "a//b", "a/", "a.lock", "/a" },
      commit = { "main", "012345", "HEAD~1", "0123456789012345678901234567890123456789a", "-123456" },
      file_path = { "/etc/passwd", "../a", "a/../b", "a/..", "a/", "a//b", "./a", "a\0b", "a\\b", ".", ("x"):rep(1001) },
    }) do
      for _, value in ipairs(values) do
        local ok, err = pcall(git.check, { [field] = value })
        assert.is_false(ok, field .. " " .. value)
        assert.equal("invalid", err.code)
        assert.truthy(err.message:find("config." .. field, 1, true))
      end
    end
  end)

  it("gives git nobody's configuration, one protocol, and the login in the environment alone", function()
    local open = table.concat(git.environment("/x", true), "\n")
    assert.truthy(open:find("GIT_CONFIG_VALUE_0=never\nGIT_CONFIG_KEY_1=protocol.https.allow\nGIT_CONFIG_VALUE_1=always", 1, true))
    assert.is_nil(open:find("protocol.http.allow", 1, true))
    assert.is_nil(open:find("Authorization", 1, true))
    assert.truthy(open:find("=initial", 1, true))
    local closed = table.concat(git.environment("/x", false, "Basic abc"), "\n")
    assert.truthy(closed:find("protocol.http.allow", 1, true))
    assert.truthy(closed:find("VALUE_2=false", 1, true), "no redirects with a login")
    assert.truthy(closed:find("=Authorization: Basic abc", 1, true))
    assert.equal(13, tonumber(open:match("GIT_CONFIG_COUNT=(%d+)")))
    assert.equal(14, tonumber(closed:match("GIT_CONFIG_COUNT=(%d+)")))
    assert.is_nil(table.concat(git.fetch_args(source(), "refs/heads/main"), " "):find("abc", 1, true))
  end)

  it("reads listings", function()
    local entries = git.entries("100644 blob 0123abcd      42\ta b.lua\x00120000 blob 99       5\tlink\x00040000 tree 77       -\tdir\x00160000 commit 66       -\tsub\x00")
    assert.same({ mode = "100644", type = "blob", hash = "0123abcd", size = 42 }, entries["a b.lua"])
    assert.equal("120000", entries.link.mode)
    assert.same({ mode = "040000", type = "tree", hash = "77" }, entries.dir)
    assert.equal("commit", entries.sub.type)
    assert.same({}, git.entries(""))
  end)

  it("says what a failure means and what to do", function()
    for stderr, want in pairs({
      ["fatal: could not read Username for 'https://x': terminal prompts disabled\n"] = { "unauthorized", "unauthorized", "config.git_account" },
      ["fatal: unable to access 'https://x/': The requested URL returned error: 403"] = { "unauthorized", "unauthorized", "asks for a login" },
      ["fatal: couldn't find remote ref refs/heads/x"] = { "branch", "not_found", "config.branch" },
      ["fatal: remote error: upload-pack: not our ref 0123"] = { "commit", "not_found", "config.commit" },
      ["fatal: repository 'https://x/' not found"] = { "repo", "not_found", "config.repo" },
      ["fatal: unable to access 'https://x/': The requested URL returned error: 301"] = { "redirect", "remote", "has moved" },
      ["error: index-pack died of signal 25\nfatal: fetch-pack: invalid index-pack output"] = { "size", "too_big", "too large" },
      ["fatal: unable to access 'https://x/': Could not resolve host: x"] = { "network", "remote", "Could not resolve host: x" },
      ["warning: odd\nfatal: something new"] = { "other", "remote", "something new" },
    }) do
      local kind = git.failure(stderr)
      assert.equal(want[1], kind, stderr)
      local err = git.explain(source(), kind, git.words(stderr), false)
      assert.equal(want[2], err.code)
      assert.truthy(err.message:find(want[3], 1, true), err.message)
    end
    local bot = source({ account = "bot" })
    assert.truthy(git.explain(bot, "unauthorized", "", true).message:find("refused the token of the git account 'bot'", 1, true))
    assert.truthy(git.explain(bot, "unauthorized", "", false).message:find("no token of the git account 'bot'", 1, true))
  end)

  it("looks for modules beside the script, then from the root", function()
    assert.same({ "jobs/lib/text.lua", "jobs/lib/text/init.lua", "lib/text.lua", "lib/text/init.lua" }, git.module_paths("jobs/a.lua", "lib.text"))
    assert.same({ "x-y.lua", "x-y/init.lua" }, git.module_paths("a.lua", "x-y"))
    for _, name in ipairs({ "", "..a", "a..b", "a/b", "a.", ".a", "/etc/x", "a b", ("x"):rep(201) }) do
      assert.is_nil(git.module_paths("a.lua", name), name)
    end
  end)
end)

describe("source.module", function()
  local faked = { "engine", "komodo.script.source", "komodo.script.locks", "komodo.secrets", "komodo.update" }
  after_each(function()
    for _, name in ipairs(faked) do package.loaded[name] = nil end
  end)

  local function load(listing, blobs)
    for _, name in ipairs(faked) do package.loaded[name] = nil end
    local asked = {}
    package.loaded["komodo.secrets"], package.loaded["komodo.update"] = {}, {}
    package.loaded["engine"] = {
      conf_path = function() return "/cache" end,
      git = { run = function(options)
        asked[#asked + 1] = table.concat(options.args, " ")
        if options.args[1] == "ls-tree" then return { code = 0, stdout = listing, stderr = "" } end
        return { code = 0, stdout = blobs[options.args[3]], stderr = "" }
      end },
    }
    return require("komodo.script.source"), asked
  end
  local run = { source = { name = "jobs/a.lua", from = source(), clone = { name = "git-1" }, commit = { hash = "c0ffee" } } }

  it("gives the text and the path of the first that is there", function()
    local s, asked = load("100644 blob bb 3\tlib/text.lua\0", { bb = "return 1" })
    local text, name = s.module(run, "lib.text")
    assert.equal("return 1", text)
    assert.equal("lib/text.lua", name)
    assert.same({ "ls-tree --full-tree -l -z c0ffee -- jobs/lib/text.lua jobs/lib/text/init.lua lib/text.lua lib/text/init.lua",
      "cat-file blob bb" }, asked)
  end)

  it("gives nil for what is not there, for no name of a module, and for scripts that are not from git", function()
    local s, asked = load("", {})
    assert.is_nil(s.module(run, "none"))
    assert.equal(1, #asked)
    assert.is_nil(s.module(run, "../etc"))
    assert.is_nil(s.module({}, "lib.text"))
    assert.equal(1, #asked)
  end)

  it("refuses links and what is too large", function()
    local s = load("120000 blob bb 3\tx.lua\0", {})
    local ok, err = pcall(s.module, run, "x")
    assert.is_false(ok)
    assert.truthy(err.message:find("symbolic link", 1, true))
    s = load("100644 blob bb 9999999\tx.lua\0", {})
    ok, err = pcall(s.module, run, "x")
    assert.is_false(ok)
    assert.equal("too_big", err.code)
  end)
end)
