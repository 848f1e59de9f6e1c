/* schema.h with a small schema of its own: normal forms, partials, merging, messages, mistakes in declarations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "doc/schema_lua.h"
#include "doc/small_schema.h"

struct fixture {
  lua_State *L;
  struct schema *schema;
};

static int setup(void **state)
{
  struct fixture *f = mem_new(sizeof *f);
  struct diag d = {0};
  f->L = schema_state(small_schema);
  if (schema_load(f->L, &f->schema, &d))
    fail_msg("%s", d.message);
  *state = f;
  return 0;
}

static int teardown(void **state)
{
  struct fixture *f = *state;
  lua_close(f->L);
  schema_free(f->schema);
  mem_free(f);
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

/* The normal form as text, or the message of the error after "!". Free with mem_free. */
static char *normal(const struct schema_type *type, const char *in, enum schema_mode mode)
{
  CLEANUP(json_doc_free) yyjson_doc *doc = in ? parse(in) : NULL;
  CLEANUP(json_mut_doc_free) yyjson_mut_doc *out = yyjson_mut_doc_new(&json_alc);
  yyjson_mut_val *v = NULL;
  struct diag d = {0};
  Err err = schema_normalise(type, yyjson_doc_get_root(doc), mode, out, &v, &d);
  if (err) {
    assert_int_equal(err, ERR_SHAPE);
    return mem_printf("!%s", d.message);
  }
  struct buf b = BUF_INIT(1 << 20);
  json_write_mut(v, &b);
  return buf_take(&b);
}

#define COMMAND "{\"path\":\"\",\"command\":\"\"}"
#define CONFIG_REST \
  "\"pre_deploy\":" COMMAND ",\"level\":\"High\",\"version\":{\"major\":0,\"minor\":0,\"patch\":0},\"auto\":true,\"count\":7," \
  "\"ratio\":1.0,\"env_files\":[],\"config_files\":[],\"extra\":{}}"

