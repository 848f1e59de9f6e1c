--- Deploys a stack and asks its address until it answers; otherwise alerts.
--
-- What: a deployment is good when the URL answers 200 a few times in a row.
-- Args: stack = "shop", url = "https://shop.example.com/health", times = 3, patience = 120 (seconds)
-- Trigger: a person, or a procedure
-- capabilities: execute:DeployStack, execute:SendAlert, http:*

local stack = assert(komodo.args.stack, "args.stack: which stack?")
local url = assert(komodo.args.url, "args.url: what should answer?")
local times, patience = komodo.args.times or 3, komodo.args.patience or 120

assert(komodo.execute("DeployStack", { stack = stack }))

local good, last = 0, "nothing"
local deadline = komodo.now() + patience * 1000
while good < times and komodo.now() < deadline do
  local response, err = komodo.http.get(url, { timeout = 5 })
  last = response and "status " .. response.status or tostring(err)
  good = response and response.status == 200 and good + 1 or 0
  if good < times then komodo.sleep(2) end
end

if good < times then
  assert(komodo.execute("SendAlert", { level = "CRITICAL", message = stack .. " does not answer after its deployment",
    details = ("%s: %s"):format(url, last) }))
  error(("%s: %s"):format(url, last), 0)
end
return { answered = good }
