--- Every Lua example of the documentation is looked over as `km script check` does; names of requests, fields and members included.
local check = require("komodo.check")

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

--- Examples of one document: { { line, source } … }
local function examples(path)
  local found, line, block = {}, 0, nil
  for text in (read(path) .. "\n"):gmatch("(.-)\n") do
    line = line + 1
    if text == "```lua" then
      block = { line = line + 1 }
    elseif text == "```" and block then
      found[#found + 1] = { line = block.line, source = table.concat(block, "\n") }
      block = nil
    elseif block then
      block[#block + 1] = text
    end
  end
  return found
end

-- What an example takes over from the text around it, and the globals of busted.
local given = { stacks = true, server = true, it = true }

for _, path in ipairs({ "docs/porting-actions.md", "docs/scripting.md" }) do
  describe(path, function()
    local list = examples(path)
    it("has examples", function() assert.is_true(#list > 5) end)
    for _, example in ipairs(list) do
      it("is right at line " .. example.line, function()
        for _, d in ipairs(check.script(example.source)) do
          local global = d.message:match("^undefined global '([%w_]+)'")
          if not (global and given[global]) and not example.source:find("komodo.testing", 1, true) then
            error(("line %d: %s"):format(example.line + d.line - 1, d.message), 0)
          end
        end
      end)
    end
  end)
end

describe("docs/porting-actions.md", function()
  local text = read("docs/porting-actions.md")

  it("says what replaces each thing that a script of Komodo has", function()
    for _, name in ipairs({ "komodo.read", "komodo.write", "komodo.execute", "execute_and_poll", "poll_update_until_complete", "core_version", "getUser",
      "get_update_websocket", "subscribe_to_update_websocket", "connect_terminal", "execute_terminal", "execute_terminal_stream",
      "execute_server_terminal", "execute_container_terminal", "execute_stack_service_terminal", "execute_deployment_terminal",
      "execute_container_exec", "execute_stack_exec", "execute_deployment_exec", "komodo.auth", "ARGS", "Types.", "YAML.parse", "YAML.parseAll",
      "YAML.parseDockerCompose", "YAML.stringify", "TOML.parse", "TOML.parseResourceToml", "TOML.parseCargoToml", "TOML.stringify", "Batch",
      "WEBHOOK_BRANCH", "WEBHOOK_BODY", "fetch(", "Deno.readTextFile", "writeTextFile", "Deno.env", "Deno.Command", "Deno.exit", "setTimeout",
      "setInterval", "Promise.all", "Promise.race", "npm:", "jsr:" }) do
      assert.is_truthy(text:find(name, 1, true), name .. " is not spoken of")
    end
  end)

  it("calls nothing that does not exist in its tables", function()
    local module, namespaces = require("komodo.check.module"), require("komodo.check.namespaces")
    local members = {}
    for _, part in ipairs({ module.requests, module.members }) do
      for _, member in ipairs(part) do members[member.name] = true end
    end
    for _, plural in ipairs(module.plurals) do members[plural] = true end
    for row in text:gmatch("\n| [^\n]- | ([^\n]+) |") do
      for name, inner in row:gmatch("%f[%w/]komodo%.([%l%d_]+)%.?([%l%d_]*)") do
        assert.is_true(members[name], "komodo." .. name .. " in: " .. row)
        if inner ~= "" and namespaces.names[name] then assert.is_true(namespaces.names[name][inner], "komodo." .. name .. "." .. inner) end
      end
    end
  end)

  it("reads documents and rows as it says", function()
    local testing = require("komodo.testing")
    local function example_with(word)
      for _, example in ipairs(examples("docs/porting-actions.md")) do
        if example.source:find(word, 1, true) then return example.source end
      end
    end
    local t = testing.new { args = { csv = 'name,port,more\r\n"a ""b"", c",80,x\nlast,443' } }
    local outcome = t:run_source(example_with("csv_rows"))
    assert.is_true(outcome.ok, outcome.error)
    assert.equal('"a ""b"", c",80\nlast,443', outcome.log)
    t = testing.new { args = { manifests = "a: 1\n---\nb: [2]\n---\nc: 3" } }
    -- Under busted alone there is no YAML: how the text is cut is what counts.
    outcome = t:run_source(example_with("manifests"):gsub("komodo%.yaml%.decode", "tostring") .. "\nreturn documents")
    assert.is_true(outcome.ok, outcome.error)
    assert.same({ "a: 1", "b: [2]", "c: 3" }, outcome.result)
  end)
end)