static void normal_forms(void **state)
{
  static const struct { const char *type; enum schema_mode mode; const char *in, *want; } rows[] = {
      {"Config", SCHEMA_FULL, NULL, "{\"server_id\":\"\",\"links\":[],\"ports\":\"\",\"environment\":\"\",\"signals\":\"\"," CONFIG_REST},
      {"Config", SCHEMA_FULL, "{\"unknown\":1,\"server\":\"a\"}",
       "{\"server_id\":\"a\",\"links\":[],\"ports\":\"\",\"environment\":\"\",\"signals\":\"\"," CONFIG_REST},
      {"Config", SCHEMA_PARTIAL, "{}", "{}"},
      {"Config", SCHEMA_PARTIAL, "{\"auto\":null,\"count\":3,\"server\":\"a\",\"x\":1}", "{\"server_id\":\"a\",\"count\":3}"},
      {"Config", SCHEMA_PARTIAL, "{\"count\":2.0,\"ratio\":3}", "{\"count\":2,\"ratio\":3.0}"},
      {"Config", SCHEMA_PARTIAL, "{\"pre_deploy\":{\"path\":\"a\"}}", "{\"pre_deploy\":{\"path\":\"a\",\"command\":\"\"}}"},
      {"Config", SCHEMA_PARTIAL, "{\"extra\":{\"b\":1,\"a\":2,\"b\":3}}", "{\"extra\":{\"b\":3,\"a\":2}}"},
      {"Config", SCHEMA_PARTIAL, "{\"level\":\"1\"}", "{\"level\":\"Low\"}"},
      {"Config", SCHEMA_PARTIAL, "{\"version\":\"1.2\"}", "{\"version\":{\"major\":1,\"minor\":2,\"patch\":0}}"},
      {"Config", SCHEMA_PARTIAL, "{\"version\":{\"patch\":3,\"minor\":2,\"major\":1}}", "{\"version\":{\"major\":1,\"minor\":2,\"patch\":3}}"},
      /* string lists */
      {"Config", SCHEMA_PARTIAL, "{\"links\":\"a, b\\n# no\\n\\n c # no\\n,\"}", "{\"links\":[\"a\",\"b\",\"c\"]}"},
      {"Config", SCHEMA_PARTIAL, "{\"links\":[\" a\",\"\"]}", "{\"links\":[\" a\",\"\"]}"},
      {"Config", SCHEMA_PARTIAL, "{\"links\":\"\"}", "{\"links\":[]}"},
      /* file contents */
      {"Command", SCHEMA_PARTIAL, "{\"command\":\" a\\nb \\n\\n\"}", "{\"command\":\" a\\nb\\n\"}"},
      {"Command", SCHEMA_PARTIAL, "{\"command\":\"a\\n\"}", "{\"command\":\"a\\n\"}"},
      {"Command", SCHEMA_PARTIAL, "{\"command\":\"a\"}", "{\"command\":\"a\\n\"}"},
      {"Command", SCHEMA_PARTIAL, "{\"command\":\" \\n\"}", "{\"command\":\"\"}"},
      {"Command", SCHEMA_PARTIAL, "{\"command\":\"\\n\"}", "{\"command\":\"\"}"},
      {"Command", SCHEMA_PARTIAL, "{\"command\":\"\"}", "{\"command\":\"\"}"},
      /* key-value texts */
      {"Config", SCHEMA_PARTIAL, "{\"ports\":\"# c\\n8080:80\"}", "{\"ports\":\"# c\\n8080:80\\n\"}"},
      {"Config", SCHEMA_PARTIAL, "{\"ports\":[{\"local\":\"1\",\"container\":\"2\"},{\"local\":\"3\",\"container\":\"4\"}]}",
       "{\"ports\":\"  1: 2\\n  3: 4\\n\"}"},
      {"Config", SCHEMA_PARTIAL, "{\"environment\":[{\"variable\":\"A\",\"value\":\"1\"}]}", "{\"environment\":\"  A = 1\\n\"}"},
      {"Config", SCHEMA_PARTIAL, "{\"environment\":[]}", "{\"environment\":\"\"}"},
      {"Config", SCHEMA_PARTIAL, "{\"signals\":[{\"signal\":\"15\",\"label\":\"stop\"}]}", "{\"signals\":\"  SIGTERM: stop\\n\"}"},
      /* files */
      {"Config", SCHEMA_PARTIAL, "{\"env_files\":[\"a\",{\"path\":\"b\",\"track\":false}]}",
       "{\"env_files\":[{\"path\":\"a\",\"track\":true},{\"path\":\"b\",\"track\":false}]}"},
      {"Config", SCHEMA_PARTIAL, "{\"config_files\":[\"a\",{\"path\":\"b\",\"service\":\"x,y\",\"req\":\"restart\"},{\"path\":\"c\",\"requires\":\"None\"}]}",
       "{\"config_files\":[{\"path\":\"a\"},{\"path\":\"b\",\"services\":[\"x\",\"y\"],\"requires\":\"Restart\"},{\"path\":\"c\"}]}"},
      /* absent, null, empty */
      {"Config", SCHEMA_FROM_LUA, "{\"links\":{}}", "{\"server_id\":\"\",\"links\":[],\"ports\":\"\",\"environment\":\"\",\"signals\":\"\"," CONFIG_REST},
      {"Small", SCHEMA_FULL, "{\"name\":\"n\"}", "{\"name\":\"n\",\"note\":null,\"more\":null}"},
      {"Small", SCHEMA_FULL, "{\"name\":\"n\",\"note\":null,\"more\":4,\"hidden\":\"\",\"at\":\"0\"}", "{\"name\":\"n\",\"note\":null,\"more\":4}"},
      {"Small", SCHEMA_FULL, "{\"name\":\"n\",\"hidden\":\"h\",\"at\":\"1\"}",
       "{\"name\":\"n\",\"note\":null,\"more\":null,\"hidden\":\"h\",\"at\":{\"major\":1,\"minor\":0,\"patch\":0}}"},
      {"Small", SCHEMA_PARTIAL, "{\"hidden\":\"\"}", "{\"hidden\":\"\"}"},
      /* permissions */
      {"Perms", SCHEMA_FULL, "{}", "{\"permission\":\"None\"}"},
      {"Perms", SCHEMA_FULL, "{\"permission\":null}", "{\"permission\":\"None\"}"},
      {"Perms", SCHEMA_FULL, "{\"permission\":{\"level\":\"Read\",\"specific\":[]}}", "{\"permission\":\"Read\"}"},
      {"Perms", SCHEMA_FULL, "{\"permission\":{\"specific\":[\"Logs\",\"Logs\",\"Attach\"]}}",
       "{\"permission\":{\"level\":\"None\",\"specific\":[\"Logs\",\"Attach\"]}}"},
      /* the rest */
      {"Many", SCHEMA_PARTIAL, "{\"registry\":{\"name\":\"r\"}}", "{\"registry\":[{\"name\":\"r\",\"note\":null,\"more\":null}]}"},
      {"Many", SCHEMA_PARTIAL, "{\"digests\":[\"a@sha256:1\",\"sha256:2\",\"no\"],\"digest\":\"no\"}",
       "{\"digests\":[\"a@sha256:1\",\"__unknown__@sha256:2\"]}"},
      {"Many", SCHEMA_FULL, "{\"digest\":\"no\",\"big\":\"9007199254740993\",\"size\":18446744073709551615,\"any\":[1,{}],\"object\":{\"a\":[]}}",
       "{\"registry\":[],\"digests\":[],\"digest\":null,\"big\":9007199254740993,\"size\":18446744073709551615,\"any\":[1,{}],\"object\":{\"a\":[]}}"},
      {"Builder", SCHEMA_FULL, "{\"params\":{\"key\":\"k\"},\"type\":\"Url\"}", "{\"type\":\"Url\",\"params\":{\"address\":\"\",\"key\":\"k\"}}"},
      {"Builder", SCHEMA_PARTIAL, "{\"params\":{\"key\":\"k\"},\"type\":\"Url\"}", "{\"type\":\"Url\",\"params\":{\"key\":\"k\"}}"},
      {"Builder", SCHEMA_FULL, "{\"type\":\"Aws\"}", "{\"type\":\"Aws\",\"params\":" COMMAND "}"},
      {"Builder", SCHEMA_FULL, "{\"type\":\"Nothing\",\"params\":5}", "{\"type\":\"Nothing\"}"},
      {"Create", SCHEMA_FULL, "{\"name\":\"n\",\"config\":{\"count\":1}}", "{\"name\":\"n\",\"config\":{\"count\":1}}"},
      {"Create", SCHEMA_FULL, "{\"name\":\"n\",\"builder\":{\"type\":\"Url\"}}", "{\"name\":\"n\",\"config\":{},\"builder\":{\"type\":\"Url\",\"params\":{}}}"},
      /* messages */
      {"Create", SCHEMA_FULL, "{\"name\":\"n\",\"config\":{\"ports\":5}}", "!config.ports: expected text or a list of {local, container}, got a number"},
      {"Create", SCHEMA_FULL, "{\"name\":\"n\",\"config\":{\"ports\":[{\"local\":\"1\",\"container\":2}]}}",
       "!config.ports[0].container: expected text, got a number"},
      {"Create", SCHEMA_FULL, "{}", "!name: expected text, got nothing"},
      {"Create", SCHEMA_FULL, "[]", "!expected an object, got a list"},
      {"Config", SCHEMA_FULL, "{\"auto\":null}", "!auto: expected true or false, got null"},
      {"Config", SCHEMA_FULL, "{\"server\":\"a\",\"server_id\":\"b\"}", "!server_id: given twice, as server and server_id"},
      {"Config", SCHEMA_FULL, "{\"count\":1,\"count\":1}", "!count: given twice, as count and count"},
      {"Config", SCHEMA_FULL, "{\"count\":1.5}", "!count: expected a whole number, got a number"},
      {"Config", SCHEMA_FULL, "{\"level\":\"Mid\"}", "!level: expected one of Low, High, got \"Mid\""},
      {"Config", SCHEMA_FULL, "{\"level\":2}", "!level: expected one of Low, High, got a number"},
      {"Config", SCHEMA_FULL, "{\"version\":\"1.x\"}", "!version: expected a version such as \"1.2.3\" or {major, minor, patch}, got other text"},
      {"Config", SCHEMA_FULL, "{\"version\":{\"major\":1}}", "!version.minor: expected a whole number, got nothing"},
      {"Config", SCHEMA_FULL, "{\"extra\":{\"a\":{}}}", "!extra.a: expected a whole number, got an object"},
      {"Config", SCHEMA_FULL, "{\"links\":[\"a\",1]}", "!links[1]: expected text, got a number"},
      {"Config", SCHEMA_FULL, "{\"signals\":[{\"signal\":\"9\",\"label\":\"\"}]}",
       "!signals[0].signal: expected one of SIGHUP, SIGINT, SIGQUIT, SIGTERM, got text"},
      {"Config", SCHEMA_FULL, "{\"config_files\":[{\"path\":\"a\",\"service\":[],\"services\":[]}]}",
       "!config_files[0].services: given twice, as services and service"},
      {"Perms", SCHEMA_FULL, "{\"permission\":\"All\"}", "!permission: expected one of None, Read, Execute, Write, got text"},
      {"Many", SCHEMA_FULL, "{\"size\":-1}", "!size: expected a whole number that is not negative, got a number"},
      {"Builder", SCHEMA_FULL, "{\"type\":\"Urk\"}", "!type: expected one of Url, Aws, Text, Nothing, got \"Urk\""},
      {"Builder", SCHEMA_FULL, "{}", "!type: expected one of Url, Aws, Text, Nothing, got nothing"},
      {"Builder", SCHEMA_FULL, "{\"type\":\"Text\"}", "!params: expected text, got nothing"},
      {"Builder", SCHEMA_FULL, "\"Url\"", "!expected an object with \"type\" and \"params\", got text"},
  };
  struct fixture *f = *state;
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    const struct schema_type *type = schema_type(f->schema, rows[i].type);
    CLEANUP(mem_free_at) char *got = normal(type, rows[i].in, rows[i].mode);
    if (strcmp(got, rows[i].want) != 0)
      fail_msg("row %zu, %s %s:\n got %s\nwant %s", i, rows[i].type, rows[i].in ? rows[i].in : "", got, rows[i].want);
    if (got[0] == '!')
      continue;
    CLEANUP(mem_free_at) char *again = normal(type, got, rows[i].mode);   /* a normal form is its own normal form */
    assert_string_equal(again, got);
  }
}

