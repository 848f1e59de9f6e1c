--- komodo.toml and komodo.yaml: arrays stay arrays, whole numbers whole, null is komodo.json.null. Dates and times of TOML are
--- texts as they were written.

local komodo, core, json = ...
local freeze, is_array, null = core.freeze, json.is_array, json.null
local toml_text, yaml_text = core.part("toml_text"), core.part("yaml_text")

komodo.toml = freeze {
  --- The table of a TOML text of up to 512 KB; nil, err with line and column.
  decode = core.untoml,
  --- TOML of a table with text keys, sorted; raises for what TOML cannot say (null, a list at the top).
  encode = function(value) return toml_text.encode(value, is_array) end,
}

komodo.yaml = freeze {
  --- The value of one YAML document of up to 512 KB; nil, err with line and column. Aliases count as what they stand for.
  decode = core.unyaml,
  --- YAML of a value, keys sorted.
  encode = function(value) return yaml_text.encode(value, is_array, null, toml_text.number) end,
}
