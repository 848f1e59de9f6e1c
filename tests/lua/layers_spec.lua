-- Holds the C folders to engine/LAYERS: what a folder includes, and what its CMake target links.

local AGENT_MAY = { "base", "conf", "net", "link" }

local function lines(command)
  local pipe = assert(io.popen(command))
  local out = {}
  for line in pipe:lines() do
    out[#out + 1] = line
  end
  pipe:close()
  return out
end

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

--- folder -> the list that stands behind it, and the folders in their order.
local function parse_layers(text)
  local direct, order = {}, {}
  for line in text:gmatch("[^\n]+") do
    local folder, needs = line:match("^(%w+):([^#]*)")
    if folder then
      direct[folder] = {}
      order[#order + 1] = folder
      for need in needs:gmatch("%w+") do
        table.insert(direct[folder], need)
      end
    end
  end
  return direct, order
end

--- Itself, what it names, and what those may include.
local function reach(direct, folder, seen)
  seen = seen or {}
  if seen[folder] then
    return seen
  end
  seen[folder] = true
  for _, need in ipairs(direct[folder]) do
    reach(direct, need, seen)
  end
  return seen
end

--- "file:line: includes x" for every include of `text` that stands outside `may`. An include without a folder is a
--- neighbour; one whose folder is not ours comes from the system.
local function strangers(path, text, known, may)
  local found, number = {}, 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local folder, file = line:match('^%s*#%s*include%s+"([%w_]+)/([^"]+)"')
    if folder and known[folder] and not may[folder] then
      found[#found + 1] = ("%s:%d: includes %s/%s"):format(path, number, folder, file)
    end
  end
  return found
end

local direct, order = parse_layers(read("engine/LAYERS"))
local known = { agent = true }
for _, folder in ipairs(order) do
  known[folder] = true
end

local function check_folder(root, may)
  local found = {}
  for _, path in ipairs(lines(("find %s -name '*.[ch]' -o -name '*.cpp' -o -name '*.def'"):format(root))) do
    for _, line in ipairs(strangers(path, read(path), known, may)) do
      found[#found + 1] = line
    end
  end
  return found
end

describe("the layers", function()
  it("name only folders that stand above them", function()
    local above = {}
    for _, folder in ipairs(order) do
      for _, need in ipairs(direct[folder]) do
        assert.is_true(above[need], ("%s needs %s, which does not stand above it"):format(folder, need))
      end
      above[folder] = true
    end
  end)

  it("are all there is below engine/", function()
    local folders = {}
    for _, path in ipairs(lines("find engine -mindepth 2 -maxdepth 2 -name '*.[ch]'")) do
      folders[path:match("^engine/(%w+)/")] = true
    end
    for folder in pairs(folders) do
      assert.is_table(direct[folder], "engine/" .. folder .. " is not in engine/LAYERS")
    end
  end)

  for _, folder in ipairs(order) do
    it(("let %s include what it may and nothing else"):format(folder), function()
      assert.same({}, check_folder("engine/" .. folder, reach(direct, folder)))
    end)

    it(("are what the target of %s links"):format(folder), function()
      local cmake = read(("engine/%s/CMakeLists.txt"):format(folder))
      local linked = {}
      for need in (cmake:match("NEEDS%s+([%l%s]+)") or ""):gmatch("%l+") do
        linked[#linked + 1] = need
      end
      local wanted = table.move(direct[folder], 1, #direct[folder], 1, {})
      table.sort(linked)
      table.sort(wanted)
      assert.same(wanted, linked)
    end)
  end

  it("let the agent include what it shares with the engine", function()
    local may = { agent = true }
    for _, folder in ipairs(AGENT_MAY) do
      reach(direct, folder, may)
    end
    assert.same({}, check_folder("agent", may))
  end)
end)

describe("the check of the layers", function()
  it("finds an include that points upwards", function()
    local text = '#include "base/str.h"\n  # include "api/api.h"\n#include "llhttp.h"\n'
    assert.same({ "x.c:2: includes api/api.h" }, strangers("x.c", text, known, reach(direct, "net")))
  end)

  it("follows what is reached through others", function()
    local some = parse_layers("a: # first\nb: a\nc: b # see a\nd: a\n")
    assert.same({ a = true, b = true, c = true }, reach(some, "c"))
    assert.same({ a = true, d = true }, reach(some, "d"))
  end)
end)