static void merging(void **state)
{
  static const struct { const char *name, *type, *stored, *partial, *want, *changed; } rows[] = {
      {"one field", "Command", "{\"path\":\"a\",\"command\":\"b\\n\"}", "{\"path\":\"c\"}", "{\"path\":\"c\",\"command\":\"b\\n\"}", "[\"path\"]"},
      {"nothing given", "Command", "{\"path\":\"a\",\"command\":\"b\\n\"}", "{}", "{\"path\":\"a\",\"command\":\"b\\n\"}", "[]"},
      {"same after parsing", "Command", "{\"path\":\"a\",\"command\":\"b\\n\"}", "{\"command\":\"b\",\"path\":null}",
       "{\"path\":\"a\",\"command\":\"b\\n\"}", "[]"},
      {"stored before a field existed", "Command", "{\"path\":\"a\"}", "{\"path\":\"a\"}", "{\"path\":\"a\",\"command\":\"\"}", "[]"},
      {"nested objects are replaced", "Create", "{\"name\":\"n\",\"config\":{\"count\":1}}", "{\"config\":{\"auto\":true}}",
       "{\"name\":\"n\",\"config\":{\"auto\":true}}", "[\"config\"]"},
      {"hidden field appears", "Small", "{\"name\":\"n\"}", "{\"hidden\":\"h\"}",
       "{\"name\":\"n\",\"note\":null,\"more\":null,\"hidden\":\"h\"}", "[\"hidden\"]"},
      {"hidden field goes", "Small", "{\"name\":\"n\",\"hidden\":\"h\"}", "{\"hidden\":\"\"}", "{\"name\":\"n\",\"note\":null,\"more\":null}", "[\"hidden\"]"},
      {"hidden field stays away", "Small", "{\"name\":\"n\"}", "{\"hidden\":\"\"}", "{\"name\":\"n\",\"note\":null,\"more\":null}", "[]"},
      {"same variant", "Builder", "{\"type\":\"Url\",\"params\":{\"address\":\"a\",\"key\":\"k\"}}", "{\"type\":\"Url\",\"params\":{\"key\":\"n\"}}",
       "{\"type\":\"Url\",\"params\":{\"address\":\"a\",\"key\":\"n\"}}", "[\"key\"]"},
      {"same variant, no params", "Builder", "{\"type\":\"Url\",\"params\":{\"address\":\"a\",\"key\":\"k\"}}", "{\"type\":\"Url\"}",
       "{\"type\":\"Url\",\"params\":{\"address\":\"a\",\"key\":\"k\"}}", "[]"},
      {"other variant with defaults", "Builder", "{\"type\":\"Url\",\"params\":{\"address\":\"a\",\"key\":\"k\"}}", "{\"type\":\"Aws\",\"params\":{}}",
       "{\"type\":\"Aws\",\"params\":" COMMAND "}", "[\"type\",\"params\"]"},
      {"other variant with params", "Builder", "{\"type\":\"Url\",\"params\":{\"address\":\"a\",\"key\":\"k\"}}",
       "{\"type\":\"Aws\",\"params\":{\"path\":\"p\"}}", "{\"type\":\"Aws\",\"params\":{\"path\":\"p\",\"command\":\"\"}}", "[\"type\",\"params\"]"},
      {"content that is no struct", "Builder", "{\"type\":\"Text\",\"params\":\"a\"}", "{\"type\":\"Text\",\"params\":\"b\"}",
       "{\"type\":\"Text\",\"params\":\"b\"}", "[\"params\"]"},
      {"no content", "Builder", "{\"type\":\"Nothing\"}", "{\"type\":\"Nothing\"}", "{\"type\":\"Nothing\"}", "[]"},
  };
  struct fixture *f = *state;
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    const struct schema_type *type = schema_type(f->schema, rows[i].type);
    CLEANUP(json_doc_free) yyjson_doc *stored = parse(rows[i].stored);
    CLEANUP(json_doc_free) yyjson_doc *given = parse(rows[i].partial);
    CLEANUP(json_mut_doc_free) yyjson_mut_doc *out = yyjson_mut_doc_new(&json_alc);
    yyjson_mut_val *partial = NULL, *merged = NULL, *changed = NULL;
    struct diag d = {0};
    if (schema_normalise(type, given->root, SCHEMA_PARTIAL, out, &partial, &d) ||
        schema_merge(type, stored->root, partial, out, &merged, &changed, &d))
      fail_msg("%s: %s", rows[i].name, d.message);
    CLEANUP(buf_release) struct buf got = BUF_INIT(10000), names = BUF_INIT(1000);
    json_write_mut(merged, &got);
    json_write_mut(changed, &names);
    if (strcmp(got.ptr, rows[i].want) != 0 || strcmp(names.ptr, rows[i].changed) != 0)
      fail_msg("%s: %s changed %s", rows[i].name, got.ptr, names.ptr);
    buf_release(&names);
  }
}

