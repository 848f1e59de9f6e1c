-- komodo.interpolate: spec resources.md 3.2 and 3.4.
local interpolate = require("komodo.interpolate")

local variables = { HOST = "example.org", EMPTY = "", ["a b"] = "spaced", NESTED = "[[TOKEN]]", LOOP = "[[LOOP]]", PERCENT = "100%1" }
local secrets = { TOKEN = "s3cret", HOST = "not me" }

local function replace(s)
  local it = interpolate.new(variables, secrets)
  return interpolate.text(it, s), it
end

describe("interpolation", function()
  local cases = {
    { "leaves a text without brackets alone", "KEY=v", "KEY=v" },
    { "leaves an empty text alone", "", "" },
    { "leaves single brackets alone", "a[0] ]] [", "a[0] ]] [" },
    { "puts in a variable", "h=[[HOST]]/x", "h=example.org/x" },
    { "puts in a secret", "t=[[TOKEN]]", "t=s3cret" },
    { "prefers a variable to a secret of the same name", "[[HOST]]", "example.org" },
    { "puts in the same twice", "[[HOST]][[HOST]]", "example.orgexample.org" },
    { "puts in an empty value", "a[[EMPTY]]b", "ab" },
    { "leaves an unknown name as it stands", "[[NOBODY]]", "[[NOBODY]]" },
    { "leaves an empty name as it stands", "[[]]", "[[]]" },
    { "tells upper from lower case", "[[host]]", "[[host]]" },
    { "does not trim names", "[[ HOST ]] [[a b]]", "[[ HOST ]] spaced" },
    { "takes names over a line's end as they are", "[[HO\nST]]", "[[HO\nST]]" },
    { "keeps closing brackets that close nothing", "[[HOST]]]] ]]", "example.org]] ]]" },
    { "resolves a secret that a variable names", "[[NESTED]]", "s3cret" },
    { "does not look into a value again", "[[LOOP]]", "[[LOOP]]" },
    { "takes a value with percent signs as it is", "[[PERCENT]]", "100%1" },
  }
  for _, case in ipairs(cases) do
    it(case[1], function()
      assert.equal(case[3], replace(case[2]))
    end)
  end

  -- An escape loses one pair of brackets per pass, and there are two: variables, then secrets.
  it("unwraps an escape once in each pass", function()
    local it_ = interpolate.new({}, {})
    assert.equal("[[X]]", interpolate.text(it_, "[[[X]]]"))
    assert.equal("s3cret", replace("[[[TOKEN]]]"))
    assert.equal("[[HOST]] and more", interpolate.text(interpolate.new(variables, {}), "[[[HOST]]] and more"))
  end)

  it("drops the closing brackets of an escape after its first", function()
    assert.equal("[[X]] y", interpolate.text(interpolate.new({}, {}), "[[[X]]] y]]]"))
  end)

  local broken = {
    { "an opener at the end", "a[[", "found double opener" },
    { "two openers in a row", "[[[[X]]", "found double opener" },
    { "a name that begins with a foreign character", "[[éa]]", "found double opener" },
    { "an opener that nothing closes", "a [[HOST b", "no closing tags for variable at index 0" },
    { "the second opener by its number", "[[HOST]] [[HOST", "no closing tags for variable at index 1" },
    { "an opener inside a name", "[[HO[[ST]]", "no closing tags for variable at index 0" },
  }
  for _, case in ipairs(broken) do
    it("refuses " .. case[1], function()
      local ok, err = pcall(replace, case[2])
      assert.is_false(ok)
      assert.equal("invalid", err.code)
      assert.truthy(err.message:find("^failed to interpolate variables into target"))
      assert.truthy(err.message:find(case[3], 1, true), err.message)
    end)
  end

  it("says when it is the secrets' pass that failed, without the text", function()
    local ok, err = pcall(interpolate.text, interpolate.new({ V = "[[" }, {}), "a [[V]] b")
    assert.is_false(ok)
    assert.truthy(err.message:find("^failed to interpolate secrets into target"))
  end)
end)

describe("the memory of an interpolation", function()
  it("knows what was replaced and nothing else", function()
    local _, it_ = replace("[[HOST]] [[TOKEN]] [[NOBODY]]")
    assert.same({ HOST = "example.org" }, it_.used_variables)
    assert.same({ TOKEN = "s3cret" }, it_.used_secrets)
  end)

  it("gives secrets to the agent as value and name", function()
    local it_ = interpolate.new({}, { B = "2", A = "1", C = "3" })
    interpolate.text(it_, "[[B]][[A]]")
    assert.same({ { "1", "A" }, { "2", "B" } }, interpolate.replacers(it_))
  end)

  it("shows values of variables and only names of secrets", function()
    local _, it_ = replace("[[HOST]] [[TOKEN]]")
    local plain, hidden = interpolate.log_lines(it_)
    assert.equal('<span class="text-muted-foreground">HOST</span> => example.org', plain)
    assert.equal('<span class="text-muted-foreground">replaced:</span> TOKEN', hidden)
  end)

  it("has no lines when nothing was replaced", function()
    local _, it_ = replace("plain")
    local plain, hidden = interpolate.log_lines(it_)
    assert.is_nil(plain)
    assert.is_nil(hidden)
  end)
end)

describe("interpolation of fields", function()
  it("replaces texts, texts of an object, and each text of a list", function()
    local object = {
      environment = "H=[[HOST]]",
      pre_deploy = { path = "[[HOST]]", command = "echo [[TOKEN]]" },
      extra_args = { "--a=[[HOST]]", "plain" },
      untouched = "[[HOST]]",
    }
    interpolate.fields(interpolate.new(variables, secrets), object, { "environment", "pre_deploy.command", "extra_args[]" })
    assert.same({
      environment = "H=example.org",
      pre_deploy = { path = "[[HOST]]", command = "echo s3cret" },
      extra_args = { "--a=example.org", "plain" },
      untouched = "[[HOST]]",
    }, object)
  end)

  it("passes over a field that is not there", function()
    local object = { a = "x" }
    interpolate.fields(interpolate.new(variables, secrets), object, { "environment", "pre_deploy.command" })
    assert.same({ a = "x" }, object)
  end)
end)
