--- One page of a list that is made anew for each request (spec api.md 8.3). Pure.

local M = {}

--- Those whose name has every term in it, in whatever case.
function M.named(list, terms)
  local kept = {}
  for _, item in ipairs(list) do
    local pass, name = true, item.name:lower()
    for _, term in ipairs(terms) do pass = pass and name:find(term:lower(), 1, true) ~= nil end
    if pass then kept[#kept + 1] = item end
  end
  return kept
end

--- Sorts in place by what `key` makes of an item; those that are alike by name, and then by what `last` makes of them.
function M.sort(list, key, desc, last)
  table.sort(list, function(a, b)
    if desc then a, b = b, a end
    local x, y = key(a), key(b)
    if x ~= y then return x < y end
    if a.name ~= b.name or not last then return a.name < b.name end
    return last(a) < last(b)
  end)
  return list
end

--- The items of a page, the first being 0; limit 0: all of them, whatever the page.
function M.page(list, page, limit)
  if limit == 0 then return list end
  if page > #list // limit then return {} end   -- asked before anything is multiplied: both are as large as somebody likes
  return table.move(list, page * limit + 1, math.min(#list, page * limit + limit), 1, {})
end

return M
