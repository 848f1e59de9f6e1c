--- Keeps the tags of stacks in line with the server they run on.
--
-- What: a stack gets the mapped tag of its server and loses the other mapped ones; tags outside the map stay.
-- Args: map = { ["web-1"] = "prod", ["web-2"] = "staging" }, dry_run = false
-- Trigger: schedule, or event on = { "update:UpdateStack" }
-- capabilities: read:ListStacks, read:ListTags, write:UpdateResourceMeta

local map = assert(komodo.args.map, "args.map: which server gives which tag?")
local name_of, managed = {}, {}
for _, tag in ipairs(assert(komodo.read("ListTags"))) do name_of[tag._id["$oid"]] = tag.name end
for _, tag in pairs(map) do managed[tag] = true end

local changed = komodo.json.array({})
for _, stack in ipairs(assert(komodo.read("ListStacks"))) do
  local wanted = map[stack.info.server_name]
  local tags, had, differs = komodo.json.array({}), false, false
  for _, id in ipairs(stack.tags) do
    local name = name_of[id] or id
    if name == wanted then had = true end
    if managed[name] and name ~= wanted then differs = true else tags[#tags + 1] = name end
  end
  if wanted and not had then
    tags[#tags + 1] = wanted
    differs = true
  end
  if differs then
    komodo.log(stack.name .. ": " .. table.concat(tags, ", "))
    if not komodo.args.dry_run then
      assert(komodo.write("UpdateResourceMeta", { target = { type = "Stack", id = stack.id }, tags = tags }))
    end
    changed[#changed + 1] = stack.name
  end
end
return { changed = changed }
