--- Runs that take their turn: so many at once, the others wait in order.
local engine = require("engine")
local fail = require("komodo.fail")
local turns = {}

---@class Turns
---@field max integer At once.
---@field waiting_max integer
---@field running integer
---@field waiting Ticket[]
local Turns = {}
Turns.__index = Turns

---@class Ticket Of one run; it may wait for one turn after another.
---@field cancelled? boolean

---@return Turns
function turns.new(max, waiting_max)
  return setmetatable({ max = max, waiting_max = waiting_max, running = 0, waiting = {} }, Turns)
end

--- Would another one have to wait?
function Turns:is_busy() return self.running >= self.max or #self.waiting > 0 end
function Turns:is_idle() return self.running == 0 and #self.waiting == 0 end

--- Goes on at once, whoever else runs.
function Turns:join() self.running = self.running + 1 end

local function remove(list, ticket)
  for i, other in ipairs(list) do
    if other == ticket then return table.remove(list, i) end
  end
end

--- Waits for the turn; raises "limit" when too many wait, "cancelled" when the ticket is cancelled.
---@async
---@param ticket Ticket
---@param on_wait fun(before: integer) Told how many wait before it, when it has to wait.
function Turns:take(ticket, on_wait)
  if not self:is_busy() then return self:join() end
  if #self.waiting >= self.waiting_max then fail.raise("limit", "%d runs wait already; start it again later", #self.waiting) end
  ticket.gate, ticket.turns, ticket.has = engine.gate(), self, false
  self.waiting[#self.waiting + 1] = ticket
  on_wait(#self.waiting - 1)
  local ok, opened, err = pcall(ticket.gate.wait, ticket.gate)
  if ok and opened and ticket.has then return end
  if ticket.has then self:leave() else remove(self.waiting, ticket) end
  if ok and opened then fail.raise("cancelled", "cancelled while it waited for its turn") end
  error(ok and err or opened, 0)
end

--- The turn is over: the next one begins.
function Turns:leave()
  self.running = self.running - 1
  while self.running < self.max and self.waiting[1] do
    local ticket = table.remove(self.waiting, 1)
    self.running = self.running + 1
    ticket.has = true
    ticket.gate:open()
  end
end

--- Ends the wait of a ticket; one that does not wait is only marked.
function turns.cancel(ticket)
  ticket.cancelled = true
  if ticket.gate and not ticket.has and remove(ticket.turns.waiting, ticket) then ticket.gate:open() end
end

return turns
