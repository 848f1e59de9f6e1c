local testing = require("komodo.testing")

describe("alert-to-email", function()
  local t
  before_each(function()
    t = testing.new { args = { url = "https://mail.test/send", to = { "ops@x.test" } }, secrets = { MAIL_AUTH = "Bearer k" },
      event = { alert = { ts = 1772323200000, level = "WARNING", data = { type = "Custom", data = { message = "two\nlines", n = 3 } } } } }
  end)

  it("makes a mail of an alert", function()
    assert.is_true(t:run("actions-examples/alert-to-email.lua").ok)
    local sent = t:calls_of("http", "https://mail.test/send")[1].params
    assert.equal("[Komodo] WARNING two lines", sent.json.subject)
    assert.equal("two\nlines\n\nWhen: 2026-03-01 00:00:00 UTC\nn: 3", sent.json.text)
    assert.equal("Bearer k", sent.headers.Authorization)
  end)

  it("says what the service refused", function()
    t:answer("http", "*", { status = 422, body = "no sender" })
    assert.equal("the mail service answered 422: no sender", t:run("actions-examples/alert-to-email.lua").error)
  end)
end)
