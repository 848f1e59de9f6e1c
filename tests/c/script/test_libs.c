/* libs.h: engine.time and engine.crypto, from Lua. */
#include "policy_fixture.h"
#include "script/libs.h"

static const char source[] =
    "local t, c = engine.time, engine.crypto\n"
    "engine.handle('time', function()\n"
    "  assert(t.iso(0) == '1970-01-01T00:00:00.000Z')\n"
    "  for text, ms in pairs{ ['1970-01-01T00:00:00Z'] = 0, ['2026-01-31T12:34:56.789Z'] = 1769862896789,\n"
    "      ['2000-02-29T23:59:59.5+02:30'] = 951859799500, ['1969-12-31T23:59:59.999-00:00'] = -1,\n"
    "      ['0001-01-01T00:00:00Z'] = -62135596800000 } do\n"
    "    assert(t.parse(text) == ms, text)\n"
    "  end\n"
    "  for _, text in ipairs{ '', '2026', '2026-02-29T00:00:00Z', '2026-13-01T00:00:00Z', '2026-01-01T24:00:00Z',\n"
    "      '2026-01-01T00:00:00', '2026-01-01T00:00:00Zx', '2026-01-01T00:00:00.Z', '2026-01-01T00:00:00\\0Z' } do\n"
    "    local ms, err = t.parse(text)\n"
    "    assert(ms == nil and err.code == 'invalid', text)\n"
    "  end\n"
    "  assert(t.iso(t.parse('2026-01-31T12:34:56.789Z')) == '2026-01-31T12:34:56.789Z')\n"
    "end)\n"
    "engine.handle('crypto', function()\n"
    "  assert(c.hash('sha256', 'abc') == 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')\n"
    "  assert(c.hmac('sha256', 'Jefe', 'what do ya want for nothing?') ==\n"
    "    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843')\n"
    "  assert(not pcall(c.hash, 'md5', 'abc'))\n"
    "  assert(c.base64('hello') == 'aGVsbG8=' and c.from_base64('aGVsbG8=') == 'hello')\n"
    "  local bad, err = c.from_base64('?')\n"
    "  assert(bad == nil and err.code == 'invalid')\n"
    "  assert(c.hex('\\1\\255') == '01ff' and c.from_hex('01FF') == '\\1\\255' and c.from_hex('0') == nil)\n"
    "  assert(#c.bytes(16) == 16 and #c.alnum(40) == 40 and c.bytes(0) == '')\n"
    "  assert(#c.object_id() == 24 and #c.uuid() == 36 and c.uuid() ~= c.uuid())\n"
    "  assert(c.equal('a', 'a') and not c.equal('a', 'b') and not c.equal('a', 'aa'))\n"
    "end)\n"
    "engine.handle('errors', function()\n"
    "  local _, err = t.parse('x')\n"
    "  return { tostring(err), engine.json.encode(err.trace) }\n"
    "end)\n";

static void open_libs(lua_State *L, void *data)
{
  (void)data;
  lib_time_open(L);
  lib_crypto_open(L);
}

static void time_and_crypto(void **state)
{
  (void)state;
  struct fixture f = {.open_libs = open_libs};
  fixture_open(&f, source);
  fixture_expect(&f, "time", "0", "");
  fixture_expect(&f, "crypto", "0", "");
  fixture_expect(&f, "errors", "0", "[\"'x' is not a time like 2026-01-31T12:34:56Z\",\"[]\"]");
  fixture_close(&f);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(time_and_crypto)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