static void defaults(void **state)
{
  struct fixture *f = *state;
  static const struct { const char *type, *want; } rows[] = {
      {"Command", COMMAND},
      {"Small", "{\"note\":null,\"more\":null}"},
      {"Builder", "{\"type\":\"Url\",\"params\":{\"address\":\"\",\"key\":\"\"}}"},
      {"Config", "{\"server_id\":\"\",\"links\":[],\"ports\":\"\",\"environment\":\"\",\"signals\":\"\"," CONFIG_REST},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    CLEANUP(json_mut_doc_free) yyjson_mut_doc *out = yyjson_mut_doc_new(NULL);
    CLEANUP(buf_release) struct buf got = BUF_INIT(10000);
    json_write_mut(schema_default(schema_type(f->schema, rows[i].type), out), &got);
    assert_string_equal(got.ptr, rows[i].want);
  }
}

static void requests(void **state)
{
  struct fixture *f = *state;
  const struct schema_request *r = schema_request(f->schema, SCHEMA_READ, STR("GetOldThing"));
  assert_non_null(r);
  assert_string_equal(r->name, "GetThing");
  assert_string_equal(r->result, "list<Small>");
  assert_int_equal(r->access, ACCESS_RESOURCE);
  assert_string_equal(r->resource, "Thing");
  assert_string_equal(r->specific[1], "Inspect");
  assert_null(r->specific[2]);
  CLEANUP(mem_free_at) char *params = normal(r->params, "{\"id\":\"x\"}", SCHEMA_FULL);
  assert_string_equal(params, "{\"thing\":\"x\"}");
  CLEANUP(mem_free_at) char *twice = normal(r->params, "{\"id\":\"x\",\"name\":\"y\"}", SCHEMA_FULL);
  assert_string_equal(twice, "!thing: given twice, as id and name");
  assert_null(schema_request(f->schema, SCHEMA_WRITE, STR("GetThing")));
  assert_int_equal(schema_request(f->schema, SCHEMA_WRITE, STR("CreateThing"))->access, ACCESS_CREATE);
  assert_string_equal(schema_request_at(f->schema, 2)->name, "Sign");
  assert_null(schema_request_at(f->schema, 3));
  enum schema_group group;
  assert_true(schema_group_parse(STR("auth/login"), &group));
  assert_int_equal(group, SCHEMA_LOGIN);
  assert_false(schema_group_parse(STR("login"), &group));
}

