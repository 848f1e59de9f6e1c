std = "lua54"
max_line_length = 180
-- The state of the engine's policy has its own table; the language's are extended by nothing.
read_globals = { "engine" }
files["tests/lua"] = { std = "lua54+busted" }
files["stdlib/lua/komodo/_core"] = { read_globals = {}, globals = { "engine", "komodo", "print", "coroutine", "require", "string", "load" } }
files["actions-examples"] = { read_globals = { "komodo", "ARGS" } }
files["actions-examples/spec"] = { std = "lua54+busted" }
files["km"] = { globals = { "arg" } }
-- `local guard <close>` is used by going out of scope.
-- 581: `not (x > y)` refuses NaN as well, `x <= y` does not.
ignore = { "211/guard", "211/forget", "211/unlock", "581" }
