/* lib_schedule.h: engine.schedule, from Lua. */
#include "../script/policy_fixture.h"

#include "sched/lib_schedule.h"

static const char source[] =
    "local next = engine.schedule.next\n"
    "local function refused(format, text, zone, ...)\n"
    "  local at, err = next(format, text, zone, 0)\n"
    "  assert(at == nil and (err.code == 'invalid' or err.code == 'not_found'))\n"
    "  local words = err.message .. '\\n' .. table.concat(err.trace, '\\n')\n"
    "  for _, part in ipairs{ ... } do assert(words:find(part, 1, true), words) end\n"
    "end\n"
    "engine.handle('next', function()\n"
    "  local berlin = 1795210629079   -- 2026-11-20 17:37:09 there\n"
    "  assert(next('English', 'every day at 01:30', 'Europe/Berlin', berlin) == 1795221000000)\n"
    "  assert(next('Cron', '0 30 1 * * *', 'Europe/Berlin', berlin) == 1795221000000)\n"
    "  assert(next('Cron', '0 30 1 * * *', 'UTC', 1795221000000 - 1) == 1795224600000)\n"
    "  assert(math.type(next('Cron', '* * * * * *', '', 0)) == 'integer')   -- the zone of the system\n"
    "end)\n"
    "engine.handle('offset', function()\n"
    "  local offset = engine.schedule.offset\n"
    "  assert(offset('Europe/Berlin', 1795210629079) == 3600 and offset('Europe/Berlin', 1782864000000) == 7200)\n"
    "  assert(offset('UTC', 0) == 0 and offset('', 0))\n"
    "  local none, err = offset('Mars/Olympus', 0)\n"
    "  assert(none == nil and err.message == 'Failed to parse timezone')\n"
    "end)\n"
    "engine.handle('errors', function()\n"
    "  refused('English', 'not a schedule', 'UTC', 'Failed to parse english to cron | InvalidInput\\n')\n"
    "  refused('Cron', '0 75 * * * *', 'UTC', 'Invalid CRON schedule\\n', 'minute: 75')\n"
    "  refused('Cron', '@daily', 'Mars/Olympus', 'Failed to parse timezone\\n', 'Mars/Olympus')\n"
    "  refused('Cron', '@daily', 'europe/berlin', 'Failed to parse timezone\\n', 'europe/berlin')\n"
    "  refused('Cron', '@daily', 'UTC\\0', 'Failed to parse timezone\\n')\n"
    "  refused('Cron', '0 0 0 1 1 * 1969', 'UTC', 'Failed to find next run time\\n')\n"
    "  assert(not pcall(next, 'Sundial', '@daily', 'UTC', 0))\n"
    "  assert(not pcall(next, 'Cron', '@daily', 'UTC'))\n"
    "end)\n"
    "engine.handle('together', function()\n"
    "  local done, open = 0, engine.gate()\n"
    "  for i = 1, 20 do\n"
    "    engine.spawn(function()\n"
    "      assert(next('Cron', '@daily', i % 2 == 0 and 'Asia/Tokyo' or 'America/New_York', 0))\n"
    "      done = done + 1\n"
    "      if done == 20 then open:open() end\n"
    "    end)\n"
    "  end\n"
    "  assert(open:wait(10000))\n"
    "  return done\n"
    "end)\n"
    "engine.handle('cancelled', function()\n"
    "  local ended, open\n"
    "  open = engine.gate()\n"
    "  local task = engine.spawn(function()\n"
    "    local mark <close> = setmetatable({}, { __close = function() ended = true open:open() end })\n"
    "    next('Cron', '@daily', 'Asia/Seoul', 0)\n"
    "    next('Cron', '@daily', 'Asia/Manila', 0)\n"
    "  end)\n"
    "  engine.sleep(0)\n"
    "  task:cancel()\n"
    "  assert(open:wait(10000))\n"
    "  return ended\n"
    "end)\n"
    "engine.handle('left', function()\n"
    "  engine.spawn(next, 'Cron', '@daily', 'Africa/Cairo', 0)\n"
    "  engine.sleep(0)\n"
    "end)\n";

static void open_libs(lua_State *L, void *data)
{
  (void)data;
  lib_schedule_open(L);
}

static void from_lua(void **state)
{
  (void)state;
  struct fixture f = {.open_libs = open_libs};
  fixture_open(&f, source);
  fixture_expect(&f, "next", "0", "");
  fixture_expect(&f, "next", "0", "");   /* by zones that are known */
  fixture_expect(&f, "errors", "0", "");
  fixture_expect(&f, "offset", "0", "");
  fixture_expect(&f, "together", "0", "20");
  fixture_expect(&f, "cancelled", "0", "true");
  fixture_expect(&f, "left", "0", "");   /* closed while a zone is read */
  fixture_close(&f);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(from_lua)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
