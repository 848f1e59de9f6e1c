--- Reports what runs where: every stack and deployment with its images.
--
-- What: a table in the log, and as Markdown to a chat webhook when `post` names one; secret REPORT_AUTH is its Authorization.
-- Args: post = "https://chat.example.com/hook" (absent: the log alone)
-- Trigger: schedule, "every monday at 09:00"
-- capabilities: read:ListStacks, read:ListDeployments, secret:REPORT_AUTH, http:*

local rows = {}
local function server_of(item)
  local name = item.info.server_name
  return type(name) == "string" and name ~= "" and name or "-"
end
for _, stack in ipairs(assert(komodo.read("ListStacks"))) do
  for _, service in ipairs(stack.info.services) do
    table.insert(rows, { where = server_of(stack), what = stack.name .. "/" .. service.service, image = service.image,
      newer = service.update_available })
  end
end
for _, deployment in ipairs(assert(komodo.read("ListDeployments"))) do
  table.insert(rows, { where = server_of(deployment), what = deployment.name, image = deployment.info.image,
    newer = deployment.info.update_available })
end
table.sort(rows, function(a, b)
  if a.where ~= b.where then return a.where < b.where end
  return a.what < b.what
end)

local lines, outdated = { "| server | what | image | newer |", "|---|---|---|---|" }, 0
for _, row in ipairs(rows) do
  if row.newer then outdated = outdated + 1 end
  table.insert(lines, ("| %s | %s | `%s` | %s |"):format(row.where, row.what, row.image, row.newer and "yes" or ""))
end
local report = table.concat(lines, "\n")
print(report)

if komodo.args.post then
  local headers = { Authorization = assert(komodo.secret("REPORT_AUTH")) }
  local response = assert(komodo.http.post(komodo.args.post, { json = { text = report }, headers = headers, timeout = 20 }))
  if response.status >= 300 then error("the webhook answered " .. response.status, 0) end
end
return { rows = #rows, outdated = outdated }
