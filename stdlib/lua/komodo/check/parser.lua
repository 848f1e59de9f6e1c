--- Parses Lua 5.4 as far as a checker needs it: names with their scopes, calls, tables, constants, each with its place.
--
--   local tree, problem = parser.parse(source)
--
-- tree.globals   reads and writes of globals: { name, line, column, write }
-- tree.calls     every call: { callee = E, args = { E, … }, line, column }
-- tree.fields    every a.b with a constant name: { kind = "index", … }
-- An expression E has kind, line, column, and
--   name      name, variable (nil for globals; else { init = E or nil, assigned = true after any later assignment })
--   index     object = E, key = E; method = true for a:b
--   string number true false nil   value
--   table     items = { { key = "name" or nil, value = E, line, column }, … }, computed = true if a key is not a constant
--   call      callee, args;  other kinds carry nothing

local lexer = require("komodo.check.lexer")

local M = {}

local DEPTH_MAX = 190   -- what Lua itself accepts is 200

local binary = {
  ["or"] = { 1, 1 }, ["and"] = { 2, 2 }, ["<"] = { 3, 3 }, [">"] = { 3, 3 }, ["<="] = { 3, 3 }, [">="] = { 3, 3 },
  ["~="] = { 3, 3 }, ["=="] = { 3, 3 }, ["|"] = { 4, 4 }, ["~"] = { 5, 5 }, ["&"] = { 6, 6 }, ["<<"] = { 7, 7 },
  [">>"] = { 7, 7 }, [".."] = { 9, 8 }, ["+"] = { 10, 10 }, ["-"] = { 10, 10 }, ["*"] = { 11, 11 }, ["/"] = { 11, 11 },
  ["//"] = { 11, 11 }, ["%"] = { 11, 11 }, ["^"] = { 14, 13 },
}
local UNARY = 12

local P = {}
P.__index = P

-- ---- tokens ----

local function refuse(at, message)
  error({ line = at.line, column = at.column, message = message }, 0)
end

function P:next()
  local token = self.token
  self.at = self.at + 1
  self.token = self.tokens[self.at] or token
  return token
end

function P:accept(kind)
  if self.token.kind == kind then return self:next() end
end

function P:expect(kind, opener)
  if self.token.kind == kind then return self:next() end
  local near = self.token.kind == "string" and "a string" or "'" .. tostring(self.token.value) .. "'"
  local words = ("%s expected near %s"):format(kind == "name" and "a name" or "'" .. kind .. "'", near)
  if opener and opener.line ~= self.token.line then
    words = words .. (" (to close '%s' at line %d)"):format(opener.kind, opener.line)
  end
  refuse(self.token, words)
end

function P:enter()
  self.depth = self.depth + 1
  if self.depth > DEPTH_MAX then refuse(self.token, "nested too deeply") end
end

function P:leave() self.depth = self.depth - 1 end

-- ---- scopes ----

function P:open() self.scope = setmetatable({}, { __index = self.scope, up = self.scope }) end
function P:close() self.scope = getmetatable(self.scope).up end

function P:declare(name, init)
  local variable = { init = init }
  self.scope[name] = variable
  return variable
end

