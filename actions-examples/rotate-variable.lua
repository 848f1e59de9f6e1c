--- Rotates the value of a secret variable and redeploys who uses it.
--
-- What: makes 32 random bytes with openssl on a server, writes them, deploys the stacks with the tag. If one does not come up,
--       the old value returns and all are deployed again. The value appears in no log.
-- Args: variable = "SESSION_KEY", tag = "uses-session-key", server = "web-1"
-- Trigger: schedule, "every month on the 1st at 03:00"
-- capabilities: read:GetVariable, read:ListStacks, secret:*, write:UpdateVariableValue, execute:DeployStack, terminal:server

local name = assert(komodo.args.variable, "args.variable: which variable?")
local tag = assert(komodo.args.tag, "args.tag: which stacks use it?")
local server = assert(komodo.args.server, "args.server: who makes the value?")

local made = assert(komodo.terminal({ server = server }, "openssl rand -hex 32"))
local fresh = made.stdout:match("^%x+")
if made.code ~= 0 or not fresh or #fresh ~= 64 then error("openssl on " .. server .. " made no value", 0) end

local before = assert(komodo.read("GetVariable", { name = name }))
local old = before.is_secret and assert(komodo.secret(name)) or before.value
local stacks = assert(komodo.read("ListStacks", { query = { tags = { tag } } }))

local function deploy_all()
  for _, stack in ipairs(stacks) do
    local ok, err = komodo.execute("DeployStack", { stack = stack.name })
    if not ok then return nil, stack.name .. ": " .. tostring(err) end
  end
  return true
end

assert(komodo.write("UpdateVariableValue", { name = name, value = fresh }))
local ok, why = deploy_all()
if not ok then
  assert(komodo.write("UpdateVariableValue", { name = name, value = old }))
  local back, still = deploy_all()
  error(("%s was not rotated: %s%s"):format(name, why, back and "" or "; and the old value: " .. still), 0)
end
return { variable = name, stacks = #stacks }
