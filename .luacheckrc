std = "lua54"
max_line_length = 180
-- The state of the engine's policy has its own table; the language's are extended by nothing.
read_globals = { "engine" }
files["tests/lua"] = { std = "lua54+busted" }
files["stdlib/lua/komodo/_core"] = { read_globals = {}, globals = { "engine", "komodo", "print", "coroutine", "require", "string", "load" } }
-- `local guard <close>` is used by going out of scope.
ignore = { "211/guard", "211/forget" }