function P:name(token)
  local variable = self.scope[token.value]
  local made = { kind = "name", name = token.value, line = token.line, column = token.column, variable = variable }
  if not variable and not self.scope._ENV then
    made.global = { name = token.value, line = token.line, column = token.column }
    self.globals[#self.globals + 1] = made.global
  end
  return made
end

-- ---- expressions ----

local function at(token, kind, made)
  made = made or {}
  made.kind, made.line, made.column = kind, token.line, token.column
  return made
end

function P:table()
  local open = self:expect("{")
  local made = at(open, "table", { items = {} })
  while self.token.kind ~= "}" do
    local item = { line = self.token.line, column = self.token.column }
    if self.token.kind == "name" and self.tokens[self.at + 1].kind == "=" then
      item.key = self:next().value
      self:next()
    elseif self:accept("[") then
      local key = self:expression()
      self:expect("]")
      self:expect("=")
      if key.kind == "string" then item.key = key.value else item.other, made.computed = true, true end
    end
    item.value = self:expression()
    made.items[#made.items + 1] = item
    if not self:accept(",") and not self:accept(";") then break end
  end
  self:expect("}", open)
  return made
end

function P:arguments()
  local token = self.token
  if token.kind == "string" then return { at(self:next(), "string", { value = token.value }) } end
  if token.kind == "{" then return { self:table() } end
  local open = self:expect("(")
  local args = self.token.kind ~= ")" and self:expressions() or {}
  self:expect(")", open)
  return args
end

function P:index(object, token, method)
  local key = at(token, "string", { value = token.value })
  local made = at(token, "index", { object = object, key = key, method = method })
  self.fields[#self.fields + 1] = made
  return made
end

function P:call(callee)
  local made = at(callee, "call", { callee = callee })
  made.args = self:arguments()
  self.calls[#self.calls + 1] = made
  return made
end

function P:suffixed()
  local token, made = self.token, nil
  if token.kind == "name" then
    made = self:name(self:next())
  elseif token.kind == "(" then
    self:next()
    made = at(token, "paren", { inner = self:expression() })
    self:expect(")", token)
  else
    refuse(token, "unexpected " .. (token.kind == "string" and "string" or "'" .. tostring(token.value) .. "'"))
  end
  while true do
    local kind = self.token.kind
    if kind == "." then
      self:next()
      made = self:index(made, self:expect("name"))
    elseif kind == "[" then
      local open = self:next()
      made = at(open, "index", { object = made, key = self:expression() })
      self:expect("]")
    elseif kind == ":" then
      self:next()
      made = self:call(self:index(made, self:expect("name"), true))
    elseif kind == "(" or kind == "string" or kind == "{" then
      made = self:call(made)
    else
      return made
    end
  end
end

local constants = { ["nil"] = true, ["true"] = true, ["false"] = true, number = true, string = true, ["..."] = true }

function P:simple()
  local token = self.token
  if constants[token.kind] then
    self:next()
    return at(token, token.kind, { value = token.value })
  elseif token.kind == "{" then
    return self:table()
  elseif token.kind == "function" then
    self:next()
    self:body(token)
    return at(token, "function")
  end
  return self:suffixed()
end

function P:expression(limit)
  self:enter()
  local token = self.token
  local left
  if token.kind == "not" or token.kind == "-" or token.kind == "~" or token.kind == "#" then
    self:next()
    local inner = self:expression(UNARY)
    local negative = token.kind == "-" and inner.kind == "number"
    left = negative and at(token, "number", { value = -inner.value }) or at(token, "unary", { sign = token.kind })
  else
    left = self:simple()
  end
  while true do
    local power = binary[self.token.kind]
    if not power or power[1] <= (limit or 0) then break end
    local sign = self:next().kind
    self:expression(power[2])
    left = at(token, "binary", { sign = sign })
  end
  self:leave()
  return left
end

function P:expressions()
  local list = { self:expression() }
  while self:accept(",") do list[#list + 1] = self:expression() end
  return list
end

-- ---- statements ----

function P:body(opener, has_self)
  local open = self:expect("(")
  self:open()
  if has_self then self:declare("self") end
  while self.token.kind ~= ")" do
    if self:accept("...") then break end
    self:declare(self:expect("name").value)
    if not self:accept(",") then break end
  end
  self:expect(")", open)
  self:block()
  self:expect("end", opener)
  self:close()
end

function P:scoped(opener, last)
  self:open()
  self:block()
  if last then self:expect(last, opener) end
  self:close()
end

local S = {}

S["if"] = function(self)
  local opener = self:next()
  self:expression()
  self:expect("then")
  self:scoped(opener)
  while self:accept("elseif") do
    self:expression()
    self:expect("then")
    self:scoped(opener)
  end
  if self:accept("else") then self:scoped(opener) end
  self:expect("end", opener)
end

S["while"] = function(self)
  local opener = self:next()
  self:expression()
  self:expect("do")
  self:scoped(opener, "end")
end

S["do"] = function(self) self:scoped(self:next(), "end") end

S["for"] = function(self)
  local opener = self:next()
  local names = { self:expect("name").value }
  while self:accept(",") do names[#names + 1] = self:expect("name").value end
  if not (#names == 1 and self:accept("=")) then self:expect("in") end
  self:expressions()
  self:expect("do")
  self:open()
  for _, name in ipairs(names) do self:declare(name) end
  self:block()
  self:expect("end", opener)
  self:close()
end

S["repeat"] = function(self)
  local opener = self:next()
  self:open()
  self:block()
  self:expect("until", opener)
  self:expression()
  self:close()
end

S["function"] = function(self)
  local opener, method = self:next(), nil
  local target = self:name(self:expect("name"))
  while not method and (self.token.kind == "." or self.token.kind == ":") do
    method = self:next().kind == ":"
    target = at(self.token, "index", { object = target, key = at(self:expect("name"), "string") })
  end
  if target.global then target.global.write = true end
  self:body(opener, method)
end

S["local"] = function(self)
  self:next()
  if self:accept("function") then
    local name = self:expect("name")
    self:declare(name.value)
    self:body(name)
    return
  end
  local names = {}
  repeat
    names[#names + 1] = self:expect("name").value
    if self:accept("<") then
      self:expect("name")
      self:expect(">")
    end
  until not self:accept(",")
  local values = self:accept("=") and self:expressions() or {}
  for i, name in ipairs(names) do self:declare(name, values[i]) end
end

S["return"] = function(self)
  self:next()
  local kind = self.token.kind
  if kind ~= "end" and kind ~= "eof" and kind ~= "else" and kind ~= "elseif" and kind ~= "until" and kind ~= ";" then
    self:expressions()
  end
  self:accept(";")
  return true
end

S["break"] = function(self) self:next() end

S["goto"] = function(self)
  self:next()
  self:expect("name")
end

S["::"] = function(self)
  self:next()
  self:expect("name")
  self:expect("::")
end

S[";"] = function(self) self:next() end

local function assigned(target)
  if target.kind == "name" then
    if target.global then target.global.write = true end
    if target.variable then target.variable.assigned = true end
  elseif target.kind ~= "index" then
    refuse(target, "cannot be assigned to")
  end
end

function P:plain_statement()
  local first = self:suffixed()
  if self.token.kind ~= "=" and self.token.kind ~= "," then
    if first.kind ~= "call" then refuse(self.token, "syntax error near '" .. tostring(self.token.value) .. "'") end
    return
  end
  assigned(first)
  while self:accept(",") do assigned(self:suffixed()) end
  self:expect("=")
  self:expressions()
end

local ends = { ["end"] = true, eof = true, ["else"] = true, ["elseif"] = true, ["until"] = true }

function P:block()
  self:enter()
  while not ends[self.token.kind] do
    local statement = S[self.token.kind] or self.plain_statement
    if statement(self) then break end
  end
  self:leave()
end

local function parse(tokens)
  local self = setmetatable({ tokens = tokens, at = 1, token = tokens[1], depth = 0, scope = {}, globals = {}, calls = {},
    fields = {} }, P)
  self:open()
  self:block()
  if self.token.kind ~= "eof" then self:expect("eof") end
  return self
end

--- The tree of a source, or nil and { line, column, message }.
function M.parse(source)
  local tokens, problem = lexer.tokens(source)
  if not tokens then return nil, problem end
  local ok, result = pcall(parse, tokens)
  if ok then return result end
  if type(result) ~= "table" then error(result, 0) end
  return nil, result
end

return M
