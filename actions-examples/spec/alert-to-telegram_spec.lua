local testing = require("komodo.testing")

describe("alert-to-telegram", function()
  local t
  before_each(function()
    t = testing.new { args = { chat = "7" }, variables = { TELEGRAM_SEND_URL = "https://api.telegram.org/botX/sendMessage" },
      event = { alert = { level = "CRITICAL", data = { type = "ServerDisk", data = { name = "<web>", used_gb = 9.5, path = "/" } } } } }
  end)

  it("escapes and lists what the alert holds", function()
    assert.is_true(t:run("actions-examples/alert-to-telegram.lua").ok)
    local sent = t:calls_of("http")[1].params.json
    assert.equal("7", sent.chat_id)
    assert.equal("🚨 <b>ServerDisk</b>\nname: <code>&lt;web&gt;</code>\npath: <code>/</code>\nused_gb: <code>9.5</code>", sent.text)
  end)

  it("tries again when Telegram asks to wait", function()
    local answers = { 429, 200 }
    t:answer("http", "https://api.telegram.org/botX/sendMessage", function() return { status = table.remove(answers, 1) } end)
    assert.is_true(t:run("actions-examples/alert-to-telegram.lua").ok)
    local calls = t:calls_of("http")
    assert.equal(30000, calls[2].at - calls[1].at)
  end)
end)
