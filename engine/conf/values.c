/* conf/values.c: asking a loaded configuration; see conf.h. */
#include <assert.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/conf_internal.h"
#include "conf/duration.h"

yyjson_val *conf_json(const struct conf *conf, const char *key)
{
  yyjson_val *val = yyjson_doc_get_root(conf->doc);
  struct str rest = str_of(key), name;
  while (val && str_split(&rest, '.', &name))
    val = yyjson_obj_getn(val, name.ptr, name.len);
  if (!val) {
    fprintf(stderr, "%s: no setting is called %s\n", conf_definition(conf->program)->name, key);
    abort();
  }
  return val;
}

bool conf_is_set(const struct conf *conf, const char *key) { return !yyjson_is_null(conf_json(conf, key)); }
bool conf_is_given(const struct conf *conf, const char *key)
{
  (void)conf_json(conf, key);
  return map_get(&conf->given, str_of(key)) != NULL;
}

struct str conf_str(const struct conf *conf, const char *key)
{
  yyjson_val *val = conf_json(conf, key);
  return str_make(yyjson_get_str(val), yyjson_get_len(val));
}

bool conf_bool(const struct conf *conf, const char *key)
{
  yyjson_val *val = conf_json(conf, key);
  if (yyjson_is_null(val) && conf->program == CONF_AGENT && strcmp(key, "server_enabled") == 0)
    return conf_list_len(conf, "core_addresses") == 0;
  return yyjson_get_bool(val);
}

uint64_t conf_int(const struct conf *conf, const char *key) { return yyjson_get_uint(conf_json(conf, key)); }
double conf_number(const struct conf *conf, const char *key) { return yyjson_get_num(conf_json(conf, key)); }

int64_t conf_ms(const struct conf *conf, const char *key)
{
  int64_t ms = 0;
  bool known = duration_parse(conf_str(conf, key), &ms);
  assert(known);
  (void)known;
  return ms;
}

size_t conf_list_len(const struct conf *conf, const char *key) { return yyjson_arr_size(conf_json(conf, key)); }

struct str conf_list_at(const struct conf *conf, const char *key, size_t index)
{
  yyjson_val *val = yyjson_arr_get(conf_json(conf, key), index);
  return str_make(yyjson_get_str(val), yyjson_get_len(val));
}

void conf_log(const struct conf *conf, struct log_config *ret)
{
  static const char *const stdios[] = {[LOG_STANDARD] = "standard", [LOG_JSON] = "json", [LOG_NONE] = "none"};
  yyjson_val *logging = conf_json(conf, conf->program == CONF_CLI ? "cli_logging" : "logging");
  yyjson_val *level = yyjson_obj_get(logging, "level"), *stdio_kind = yyjson_obj_get(logging, "stdio");
  *ret = (struct log_config){.level = LOG_INFO,
                             .ansi = yyjson_get_bool(yyjson_obj_get(logging, "ansi")),
                             .timestamps = yyjson_get_bool(yyjson_obj_get(logging, "timestamps"))};
  log_level_parse(str_make(yyjson_get_str(level), yyjson_get_len(level)), &ret->level);
  for (size_t i = 0; i < ARRAY_LEN(stdios); i++)
    if (yyjson_equals_str(stdio_kind, stdios[i]))
      ret->format = (enum log_format)i;
}

/* ---- places ---- */

char *conf_default_data_dir(const struct env *env)
{
  struct str xdg = env_get(env, STR("XDG_DATA_HOME")), home = env_get(env, STR("HOME"));
  if (geteuid() == 0)
    return mem_strdup("/var/lib/komodo");
  if (xdg.len && xdg.ptr[0] == '/')
    return mem_printf("%.*s/komodo", STR_ARG(xdg));
  if (home.len)
    return mem_printf("%.*s/.local/share/komodo", STR_ARG(home));
  return mem_strdup("/var/lib/komodo");
}

/* True when the first folder of `path` ("/config" of "/config/keys/core.key") is there. */
static bool top_folder_exists(struct str path)
{
  struct str rest = str_sub(path, 1, path.len);
  ptrdiff_t slash = str_find(rest, '/');
  CLEANUP(mem_free_at) char *folder = str_dup(slash < 0 ? path : str_sub(path, 0, (size_t)slash + 1));
  struct stat st;
  return stat(folder, &st) == 0 && S_ISDIR(st.st_mode);
}

/* `place` under `folder`; "file:" stays in front. */
static char *put_under(struct str folder, const char *place)
{
  bool file = str_starts(str_of(place), STR("file:"));
  while (folder.len > 1 && folder.ptr[folder.len - 1] == '/')
    folder.len--;
  return mem_printf("%s%.*s/%s", file ? "file:" : "", STR_ARG(folder), place + (file ? 5 : 0));
}

void conf_place(struct conf *conf)
{
  const struct conf_key *keys = conf_definition(conf->program)->keys;
  size_t count = 0;
  for (const struct conf_key *k = keys; k->name; k++)
    count += k->place != NULL;
  conf->placed = count ? mem_new_array(count, sizeof *conf->placed) : NULL;
  for (const struct conf_key *k = keys; k->name; k++) {
    if (!k->place)
      continue;
    struct placed *p = &conf->placed[conf->placed_count++];
    struct str value = conf_str(conf, k->name);
    bool file = str_starts(value, STR("file:"));
    bool stays = value.ptr && (conf_is_given(conf, k->name) || top_folder_exists(str_sub(value, file ? 5 : 0, value.len)));
    p->key = k->name;
    p->moved = !stays && value.ptr;
    p->path = stays ? str_dup(value)
                    : put_under(conf_str(conf, conf->program == CONF_CORE ? "data_dir" : "root_directory"), k->place);
  }
}

struct str conf_path(const struct conf *conf, const char *key)
{
  for (size_t i = 0; i < conf->placed_count; i++)
    if (strcmp(conf->placed[i].key, key) == 0)
      return str_of(conf->placed[i].path);
  return conf_str(conf, key);
}

struct str conf_data_dir(const struct conf *conf) { return conf_str(conf, "data_dir"); }

void conf_placed(const struct conf *conf, struct buf *out)
{
  for (size_t i = 0; i < conf->placed_count; i++)
    if (conf->placed[i].moved)
      buf_printf(out, "%s: %s\n", conf->placed[i].key, conf->placed[i].path);
}

void conf_files(const struct conf *conf, struct buf *out)
{
  for (size_t i = 0; i < conf->files.count; i++)
    buf_printf(out, "%s\n", conf->files.at[i]);
}