static void names_mistakes_in_declarations(void **state)
{
  (void)state;
  static const struct { const char *types, *requests, *want; } rows[] = {
      {"A = { kind = 'struct', fields = { { name = 'x', type = 'Nope' } } }", "", "type A, field x: no type is named Nope"},
      {"A = { kind = 'struct', fields = { { name = 'x', type = 'int', default = 'a' } } }", "", "A.x: default: expected a whole number, got text"},
      {"A = { kind = 'struct', fields = { { name = 'x', type = 'int' }, { name = 'y', type = 'int', aliases = {'x'} } } }", "", "type A: x is declared twice"},
      {"A = { kind = 'struct', fields = { { name = 'x', type = 'A', default = {} } } }", "", "nested deeper than"},
      {"A = { kind = 'strukt' }", "", "type A: unknown kind strukt"},
      {"A = { kind = 'alias', type = 'B' }, B = { kind = 'alias', type = 'A' }", "", "an alias of itself"},
      {"A = { kind = 'enum', values = { 'X' }, input_aliases = { y = 'Z' } }", "", "type A: input_aliases names Z, which is no value"},
      {"A = { kind = 'union', tag = 'type', content = 'params', variants = { { 'V', 'W' } } }", "", "type A, variant V: no type is named W"},
      {"A = { kind = 'struct', fields = { { name = 'x', type = { 'heap', 'int' } } } }", "", "unknown type constructor heap"},
      {"A = { kind = 'struct', fields = { { name = 'x', type = 'string', normal = 'nice' } } }", "", "type A, field x: unknown normaliser nice"},
      {"string = { kind = 'struct', fields = {} }", "", "type string: the name is taken"},
      {"", "{ name = 'R', group = 'reed', access = 'any' }", "request R: unknown group reed"},
      {"", "{ name = 'R', group = 'read', access = 'everyone' }", "request R: unknown access everyone"},
      {"", "{ name = 'R', group = 'read', access = { resource = 'A', param = 'a', level = 'Read' } }", "request R: access: no parameter is named a"},
      {"", "{ name = 'R', group = 'read', access = 'any' }, { name = 'R', group = 'read', access = 'any' }", "request R: R is declared twice"},
      {"", "error('oops')", "oops"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    CLEANUP(mem_free_at) char *chunk = mem_printf("return { types = { %s }, requests = { %s } }", rows[i].types, rows[i].requests);
    lua_State *L = schema_state(chunk);
    struct schema *schema = NULL;
    struct diag d = {0};
    assert_int_equal(schema_load(L, &schema, &d), ERR_INVALID);
    assert_null(schema);
    if (!strstr(d.message, rows[i].want))
      fail_msg("%s: want %s", d.message, rows[i].want);
    lua_close(L);
  }
}

static void is_there_for_lua(void **state)
{
  static const char chunk[] =
      "local schema, json = ...\n"
      "local v = assert(schema.normalise('Command', { command = 'x', other = 1 }))\n"
      "assert(v.command == 'x\\n' and v.path == '' and v.other == nil)\n"
      "assert(json.is_array(schema.normalise('Config', nil, 'full').links))\n"
      "assert(json.encode(schema.normalise('Config', { count = 1 }, 'partial')) == '{\"count\":1}')\n"
      "local none, err = schema.normalise('Config', { count = 'x' })\n"
      "assert(none == nil and err.code == 'shape' and err.message == 'count: expected a whole number, got text')\n"
      "local merged, changed = schema.merge('Command', v, { path = 'p', command = 'x' })\n"
      "assert(merged.path == 'p' and #changed == 1 and changed[1] == 'path' and json.is_array(changed))\n"
      "merged, changed = schema.merge('Command', v, nil)\n"
      "assert(merged.path == '' and #changed == 0)\n"
      "assert(schema.default('Small').more == json.null)\n"
      "local r = schema.request('read', 'GetOldThing')\n"
      "assert(r.name == 'GetThing' and r.access == 'resource' and r.level == 'Read' and r.specific[1] == 'Logs')\n"
      "assert(schema.request('write', 'GetThing') == nil)\n"
      "local ok, why = pcall(schema.default, 'Nope')\n"
      "assert(not ok and why:find('no type is named Nope', 1, true))\n";
  struct fixture *f = *state;
  assert_int_equal(luaL_loadstring(f->L, chunk), LUA_OK);
  schema_open(f->L, f->schema);
  json_open(f->L);
  if (lua_pcall(f->L, 2, 0, 0))
    fail_msg("%s", lua_tostring(f->L, -1));
}

static void survives_every_failed_allocation(void **state)
{
  struct fixture *f = *state;
  const struct schema_type *type = schema_type(f->schema, "Config");
  CLEANUP(json_doc_free) yyjson_doc *in = parse("{\"ports\":[{\"local\":\"1\",\"container\":\"2\"}],\"links\":\"a,b\",\"server\":\"s\",\"extra\":{\"a\":1,\"b\":2}}");
  for (long n = 0;; n++) {
    yyjson_mut_val *v = NULL, *merged = NULL, *changed = NULL;
    mem_fail_after(n);
    CLEANUP(json_mut_doc_free) yyjson_mut_doc *out = yyjson_mut_doc_new(&json_alc);
    Err err = out ? schema_normalise(type, in->root, SCHEMA_PARTIAL, out, &v, NULL) : ERR_NOMEM;
    if (!err)
      err = schema_merge(type, NULL, v, out, &merged, &changed, NULL);
    bool hit = mem_disarm();
    assert_int_equal(err, hit ? ERR_NOMEM : OK);
    if (!hit)
      return;
    assert_null(merged);
  }
}

/* 100,000 unknown keys, and as many in a map and with one name repeated at the end: seconds if anything were quadratic. */
static void hostile_objects_are_cheap(void **state)
{
  struct fixture *f = *state;
  CLEANUP(buf_release) struct buf b = BUF_INIT(1 << 24);
  buf_add_text(&b, "{\"extra\":{");
  for (int i = 0; i < 100000; i++)
    buf_printf(&b, "\"k%d\":1,", i % 50000);
  buf_add_text(&b, "\"last\":2}");
  for (int i = 0; i < 100000; i++)
    buf_printf(&b, ",\"server_i%d\":1", i);
  buf_add_char(&b, '}');
  CLEANUP(json_doc_free) yyjson_doc *in = parse(b.ptr);
  CLEANUP(json_mut_doc_free) yyjson_mut_doc *out = yyjson_mut_doc_new(NULL);
  yyjson_mut_val *v = NULL;
  uint64_t start = clock_thread_cpu_ns();
  assert_int_equal(schema_normalise(schema_type(f->schema, "Config"), in->root, SCHEMA_FULL, out, &v, NULL), OK);
  assert_true(clock_thread_cpu_ns() - start < 2000000000u);
  assert_int_equal(yyjson_mut_obj_size(yyjson_mut_obj_get(v, "extra")), 50001);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(normal_forms),
      cmocka_unit_test(merging),
      cmocka_unit_test(defaults),
      cmocka_unit_test(requests),
      cmocka_unit_test(names_mistakes_in_declarations),
      cmocka_unit_test(is_there_for_lua),
      cmocka_unit_test(survives_every_failed_allocation),
      cmocka_unit_test(hostile_objects_are_cheap),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
