/* The declarations of stdlib/lua/komodo/schema compile, and every default they give is in normal form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <lauxlib.h>
#include <lualib.h>

#include "base/mem.h"
#include "doc/schema.h"

static struct schema *load(void)
{
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  json_open(L);
  const char *path = "package.path = '" SOURCE_DIR "/stdlib/lua/?.lua;" SOURCE_DIR "/stdlib/lua/?/init.lua'";
  assert_int_equal(luaL_dostring(L, path), LUA_OK);
  struct schema *schema = NULL;
  struct diag d = {0};
  if (schema_load(L, &schema, &d))
    fail_msg("%s", d.message);
  lua_close(L);   /* the compiled schema needs no Lua */
  return schema;
}

static void configs_have_whole_defaults(void **state)
{
  (void)state;
  static const char *const types[] = {"Swarm", "Server", "Stack", "Deployment", "Build", "Repo", "Procedure", "Action",
                                      "ResourceSync", "Builder", "Alerter"};
  struct schema *schema = load();
  for (size_t i = 0; i < ARRAY_LEN(types); i++) {
    CLEANUP(mem_free_at) char *name = mem_printf("%sConfig", types[i]);
    const struct schema_type *type = schema_type(schema, name);
    assert_non_null(type);
    CLEANUP(json_mut_doc_free) yyjson_mut_doc *out = yyjson_mut_doc_new(&json_alc);
    CLEANUP(json_doc_free) yyjson_doc *frozen = yyjson_mut_val_imut_copy(schema_default(type, out), NULL);
    yyjson_mut_val *again = NULL;
    struct diag d = {0};
    if (schema_normalise(type, yyjson_doc_get_root(frozen), SCHEMA_FULL, out, &again, &d))
      fail_msg("%s: %s", name, d.message);
    CLEANUP(json_doc_free) yyjson_doc *twice = yyjson_mut_val_imut_copy(again, NULL);
    assert_true(json_equal(yyjson_doc_get_root(frozen), yyjson_doc_get_root(twice)));
    assert_true(yyjson_obj_size(yyjson_doc_get_root(frozen)) > 1);
  }
  schema_free(schema);
}

static void requests_are_found_by_old_names(void **state)
{
  (void)state;
  struct schema *schema = load();
  const struct schema_request *r = schema_request(schema, SCHEMA_READ, STR("ListDockerContainers"));
  assert_non_null(r);
  assert_string_equal(r->name, "ListContainers");
  r = schema_request(schema, SCHEMA_EXECUTE, STR("DeployStack"));
  assert_non_null(r);
  assert_int_equal(r->access, ACCESS_RESOURCE);
  assert_string_equal(r->level, "Execute");
  schema_free(schema);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(configs_have_whole_defaults),
                                     cmocka_unit_test(requests_are_found_by_old_names)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
