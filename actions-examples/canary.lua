--- Deploys a canary, reads its log for a while, and deploys the rest only if the log stays clean.
--
-- What: the canary's log is searched every 15 seconds; more matching lines than allowed stop the rollout and the canary.
-- Args: canary = "api-canary", tag = "api", terms = { "ERROR", "panic" }, allowed = 0, minutes = 5
-- Trigger: a person, or a procedure
-- capabilities: read:SearchDeploymentLog, read:ListDeployments, execute:Deploy, execute:StopDeployment

local canary = assert(komodo.args.canary, "args.canary: which deployment goes first?")
local tag = assert(komodo.args.tag, "args.tag: which deployments follow?")
local terms, allowed = komodo.args.terms or { "ERROR", "panic" }, komodo.args.allowed or 0

assert(komodo.execute("Deploy", { deployment = canary }))
local deadline = komodo.now() + (komodo.args.minutes or 5) * 60000
while komodo.now() < deadline do
  komodo.sleep(15)
  local log = assert(komodo.read("SearchDeploymentLog", { deployment = canary, terms = terms, combinator = "Or" }))
  local lines = select(2, log.stdout:gsub("[^\n]+", ""))
  if lines > allowed then
    komodo.log(log.stdout:sub(1, 4000))
    assert(komodo.execute("StopDeployment", { deployment = canary }))
    error(("%s logged %d bad lines; nothing else was deployed"):format(canary, lines), 0)
  end
end

local deployed = 0
for _, deployment in ipairs(assert(komodo.read("ListDeployments", { query = { tags = { tag } } }))) do
  if deployment.name ~= canary then
    assert(komodo.execute("Deploy", { deployment = deployment.name }))
    deployed = deployed + 1
  end
end
return { deployed = deployed }
