/* script/lib_formats.c: TOML and YAML for user scripts; komodo/_core/formats.lua gives them their names.
 *
 * The parsers take C memory, and a script may be left at any moment: so a text becomes JSON in a buffer of the script's
 * heap while the guard is up, and that becomes Lua values afterwards.
 */
#include "conf/toml.h"
#include "conf/yaml.h"
#include "doc/json.h"
#include "script/libs.h"
#include "script/run_internal.h"

enum { TEXT_MAX = 512 * 1024 };   /* read in 40 ms, while nothing can stop the script */

typedef Err parser(struct str text, yyjson_mut_doc **ret_doc, struct diag *reterr);

/* The value as JSON into dst if it fits; how long it is in any case. Under the guard. */
static Err as_json(parser *parse, struct str text, char *dst, size_t size, size_t *ret_len, struct diag *reterr)
{
  CLEANUP(json_mut_doc_free) yyjson_mut_doc *doc = NULL;
  Err err = parse(text, &doc, reterr);
  if (err)
    return err;
  CLEANUP(buf_release) struct buf json = BUF_INIT(JSON_BUILD_MAX);
  json_write_mut(yyjson_mut_doc_get_root(doc), &json);
  if (buf_err(&json))
    return diag_set(reterr, buf_err(&json), "%s", err_words(buf_err(&json)));
  if (json.len <= size)
    memcpy(dst, json.ptr, json.len);
  *ret_len = json.len;
  return OK;
}

/* decode(text) -> value | nil, err                                   [-1, +1|2, e] */
static int decode(lua_State *L, parser *parse, const char *format)
{
  struct str text = lua_check_str(L, 1);
  struct diag d = {0};
  Err err = OK;
  size_t size = 2 * text.len + 64, len = 0;
  lua_settop(L, 1);
  if (text.len > TEXT_MAX)
    err = diag_set(&d, ERR_TOOBIG, "longer than %d KB", TEXT_MAX / 1024);
  while (!err) {
    char *dst = lua_newuserdatauv(L, size, 0);
    guard_enter();
    err = as_json(parse, text, dst, size, &len, &d);
    guard_leave();
    if (!err && len <= size) {
      json_push_text(L, str_make(dst, len));
      return 1;
    }
    size = len;   /* aliases made more of the text than it is long: once again, with room for it */
  }
  char message[DIAG_MESSAGE_MAX];
  memcpy(message, d.message, sizeof message);
  diag_set(&d, err, "%s: %s", format, message);
  return lua_nil_err(L, err, &d, format);
}

static int l_toml(lua_State *L) { return decode(L, toml_parse, "TOML"); }
static int l_yaml(lua_State *L) { return decode(L, yaml_parse, "YAML"); }

const luaL_Reg format_functions[] = {{"untoml", l_toml}, {"unyaml", l_yaml}, {NULL, NULL}};
