/* json.h: round trips between JSON and Lua, what is refused, memory caps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <lauxlib.h>
#include <lualib.h>
#include <math.h>

#include "base/mem.h"
#include "doc/json.h"

static int setup(void **state)
{
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  json_open(L);
  lua_setglobal(L, "json");
  *state = L;
  return 0;
}

static int teardown(void **state)
{
  lua_close(*state);
  return 0;
}

static yyjson_doc *parse(const char *text)
{
  yyjson_doc *doc = NULL;
  struct diag d = {0};
  if (json_parse(str_of(text), &doc, &d))
    fail_msg("%s: %s", text, d.message);
  return doc;
}

/* ---- random documents ---- */

static uint64_t seed = 1;
static uint64_t next_random(void)
{
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}

static yyjson_mut_val *random_value(yyjson_mut_doc *doc, int depth)
{
  static const char *const texts[] = {"", "a", "é\"\\\n\t", "[]", "null", "\x7f", "0", "key", "日本"};
  static const int64_t ints[] = {0, 1, -1, INT64_MAX, INT64_MIN, 1LL << 53, (1LL << 53) + 1, 4294967296};
  static const double reals[] = {0.5, 1.0, -0.0, 1e300, 5e-324, 0.1, -1e15, 123456789.0};
  uint64_t kind = next_random() % (depth > 5 ? 6 : 9);
  switch (kind) {
  case 0: return yyjson_mut_null(doc);
  case 1: return yyjson_mut_bool(doc, next_random() & 1);
  case 2: return yyjson_mut_sint(doc, ints[next_random() % ARRAY_LEN(ints)]);
  case 3: return yyjson_mut_real(doc, reals[next_random() % ARRAY_LEN(reals)]);
  case 4: return yyjson_mut_str(doc, texts[next_random() % ARRAY_LEN(texts)]);
  case 5: return yyjson_mut_sint(doc, (int64_t)next_random());
  default: break;
  }
  yyjson_mut_val *v = kind < 8 ? yyjson_mut_arr(doc) : yyjson_mut_obj(doc);
  for (uint64_t n = next_random() % 5, i = 0; i < n; i++) {
    if (kind < 8) {
      yyjson_mut_arr_append(v, random_value(doc, depth + 1));
    } else {
      char key[32];
      snprintf(key, sizeof key, "%s%d", texts[next_random() % ARRAY_LEN(texts)], (int)i);
      yyjson_mut_obj_add(v, yyjson_mut_strcpy(doc, key), random_value(doc, depth + 1));
    }
  }
  return v;
}

/* Equal and of equal kind: 1 is not 1.0, [] is not {}. */
static bool same(yyjson_val *a, yyjson_val *b)
{
  if (yyjson_get_type(a) != yyjson_get_type(b) || yyjson_is_real(a) != yyjson_is_real(b) ||
      unsafe_yyjson_get_len(a) != unsafe_yyjson_get_len(b))
    return yyjson_is_int(a) && yyjson_is_int(b) && yyjson_get_int(a) == yyjson_get_int(b);
  size_t i, max;
  yyjson_val *key, *value;
  if (yyjson_is_arr(a))
    yyjson_arr_foreach(a, i, max, value)
      if (!same(value, yyjson_arr_get(b, i)))
        return false;
  if (yyjson_is_obj(a))
    yyjson_obj_foreach(a, i, max, key, value)
      if (!same(value, yyjson_obj_getn(b, yyjson_get_str(key), yyjson_get_len(key))))
        return false;
  if (yyjson_is_str(a))
    return str_eq(json_str(a), json_str(b));
  if (yyjson_is_real(a))
    return yyjson_get_real(a) == yyjson_get_real(b) && signbit(yyjson_get_real(a)) == signbit(yyjson_get_real(b));
  if (yyjson_is_int(a))
    return yyjson_get_int(a) == yyjson_get_int(b);
  return !yyjson_is_bool(a) || yyjson_get_bool(a) == yyjson_get_bool(b);
}

