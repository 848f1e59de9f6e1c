--- The tables of the `komodo` module that hold functions: komodo.time and the like (spec lua.md 3).
---
---   { name, doc, functions = { { name, signature, doc, cats = { "@param …", … } }, … }, fields = { { name, value, doc }, … } }

local events = require("komodo.check.events")

local M = {}

local PROBLEM = "@return komodo.Error? problem"

local function fn(name, signature, doc, ...)
  return { name = name, signature = signature, doc = doc, cats = { ... } }
end

local MS, ZONE, BY_NOW = "@param ms? integer Unix milliseconds; now without", "@param zone? string IANA name; UTC without", "@return integer? ms"

M.list = {
  { name = "base64", doc = "Base64.", functions = {
    fn("encode", "(bytes)", "Base64 of bytes.", "@param bytes string", "@return string"),
    fn("decode", "(text)", "The bytes of a base64 text.", "@param text string", "@return string? bytes", PROBLEM),
  } },
  { name = "hex", doc = "Hexadecimal.", functions = {
    fn("encode", "(bytes)", "Two digits for each byte.", "@param bytes string", "@return string"),
    fn("decode", "(text)", "The bytes of hexadecimal digits.", "@param text string", "@return string? bytes", PROBLEM),
  } },
  { name = "url", doc = "Parts of URLs.", functions = {
    fn("encode", "(text)", "Percent encoding.", "@param text string", "@return string"),
    fn("decode", "(text)", "Reads percent encoding; a plus is a space.", "@param text string", "@return string? text", PROBLEM),
    fn("query", "(fields)", "\"a=1&b=x%20y\", by name.", "@param fields table<string, any>", "@return string"),
  } },
  { name = "semver", doc = "Versions.", functions = {
    fn("parse", "(text)", "The parts of a version; nil when it is none.", "@param text string",
      "@return { major: integer, minor: integer, patch: integer, pre: string, build: string }?"),
    fn("compare", "(a, b)", "-1, 0 or 1: which comes first.", "@param a string", "@param b string", "@return integer"),
    fn("sort", "(list)", "Sorts versions in place, the oldest first.", "@param list string[]", "@return string[] list"),
  } },
  { name = "json", doc = "JSON. Arrays are marked, so that empty ones stay arrays.", functions = {
    fn("encode", "(value, options)", "JSON text; raises for what has none.", "@param value any",
      "@param options? { pretty?: boolean, sorted?: boolean }", "@return string"),
    fn("decode", "(text)", "The value of a JSON text.", "@param text string", "@return any? value", PROBLEM),
    fn("array", "(t)", "Marks a table, or a new one, as an array.", "@param t? table", "@return any[]"),
    fn("object", "(t)", "Takes the mark of an array away.", "@param t? table", "@return table"),
    fn("is_array", "(value)", "Whether it is marked as an array.", "@param value any", "@return boolean"),
  }, fields = { { name = "null", value = "lightuserdata", doc = "null of JSON." } } },
  { name = "toml", doc = "TOML.", functions = {
    fn("encode", "(value)", "TOML of a table, keys sorted; raises for what has none.", "@param value table<string, any>", "@return string"),
    fn("decode", "(text)", "The table of a TOML text of up to 512 KB; dates are texts.", "@param text string", "@return table<string, any>? value", PROBLEM),
  } },
  { name = "yaml", doc = "YAML.", functions = {
    fn("encode", "(value)", "YAML of a value, keys sorted.", "@param value any", "@return string"),
    fn("decode", "(text)", "The value of a YAML text of up to 512 KB.", "@param text string", "@return any? value", PROBLEM),
  } },
  { name = "time", doc = "Time. Instants are Unix milliseconds, zones IANA names.", functions = {
    fn("parse", "(text, zone)", "The instant of an ISO 8601 text; without an offset in it, of the zone.", "@param text string", ZONE, BY_NOW, PROBLEM),
    fn("format", "(ms, zone)", "ISO 8601 of an instant.", MS, ZONE, "@return string? text", PROBLEM),
    fn("parts", "(ms, zone)", "What calendar and clock show.", MS, ZONE, "@return komodo.TimeParts? parts", PROBLEM),
    fn("from", "(parts, zone)", "The instant of parts; they may be out of range.",
      "@param parts { year: integer, month?: integer, day?: integer, hour?: integer, min?: integer, sec?: integer, ms?: integer, offset?: integer }",
      ZONE, BY_NOW, PROBLEM),
    fn("weekday", "(ms, zone)", "1 for Monday to 7 for Sunday, and its name.", MS, ZONE, "@return integer? day", "@return string|komodo.Error name"),
    fn("add", "(ms, amounts, zone)", "Later or earlier: years to days by the calendar of the zone, hours and less as time passes.", MS,
      "@param amounts { years?: integer, months?: integer, weeks?: integer, days?: integer, hours?: number, minutes?: number, seconds?: number, ms?: number }",
      ZONE, BY_NOW, PROBLEM),
    fn("diff", "(from, to, unit, zone)", "How much later `to` is; days and more as whole ones of the calendar.", "@param from integer", "@param to integer",
      '@param unit? "ms"|"seconds"|"minutes"|"hours"|"days"|"weeks"|"months"|"years" seconds without', ZONE, "@return number? amount", PROBLEM),
    fn("start_of", "(ms, unit, zone)", "Begin of the unit an instant is in.", MS, '@param unit "hour"|"day"|"week"|"month"|"year"', ZONE, BY_NOW, PROBLEM),
    fn("next", "(schedule, options)", "When a cron line or an English schedule is due next.", "@param schedule string",
      '@param options? { zone?: string, format?: "Cron"|"English", after?: integer }', BY_NOW, PROBLEM),
  } },
  { name = "kv", doc = "Small durable state of this Action.", functions = {
    fn("get", "(key)", "The value and its version; nil and 0 when there is none.", "@param key string", "@return any? value",
      "@return integer|komodo.Error version"),
    fn("set", "(key, value, options)", "Stores a value; with a version only when that is the stored one.", "@param key string", "@param value any",
      "@param options? { version?: integer }", "@return integer? version", PROBLEM),
    fn("delete", "(key)", "Removes it; whether there was one.", "@param key string", "@return boolean? existed", PROBLEM),
    fn("incr", "(key, by)", "Adds to a number and returns it.", "@param key string", "@param by? number 1 without", "@return number? value", PROBLEM),
    fn("list", "(prefix)", "Keys that begin so, in order.", "@param prefix? string", "@return string[]? keys", PROBLEM),
  } },
}

