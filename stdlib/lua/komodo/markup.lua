--- The spans that clients understand in log texts (spec api.md 11.5). Pure.
local markup = {}

local function span(style, text) return ('<span style="%s">%s</span>'):format(style, text) end

function markup.bold(text) return span("font-weight: bolder", text) end
function markup.dim(text) return span("color: var(--mantine-color-dimmed)", text) end
function markup.red(text) return span("color: var(--mantine-color-red-6)", text) end
function markup.green(text) return span("color: var(--mantine-color-green-6)", text) end

--- An error and its causes.
---@param e Err
---@return string
function markup.error(e)
  local out = { markup.red("ERROR") .. ": " .. e.message }
  if e.trace and #e.trace > 0 then
    out[#out + 1] = "\n\n" .. markup.dim("TRACE") .. ":"
    for i, cause in ipairs(e.trace) do out[#out + 1] = "\n\t" .. markup.dim(tostring(i)) .. ": " .. cause end
  end
  return table.concat(out)
end

return markup
