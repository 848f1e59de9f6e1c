--- Reads a TypeScript declaration file: just enough of the language for the published clients' types.d.ts.
--
-- parse(text) returns { Name = declaration }, a declaration being
--   { kind = "interface", params = {…}, members = { member, … } }    member = { name, optional, type }
--   { kind = "enum", values = { "Ok", … } }
--   { kind = "alias", params = {…}, type }
-- and a type { tag = "name", name, args } | "array" (of) | "object" (members) | "union" (of) | "literal" (value) | "index" (of, key).

local M = {}

local function tokens_of(text)
  text = text:gsub("/%*.-%*/", " "):gsub("//[^\n]*", " ")
  local tokens, at = {}, 1
  while true do
    at = text:find("%S", at)
    if not at then
      return tokens
    end
    local token = text:match('^"[^"]*"', at) or text:match("^[%a_$][%w_$]*", at) or text:sub(at, at)
    tokens[#tokens + 1] = token
    at = at + #token
  end
end

function M.parse(text)
  local tokens, at = tokens_of(text), 1
  local parse_type

  local function peek()
    return tokens[at]
  end
  local function take(expected)
    local token = tokens[at]
    assert(token, "unexpected end of file")
    assert(not expected or token == expected, ("expected %s, found %s"):format(expected, token))
    at = at + 1
    return token
  end
  local function accept(token)
    if tokens[at] == token then
      at = at + 1
      return true
    end
  end

  local function parse_members()
    local members = {}
    take("{")
    while not accept("}") do
      local member = { name = take():gsub('"', ""), optional = accept("?") or false }
      take(":")
      member.type = parse_type()
      if not accept(";") then
        accept(",")
      end
      members[#members + 1] = member
    end
    return members
  end

  local function parse_arguments()
    local arguments = {}
    if accept("<") then
      repeat
        arguments[#arguments + 1] = parse_type()
      until not accept(",")
      take(">")
    end
    return arguments
  end

  local function parse_single()
    local made
    if peek() == "{" then
      made = { tag = "object", members = parse_members() }
    elseif peek() == "(" then
      take("(")
      made = parse_type()
      take(")")
    elseif peek():sub(1, 1) == '"' then
      made = { tag = "literal", value = take():sub(2, -2) }
    else
      made = { tag = "name", name = take() }
      while accept(".") do
        made.name = take()   -- the last of Types.Name
      end
      made.args = parse_arguments()
    end
    while accept("[") do
      if peek() == "]" then
        made = { tag = "array", of = made }
      else
        made = { tag = "index", of = made, key = take():sub(2, -2) }
      end
      take("]")
    end
    return made
  end

  function parse_type()
    accept("|")
    local first = parse_single()
    if peek() ~= "|" then
      return first
    end
    local all = { first }
    while accept("|") do
      all[#all + 1] = parse_single()
    end
    return { tag = "union", of = all }
  end

  local function parse_parameters()
    local names = {}
    if accept("<") then
      repeat
        names[#names + 1] = take()
      until not accept(",")
      take(">")
    end
    return names
  end

  local declared = {}
  while at <= #tokens do
    local word = take()
    if word == "interface" then
      local name = take()
      local params = parse_parameters()
      declared[name] = { kind = "interface", params = params, members = parse_members() }
    elseif word == "enum" then
      local name, values = take(), {}
      take("{")
      while not accept("}") do
        take()
        take("=")
        values[#values + 1] = take():sub(2, -2)
        accept(",")
      end
      declared[name] = { kind = "enum", values = values }
    elseif word == "type" then
      local name = take()
      local params = parse_parameters()
      take("=")
      declared[name] = { kind = "alias", params = params, type = parse_type() }
      accept(";")
    elseif word == "import" then
      repeat until take() == ";"
    else
      assert(word == "export" or word == "declare" or word == ";" or word == "{" or word == "}", "unexpected " .. word)
    end
  end
  return declared
end

function M.read(path)
  local file = assert(io.open(path))
  local text = file:read("a")
  file:close()
  return M.parse(text)
end

return M
