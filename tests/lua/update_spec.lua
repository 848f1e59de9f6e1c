-- komodo.update with a faked engine: who waits for a record goes on whatever becomes of storing it.
package.path = "stdlib/lua/?.lua;stdlib/lua/?/init.lua;" .. package.path

local LOADED = { "engine", "komodo.users", "komodo.update" }

describe("an update", function()
  local update, kept, full, waited, record

  before_each(function()
    kept, full, waited = {}, false, 0
    package.loaded["engine"] = {
      json = { null = {}, array = function(list) return list end },
      now = function() return 1 end,
      crypto = { object_id = function() return "id" end },
      gate = function()
        local opened = false
        return {
          open = function() opened = true end,
          wait = function()
            assert.is_true(opened, "would wait for ever")
            waited = waited + 1
          end,
        }
      end,
      store = {
        change = function()
          local put
          return {
            put = function(_, _, id, doc) put = { id = id, status = doc.status } end,
            commit = function()
              if full then return nil, { code = "full", message = "full", trace = {} } end
              kept[put.id] = put.status
              return true
            end,
          }
        end,
        get = function(_, id) return { _id = { ["$oid"] = id }, status = kept[id] } end,
      },
    }
    package.loaded["komodo.users"] = {}
    package.loaded["komodo.update"] = nil
    update = require("komodo.update")
    record = update.new({ id = "u" }, "RunAction", { type = "Action", id = "a" })
  end)

  after_each(function()
    for _, name in ipairs(LOADED) do package.loaded[name] = nil end
  end)

  it("that is complete and stored is waited for no more", function()
    update.save(record)
    assert.equal(record, update.running("id"))
    update.finalize(record)
    update.save(record)
    assert.is_nil(update.running("id"))
    assert.equal("Complete", update.wait("id").status)
    assert.equal(0, waited)
  end)

  it("that cannot be stored lets who waits go on, and is shown as it ended", function()
    update.save(record)
    full = true
    update.finalize(record)
    assert.has_error(function() update.save(record) end)
    assert.equal("Complete", update.wait("id").status)
    assert.equal(1, waited)
    assert.equal("InProgress", kept.id)
  end)

  it("that cannot be stored at first is not running", function()
    full = true
    assert.has_error(function() update.save(record) end)
    assert.is_nil(update.running("id"))
  end)
end)
