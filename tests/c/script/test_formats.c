/* komodo.toml, .yaml, .json and .time of user scripts: exact values, places of errors, bounds; zones and schedules. */
#include "run_fixture.h"

static void documents(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 1);
  scripts_expect(&s,
                 "local t = assert(komodo.toml.decode('a = 1\\nb = 1.0\\nc = []\\nd = {}\\ne = 2026-01-31T00:00:00Z\\n[[f]]\\nx = true'))\n"
                 "return { math.type(t.a), math.type(t.b), komodo.json.is_array(t.c), komodo.json.is_array(t.d), t.e, #t.f, t.f[1].x }",
                 "[\"integer\",\"float\",true,false,\"2026-01-31T00:00:00Z\",1,true]");
  scripts_expect(&s,
                 "local y = assert(komodo.yaml.decode('a: 1\\nb: 1.0\\nc: []\\nd: {}\\ne: null\\nf: no\\ng: &x [1]\\nh: *x\\n'))\n"
                 "return { math.type(y.a), math.type(y.b), komodo.json.is_array(y.c), komodo.json.is_array(y.d), y.e == komodo.json.null, y.f, y.h[1] }",
                 "[\"integer\",\"float\",true,false,true,\"no\",1]");
  scripts_expect(&s,
                 "local function m(v, e) assert(v == nil) return e.code .. ' ' .. e.message end\n"
                 "return { m(komodo.toml.decode('a = 1\\nb = ')), m(komodo.yaml.decode('a: 1\\n b: [')), m(komodo.json.decode('{\\n\"a\": x}')) }",
                 "[\"invalid TOML: line 2, column 5: not a value (text stands in quotes)\","
                 "\"invalid YAML: line 2, column 3: mapping values are not allowed in this context\","
                 "\"invalid JSON: unexpected character, expected a valid JSON value at line 2, column 6\"]");
  scripts_expect(&s,
                 "local function same(v) local t = komodo.yaml.encode(v) local b = assert(komodo.yaml.decode(t))\n"
                 "  return komodo.json.encode(b, { sorted = true }) == komodo.json.encode(v, { sorted = true }) or error(t) end\n"
                 "local hard = { '', ' ', 'a: b', '- x', 'true', 'No', '~', '1', '1.5', '0x1f', '.inf', '#c', 'a #b', '[x', '{', '&a', '*a', '!t', '|', '>', '%d', '@', '`',\n"
                 "  '\\n', 'a\\n', '\\na', 'a\\n\\n', ' a\\nb', 'a\\n b\\n\\n\\nc\\n\\n', 'tab\\there', 'cr\\r\\nlf', '\\0\\1\\127', '\\u{85}\\u{2028}\\u{FEFF}\\u{FFFE}', 'ünï', '---', '--- a', '...', 'a:', \"it's\", '\"q\"', '\\\\',\n"
                 "  '\\u{1F600}', 'x: |\\n  y', '<<', '=', '2026-01-01', 'null', 'key with spaces' }\n"
                 "local keys = {} for _, k in ipairs(hard) do keys[k] = { k, { k, { [k] = k } }, k } end\n"
                 "return { same(hard), same(keys), same{ a = komodo.json.null, b = komodo.json.array(), c = {}, d = 1.0, e = -0.5, f = math.maxinteger, g = 1e300 } }",
                 "[true,true,true]");
  scripts_expect(&s,
                 "local function same(v) local t = komodo.toml.encode(v) local b = assert(komodo.toml.decode(t))\n"
                 "  return komodo.json.encode(b, { sorted = true }) == komodo.json.encode(v, { sorted = true }) or error(t) end\n"
                 "return { same{ a = { { b = 'x\\n\\t\\0' }, { c = { 1, { d = 1.0 } } } }, ['k .'] = komodo.json.array(), e = {}, f = { g = { h = '\"\"\"' } } } }",
                 "[true]");
  scripts_expect_error(&s, "return komodo.toml.encode{ a = komodo.json.null }", "TOML has no null");
  scripts_expect(&s, "return komodo.json.encode({ b = { d = 1, c = {} }, a = { 1, { z = 1, y = 2 } } }, { sorted = true })",
                 "\"{\\\"a\\\":[1,{\\\"y\\\":2,\\\"z\\\":1}],\\\"b\\\":{\\\"c\\\":{},\\\"d\\\":1}}\"");
  scripts_expect(&s, "local t = {} for i = 1, 500 do t['k' .. i * 7919 % 500] = i end\n"
                     "local last = '' for k in komodo.json.encode(t, { sorted = true, pretty = true }):gmatch('\"(k%d+)\"') do assert(k > last) last = k end return last",
                 "\"k99\"");
  scripts_expect(&s, "return komodo.json.encode({ 1 }, { pretty = true })", "\"[\\n  1\\n]\"");
  scripts_close(&s);
}