static const char lua_same[] =
    "local function same(a, b)\n"
    "  if type(a) ~= 'table' or type(b) ~= 'table' then\n"
    "    return math.type(a) == math.type(b) and a == b\n"
    "  end\n"
    "  if getmetatable(a) ~= getmetatable(b) then return false end\n"
    "  for k, v in pairs(a) do if not same(v, b[k]) then return false end end\n"
    "  for k in pairs(b) do if a[k] == nil then return false end end\n"
    "  return true\n"
    "end\n"
    "local v = ...\n"
    "assert(same(v, json.decode(json.encode(v))))\n";

static void every_document_survives_lua_and_back(void **state)
{
  lua_State *L = *state;
  for (int i = 0; i < 3000; i++) {
    CLEANUP(json_mut_doc_free) yyjson_mut_doc *mut = yyjson_mut_doc_new(NULL);
    CLEANUP(buf_release) struct buf text = BUF_INIT(1 << 20);
    json_write_mut(random_value(mut, 0), &text);
    CLEANUP(json_doc_free) yyjson_doc *before = parse(text.ptr);

    json_push(L, yyjson_doc_get_root(before));
    CLEANUP(buf_release) struct buf direct = BUF_INIT(1 << 20);
    json_encode(L, -1, &direct);
    assert_int_equal(buf_err(&direct), OK);
    CLEANUP(json_doc_free) yyjson_doc *after = parse(direct.ptr);
    if (!same(yyjson_doc_get_root(before), yyjson_doc_get_root(after)))
      fail_msg("%s became %s", text.ptr, direct.ptr);
    assert_true(json_equal(yyjson_doc_get_root(before), yyjson_doc_get_root(after)));

    CLEANUP(json_mut_doc_free) yyjson_mut_doc *copy = yyjson_mut_doc_new(&json_alc);
    CLEANUP(buf_release) struct buf built = BUF_INIT(1 << 20);
    json_write_mut(json_build(L, -1, copy), &built);
    CLEANUP(json_doc_free) yyjson_doc *again = parse(built.ptr);
    assert_true(same(yyjson_doc_get_root(before), yyjson_doc_get_root(again)));

    assert_int_equal(luaL_loadstring(L, lua_same), LUA_OK);
    lua_insert(L, -2);
    if (lua_pcall(L, 1, 0, 0))
      fail_msg("%s: %s", text.ptr, lua_tostring(L, -1));
    assert_int_equal(lua_gettop(L), 0);
  }
}

/* ---- values worth a name ---- */

static void keeps_kinds_apart(void **state)
{
  static const struct { const char *name, *chunk, *want; } rows[] = {
      {"empty array", "return json.array()", "[]"},
      {"empty table", "return {}", "{}"},
      {"array unmarked by object()", "return json.object(json.array())", "{}"},
      {"list without mark", "return {1, 2.0, 'x'}", "[1,2.0,\"x\"]"},
      {"null", "return {json.null}", "[null]"},
      {"top null", "return json.null", "null"},
      {"decoded null is null", "return { json.decode('null') == json.null }", "[true]"},
      {"largest integers", "return {math.maxinteger, math.mininteger}", "[9223372036854775807,-9223372036854775808]"},
      {"unsigned beyond them", "return json.decode('[18446744073709551615]')", "[18446744073709552000.0]"},
      {"zero byte", "return 'a\\0b'", "\"a\\u0000b\""},
      {"same table twice", "local t = {1}; return {t, t}", "[[1],[1]]"},
      {"text keys that look like numbers", "return { ['1'] = 2 }", "{\"1\":2}"},
      {"no metamethod runs", "return setmetatable({}, { __pairs = error, __len = error, __index = error })", "{}"},
      {"what a table stands for", "return { setmetatable({ 1 }, { __json = { a = 2 } }), setmetatable({ 1 }, { __json = 2 }) }", "[{\"a\":2},[1]]"},
      {"what stands for itself", "local t = {}; t.mt = nil; return setmetatable(t, { __json = t })", "{}"},
      {"is_array", "return { json.is_array(json.decode('[]')), json.is_array({}), json.is_array(1) }", "[true,false,false]"},
      {"require", "return require('engine.json').array_mt == getmetatable(json.array())", "true"},
      {"bad text gives an error value", "local v, e = json.decode('{'); return { v == nil, e.code }", "[true,\"invalid\"]"},
  };
  lua_State *L = *state;
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    if (luaL_dostring(L, rows[i].chunk))
      fail_msg("%s: %s", rows[i].name, lua_tostring(L, -1));
    CLEANUP(buf_release) struct buf out = BUF_INIT(1000);
    json_encode(L, -1, &out);
    if (strcmp(out.ptr, rows[i].want) != 0)
      fail_msg("%s: %s, want %s", rows[i].name, out.ptr, rows[i].want);
    lua_settop(L, 0);
  }
}

