/* doc/schema_load.c: compiles what require("komodo.schema") returns.
 *
 * Everything is allocated in the schema's arena, and all of it runs inside one protected call, so a mistake in a
 * declaration (a Lua error naming it) loses nothing. Order: every named type gets its place, then bodies are filled in
 * (so types may name each other freely), then defaults are brought into normal form. */
#include <lauxlib.h>

#include "base/mem.h"
#include "doc/schema.h"
#include "doc/schema_internal.h"

struct load {
  lua_State *L;
  struct schema *schema;
  yyjson_mut_doc *doc;        /* raw defaults */
  yyjson_mut_val *defaults;   /* array */
  struct schema_type **types; /* every struct, for the pass over defaults */
  size_t type_count, type_cap;
  int null;                   /* stack place of dsl.null, or of nil */
  char where[200];            /* what is being compiled: "type StackConfig, field branch" */
};

static NORETURN void mistake(struct load *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
static NORETURN void mistake(struct load *c, const char *fmt, ...)
{
  char what[300];
  va_list args;
  va_start(args, fmt);
  vsnprintf(what, sizeof what, fmt, args);
  va_end(args);
  lua_pushfstring(c->L, "%s: %s", c->where, what);
  lua_error(c->L);
  abort();   /* lua_error does not return, but is not declared so */
}

/* ---- reading declarations ---- */

static const char *keep(struct load *c, int index)
{
  struct str s;
  s.ptr = lua_tolstring(c->L, index, &s.len);
  return arena_dup(&c->schema->arena, s);
}

/* Text at `key` of the table at `index`; NULL when absent and not needed. */
static const char *get_text(struct load *c, int index, const char *key, bool needed)
{
  const char *text = NULL;
  int type = lua_getfield(c->L, index, key);
  if (type == LUA_TSTRING)
    text = keep(c, -1);
  else if (type != LUA_TNIL || needed)
    mistake(c, "%s must be text", key);
  lua_pop(c->L, 1);
  return text;
}

static bool get_flag(struct load *c, int index, const char *key)
{
  lua_getfield(c->L, index, key);
  bool flag = lua_toboolean(c->L, -1);
  lua_pop(c->L, 1);
  return flag;
}

/* Pushes the table at `key` (an empty one when absent and not needed) and gives its length. */
static size_t open_list(struct load *c, int index, const char *key, bool needed)
{
  luaL_checkstack(c->L, 8, "schema");
  int type = lua_getfield(c->L, index, key);
  if (type == LUA_TNIL && !needed) {
    lua_pop(c->L, 1);
    lua_newtable(c->L);
  } else if (type != LUA_TTABLE) {
    mistake(c, "%s must be a list", key);
  }
  return (size_t)lua_rawlen(c->L, -1);
}

static struct schema_type *new_type(struct load *c, enum kind kind)
{
  struct schema_type *t = arena_new(&c->schema->arena, sizeof *t);
  t->kind = kind;
  return t;
}

static void note_struct(struct load *c, struct schema_type *t)
{
  if (c->type_count == c->type_cap) {
    size_t cap = c->type_cap ? c->type_cap * 2 : 256;
    struct schema_type **grown = arena_new(&c->schema->arena, cap * sizeof(struct schema_type *));
    if (c->type_count)
      memcpy(grown, c->types, c->type_count * sizeof(struct schema_type *));
    c->types = grown;
    c->type_cap = cap;
  }
  c->types[c->type_count++] = t;
}

/* ---- type expressions ---- */

static const struct builtin { const char *name; struct schema_type type; } builtins[] = {
    {"string", {.kind = KIND_STRING}},
    {"bool", {.kind = KIND_BOOL}},
    {"int", {.kind = KIND_INT}},
    {"uint", {.kind = KIND_UINT}},
    {"number", {.kind = KIND_NUMBER}},
    {"any", {.kind = KIND_ANY}},
    {"object", {.kind = KIND_OBJECT}},
    {"strlist", {.kind = KIND_STRLIST}},
    {"filetext", {.kind = KIND_FILETEXT}},
    {"kvtext:env", {.kind = KIND_KV_ENV}},
    {"kvtext:label", {.kind = KIND_KV_LABEL}},
    {"kvtext:conversion", {.kind = KIND_KV_CONVERSION}},
    {"kvtext:signal", {.kind = KIND_KV_SIGNAL}},
    {"version", {.kind = KIND_VERSION}},
    {"permission", {.kind = KIND_PERMISSION}},
    {"env_files", {.kind = KIND_ENV_FILES}},
    {"config_files", {.kind = KIND_CONFIG_FILES}},
    {"digest", {.kind = KIND_DIGEST}},
    {"i64", {.kind = KIND_I64}},
};

static const struct schema_type *builtin(const char *name)
{
  for (size_t i = 0; i < ARRAY_LEN(builtins); i++)
    if (strcmp(builtins[i].name, name) == 0)
      return &builtins[i].type;
  return NULL;
}

static const struct schema_type *load_inline(struct load *c, int index);

/* The type expression on top of the stack, which it pops. */
static const struct schema_type *load_expr(struct load *c)
{
  luaL_checkstack(c->L, 8, "schema");
  int index = lua_gettop(c->L);
  const struct schema_type *t = NULL;
  if (lua_type(c->L, index) == LUA_TSTRING) {
    const char *name = lua_tostring(c->L, index);
    t = builtin(name);
    if (!t)
      t = map_get(&c->schema->types, str_of(name));
    if (!t)
      mistake(c, "no type is named %s", name);
  } else if (lua_istable(c->L, index)) {
    t = load_inline(c, index);
  } else {
    mistake(c, "a type must be a name or a table");
  }
  lua_settop(c->L, index - 1);
  return t;
}

static void load_struct(struct load *c, struct schema_type *t, int index);

/* { "list", X } and its like, or a struct in place. */
static const struct schema_type *load_inline(struct load *c, int index)
{
  static const struct { const char *word; enum kind kind; } rows[] = {
      {"list", KIND_LIST}, {"map", KIND_MAP}, {"optional", KIND_OPTIONAL}, {"partial", KIND_PARTIAL},
      {"one_or_list", KIND_ONE_OR_LIST}};
  if (lua_rawgeti(c->L, index, 1) == LUA_TSTRING) {
    const char *word = lua_tostring(c->L, -1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
      if (strcmp(rows[i].word, word) == 0) {
        struct schema_type *t = new_type(c, rows[i].kind);
        lua_rawgeti(c->L, index, 2);
        t->inner = load_expr(c);
        return t;
      }
    mistake(c, "unknown type constructor %s", word);
  }
  const char *kind = get_text(c, index, "kind", true);
  if (strcmp(kind, "struct") != 0)
    mistake(c, "only structs may be declared in place, not %s", kind);
  struct schema_type *t = new_type(c, KIND_STRUCT);
  load_struct(c, t, index);
  return t;
}

/* The type of a field of `type` whose input `normal` names. */
static const struct schema_type *with_normal(struct load *c, const struct schema_type *type, const char *normal)
{
  const struct schema_type *special = builtin(normal);
  if (type->kind == KIND_OPTIONAL || (type->kind == KIND_LIST && special && special->kind != KIND_STRLIST &&
                                      special->kind != KIND_ENV_FILES && special->kind != KIND_CONFIG_FILES)) {
    struct schema_type *t = new_type(c, type->kind);
    t->inner = with_normal(c, type->inner, normal);
    return t;
  }
  if (strcmp(normal, "one_or_list") == 0 && type->kind == KIND_LIST) {
    struct schema_type *t = new_type(c, KIND_ONE_OR_LIST);
    t->inner = type->inner;
    return t;
  }
  if (!special || special->kind < KIND_STRLIST)
    mistake(c, "unknown normaliser %s", normal);
  return special;
}

/* ---- bodies ---- */

/* [-0, +1, e] The value at `index`, or a copy of the table there, in which dsl.null is null. */
static void push_default(struct load *c, int index, int depth)
{
  lua_State *L = c->L;
  luaL_checkstack(L, 6, "schema");
  if (lua_rawequal(L, index, c->null)) {
    lua_pushlightuserdata(L, NULL);
    return;
  }
  if (!lua_istable(L, index) || depth == JSON_DEPTH_MAX) {
    lua_pushvalue(L, index);
    return;
  }
  lua_newtable(L);
  int copy = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    lua_pushvalue(L, -2);
    push_default(c, lua_gettop(L) - 1, depth + 1);
    lua_rawset(L, copy);
  }
  if (lua_getmetatable(L, index))
    lua_setmetatable(L, copy);
}

/* Appends the value on top of the stack (popped) to the raw defaults. */
static size_t add_default(struct load *c)
{
  push_default(c, lua_gettop(c->L), 0);
  yyjson_mut_arr_append(c->defaults, json_build(c->L, -1, c->doc));
  lua_pop(c->L, 2);
  return yyjson_mut_arr_size(c->defaults);
}

static void load_field(struct load *c, struct schema_field *f, int index)
{
  f->name = str_of(get_text(c, index, "name", true));
  size_t used = strlen(c->where);
  snprintf(c->where + used, sizeof c->where - used, ", field %s", f->name.ptr);
  lua_getfield(c->L, index, "type");
  f->type = load_expr(c);
  const char *normal = get_text(c, index, "normal", false);
  if (normal)
    f->type = with_normal(c, f->type, normal);
  f->optional = get_flag(c, index, "optional");
  f->skip_empty = get_flag(c, index, "skip_empty");
  if (lua_getfield(c->L, index, "default") == LUA_TNIL)
    lua_pop(c->L, 1);
  else
    f->otherwise_at = add_default(c);
  c->where[used] = 0;
}

/* Names first, so that words.word[i] stands for entry i; `alias` words follow. */
static void index_words(struct load *c, struct schema_type *t, struct word *word, size_t count)
{
  t->words = (struct words){.word = word, .count = count};
  words_index(&t->words, &c->schema->arena);
  for (size_t i = 0; i < count; i++)
    if (words_find(&t->words, word[i].text, count) != (ptrdiff_t)i)
      mistake(c, "%s is declared twice", word[i].text.ptr);
}

static void load_fields(struct load *c, struct schema_type *t, int list)
{
  size_t aliases = 0;
  t->count = (size_t)lua_rawlen(c->L, list);
  if (t->count > FIELDS_MAX)
    mistake(c, "more than %d fields", FIELDS_MAX);
  for (size_t i = 0; i < t->count; i++) {
    if (lua_rawgeti(c->L, list, (lua_Integer)i + 1) != LUA_TTABLE)
      mistake(c, "field %zu must be a table", i + 1);
    aliases += open_list(c, -1, "aliases", false);
    lua_pop(c->L, 2);
  }
  t->fields = arena_new(&c->schema->arena, (t->count + 1) * sizeof *t->fields);
  struct word *word = arena_new(&c->schema->arena, (t->count + aliases + 1) * sizeof *word);
  size_t at = t->count;
  for (size_t i = 0; i < t->count; i++) {
    lua_rawgeti(c->L, list, (lua_Integer)i + 1);
    int field = lua_gettop(c->L);
    load_field(c, &t->fields[i], field);
    word[i] = (struct word){t->fields[i].name, i};
    size_t n = open_list(c, field, "aliases", false);
    for (size_t k = 1; k <= n; k++) {
      if (lua_rawgeti(c->L, -1, (lua_Integer)k) != LUA_TSTRING)
        mistake(c, "field %s: aliases must be texts", t->fields[i].name.ptr);
      word[at++] = (struct word){str_of(keep(c, -1)), i};
      lua_pop(c->L, 1);
    }
    lua_settop(c->L, field - 1);
  }
  index_words(c, t, word, at);
  note_struct(c, t);
}

static void load_struct(struct load *c, struct schema_type *t, int index)
{
  open_list(c, index, "fields", true);
  load_fields(c, t, lua_gettop(c->L));
  lua_pop(c->L, 1);
}

static void load_enum(struct load *c, struct schema_type *t, int index)
{
  t->count = open_list(c, index, "values", true);
  int values = lua_gettop(c->L);
  size_t aliases = 0;
  open_list(c, index, "input_aliases", false);
  int alias = lua_gettop(c->L);
  for (lua_pushnil(c->L); lua_next(c->L, alias); lua_pop(c->L, 1))
    aliases++;
  struct word *word = arena_new(&c->schema->arena, (t->count + aliases + 1) * sizeof *word);
  size_t at = 0;
  for (; at < t->count; at++) {
    if (lua_rawgeti(c->L, values, (lua_Integer)at + 1) != LUA_TSTRING)
      mistake(c, "values must be texts");
    word[at] = (struct word){str_of(keep(c, -1)), at};
    lua_pop(c->L, 1);
  }
  for (lua_pushnil(c->L); lua_next(c->L, alias); lua_pop(c->L, 1)) {
    if (lua_type(c->L, -1) != LUA_TSTRING || lua_type(c->L, -2) != LUA_TSTRING)
      mistake(c, "input_aliases must map texts to texts");
    size_t target = 0;
    while (target < t->count && !str_eqc(word[target].text, lua_tostring(c->L, -1)))
      target++;
    if (target == t->count)
      mistake(c, "input_aliases names %s, which is no value", lua_tostring(c->L, -1));
    word[at++] = (struct word){str_of(keep(c, -2)), target};
  }
  lua_pop(c->L, 2);
  index_words(c, t, word, at);
}

static void load_union(struct load *c, struct schema_type *t, int index)
{
  t->tag = str_of(get_text(c, index, "tag", true));
  t->content = str_of(get_text(c, index, "content", true));
  t->count = open_list(c, index, "variants", true);
  t->variants = arena_new(&c->schema->arena, (t->count + 1) * sizeof *t->variants);
  struct word *word = arena_new(&c->schema->arena, (t->count + 1) * sizeof *word);
  for (size_t i = 0; i < t->count; i++) {
    if (lua_rawgeti(c->L, -1, (lua_Integer)i + 1) != LUA_TTABLE || lua_rawgeti(c->L, -1, 1) != LUA_TSTRING)
      mistake(c, "variant %zu must be { name, type }", i + 1);
    struct variant *v = &t->variants[i];
    v->name = str_of(keep(c, -1));
    size_t used = strlen(c->where);
    snprintf(c->where + used, sizeof c->where - used, ", variant %s", v->name.ptr);
    lua_pop(c->L, 1);
    if (lua_rawgeti(c->L, -1, 2) == LUA_TNIL)
      lua_pop(c->L, 1);
    else
      v->type = load_expr(c);
    c->where[used] = 0;
    lua_pop(c->L, 1);
    word[i] = (struct word){v->name, i};
  }
  lua_pop(c->L, 1);
  index_words(c, t, word, t->count);
}

static const struct { const char *word; enum kind kind; } kinds[] = {
    {"struct", KIND_STRUCT}, {"enum", KIND_ENUM}, {"union", KIND_UNION}, {"alias", KIND_ALIAS}};

/* Places first: the table of types is at stack place `types`. */
static void place_types(struct load *c, int types)
{
  for (lua_pushnil(c->L); lua_next(c->L, types); lua_pop(c->L, 1)) {
    if (lua_type(c->L, -2) != LUA_TSTRING || !lua_istable(c->L, -1))
      mistake(c, "types must map names to tables");
    const char *name = keep(c, -2);
    snprintf(c->where, sizeof c->where, "type %s", name);
    if (builtin(name))
      mistake(c, "the name is taken");
    const char *word = get_text(c, lua_gettop(c->L), "kind", true);
    size_t i = 0;
    while (i < ARRAY_LEN(kinds) && strcmp(kinds[i].word, word) != 0)
      i++;
    if (i == ARRAY_LEN(kinds))
      mistake(c, "unknown kind %s", word);
    struct schema_type *t = new_type(c, kinds[i].kind);
    t->name = name;
    map_set(&c->schema->types, str_of(name), t);
  }
}

static void load_types(struct load *c, int types)
{
  place_types(c, types);
  for (lua_pushnil(c->L); lua_next(c->L, types); lua_pop(c->L, 1)) {
    struct schema_type *t = map_get(&c->schema->types, str_of(lua_tostring(c->L, -2)));
    snprintf(c->where, sizeof c->where, "type %s", t->name);
    int index = lua_gettop(c->L);
    switch (t->kind) {
    case KIND_STRUCT: load_struct(c, t, index); break;
    case KIND_ENUM: load_enum(c, t, index); break;
    case KIND_UNION: load_union(c, t, index); break;
    default:
      lua_getfield(c->L, index, "type");
      t->inner = load_expr(c);
    }
  }
}

static void check_aliases(struct load *c)
{
  size_t at = 0;
  struct str name;
  void *value;
  while (map_next(&c->schema->types, &at, &name, &value)) {
    const struct schema_type *t = value;
    for (size_t steps = 0; t->kind == KIND_ALIAS; t = t->inner)
      if (steps++ > c->schema->types.count) {
        snprintf(c->where, sizeof c->where, "type %.*s", STR_ARG(name));
        mistake(c, "an alias of itself");
      }
  }
}

/* ---- requests ---- */

/* The expression on top of the stack (popped) in words, for documents: "list<Stack>". */
static const char *expr_text(struct load *c)
{
  luaL_checkstack(c->L, 8, "schema");
  int index = lua_gettop(c->L);
  const char *text = "";
  if (lua_type(c->L, index) == LUA_TSTRING) {
    text = keep(c, index);
  } else if (lua_istable(c->L, index) && lua_rawgeti(c->L, index, 1) == LUA_TSTRING) {
    const char *outer = keep(c, -1);
    lua_rawgeti(c->L, index, 2);
    text = arena_printf(&c->schema->arena, "%s<%s>", outer, expr_text(c));
  } else if (lua_istable(c->L, index)) {
    text = "object";
  }
  lua_settop(c->L, index - 1);
  return text;
}

static void load_access(struct load *c, struct schema_request *r, int index)
{
  static const struct { const char *word; enum schema_access access; } rows[] = {
      {"any", ACCESS_ANY}, {"admin", ACCESS_ADMIN}, {"none", ACCESS_NONE}, {"handler", ACCESS_HANDLER}};
  lua_getfield(c->L, index, "access");
  int at = lua_gettop(c->L);
  if (lua_type(c->L, at) == LUA_TSTRING) {
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
      if (strcmp(rows[i].word, lua_tostring(c->L, at)) == 0) {
        r->access = rows[i].access;
        lua_pop(c->L, 1);
        return;
      }
    mistake(c, "unknown access %s", lua_tostring(c->L, at));
  }
  if (!lua_istable(c->L, at))
    mistake(c, "access is missing");
  r->access = ACCESS_CREATE;
  r->resource = get_text(c, at, "create", false);
  if (!r->resource) {
    r->access = ACCESS_RESOURCE;
    r->resource = get_text(c, at, "resource", true);
    r->param = get_text(c, at, "param", true);
    r->level = get_text(c, at, "level", true);
    if (strcmp(r->level, "Read") != 0 && strcmp(r->level, "Execute") != 0 && strcmp(r->level, "Write") != 0)
      mistake(c, "access: level must be Read, Execute or Write, not %s", r->level);
    if (words_find(&r->params->words, str_of(r->param), 0) == WORD_NONE)
      mistake(c, "access: no parameter is named %s", r->param);
    size_t n = open_list(c, at, "specific", false);
    const char **specific = arena_new(&c->schema->arena, (n + 1) * sizeof(char *));
    for (size_t i = 0; i < n; i++) {
      if (lua_rawgeti(c->L, -1, (lua_Integer)i + 1) != LUA_TSTRING)
        mistake(c, "access: specific must be texts");
      specific[i] = keep(c, -1);
      lua_pop(c->L, 1);
    }
    r->specific = n ? specific : NULL;
  }
  lua_settop(c->L, at - 1);
}

static void name_request(struct load *c, struct schema_request *r, const char *name)
{
  if (map_set(&c->schema->requests[r->group], str_of(name), r))
    mistake(c, "%s is declared twice", name);
}

static void load_request(struct load *c, struct schema_request *r, int index)
{
  static const char *const groups[SCHEMA_GROUP_COUNT] = {
      [SCHEMA_LOGIN] = "login", [SCHEMA_MANAGE] = "manage", [SCHEMA_READ] = "read", [SCHEMA_WRITE] = "write",
      [SCHEMA_EXECUTE] = "execute"};
  r->name = get_text(c, index, "name", true);
  snprintf(c->where, sizeof c->where, "request %s", r->name);
  const char *group = get_text(c, index, "group", true);
  size_t g = 0;
  while (g < SCHEMA_GROUP_COUNT && strcmp(groups[g], group) != 0)
    g++;
  if (g == SCHEMA_GROUP_COUNT)
    mistake(c, "unknown group %s", group);
  r->group = (enum schema_group)g;
  r->doc = get_text(c, index, "doc", false);
  struct schema_type *params = new_type(c, KIND_STRUCT);
  params->name = r->name;
  r->params = params;
  open_list(c, index, "params", false);
  load_fields(c, params, lua_gettop(c->L));
  lua_pop(c->L, 1);
  lua_getfield(c->L, index, "result");
  r->result = expr_text(c);
  load_access(c, r, index);
  name_request(c, r, r->name);
  size_t n = open_list(c, index, "aliases", false);
  for (size_t i = 1; i <= n; i++) {
    if (lua_rawgeti(c->L, -1, (lua_Integer)i) != LUA_TSTRING)
      mistake(c, "aliases must be texts");
    name_request(c, r, keep(c, -1));
    lua_pop(c->L, 1);
  }
  lua_pop(c->L, 1);
}

static void load_requests(struct load *c, int requests)
{
  size_t n = (size_t)lua_rawlen(c->L, requests);
  c->schema->request = arena_new(&c->schema->arena, (n + 1) * sizeof(struct schema_request));
  c->schema->request_count = n;
  for (size_t i = 0; i < n; i++) {
    if (lua_rawgeti(c->L, requests, (lua_Integer)i + 1) != LUA_TTABLE)
      mistake(c, "request %zu must be a table", i + 1);
    load_request(c, &c->schema->request[i], lua_gettop(c->L));
    lua_pop(c->L, 1);
  }
}

/* ---- defaults ---- */

/* Points every field at its default in the array `all`. */
static void assign_defaults(struct load *c, yyjson_doc *all)
{
  size_t n = yyjson_arr_size(all->root), i = 0;
  yyjson_val **at = arena_new(&c->schema->arena, (n + 1) * sizeof(yyjson_val *));
  yyjson_arr_iter it = yyjson_arr_iter_with(all->root);
  while (yyjson_arr_iter_has_next(&it))
    at[++i] = yyjson_arr_iter_next(&it);
  for (size_t t = 0; t < c->type_count; t++)
    for (size_t f = 0; f < c->types[t]->count; f++)
      c->types[t]->fields[f].otherwise = at[c->types[t]->fields[f].otherwise_at];   /* at[0] is NULL */
}

/* A default is declared as it may be written ({} for a struct of defaults): bring it into the form that is put out. */
static Err normalise_defaults(struct load *c, struct diag *reterr)
{
  Err err = json_freeze(c->defaults, &json_alc, &c->schema->raw);
  if (err)
    return diag_set(reterr, err, "%s", err_words(err));
  assign_defaults(c, c->schema->raw);
  struct diag why = {0};
  CLEANUP(json_mut_doc_free) yyjson_mut_doc *doc = yyjson_mut_doc_new(&json_alc);
  yyjson_mut_val *all = yyjson_mut_arr(doc);
  yyjson_mut_val **at = arena_new(&c->schema->arena, (yyjson_arr_size(c->schema->raw->root) + 1) * sizeof(yyjson_mut_val *));
  for (size_t t = 0; t < c->type_count; t++)
    for (size_t f = 0; f < c->types[t]->count; f++) {
      const struct schema_field *field = &c->types[t]->fields[f];
      if (!field->otherwise)
        continue;
      struct norm n = {.out = doc, .reterr = &why, .raw_defaults = true};
      at[field->otherwise_at] = norm_default(&n, field, NULL);
      if (!at[field->otherwise_at])
        return diag_set(reterr, n.err == ERR_NOMEM ? n.err : ERR_INVALID, "schema: %s.%.*s: default: %.500s",
                        c->types[t]->name ? c->types[t]->name : "(in place)", STR_ARG(field->name), why.message);
    }
  for (size_t i = 1; i <= yyjson_arr_size(c->schema->raw->root); i++)
    yyjson_mut_arr_append(all, at[i]);
  if ((err = json_freeze(all, &json_alc, &c->schema->defaults)) != OK)
    return diag_set(reterr, err, "%s", err_words(err));
  assign_defaults(c, c->schema->defaults);
  return OK;
}

/* ---- the whole ---- */

/* Stack: load. */
static int compile(lua_State *L)
{
  struct load *c = lua_touserdata(L, 1);
  c->L = L;
  lua_getglobal(L, "require");
  lua_pushliteral(L, "komodo.schema");
  lua_call(L, 1, 1);
  int root = lua_gettop(L);
  snprintf(c->where, sizeof c->where, "komodo.schema");
  if (!lua_istable(L, root))
    mistake(c, "must return a table");
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, "komodo.schema.dsl");
  if (lua_istable(L, -1))
    lua_getfield(L, -1, "null");
  else
    lua_pushnil(L);
  c->null = lua_gettop(L);
  open_list(c, root, "types", true);
  load_types(c, lua_gettop(L));
  check_aliases(c);
  open_list(c, root, "requests", true);
  load_requests(c, lua_gettop(L));
  return 0;
}

Err schema_load(lua_State *L, struct schema **ret_schema, struct diag *reterr)
{
  struct load c = {.schema = mem_new(sizeof *c.schema)};
  CLEANUP(json_mut_doc_free) yyjson_mut_doc *doc = yyjson_mut_doc_new(&json_alc);
  c.doc = doc;
  c.defaults = yyjson_mut_arr(doc);
  lua_pushcfunction(L, compile);
  lua_pushlightuserdata(L, &c);
  Err err = OK;
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    err = diag_set(reterr, ERR_INVALID, "schema: %s", luaL_tolstring(L, -1, NULL));
    lua_pop(L, 2);
  } else {
    err = normalise_defaults(&c, reterr);
  }
  if (err) {
    schema_free(c.schema);
    return err;
  }
  *ret_schema = c.schema;
  return OK;
}
