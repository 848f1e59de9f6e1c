/* agent/settings.c: see settings.h. */
#include "agent/settings.h"

#include "agent/text.h"

uint64_t timelength_ms(struct str text)
{
  static const struct { const char *unit; uint64_t ms; } units[] = {
    {"sec", 1000}, {"min", 60 * 1000}, {"hr", 3600 * 1000}, {"day", 86400 * 1000}, {"wk", 7 * 86400 * 1000},
  };
  ptrdiff_t dash = str_find(text, '-');
  uint64_t n;
  if (dash < 0 || !str_to_u64(str_make(text.ptr, (size_t)dash), &n) || n > 1000)
    return 0;
  struct str unit = str_sub(text, (size_t)dash + 1, text.len);
  for (size_t i = 0; i < ARRAY_LEN(units); i++)
    if (str_eqc(unit, units[i].unit))
      return n * units[i].ms;
  return 0;
}

struct str settings_str(const struct settings *s, const char *key) { return js_get_str(s->root, key); }

static Err load_rate(struct settings *s, const char *key, const char *otherwise, struct str *ret, uint64_t *ret_ms,
                     struct diag *reterr)
{
  *ret = settings_str(s, key);
  if (!ret->len)
    *ret = str_of(otherwise);
  *ret_ms = timelength_ms(*ret);
  if (!*ret_ms)
    return diag_set(reterr, ERR_INVALID, "%s: '%.*s' is no time length; write e.g. 5-sec, 1-min, 1-hr", key,
                    STR_ARG(*ret));
  return OK;
}

/* An explicit folder, or `name` below the root directory. */
static struct str folder(struct settings *s, const char *key, const char *name)
{
  struct str given = settings_str(s, key);
  return given.len ? given : text_path_join(&s->arena, s->root_directory, str_of(name));
}

Err settings_load(struct settings *s, yyjson_doc *config, struct diag *reterr)
{
  *s = (struct settings){.doc = config, .root = yyjson_doc_get_root(config)};
  s->root_directory = settings_str(s, "root_directory");
  if (!s->root_directory.len)
    s->root_directory = STR("/etc/komodo");
  s->repo_dir = folder(s, "repo_dir", "repos");
  s->stack_dir = folder(s, "stack_dir", "stacks");
  s->build_dir = folder(s, "build_dir", "builds");
  s->disable_terminals = js_get_bool(s->root, "disable_terminals", false);
  s->disable_container_terminals = js_get_bool(s->root, "disable_container_terminals", false);
  s->legacy_compose_cli = js_get_bool(s->root, "legacy_compose_cli", false);
  Err err = load_rate(s, "stats_polling_rate", "5-sec", &s->stats_polling_rate, &s->stats_ms, reterr);
  if (!err)
    err = load_rate(s, "container_stats_polling_rate", "30-sec", &s->container_stats_polling_rate,
                    &s->container_stats_ms, reterr);
  if (err)
    settings_release(s);
  return err;
}

void settings_release(struct settings *s)
{
  yyjson_doc_free(s->doc);
  arena_release(&s->arena);
  *s = (struct settings){0};
}

bool settings_lists(const struct settings *s, const char *key, struct str item)
{
  size_t i, max;
  yyjson_val *v;
  yyjson_arr_foreach(yyjson_obj_get(s->root, key), i, max, v)
    if (str_eq(js_str(v), item))
      return true;
  return false;
}

struct str settings_secret(const struct settings *s, struct str name)
{
  return js_str(yyjson_obj_getn(yyjson_obj_get(s->root, "secrets"), name.ptr, name.len));
}

struct str settings_token(const struct settings *s, const char *list, struct str domain, struct str account)
{
  size_t i, max, j, count;
  yyjson_val *entry, *a;
  yyjson_arr_foreach(yyjson_obj_get(s->root, list), i, max, entry) {
    if (!str_eq(js_get_str(entry, "domain"), domain))
      continue;
    yyjson_arr_foreach(yyjson_obj_get(entry, "accounts"), j, count, a)
      if (str_eq(js_get_str(a, "username"), account))
        return js_get_str(a, "token");
    break;   /* the first entry of a domain counts alone */
  }
  return STR_NONE;
}

struct str settings_compose(const struct settings *s)
{
  return s->legacy_compose_cli ? STR("docker-compose") : STR("docker compose");
}
