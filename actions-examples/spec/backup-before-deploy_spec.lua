local testing = require("komodo.testing")

describe("backup-before-deploy", function()
  local t
  before_each(function()
    t = testing.new { now = "2026-03-01T02:00:00Z", servers = { "web-1" }, stacks = { { name = "shop", config = { server_id = "web-1" } } } }
  end)
  local function run(volumes) return t:run("actions-examples/backup-before-deploy.lua", { stack = "shop", volumes = volumes }) end

  it("backs up while the stack stands still", function()
    local outcome = run({ "shop_db", "shop_files" })
    assert.same({ "/var/backups/volumes/shop_db-20260301-020000.tar.gz", "/var/backups/volumes/shop_files-20260301-020000.tar.gz" },
      outcome.result.backups)
    assert.same({ "StopStack shop", "DeployStack shop" }, t:trace("execute"))
    assert.equal("web-1", t:calls_of("terminal")[1].params.target.server)
  end)

  it("does not deploy without a backup", function()
    t:answer("terminal", "*", { code = 1, stderr = "no space left" })
    assert.matches("backup of shop_db failed.*no space left", run({ "shop_db" }).error)
    assert.same({ "StopStack shop", "StartStack shop" }, t:trace("execute"))
  end)

  it("takes no commands for names", function()
    assert.matches("args.volumes", run({ "x; rm -rf /" }).error)
    assert.equal(0, #t:trace("execute"))
  end)
end)