static void bounds(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 1);
  scripts_expect(&s,
                 "local lines = { 'a0: &a0 [x,x,x,x,x,x,x,x,x,x]' }\n"
                 "for i = 1, 9 do lines[#lines + 1] = ('a%d: &a%d [%s]'):format(i, i, ('*a' .. i - 1 .. ','):rep(10)) end\n"
                 "local v, e = komodo.yaml.decode(table.concat(lines, '\\n'))\n"
                 "return { e.code, e.message:match('line 6.*many values') ~= nil, select(2, komodo.toml.decode(('x'):rep(1 << 21))).code, select(2, komodo.yaml.decode('['  .. ('['):rep(200))).code }",
                 "[\"too_big\",true,\"too_big\",\"invalid\"]");
  /* Aliases that make more of a text than twice its length. */
  scripts_expect(&s, "local y = komodo.yaml.decode('a: &a ' .. ('x'):rep(1000) .. '\\nb: [' .. ('*a,'):rep(50) .. ']') return #y.b * #y.b[50]", "50000");
  struct script_spec spec = {.limits = {.memory_bytes = 8 << 20}};
  struct script_run *run = scripts_run(&s, "return #komodo.yaml.decode('[' .. ('1,'):rep(190000) .. ']') + #komodo.toml.decode('a = \"' .. ('x'):rep(400000) .. '\"').a * 0 + #('x'):rep(9 << 20)", &spec);
  assert_string_equal(run->outcome.limit, "memory");
  op_unref(&run->op);
  scripts_close(&s);
}

