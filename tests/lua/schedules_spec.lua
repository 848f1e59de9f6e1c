-- komodo.schedules: spec monitoring.md 8, with a faked engine whose schedules are numbers: "every 10" is due each 10 seconds.
package.path = "stdlib/lua/?.lua;stdlib/lua/?/init.lua;" .. package.path

local null = setmetatable({}, { __name = "null" })

describe("schedules", function()
  local engine, rows, touched, now, sleeps, spawned, handlers, schedules, zones, on_next, started, refused, saved

  local function resource(id, name, config)
    local res = { _id = { ["$oid"] = id }, name = name, tags = { "t" }, config = {
      schedule_format = "English", schedule = "", schedule_enabled = true, schedule_timezone = "",
    } }
    for key, value in pairs(config) do
      res.config[key] = value
    end
    return res
  end

  local function add(kind, id, name, config)
    rows[kind][id] = resource(id, name, config)
    return rows[kind][id]
  end

  local function stop()
    error({ code = "cancelled", message = "cancelled" }, 0)
  end

  before_each(function()
    rows, touched, now, sleeps, spawned, handlers, zones = { Procedure = {}, Action = {} }, {}, 1000000, {}, {}, {}, {}
    on_next, started, refused, saved = nil, {}, nil, {}
    engine = {
      json = { null = null, array = function(list) return list end },
      model = {
        touch = function(kind, id) touched[#touched + 1] = kind .. "/" .. id end,
        select = function(_, kind, query)
          local list = {}
          assert.is_true(query.specific.scheduled)
          for _, res in pairs(rows[kind]) do
            if res.config.schedule ~= "" then list[#list + 1] = res end
          end
          return list
        end,
      },
      store = {
        row = function(kind, id) return rows[kind][id] end,
        list = function(kind)
          local list = {}
          for _, res in pairs(rows[kind]) do list[#list + 1] = res end
          return list
        end,
      },
      schedule = {
        next = function(_, text, zone, after)
          zones[#zones + 1] = zone
          if on_next then on_next() end
          local step = tonumber(text:match("^every (%d+)$"))
          if not step then return nil, { code = "invalid", message = "no <b>" .. text, trace = { "1 < 2" } } end
          step = step * 1000
          return after // step * step + step
        end,
      },
      conf = function(key) return key == "timezone" and "Europe/Berlin" or 2 end,
      now = function() return now end,
      sleep = function(ms)
        sleeps[#sleeps + 1] = ms
        if #sleeps > 3 then stop() end
        now = now + ms
      end,
      -- The first is the ticker; what it starts is done at once.
      spawn = function(fn, ...)
        spawned[#spawned + 1] = fn
        if #spawned > 1 then fn(...) end
      end,
      log = { error = function() end },
      closing = function() return false end,
      handle = function(name, fn) handlers[name] = fn end,
    }
    package.loaded["engine"] = engine
    package.loaded["komodo.runs"] = { last_at = function(_, id) return id == "p1" and 77 or nil end }
    package.loaded["komodo.script.rights"] = { owner = function(id) return saved[id] and { ts = saved[id] } end }
    package.loaded["komodo.execute"] = { triggered = function(kind, id, _, user, event)
      if not rows[kind][id] then return end
      assert.equal("schedule", event.type)
      started[#started + 1] = ("%s as %s%s"):format(id, user, event.missed and " missed at " .. event.at or "")
      if refused then error({ code = "busy", message = "busy" }, 0) end
    end }
    package.loaded["komodo.schedules"] = nil
    schedules = require("komodo.schedules")
  end)

  after_each(function()
    for _, name in ipairs({ "engine", "komodo.runs", "komodo.script.rights", "komodo.execute", "komodo.schedules" }) do
      package.loaded[name] = nil
    end
  end)

  it("knows when a resource is due, and shows it", function()
    schedules.follow("Procedure", add("Procedure", "p1", "a", { schedule = "every 10" }))
    assert.equal(1010000, schedules.of("Procedure", "p1").at)
    assert.is_nil(schedules.of("Procedure", "p1").error)
    assert.same({ "Procedure/p1" }, touched)
    assert.is_nil(schedules.of("Action", "p1"))
  end)

  it("takes the zone of the resource, else the engine's", function()
    schedules.follow("Procedure", add("Procedure", "p1", "a", { schedule = "every 10" }))
    schedules.follow("Procedure", add("Procedure", "p2", "b", { schedule = "every 10", schedule_timezone = "Asia/Tokyo" }))
    assert.same({ "Europe/Berlin", "Asia/Tokyo" }, zones)
  end)

  it("says what is wrong, as text that cannot be taken for HTML", function()
    schedules.follow("Action", add("Action", "a1", "a", { schedule = "x" }))
    local entry = schedules.of("Action", "a1")
    assert.is_nil(entry.at)
    assert.equal('<span style="color: var(--mantine-color-red-6)">ERROR</span>: no &lt;b&gt;x\n\n'
      .. '<span style="color: var(--mantine-color-dimmed)">TRACE</span>:\n'
      .. '\t<span style="color: var(--mantine-color-dimmed)">1</span>: 1 &lt; 2', entry.error)
  end)

  it("knows nothing of what has no schedule, is disabled or deleted", function()
    local res = add("Procedure", "p1", "a", { schedule = "every 10" })
    for _, change in ipairs({ { schedule = "" }, { schedule_enabled = false } }) do
      schedules.follow("Procedure", res)
      assert.is_not_nil(schedules.of("Procedure", "p1"))
      schedules.follow("Procedure", resource("p1", "a", change))
      assert.is_nil(schedules.of("Procedure", "p1"))
    end
    schedules.follow("Procedure", res)
    schedules.forget("Procedure", "p1")
    assert.is_nil(schedules.of("Procedure", "p1"))
  end)

  it("keeps the newest of two computations, also when the older ends last", function()
    local old = add("Procedure", "p1", "a", { schedule = "every 10" })
    on_next = function()
      on_next = nil
      schedules.follow("Procedure", resource("p1", "a", { schedule = "every 7" }))
    end
    schedules.follow("Procedure", old)
    assert.equal(1001000, schedules.of("Procedure", "p1").at)
    on_next = function()
      on_next = nil
      schedules.forget("Procedure", "p1")
    end
    schedules.follow("Procedure", old)
    assert.is_nil(schedules.of("Procedure", "p1"))
  end)

  it("takes out what is due, once, by time", function()
    schedules.follow("Procedure", add("Procedure", "p1", "a", { schedule = "every 50" }))
    schedules.follow("Action", add("Action", "a1", "b", { schedule = "every 10" }))
    schedules.follow("Action", add("Action", "a2", "c", { schedule = "x" }))
    assert.same({}, schedules.take(1009999))
    now = 1050000
    local due = schedules.take(now)
    assert.equal(2, #due)
    assert.equal("a1", due[1].id)
    assert.equal("p1", due[2].id)
    assert.is_nil(schedules.of("Action", "a1"))
    assert.same({}, schedules.take(now))
    assert.is_not_nil(schedules.of("Action", "a2").error)
  end)

  it("renews by the newest config, from now on", function()
    schedules.follow("Action", add("Action", "a1", "b", { schedule = "every 10" }))
    now = 1035000
    local due = schedules.take(now)
    add("Action", "a1", "b", { schedule = "every 20" })
    schedules.renew(due[1])
    assert.equal(1040000, schedules.of("Action", "a1").at)
    rows.Action.a1 = nil
    now = 1050000
    schedules.renew(schedules.take(now)[1])
    assert.is_nil(schedules.of("Action", "a1"))
  end)

  it("does not run a second twice when the timer is early", function()
    schedules.follow("Action", add("Action", "a1", "b", { schedule = "every 10" }))
    now = 1009990
    schedules.renew(schedules.take(1010000)[1])
    assert.equal(1020000, schedules.of("Action", "a1").at)
  end)

  it("does not overwrite what was saved while it ran", function()
    schedules.follow("Action", add("Action", "a1", "b", { schedule = "every 10" }))
    now = 1010000
    local due = schedules.take(now)
    schedules.follow("Action", add("Action", "a1", "b", { schedule = "every 500" }))
    now = 1510000
    schedules.renew(due[1])
    assert.equal(1500000, schedules.of("Action", "a1").at)
  end)

  it("reads all at start and looks each full second", function()
    now = 1000300
    add("Procedure", "p1", "a", { schedule = "every 1" })
    add("Action", "a1", "b", { schedule = "every 10" })
    schedules.start()
    assert.equal(1001000, schedules.of("Procedure", "p1").at)
    assert.equal(1010000, schedules.of("Action", "a1").at)
    assert.equal(1, #spawned)
    refused = true
    assert.has_error(spawned[1])
    local each = "p1 as Procedure"
    assert.same({ each, each, each }, started)
    assert.same({ 700, 1000, 1000, 1000 }, sleeps)
    assert.equal(1004000, schedules.of("Procedure", "p1").at)
    assert.equal(1010000, schedules.of("Action", "a1").at)
  end)

  it("starts what is due as its own user, and nothing that is gone", function()
    now = 1000000
    add("Procedure", "p1", "a", { schedule = "every 1" })
    add("Action", "a1", "b", { schedule = "every 2" })
    schedules.start()
    rows.Procedure.p1 = nil
    assert.has_error(spawned[1])
    assert.same({ "a1 as Action" }, started)
    assert.is_nil(schedules.of("Procedure", "p1"))
    assert.equal(1004000, schedules.of("Action", "a1").at)
  end)

  it("makes up once for what was due while the engine was off, where that is wanted", function()
    saved = { a1 = 985000, a2 = 985000, a3 = 995001, p1 = 100 }   -- p1 ran at 77
    for id, config in pairs({ a1 = { schedule_missed = "run" }, a2 = {}, a3 = { schedule_missed = "run" }, a4 = { schedule_missed = "run" },
      a5 = { schedule_missed = "run", schedule_enabled = false } }) do
      config.schedule = "every 10"
      add("Action", id, id, config)
    end
    add("Procedure", "p1", "p1", { schedule = "every 10", schedule_missed = "run" })
    now = 999999
    spawned[1] = stop   -- the ticker is spawned, and not run
    engine.spawn = function(fn, ...)
      spawned[#spawned + 1] = fn
      if #spawned > 2 then fn(...) end
    end
    schedules.start()
    assert.same({}, started)
    schedules.catch_up()
    table.sort(started)
    assert.same({ "a1 as Action missed at 990000", "p1 as Procedure missed at 10000" }, started)
    assert.equal(1000000, schedules.of("Action", "a1").at)
    schedules.catch_up()
    assert.equal(2, #started)
  end)

  describe("in a list", function()
    local function names(params)
      params.page, params.sort_by = params.page or 0, params.sort_by or "Name"
      params.tags, params.terms, params.sort_desc = {}, {}, params.sort_desc or false
      local out = {}
      for i, it in ipairs(handlers["read/ListSchedules"](params, { user = {} })) do
        out[i] = it.name
      end
      return table.concat(out, " ")
    end

    before_each(function()
      add("Procedure", "p1", "b", { schedule = "every 30" })
      add("Procedure", "p2", "d", { schedule = "every 10", schedule_enabled = false })
      add("Action", "a1", "a", { schedule = "every 20" })
      add("Action", "a2", "c", { schedule = "oops" })
      add("Action", "a3", "e", {})
      schedules.start()
    end)

    it("are described in full", function()
      local list = handlers["read/ListSchedules"]({ page = 0, limit = 0, sort_by = "Name", sort_desc = false }, { user = {} })
      assert.same({
        target = { type = "Procedure", id = "p1" }, name = "b", schedule_format = "English", schedule = "every 30", enabled = true,
        schedule_timezone = "", last_run_at = 77, next_scheduled_run = 1020000, schedule_error = null, tags = { "t" },
      }, list[2])
      assert.equal(null, list[3].next_scheduled_run)
      assert.is_string(list[3].schedule_error)
      assert.equal(null, list[4].next_scheduled_run)
      assert.equal(null, list[4].schedule_error)
      assert.equal(null, list[4].last_run_at)
    end)

    it("are sorted", function()
      assert.equal("a b c d", names({ limit = 0 }))
      assert.equal("d c b a", names({ limit = 0, sort_desc = true }))
      assert.equal("d a b c", names({ limit = 0, sort_by = "Schedule" }))
      assert.equal("a b c d", names({ limit = 0, sort_by = "NextRun" }))
      assert.equal("d c b a", names({ limit = 0, sort_by = "NextRun", sort_desc = true }))
      assert.equal("d a b c", names({ limit = 0, sort_by = "Enabled" }))
      assert.equal("c b a d", names({ limit = 0, sort_by = "Enabled", sort_desc = true }))
    end)

    it("come in pages, by default in those of the engine", function()
      assert.equal("a b", names({}))
      assert.equal("c d", names({ page = 1 }))
      assert.equal("", names({ page = 2 }))
      assert.equal("d", names({ page = 1, limit = 3 }))
      assert.equal("a b c d", names({ limit = 100 }))
      assert.equal("", names({ limit = 100, page = 1 }))
      assert.equal("", names({ page = math.maxinteger, limit = 2 }))
    end)
  end)
end)