static void refuses_what_json_cannot_say(void **state)
{
  static const struct { const char *name, *chunk, *want; } rows[] = {
      {"function", "return { config = { links = { 'a', print } } }", "a function cannot be JSON, at config.links[2]"},
      {"cycle", "local t = {}; t.me = t; return t", "a table inside itself cannot be JSON, at me"},
      {"NaN", "return 0/0", "NaN cannot be JSON"},
      {"infinity", "return { -1/0 }", "an infinite number cannot be JSON, at [1]"},
      {"not UTF-8", "return '\\xff'", "text that is not UTF-8 cannot be JSON"},
      {"key not UTF-8", "return { ['\\xff'] = 1 }", "text that is not UTF-8 cannot be JSON"},
      {"mixed", "return { 1, x = 2 }", "a table with both numbered and named keys, or with holes, cannot be JSON"},
      {"numbers as names", "return { [8080] = 'x' }", "a table whose keys are neither 1..n nor all text cannot be JSON"},
      {"marked array with a name", "return json.array{ x = 1 }", "a table with both numbered and named keys"},
      {"userdata", "return { io.stdout }", "a userdata cannot be JSON"},
      {"too deep", "local t = {1}; for i = 1, 128 do t = {t} end; return t", "a table nested this deep cannot be JSON"},
  };
  lua_State *L = *state;
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    lua_getglobal(L, "json");
    lua_getfield(L, -1, "encode");
    assert_int_equal(luaL_loadstring(L, rows[i].chunk), LUA_OK);
    assert_int_equal(lua_pcall(L, 0, 1, 0), LUA_OK);
    assert_int_not_equal(lua_pcall(L, 1, 1, 0), LUA_OK);
    if (!strstr(lua_tostring(L, -1), rows[i].want))
      fail_msg("%s: %s", rows[i].name, lua_tostring(L, -1));
    lua_settop(L, 0);
  }
}

static int encode_into(lua_State *L)
{
  json_encode(L, 1, lua_touserdata(L, 2));
  return 0;
}

static int build_into(lua_State *L)
{
  json_build(L, 1, lua_touserdata(L, 2));
  return 0;
}

/* Thirty tables, each twice inside the next: a billion values once written out. */
static void a_table_that_unfolds_is_stopped(void **state)
{
  lua_State *L = *state;
  assert_int_equal(luaL_dostring(L, "local t = {1}; for i = 1, 30 do t = {t, t} end; bomb = t"), LUA_OK);
  CLEANUP(buf_release) struct buf out = BUF_INIT(1 << 20);
  lua_pushcfunction(L, encode_into);
  lua_getglobal(L, "bomb");
  lua_pushlightuserdata(L, &out);
  assert_int_not_equal(lua_pcall(L, 2, 0, 0), LUA_OK);
  assert_non_null(strstr(lua_tostring(L, -1), "a value of this size"));

  CLEANUP(json_mut_doc_free) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
  lua_pushcfunction(L, build_into);
  lua_getglobal(L, "bomb");
  lua_pushlightuserdata(L, doc);
  assert_int_not_equal(lua_pcall(L, 2, 0, 0), LUA_OK);
  assert_non_null(strstr(lua_tostring(L, -1), "a value of this size"));
}