static void wall_clocks(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 2);
#define T "local T, B = komodo.time, 'Europe/Berlin' local function f(...) return T.format(assert(...), B) end "
  /* The night of 2026-03-29: 02:00 becomes 03:00. */
  scripts_expect(&s, T "return { f(T.parse('2026-03-29T02:30:00', B)), f(T.from({ year = 2026, month = 3, day = 29, hour = 3 }, B)),\n"
                       "  f(T.add(T.parse('2026-03-28T02:30', B), { days = 1 }, B)), f(T.add(T.parse('2026-03-28T02:30', B), { days = 2 }, B)),\n"
                       "  f(T.add(T.parse('2026-03-28T12:00', B), { hours = 24 }, B)), f(T.add(T.parse('2026-03-28T12:00', B), { days = 1 }, B)),\n"
                       "  T.diff(T.parse('2026-03-28T12:00', B), T.parse('2026-03-29T12:00', B), 'hours'),\n"
                       "  T.diff(T.parse('2026-03-28T12:00', B), T.parse('2026-03-29T12:00', B), 'days', B), T.diff(T.parse('2026-03-28T12:00', B), T.parse('2026-03-29T11:59', B), 'days', B) }",
                 "[\"2026-03-29T03:00:00+02:00\",\"2026-03-29T03:00:00+02:00\",\"2026-03-29T03:00:00+02:00\",\"2026-03-30T02:30:00+02:00\","
                 "\"2026-03-29T13:00:00+02:00\",\"2026-03-29T12:00:00+02:00\",23.0,1,0]");
  /* The night of 2026-10-25: 03:00 becomes 02:00. */
  scripts_expect(&s, T "local second = T.parse('2026-10-25T01:30:00Z') return { f(T.parse('2026-10-25T02:30', B)), f(second),\n"
                       "  f(T.add(second, { days = 7 }, B)), f(T.add(T.add(second, { days = 7 }, B), { days = -7 }, B)), f(T.add(second, { months = 12, years = -1, days = 1 }, B)),\n"
                       "  f(T.from(T.parts(second, B), B)), f(T.start_of(second, 'hour', B)), f(T.start_of(second, 'day', B)), f(T.start_of(second, 'week', B)),\n"
                       "  T.diff(T.start_of(second, 'day', B), T.add(T.start_of(second, 'day', B), { days = 1 }, B), 'hours') }",
                 "[\"2026-10-25T02:30:00+02:00\",\"2026-10-25T02:30:00+01:00\",\"2026-11-01T02:30:00+01:00\",\"2026-10-25T02:30:00+01:00\",\"2026-10-26T02:30:00+01:00\","
                 "\"2026-10-25T02:30:00+01:00\",\"2026-10-25T02:00:00+01:00\",\"2026-10-25T00:00:00+02:00\",\"2026-10-19T00:00:00+02:00\",25.0]");
  scripts_expect(&s, T "return { T.format(T.add(T.parse('2024-01-31'), { months = 1 })), T.format(T.add(T.parse('2024-02-29'), { years = 1 })), T.format(T.from{ year = 2026, month = 14, day = 0 }),\n"
                       "  T.diff(T.parse('2024-01-31'), T.parse('2024-02-29'), 'months'), T.diff(T.parse('2026-05-01'), T.parse('2020-05-02'), 'years'), T.diff(5, 1500), T.diff(5, 15, 'ms'),\n"
                       "  T.weekday(T.parse('2026-11-29')), select(2, T.weekday(T.parse('1969-12-29'))), T.parts(T.parse('2024-12-31T23:59:59.5Z')).yearday, T.parts(0, 'Asia/Kathmandu').min }",
                 "[\"2024-02-29T00:00:00Z\",\"2025-02-28T00:00:00Z\",\"2027-01-31T00:00:00Z\",1,-5,1.495,10,7,\"Monday\",366,30]");
  scripts_expect(&s, T "local out = {} for _, x in ipairs{ '2026-01-02T03:04:05Z', '2026-01-02T03:04:05.678901+02:00', '20260102T030405-0130', '2026-01-02 03:04', '2026-01-02', '2026-01-02T24:00Z', '2016-12-31T23:59:60Z', '1969-12-31T23:59:59.999Z' } do\n"
                       "  out[#out + 1] = T.format(assert(T.parse(x))) end\n"
                       "for _, x in ipairs{ '', 'x', '2026-02-30', '2026-13-01', '2026-01-02T25:00', '2026-01-02T24:01', '2026-01-02T03:04:05+25:00', '0000-01-01', '2026-1-2', '2026-01-02T03:04:05Zx', ('2'):rep(1000) } do\n"
                       "  local v, e = T.parse(x) assert(v == nil and e.code == 'invalid', x) end return out",
                 "[\"2026-01-02T03:04:05Z\",\"2026-01-02T01:04:05.678Z\",\"2026-01-02T04:34:05Z\",\"2026-01-02T03:04:00Z\",\"2026-01-02T00:00:00Z\",\"2026-01-03T00:00:00Z\",\"2017-01-01T00:00:00Z\",\"1969-12-31T23:59:59.999Z\"]");
  scripts_expect(&s, T "for days = -719000, 2900000, 9973 do local p = T.parts(days * 86400000) assert(T.from(p) == days * 86400000) assert(T.parse(T.format(days * 86400000)) == days * 86400000) end\n"
                       "return { select(2, T.parts(0, 'Mars/Olympus')).code, select(2, T.parts(0, '')).code, select(2, T.add(0, { years = 9000 })).code, select(2, T.parts(0, '../etc/passwd')).code }",
                 "[\"not_found\",\"invalid\",\"invalid\",\"invalid\"]");
  scripts_expect_error(&s, T "T.add(0, { fortnights = 1 })", "'fortnights' is none of");
  scripts_expect_error(&s, T "T.add(0, { days = 0.5 })", "'days' must be a whole number");
  scripts_expect_error(&s, T "T.start_of(0, 'decade')", "the unit is one of");
  scripts_expect_error(&s, T "T.format(1e300)", "outside the years");
  scripts_close(&s);
}

static void schedules(void **state)
{
  (void)state;
  struct scripts s;
  scripts_open(&s, 1);
  scripts_expect(&s, T "local after = T.parse('2026-03-28T12:00:00Z') return { f(T.next('0 30 2 * * *', { zone = B, after = after })), f(T.next('every day at 2:30 am', { zone = B, after = after, format = 'English' })),\n"
                       "  T.format(T.next('@daily', { after = after })), T.next('* * * * * *') > komodo.now() - 1000, T.next('0 0 0 1 1 * 2030', { format = 'cron', after = 0 }) == T.parse('2030-01-01') }",
                 "[\"2026-03-29T03:00:00+02:00\",\"2026-03-29T03:00:00+02:00\",\"2026-03-29T00:00:00Z\",true,true]");
  scripts_expect(&s, T "local function c(v, e) return v == nil and e.code end return { c(T.next('0 75 * * * *')), c(T.next('not a schedule')), c(T.next('@daily', { zone = 'Mars/Olympus' })), c(T.next('0 0 0 1 1 * 1969')), c(T.next('0 0 0 30 2 *', { zone = B })) }",
                 "[\"invalid\",\"invalid\",\"not_found\",\"not_found\",\"not_found\"]");
  scripts_expect_error(&s, T "T.next('@daily', { every = 1 })", "the option 'every' is unknown");
  scripts_close(&s);
#undef T
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(documents), cmocka_unit_test(bounds), cmocka_unit_test(wall_clocks),
                                     cmocka_unit_test(schedules)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