--- Tables that can be called too; their functions.
M.callable = {
  log = { fn("info", "(...)", "A line in the log.", "@param ... any"), fn("warn", "(...)", "A line that begins with WARN.", "@param ... any"),
    fn("error", "(...)", "A line that begins with ERROR.", "@param ... any") },
  http = {
    fn("get", "(url, request)", "An HTTP request with GET.", "@param url string", "@param request? komodo.HttpFields", "@return komodo.HttpResponse? response", PROBLEM),
    fn("post", "(url, request)", "An HTTP request with POST.", "@param url string", "@param request? komodo.HttpFields",
      "@return komodo.HttpResponse? response", PROBLEM),
  },
}

--- Classes that the functions name.
M.classes = events.luacats() .. [[

---@class komodo.TimeParts
---@field year integer
---@field month integer
---@field day integer
---@field hour integer
---@field min integer
---@field sec integer
---@field ms integer
---@field weekday integer 1 for Monday to 7 for Sunday.
---@field yearday integer
---@field offset integer Seconds ahead of UTC.
---@field zone string

---@class komodo.HttpFields
---@field headers? table<string, string|komodo.Secret>
---@field body? string|komodo.Secret
---@field json? any
---@field form? table<string, any>
---@field timeout? number Seconds; 30 without, with on_chunk 3600.
---@field on_chunk? fun(bytes: string): boolean? Takes the body piece by piece; false ends the transfer.

---@class komodo.HttpRequest: komodo.HttpFields
---@field url string
---@field method? string

---@class komodo.HttpResponse
---@field status integer
---@field headers table<string, string> Names in lower case.
---@field body string Bytes; nil when on_chunk took them.
---@field url string Of the last redirect.

--- Becomes the value of the secret inside requests; prints as <NAME>.
---@class komodo.Secret
---@operator concat(string): komodo.Secret

---@class komodo.Task
---@field wait fun(self: komodo.Task): any What the function returned.
---@field cancel fun(self: komodo.Task)
---@field is_over fun(self: komodo.Task): boolean
]]

--- "time" -> { parse = true, … }
M.names = {}
for _, space in ipairs(M.list) do
  M.names[space.name] = {}
  for _, member in ipairs(space.functions) do M.names[space.name][member.name] = true end
  for _, member in ipairs(space.fields or {}) do M.names[space.name][member.name] = true end
end
for name, functions in pairs(M.callable) do
  M.names[name] = {}
  for _, member in ipairs(functions) do M.names[name][member.name] = true end
end

return M
