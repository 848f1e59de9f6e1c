--- Deploys a release when GitHub publishes it.
--
-- What: an http trigger for GitHub's "release" event: writes the tag into a variable that the stacks interpolate, then
--       deploys the stacks with the tag. Answers at once; the work goes on.
-- Args: variable = "APP_VERSION", tag = "app"
-- Trigger: http, path = "release", auth = "github"
-- capabilities: write:UpdateVariableValue, execute:BatchDeployStack

local body = komodo.event.json
if type(body) ~= "table" or body.action ~= "published" or type(body.release) ~= "table" then
  return { status = 202, body = "not a published release" }
end
local version = body.release.tag_name
if type(version) ~= "string" or not version:find("^v?%d+%.%d+[%w.+-]*$") then
  return { status = 422, body = "tag_name: expected a version" }
end
if body.release.prerelease then return { status = 202, body = "a prerelease is left alone" } end

komodo.respond { status = 202, body = "deploying " .. version }
assert(komodo.write("UpdateVariableValue", { name = komodo.args.variable or "APP_VERSION", value = version }))
local results = assert(komodo.execute("BatchDeployStack", { pattern = "*", tags = { komodo.args.tag or "app" } }))
komodo.log(("%s: %d stacks deployed"):format(version, #results))