static void says_where_text_is_wrong(void **state)
{
  (void)state;
  CLEANUP(buf_release) struct buf deep = BUF_INIT(1000);
  for (int i = 0; i < 300; i++)
    buf_add_char(&deep, i < 150 ? '[' : ']');
  const struct { const char *text, *want; } rows[] = {
      {"", "JSON: no text"},
      {"{\n \"a\": x}", "at line 2, column 7"},
      {"[1,]", "line 1"},
      {"{'a':1}", "line 1"},
      {"[1] 2", "line 1"},
      {"\"\xff\"", "UTF-8"},
      {"NaN", "line 1"},
      {"1e999", "line 1"},
      {deep.ptr, "nested deeper than 128"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    yyjson_doc *doc = NULL;
    struct diag d = {0};
    assert_int_equal(json_parse(str_of(rows[i].text), &doc, &d), ERR_INVALID);
    assert_null(doc);
    if (!strstr(d.message, rows[i].want))
      fail_msg("%s: %s", rows[i].text, d.message);
  }
}

static void the_deepest_allowed_passes_everywhere(void **state)
{
  lua_State *L = *state;
  CLEANUP(buf_release) struct buf deep = BUF_INIT(1000);
  for (int i = 0; i < JSON_DEPTH_MAX; i++)
    buf_add_char(&deep, '[');
  buf_add_text(&deep, "1");
  for (int i = 0; i < JSON_DEPTH_MAX; i++)
    buf_add_char(&deep, ']');
  json_push_text(L, buf_str(&deep));
  CLEANUP(buf_release) struct buf out = BUF_INIT(1000);
  json_encode(L, -1, &out);
  assert_string_equal(out.ptr, deep.ptr);
  lua_settop(L, 0);
}

static void compares_by_meaning(void **state)
{
  (void)state;
  static const struct { const char *a, *b; bool equal; } rows[] = {
      {"{\"a\":1,\"b\":[2]}", "{\"b\":[2.0],\"a\":1}", true},
      {"[1,2]", "[2,1]", false},
      {"[]", "{}", false},
      {"{\"a\":null}", "{}", false},
      {"{\"a\":null}", "{\"b\":null}", false},
      {"9007199254740993", "9007199254740992.0", false},
      {"18446744073709551615", "18446744073709551615", true},
      {"18446744073709551615", "-1", false},
      {"0.0", "-0.0", true},
      {"\"a\\u0000b\"", "\"a\"", false},
      {"{\"a\":1,\"b\":2,\"a\":3}", "{\"b\":2,\"a\":1,\"a\":3}", true},
      {"true", "false", false},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    CLEANUP(json_doc_free) yyjson_doc *a = parse(rows[i].a);
    CLEANUP(json_doc_free) yyjson_doc *b = parse(rows[i].b);
    if (json_equal(yyjson_doc_get_root(a), yyjson_doc_get_root(b)) != rows[i].equal)
      fail_msg("%s, %s", rows[i].a, rows[i].b);
  }
}

static void comparing_many_keys_is_not_quadratic(void **state)
{
  (void)state;
  CLEANUP(buf_release) struct buf up = BUF_INIT(1 << 24), down = BUF_INIT(1 << 24);
  for (int i = 0, n = 100000; i < n; i++) {
    buf_printf(&up, "%c\"%d\":1", i ? ',' : '{', i);
    buf_printf(&down, "%c\"%d\":1", i ? ',' : '{', n - 1 - i);
  }
  buf_add_char(&up, '}');
  buf_add_char(&down, '}');
  CLEANUP(json_doc_free) yyjson_doc *a = parse(up.ptr);
  CLEANUP(json_doc_free) yyjson_doc *b = parse(down.ptr);
  assert_true(json_equal(yyjson_doc_get_root(a), yyjson_doc_get_root(b)));   /* the test's timeout is the assertion */
  buf_release(&down);
}

static void reads_fields(void **state)
{
  (void)state;
  CLEANUP(json_doc_free) yyjson_doc *doc = parse("{\"s\":\"x\",\"b\":true,\"i\":-7,\"f\":2.0,\"c\":{\"server_id\":\"id\"},\"n\":null}");
  yyjson_val *o = yyjson_doc_get_root(doc);
  assert_true(str_eqc(json_get_str(o, "s"), "x"));
  assert_null(json_get_str(o, "b").ptr);
  assert_null(json_get_str(o, "n").ptr);
  assert_true(json_get_bool(o, "b", false));
  assert_true(json_get_bool(o, "s", true));
  assert_int_equal(json_get_int(o, "i", 1), -7);
  assert_int_equal(json_get_int(o, "f", 1), 2);
  assert_int_equal(json_get_int(o, "s", 1), 1);
  assert_true(str_eqc(json_str(json_path(o, "c.server_id")), "id"));
  assert_null(json_path(o, "c.none.deeper"));
  assert_null(json_path(o, "s.x"));
}

/* ---- memory ---- */

static void parsing_survives_every_failed_allocation(void **state)
{
  (void)state;
  for (long n = 0;; n++) {
    CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
    CLEANUP(buf_release) struct buf out = BUF_INIT(1000);
    mem_fail_after(n);
    Err err = json_parse(STR("{\"a\":[1,2,{\"b\":\"c\"}]}"), &doc, NULL);
    if (!err)
      json_write(yyjson_doc_get_root(doc), &out);
    bool hit = mem_disarm();
    assert_int_equal(err ? err : buf_err(&out), hit ? ERR_NOMEM : OK);
    if (!hit)
      return;
  }
}

struct cap { size_t used, max; };
static void *capped(void *ud, void *ptr, size_t osize, size_t nsize)
{
  struct cap *cap = ud;
  size_t was = ptr ? osize : 0;
  if (nsize > was && cap->used - was + nsize > cap->max)
    return NULL;
  void *p = NULL;
  if (nsize == 0)
    mem_free(ptr);
  else if (!(p = mem_try_resize(ptr, nsize)))
    return NULL;
  cap->used = cap->used - was + nsize;
  return p;
}

static int decode_and_encode(lua_State *L)
{
  json_open(L);
  lua_getfield(L, -1, "decode");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  lua_getfield(L, -2, "encode");
  lua_pushvalue(L, -2);
  lua_call(L, 1, 1);
  return 1;
}

/* More and more memory until it is enough: below that, every try ends in a Lua memory error and nothing is lost. */
static void documents_count_against_the_cap_of_the_state(void **state)
{
  (void)state;
  CLEANUP(buf_release) struct buf text = BUF_INIT(1 << 20);
  for (int i = 0; i < 300; i++)
    buf_printf(&text, "%c{\"name\":\"item %d\",\"list\":[]}", i ? ',' : '[', i);
  buf_add_char(&text, ']');
  bool refused = false;
  for (size_t max = 24 * 1024;; max += 4096) {
    struct cap cap = {.max = max};
    lua_State *L = lua_newstate(capped, &cap);
    if (!L)
      continue;
    lua_pushcfunction(L, decode_and_encode);
    if (text.len > max / 2) {   /* not even the argument */
      lua_close(L);
      continue;
    }
    lua_pushlstring(L, text.ptr, text.len);
    int status = lua_pcall(L, 1, 1, 0);
    bool ok = status == LUA_OK;
    if (!ok) {
      refused = true;
      assert_non_null(strstr(lua_tostring(L, -1), "not enough memory"));
    }
    lua_close(L);
    assert_int_equal(cap.used, 0);
    if (ok)
      break;
    assert_true(max < 4 << 20);
  }
  assert_true(refused);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(every_document_survives_lua_and_back, setup, teardown),
      cmocka_unit_test_setup_teardown(keeps_kinds_apart, setup, teardown),
      cmocka_unit_test_setup_teardown(refuses_what_json_cannot_say, setup, teardown),
      cmocka_unit_test_setup_teardown(a_table_that_unfolds_is_stopped, setup, teardown),
      cmocka_unit_test(says_where_text_is_wrong),
      cmocka_unit_test_setup_teardown(the_deepest_allowed_passes_everywhere, setup, teardown),
      cmocka_unit_test(compares_by_meaning),
      cmocka_unit_test(comparing_many_keys_is_not_quadratic),
      cmocka_unit_test(reads_fields),
      cmocka_unit_test(parsing_survives_every_failed_allocation),
      cmocka_unit_test(documents_count_against_the_cap_of_the_state),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
