local testing = require("komodo.testing")

describe("deploy-waves", function()
  local t
  before_each(function()
    local stacks = {}
    for i = 1, 7 do stacks[i] = { name = "s" .. i, tags = { "prod" } } end
    t = testing.new { stacks = stacks }
  end)
  local function run(args)
    args.tag = "prod"
    return t:run("actions-examples/deploy-waves.lua", args)
  end

  it("deploys one, then three, then the rest", function()
    local before = t.clock.now
    local outcome = run { pause = 60 }
    assert.same({ stacks = 7, waves = 3 }, outcome.result)
    assert.equal(123000, t.clock.now - before)
    assert.same({ "Wave 1 of 3", "Wave 2 of 3", "Wave 3 of 3" },
      { outcome.stages[1].stage, outcome.stages[2].stage, outcome.stages[3].stage })
  end)

  it("stops behind a wave that failed", function()
    t:fail("execute", "DeployStack", { stack = "s3" }, "boom")
    assert.matches("wave 2 failed, 3 stacks were not reached: s3", run({}).error)
    assert.equal(4, #t:calls_of("execute"))
  end)

  it("needs no more waves than there are stacks", function()
    assert.same({ stacks = 7, waves = 1 }, run({ waves = { 20, 5 } }).result)
  end)
end)
