-- The words of km: options, query texts, executions (spec cli.md 8).
local execution = require("km.execution")
local schema = require("komodo.schema")
local words = require("km.words")

local function split(line)
  local out = {}
  for word in line:gmatch("%S+") do out[#out + 1] = word end
  return out
end

-- What the words of a line mean: the parameters and the options of the command; or nil and the message.
local function parse(line)
  local list, given = split(line), {}
  local name = table.remove(list, 1)
  local request, problem = execution.parse(name, list, function(option, is_letter)
    if option == (is_letter and "y" or "yes") then return { flag = true, set = function(value) given.yes = value == "true" end } end
    if option == (is_letter and "a" or "host") then return { set = function(value) given.host = value end } end
  end)
  return request and request.params or nil, request and request.name or problem, given
end

describe("km words", function()
  it("reads options in every spelling", function()
    local function find(name, is_letter)
      if name == (is_letter and "n" or "name") then return { name = "name" } end
      if name == (is_letter and "y" or "yes") then return { name = "yes", flag = true } end
    end
    for line, want in pairs({
      ["--name x"] = { "x", 3 }, ["--name=x"] = { "x", 2 }, ["--name="] = { "", 2 }, ["-n x"] = { "x", 3 }, ["-nx"] = { "x", 2 }, ["-n=x"] = { "x", 2 },
      ["--yes"] = { "true", 2 }, ["-y z"] = { "true", 2 }, ["--yes=false"] = { "false", 2 },
    }) do
      local option, value, after = words.option(split(line), 1, find)
      assert.truthy(option, line)
      assert.same(want, { value, after }, line)
    end
    for line, message in pairs({
      ["--other"] = "unknown option --other", ["-o"] = "unknown option -o", ["--name"] = "--name wants a value", ["-n"] = "-n wants a value",
      ["--yes=x"] = "--yes takes no value but =true or =false", ["-yx"] = "-yx takes no value",
    }) do
      local option, said = words.option(split(line), 1, find)
      assert.is_nil(option)
      assert.truthy(said:find(message, 1, true), said)
    end
  end)

  it("reads query texts", function()
    assert.same({ A = "1", B = { c = "2", d = { e = "x y&" } }, C = "" }, words.query("A=1&B[c]=2&B[d][e]=x+y%26&C="))
    assert.same({ A = "2" }, words.query("A=1&A=2"))
    assert.same({}, words.query(""))
    assert.same({ ["a b"] = "" }, words.query("a%20b"))
    for _, text in ipairs({ "=1", "a[b=1", "[a]=1", "a=1&a[b]=2", "a[b]=1&a=2", "a[]=1", "a[b]c=1" }) do assert.is_nil(words.query(text), text) end
  end)
end)

describe("km executions", function()
  it("knows every execution of the API by its kebab name, and the short names", function()
    for _, request in ipairs(schema.requests) do
      if request.group == "execute" then assert.equal(request, execution.find(execution.kebab(request.name)), request.name) end
    end
    for short, name in pairs({ stack = "DeployStack", st = "DeployStack", dp = "Deploy", bd = "RunBuild", pr = "RunProcedure", ac = "RunAction",
      sync = "RunSync", commit = "CommitSync", alert = "SendAlert", backup = "BackupCoreDatabase", ["rotate-keys"] = "RotateAllServerKeys",
      ["auto-update"] = "GlobalAutoUpdate", clone = "CloneRepo", ["prune-docker-builders"] = "PruneDockerBuilders" }) do
      assert.equal(name, execution.find(short).name)
      assert.truthy(execution.usage(short):find("km execute " .. execution.kebab(name), 1, true))
    end
  end)

  it("makes words into parameters", function()
    for line, want in pairs({
      ["deploy-stack s"] = { stack = "s" },
      ["stack s 30"] = { stack = "s", stop_time = 30 },
      ["stack s web api 30"] = { stack = "s", services = { "web", "api" }, stop_time = 30 },
      ["stack s web"] = { stack = "s", services = { "web" } },
      ["stop-stack s 30 web"] = { stack = "s", stop_time = 30, services = { "web" } },
      ["stop-stack s web"] = { stack = "s", services = { "web" } },
      ["destroy-stack s a b 10"] = { stack = "s", services = { "a", "b", "10" } },
      ["destroy-stack s --remove-orphans --stop-time=5"] = { stack = "s", remove_orphans = true, stop_time = 5 },
      ["dp d SIGINT 10"] = { deployment = "d", stop_signal = "SIGINT", stop_time = 10 },
      ["stop-container h c -- SIGTERM -1"] = { server = "h", container = "c", signal = "SIGTERM", time = -1 },
      ["run-stack-service s web --env A=1&B=2 --no-tty ls -la --yes"] =
        { stack = "s", service = "web", env = { A = "1", B = "2" }, no_tty = true, command = { "ls", "-la", "--yes" } },
      ["run-action x"] = { action = "x" },
      ["action x A=1&B[c]=2"] = { action = "x", args = { A = "1", B = { c = "2" } } },
      ['action x {"n":1,"l":[true]}'] = { action = "x", args = { n = 1, l = { true } } },
      ["action x --dry-run"] = { action = "x", dry_run = true },
      ["cancel-procedure p -u 1"] = { procedure = "p", update_id = "1" },
      ["cancel-action a 1"] = { action = "a", update_id = "1" },
      ["sync s resource-sync a b"] = { sync = "s", resource_type = "ResourceSync", resources = { "a", "b" } },
      ["send-alert hello -l m -d why -a one -a two"] = { message = "hello", level = "WARNING", details = "why", alerters = { "one", "two" } },
      ["update-swarm-node sw n -a drain -l x=1 --lr y -r manager"] =
        { swarm = "sw", node = "n", availability = "drain", label_add = { "x=1" }, label_rm = { "y" }, role = "manager" },
      ["remove-swarm-stacks sw a b"] = { swarm = "sw", stacks = { "a", "b" }, detach = true },
      ["remove-swarm-stacks sw a --detach=false"] = { swarm = "sw", stacks = { "a" }, detach = false },
      ["create-swarm-config sw n d l1"] = { swarm = "sw", name = "n", data = "d", template_driver = "l1" },
      ["create-swarm-secret sw n d dr l1 l2 t"] = { swarm = "sw", name = "n", data = "d", driver = "dr", labels = { "l1", "l2" }, template_driver = "t" },
      ["global-auto-update -s"] = { skip_auto_update = true },
      ["batch-run-action web-* a b"] = { pattern = "web-*", tags = { "a", "b" } },
      ["clear-repo-cache"] = {},
      ["commit-sync s"] = { sync = "s" },
    }) do
      local params, said = parse(line)
      assert.same(want, params, line .. ": " .. tostring(said))
    end
  end)

  it("takes options of the command behind the name too", function()
    local params, _, given = parse("action x -y --host http://h")
    assert.same({ action = "x" }, params)
    assert.same({ yes = true, host = "http://h" }, given)
    params, _, given = parse("send-alert hi -a bot -y")
    assert.same({ message = "hi", alerters = { "bot" } }, params)
    assert.same({ yes = true }, given)
  end)

  it("says what is wrong", function()
    for line, message in pairs({
      ["action"] = "ACTION is missing", ["nope"] = "there is no execution 'nope'", ["start-container h"] = "CONTAINER is missing",
      ["pull-build x"] = "no execution", ["prune-images h x"] = "what is 'x'?", ["dp d SIGFOO"] = "STOP_SIGNAL wants one of",
      ["dp d SIGINT x"] = "STOP_TIME wants a whole number", ["action x --nope"] = "unknown option --nope", ["action x A[=1"] = "ARGS:",
      ["update-swarm-node s n -a x"] = "AVAILABILITY wants one of", ["action x --dry-run=no"] = "--dry-run takes no value",
    }) do
      local params, said = parse(line)
      assert.is_nil(params, line)
      assert.truthy(said:find(message, 1, true), line .. ": " .. said)
    end
  end)
end)
