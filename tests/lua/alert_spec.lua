-- The pure parts of alerts: what rules say, what they are for, how alerts are routed, worded and held back.
package.path = "stdlib/lua/?.lua;stdlib/lua/?/init.lua;" .. package.path

local finding = require("komodo.alert.finding")
local route = require("komodo.alert.route")
local targets = require("komodo.alert.targets")
local text = require("komodo.alert.text")

local function refusal(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return table.concat({ err.message, table.unpack(err.trace) }, "; ")
end

describe("what a rule returns", function()
  local good = { level = "WARNING", message = "m" }

  it("is read, alone or as a list", function()
    assert.same({}, finding.read(nil))
    assert.same({}, finding.read({}))
    assert.same({ [""] = { level = "WARNING", message = "m", details = "", key = "", for_seconds = 0, resolve_after = 0 } }, finding.read(good))
    local list = finding.read({ { level = "CRITICAL", message = "a", key = "x", for_seconds = 5 }, { level = "WARNING", message = "b", key = "y" } })
    assert.equal(5, list.x.for_seconds)
    assert.equal("b", list.y.message)
  end)

  for name, row in pairs({
    ["a number"] = { 7, "the returned value must be a table with level and message, not number" },
    ["false"] = { false, "must be a table" },
    ["a level that is none"] = { { level = "OK", message = "m" }, 'the returned value.level must be "WARNING" or "CRITICAL", not OK' },
    ["no level"] = { { message = "m" }, "the returned value.level is missing" },
    ["no message"] = { { level = "WARNING" }, "the returned value.message is missing" },
    ["an empty message"] = { { level = "WARNING", message = "" }, "the returned value.message must be non-empty text" },
    ["a typo"] = { { level = "WARNING", mesage = "m" }, "the returned value.mesage is unknown" },
    ["details that are no text"] = { { level = "WARNING", message = "m", details = {} }, "the returned value.details must be text, not table" },
    ["negative seconds"] = { { level = "WARNING", message = "m", for_seconds = -1 }, "the returned value.for_seconds must be seconds" },
    ["NaN"] = { { level = "WARNING", message = "m", resolve_after = 0 / 0 }, "the returned value.resolve_after must be seconds" },
    ["a key twice"] = { { good, good }, "the returned value[2].key: '' stands twice" },
    ["a list with a number"] = { { good, 7 }, "the returned value[2] must be a table" },
    ["a very long message"] = { { level = "WARNING", message = ("x"):rep(2001) }, "the returned value.message is longer than" },
  }) do
    it("is refused: " .. name, function() assert.matches(row[2], refusal(finding.read, row[1]), 1, true) end)
  end
end)

describe("an alert of a rule", function()
  local bad = finding.read({ level = "WARNING", message = "m", for_seconds = 60, resolve_after = 30 })[""]
  local open = { level = "WARNING", message = "m", details = "", resolve_after = 30 }

  it("opens when the condition has held long enough", function()
    local watch = {}
    assert.is_nil(finding.step(watch, nil, bad, 0))
    assert.is_nil(finding.step(watch, nil, bad, 59999))
    assert.equal("open", finding.step(watch, nil, bad, 60000))
    -- In between it was fine: then it counts from the beginning.
    watch = {}
    finding.step(watch, nil, bad, 0)
    assert.is_nil(finding.step(watch, nil, nil, 30000))
    assert.is_nil(finding.step(watch, nil, bad, 60000))
    assert.equal("open", finding.step(watch, nil, bad, 120000))
  end)

  it("resolves when it was fine long enough", function()
    local watch = {}
    assert.is_nil(finding.step(watch, open, bad, 0))
    assert.is_nil(finding.step(watch, open, nil, 1000))
    assert.is_nil(finding.step(watch, open, nil, 30999))
    assert.equal("resolve", finding.step(watch, open, nil, 31000))
    watch = {}
    finding.step(watch, open, nil, 0)
    finding.step(watch, open, bad, 20000)
    assert.is_nil(finding.step(watch, open, nil, 40000))
    assert.equal("resolve", finding.step(watch, open, nil, 70000))
  end)

  it("opens and resolves at once without either", function()
    local now = finding.read({ level = "CRITICAL", message = "m" })[""]
    assert.equal("open", finding.step({}, nil, now, 5))
    assert.equal("resolve", finding.step({}, { level = "CRITICAL", message = "m", details = "", resolve_after = 0 }, nil, 5))
    assert.is_nil(finding.step({}, nil, nil, 5))
  end)

  it("changes with level and words", function()
    assert.is_nil(finding.step({}, open, bad, 0))
    for field, value in pairs({ level = "CRITICAL", message = "n", details = "d", resolve_after = 1 }) do
      local other = {}
      for k, v in pairs(bad) do other[k] = v end
      other[field] = value
      assert.equal("change", finding.step({}, open, other, 0), field)
    end
  end)
end)

describe("targets of a rule", function()
  local ids = { prod = "t1", t1 = "t1", eu = "t2" }
  local function tag_id(name) return ids[name] end
  local function matches(given, kind, name, tags)
    return targets.match(targets.parse(given, "targets", function(p) return function(n) return n:find(p) ~= nil end end), kind,
      { name = name, tags = tags or {} }, tag_id)
  end

  it("are all servers without a word", function()
    assert.is_true(matches(nil, "Server", "web-1"))
    assert.is_true(matches({}, "Server", "web-1"))
    assert.is_false(matches(nil, "Stack", "web-1"))
  end)

  it("are chosen by name and tag", function()
    assert.is_true(matches({ servers = "web-*, db" }, "Server", "db"))
    assert.is_false(matches({ servers = "web-*" }, "Server", "db"))
    assert.is_true(matches({ servers = { "a", "\\^b\\" } }, "Server", "b2"))
    assert.is_true(matches({ tags = "prod" }, "Server", "x", { "t1" }))
    assert.is_false(matches({ tags = { "prod", "eu" } }, "Server", "x", { "t1" }))
    assert.is_true(matches({ tags = { "prod", "eu" } }, "Server", "x", { "t2", "t1" }))
    assert.is_false(matches({ tags = "none" }, "Server", "x", { "t1" }))
    assert.is_true(matches({ stacks = "*", deployments = "app-*" }, "Stack", "x"))
    assert.is_false(matches({ stacks = "*" }, "Server", "x"))
  end)

  it("have the same key when they are the same", function()
    local function key(given) return targets.parse(given, "targets", error).key end
    assert.equal(key({ servers = "a", tags = { "x", "y" } }), key({ tags = { "x", "y" }, servers = { "a" } }))
    assert.equal(key(nil), key({}))
    assert.not_equal(key({ servers = "a" }), key({ stacks = "a" }))
    assert.not_equal(key({ servers = { "a", "b" } }), key({ servers = "a", tags = "b" }))
  end)

  it("are refused by the name of the field", function()
    local function parse(given) return refusal(targets.parse, given, "config.triggers[1].targets", function() error("bad regex", 0) end) end
    assert.matches("config.triggers[1].targets must be a table", parse(7), 1, true)
    assert.matches("targets.server is unknown", parse({ server = "*" }), 1, true)
    assert.matches("targets.servers must be text or a list", parse({ servers = true }), 1, true)
    assert.matches("targets.servers must have 1 to", parse({ servers = {} }), 1, true)
    assert.matches("targets.tags must be text or a list of texts, none of them empty", parse({ tags = { "" } }), 1, true)
    assert.matches("targets.stacks is invalid", parse({ stacks = "a\\b" }), 1, true)
    assert.matches("targets.stacks is invalid", parse({ stacks = "\\(\\" }), 1, true)
  end)
end)

describe("routing", function()
  local doc = { ts = 1, level = "WARNING", target = { type = "Server", id = "1" }, data = { type = "ServerCpu", data = { name = "a" } } }

  it("leaves, stops and rewrites", function()
    assert.equal(doc, route.apply(doc, nil))
    assert.is_nil(route.apply(doc, false))
    local changed, alerters = route.apply(doc, { level = "CRITICAL", message = "hot", alerters = { "pager" } })
    assert.same({ ts = 1, level = "CRITICAL", target = doc.target, data = { type = "Custom", data = { message = "hot", details = "" } } }, changed)
    assert.same({ "pager" }, alerters)
    assert.equal("ServerCpu", doc.data.type)
    assert.equal("ServerCpu", route.apply(doc, { level = "OK" }).data.type)
    local custom = { level = "OK", data = { type = "Custom", data = { message = "m", details = "d" } } }
    assert.same({ message = "m", details = "more" }, route.apply(custom, { details = "more" }).data.data)
  end)

  it("names what is wrong", function()
    assert.matches("must be nil, false or a table", refusal(route.apply, doc, true), 1, true)
    assert.matches("the returned value.level must be", refusal(route.apply, doc, { level = "BAD" }), 1, true)
    assert.matches("the returned value.color is unknown", refusal(route.apply, doc, { color = "red" }), 1, true)
    assert.matches("the returned value.alerters[2] must be text", refusal(route.apply, doc, { alerters = { "a", 7 } }), 1, true)
  end)
end)

describe("words of alerts", function()
  local host = "https://komodo.test"
  local function alert(kind, data, more)
    local out = { level = "WARNING", resolved = false, target = { type = "Server", id = "5" }, data = { type = kind, data = data } }
    for k, v in pairs(more or {}) do out[k] = v end
    return out
  end
  local err = { error = 'no "route"', trace = { "first", "second" } }
  local disk = { name = "web", region = "eu", path = "/data", used_gb = 80.04, total_gb = 100 }
  local change = { name = "app", from = "running", to = "exited", server_name = "web" }

  it("are Komodo's in plain text", function()
    assert.equal("WARNING ‼️ | web (eu) disk usage at 80.0%💿\nmount point: \"/data\"\nusing 80.0 GiB / 100.0 GiB\nhttps://komodo.test/servers/5",
      text.plain(alert("ServerDisk", disk), host))
    assert.equal("CRITICAL 🚨 | web is unreachable ❌\nhttps://komodo.test/servers/5\nerror: Serror {\n    error: \"no \\\"route\\\"\",\n    trace: "
      .. "[\n        \"first\",\n        \"second\",\n    ],\n}",
      text.plain(alert("ServerUnreachable", { name = "web", err = err }, { level = "CRITICAL" }), host))
    assert.equal("OK ✅ | web is now connected\nhttps://komodo.test/servers/5",
      text.plain(alert("ServerUnreachable", { name = "web", err = err }, { level = "OK", resolved = true }), host))
    assert.equal("📦Deployment app is now Exited 🛑\nserver: web\nprevious: running\nhttps://komodo.test/deployments/7",
      text.plain(alert("ContainerStateChange", change, { target = { type = "Deployment", id = "7" } }), host))
    assert.equal("WARNING ‼️ | Build b failed\nversion: v1.2.3\nhttps://komodo.test/builds/9",
      text.plain(alert("BuildFailed", { name = "b", version = { major = 1, minor = 2, patch = 3 } }, { target = { type = "Build", id = "9" } }), host))
    assert.equal("OK ✅ | nightly (Procedure) | Scheduled run started 🕝\nhttps://komodo.test/procedures/3",
      text.plain(alert("ScheduleRun", { resource_type = "Procedure", id = "3", name = "nightly" },
        { level = "OK", target = { type = "Procedure", id = "3" } }), host))
    assert.equal("WARNING ‼️ | hello", text.plain(alert("Custom", { message = "hello", details = "" }), host))
    assert.equal("", text.plain(alert("None", {}), host))
  end)

  it("are Komodo's in Markdown", function()
    assert.equal("WARNING ‼️ | **web** (eu) disk usage at **80.0%** 💿\nmount point: `/data`\nusing **80.0 GiB** / **100.0 GiB**\nhttps://komodo.test/servers/5",
      text.markdown(alert("ServerDisk", disk), host))
    assert.equal("📦 Deployment **app** is now **Exited 🛑**\nserver: **web**\nprevious: **running**\nhttps://komodo.test/deployments/7",
      text.markdown(alert("ContainerStateChange", change, { target = { type = "Deployment", id = "7" } }), host))
  end)

  it("are Komodo's in Slack", function()
    local message = text.slack(alert("ServerCpu", { name = "web", percentage = 93.44 }), host)
    assert.equal("WARNING ‼️ | *web* cpu usage at *93.4%* 📈", message.text)
    assert.same({ { type = "header", text = { type = "plain_text", text = "WARNING ‼️" } },
      { type = "section", text = { type = "mrkdwn", text = "*web* cpu usage at *93.4%* 📈" } },
      { type = "section", text = { type = "mrkdwn", text = "https://komodo.test/servers/5" } } }, message.blocks)
    assert.equal(1, #text.slack(alert("Custom", { message = "m", details = "" }), host).blocks)   -- Slack refuses empty sections
    assert.is_nil(text.slack(alert("None", {}), host))
  end)

  it("exist for every kind of alert, open and resolved", function()
    local data = { id = "1", name = "n", region = "", percentage = 1.0, used_gb = 1, total_gb = 0, path = "/", server_version = "1", core_version = "2",
      from = "running", to = "down", image = "i", images = { "a", "b" }, service = "s", instance_id = "i-1", message = "m", details = "d",
      version = { major = 0, minor = 0, patch = 1 }, resource_type = "Action", err = { error = "e", trace = {} } }
    for _, variant in ipairs(require("komodo.schema").types.AlertData.variants) do
      for _, resolved in ipairs({ true, false }) do
        local doc = alert(variant[1], data, { resolved = resolved })
        local has = variant[1] ~= "None"
        assert.equal(has, text.plain(doc, host) ~= "", variant[1])
        assert.equal(has, text.markdown(doc, host) ~= "", variant[1])
        assert.equal(has, text.slack(doc, host) ~= nil, variant[1])
      end
    end
  end)
end)

describe("maintenance windows", function()
  local window
  setup(function()
    package.loaded.engine = {}
    window = dofile("stdlib/lua/komodo/alert/window.lua")
    package.loaded.engine = nil
  end)
  local DAY = 86400
  local thursday = 0   -- 1970-01-01
  local function w(fields)
    local out = { schedule_type = "Daily", day_of_week = "", date = "", hour = 22, minute = 30, duration_minutes = 60 }
    for k, v in pairs(fields) do out[k] = v end
    return out
  end
  local function at(day, hour, minute) return day * DAY + hour * 3600 + minute * 60 end

  it("cover the hours from start to end, both included", function()
    assert.is_false(window.covers(w({}), at(thursday, 22, 29)))
    assert.is_true(window.covers(w({}), at(thursday, 22, 30)))
    assert.is_true(window.covers(w({}), at(thursday, 23, 30)))
    assert.is_false(window.covers(w({}), at(thursday, 23, 31)))
  end)

  it("wrap around midnight", function()
    local late = w({ duration_minutes = 180 })
    assert.is_true(window.covers(late, at(thursday, 1, 0)))
    assert.is_false(window.covers(late, at(thursday, 2, 0)))
    assert.is_true(window.covers(w({ hour = 24 }), at(thursday, 0, 10)))   -- no such hour: midnight
  end)

  it("know weekdays, by every name that clients write", function()
    for _, name in ipairs({ "Thursday", "thursday", "Thurs", "thu" }) do
      local weekly = w({ schedule_type = "Weekly", day_of_week = name })
      assert.is_true(window.covers(weekly, at(thursday, 23, 0)), name)
      assert.is_false(window.covers(weekly, at(thursday + 1, 23, 0)), name)
    end
    assert.is_true(window.covers(w({ schedule_type = "Weekly", day_of_week = "Someday" }), at(thursday + 4, 23, 0)))   -- as Komodo: Monday
  end)

  it("know dates", function()
    local once = w({ schedule_type = "OneTime", date = "1970-01-03" })
    assert.is_true(window.covers(once, at(2, 23, 0)))
    assert.is_false(window.covers(once, at(3, 23, 0)))
    assert.is_false(window.covers(w({ schedule_type = "OneTime", date = "soon" }), at(2, 23, 0)))
  end)
end)
