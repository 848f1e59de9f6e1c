--- The documents of the eleven resource types: stored form, list item, query and TOML, all made from one pattern.

local S = require("komodo.schema.dsl")
local resources = require("komodo.schema.resources")

local types = {}

local function add(made)
  types[#types + 1] = made
end

local function info_field(resource)
  local doc = "What the engine keeps about it; never set by users."
  if not resource.info then
    return S.opt("info", "any", "Always null.")
  end
  return S.with("info", resource.info, S.defaults, doc)
end

local function config_field(resource)
  local default = S.defaults
  if resource.name == "Builder" then
    default = {
      type = "Url",
      params = { address = "https://periphery:8120", periphery_public_key = "", insecure_tls = true, passkey = "" },
    }
  end
  return S.with("config", resource.name .. "Config", default, "What the user set.")
end

for _, resource in ipairs(resources) do
  local name = resource.name
  add(S.struct(name, "A " .. resource.called .. " as it is stored.", {
    S.skip("_id", "MongoId", "Id; absent before it is stored."),
    S.must("name", "string", "Name, unique among the " .. resource.called .. "s."),
    S.text("description", "", "Free text."),
    S.flag("template", false, "Meant to be copied rather than run."),
    S.strlist("tags", "Ids of its tags."),
    info_field(resource),
    config_field(resource),
    S.permission("base_permission", "What every user may do with it."),
    S.int("updated_at", 0, "Time of creation or last rename, in milliseconds."),
  }))

  add(S.struct(name .. "ListItem", "A " .. resource.called .. " in a list: no config, but its state.", {
    S.must("id", "string", "Id."),
    S.must("type", "ResourceTargetVariant", "Always `" .. name .. "`."),
    S.must("name", "string", "Name."),
    S.must("template", "bool", "Meant to be copied rather than run."),
    S.must("tags", { "list", "string" }, "Ids of its tags."),
    S.must("info", name .. "ListItemInfo", "State and what the list shows."),
  }))

  add(S.struct(name .. "Query", "Filters a list of " .. resource.called .. "s; empty fields do not filter.", {
    S.strlist("terms", "The name must hold every one of these, in any case."),
    S.strlist("names", "Names or ids to return."),
    S.strlist("tags", "Ids or names of tags."),
    S.with("tag_behavior", "TagQueryBehavior", "All", "Whether all tags must match, or one."),
    S.with("templates", "TemplatesQueryBehavior", "Include", "Whether templates are returned."),
    S.with("specific", name .. "QuerySpecifics", S.defaults, "Filters of this type alone."),
  }))

  add(S.struct(name .. "Toml", "A " .. resource.called .. " in a resource file.", {
    S.must("name", "string", "Name; the entry creates or updates the one so named."),
    S.text("description", "", "Free text.", { skip_empty = true }),
    S.flag("template", false, "Meant to be copied rather than run.", { skip_empty = true }),
    S.strlist("tags", "Names of its tags.", { skip_empty = true }),
    S.flag("deploy", false, "Deploy it when the sync runs (Deployments and Stacks).", { skip_empty = true }),
    S.strlist("after", "Names to be deployed before it.", { skip_empty = true }),
    S.with("config", S.partial(name .. "Config"), name == "Builder" and { type = "Url", params = {} } or {},
      "Config fields that differ from the default."),
  }))
end

return types
