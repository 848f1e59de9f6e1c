/* conf/conf.c: loading, from files to effective values; see conf.h. */
#include "conf/conf.h"

#include <unistd.h>

#include "base/mem.h"
#include "conf/conf_internal.h"
#include "conf/decode.h"
#include "conf/interpolate.h"
#include "conf/merge.h"

struct load {
  struct conf *conf;
  const struct conf_definition *def;
  const struct conf_args *args;
  bool nested, extend;
  struct buf *warnings;
  struct diag *reterr;
};

static void wipe_and_free(struct buf *b)
{
  if (b->len)
    mem_wipe(b->ptr, b->len);
  buf_release(b);
}

static Err no_memory(const struct load *l) { return diag_set(l->reterr, ERR_NOMEM, "%s", err_words(ERR_NOMEM)); }

/* ---- where to look ---- */

/* One of the variables of discovery; ptr NULL: not set. */
static Err variable(const struct load *l, const char *spellings, struct buf *name, struct str *ret)
{
  struct conf_key key = {.name = "", .env = spellings};
  buf_clear(name);
  return env_one(&l->conf->env, &key, /* prefixes= */ "", /* suffix= */ "", name, ret, l->reterr);
}

/* The command line, else the variable, else true. */
static Err merge_switch(const struct load *l, const char *argument, const char *spellings, bool *ret)
{
  CLEANUP(buf_release) struct buf name = BUF_INIT(256);
  struct str text = STR_NONE;
  *ret = true;
  Err err = variable(l, spellings, &name, &text);
  if (!err && text.ptr)
    err = bool_parse(name.ptr, text, ret, l->reterr);
  if (!err && argument)
    *ret = strcmp(argument, "true") == 0;
  return err;
}

static Err list_of(const struct load *l, const char *const *given, size_t count, const char *spellings,
                   struct texts *ret, bool *ret_default)
{
  CLEANUP(buf_release) struct buf name = BUF_INIT(256);
  struct str text = STR_NONE;
  Err err = variable(l, spellings, &name, &text);
  for (size_t i = 0; i < count; i++)
    texts_add(ret, str_of(given[i]));
  if (!err && !count && text.ptr)
    texts_split(ret, text);
  *ret_default = !count && !text.ptr;
  return err;
}

static Err find_files(const struct load *l)
{
  CLEANUP(texts_release) struct texts paths = {0};
  CLEANUP(texts_release) struct texts keywords = {0};
  const struct conf_args *a = l->args;
  bool default_paths, default_keywords;
  Err err = list_of(l, a->paths, a->path_count, l->def->env_paths, &paths, &default_paths);
  if (!err)
    err = list_of(l, a->keywords, a->keyword_count, l->def->env_keywords, &keywords, &default_keywords);
  if (err)
    return err;
  if (default_keywords)
    texts_add(&keywords, str_of(l->def->default_keyword));
  if (default_paths && l->def->default_paths)
    texts_split(&paths, str_of(l->def->default_paths));
  if (default_paths && l->conf->program == CONF_CLI) {
    struct str home = env_get(&l->conf->env, STR("HOME"));
    if (home.len) {
      CLEANUP(mem_free_at) char *folder = mem_printf("%.*s/.config/komodo", STR_ARG(home));
      texts_add(&paths, str_of(folder));
    }
    texts_add(&paths, STR("."));
  }
  struct search search = {.paths = &paths, .keywords = &keywords, .include_name = l->def->include_name,
                          .warnings = l->warnings};
  return files_find(&search, &l->conf->files, l->reterr);
}

/* ---- reading ---- */

/* Merges all files; one that cannot be read or does not fit is skipped with a warning. */
static Err merge_files(const struct load *l, yyjson_mut_doc *merged)
{
  yyjson_mut_val *root = yyjson_mut_obj(merged);
  if (!root)
    return no_memory(l);
  yyjson_mut_doc_set_root(merged, root);
  for (size_t i = 0; i < l->conf->files.count; i++) {
    const char *path = l->conf->files.at[i];
    yyjson_mut_doc *doc = NULL;
    struct diag why = {0};
    Err err = file_parse(path, &doc, &why);
    if (!err)
      err = merge_into(merged, root, yyjson_mut_doc_get_root(doc), l->nested, l->extend, &why);
    yyjson_mut_doc_free(doc);
    if (err == ERR_NOMEM)
      return no_memory(l);
    if (err && l->warnings)
      buf_printf(l->warnings, "%s is skipped: %s\n", path, why.message);
  }
  return OK;
}

/* The merged text with ${NAME} and $(word) replaced, parsed again. */
static Err expand(const struct load *l, yyjson_mut_doc *merged, yyjson_doc **ret)
{
  CLEANUP(wipe_and_free) struct buf text = BUF_INIT(INTERPOLATED_MAX);
  size_t len = 0;
  char *json = yyjson_mut_write(merged, 0, &len);
  if (!json)
    return no_memory(l);
  Err err = interpolate(str_make(json, len), &l->conf->env, shell_ask, &l->conf->env, &text);
  mem_wipe(json, len);
  free(json);   /* yyjson allocated it */
  if (err)
    return diag_set(l->reterr, err, "the config files are too large once ${NAME} and $(word) are replaced");
  yyjson_read_err why;
  *ret = yyjson_read_opts(text.ptr, text.len, 0, NULL, &why);
  if (!*ret)
    return diag_set(l->reterr, ERR_INVALID,
                    "the config files are damaged by what ${NAME} or $(word) stands for: a value must hold no quote, no "
                    "line break and no single backslash");
  return OK;
}

/* ---- profiles of km ---- */

static bool profile_matches(yyjson_mut_val *profile, struct str wanted)
{
  size_t i, n;
  yyjson_mut_val *alias, *name = yyjson_mut_obj_get(profile, "config_profile");
  if (yyjson_mut_equals_strn(name, wanted.ptr, wanted.len))
    return true;
  yyjson_mut_arr_foreach(yyjson_mut_obj_get(profile, "config_aliases"), i, n, alias)
  {
    if (yyjson_mut_equals_strn(alias, wanted.ptr, wanted.len))
      return true;
  }
  return false;
}

/* Lays the profile at `index` of the file's list over the file's top level, and decodes that. */
static Err use_profile(const struct load *l, const struct decode *d, yyjson_doc *files, size_t index,
                       yyjson_mut_val **values)
{
  yyjson_val *top = yyjson_doc_get_root(files), *profile = yyjson_arr_get(yyjson_obj_get(top, "profile"), index);
  yyjson_mut_doc *scratch = yyjson_mut_doc_new(NULL);
  yyjson_mut_val *merged = yyjson_val_mut_copy(scratch, top), *over = yyjson_val_mut_copy(scratch, profile);
  if (!merged || !over) {
    yyjson_mut_doc_free(scratch);
    return no_memory(l);
  }
  yyjson_mut_obj_remove_key(merged, "profile");
  Err err = merge_into(scratch, merged, over, l->nested, l->extend, NULL);
  yyjson_mut_doc_set_root(scratch, err ? over : merged);
  yyjson_doc *text = yyjson_mut_doc_imut_copy(scratch, NULL);
  yyjson_mut_doc_free(scratch);
  if (!text)
    return no_memory(l);
  yyjson_mut_val *chosen = NULL;
  err = decode_table(d, conf_cli_keys, yyjson_doc_get_root(text), &chosen);
  yyjson_doc_free(text);
  if (err)
    return err;
  static const char *const kept[] = {"default_profile", "profile"};   /* these are of the top level alone */
  for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
    yyjson_mut_val *old = yyjson_mut_val_mut_copy(d->doc, yyjson_mut_obj_get(*values, kept[i]));
    if (!old || !yyjson_mut_obj_replace(chosen, yyjson_mut_str(d->doc, kept[i]), old))
      return no_memory(l);
  }
  *values = chosen;
  return OK;
}

static Err choose_profile(const struct load *l, const struct decode *d, yyjson_doc *files, yyjson_mut_val **values)
{
  const char *wanted = l->args->profile;
  if (!wanted)
    wanted = yyjson_mut_get_str(yyjson_mut_obj_get(*values, "default_profile"));
  if (!wanted || !*wanted)
    return OK;
  size_t i, n;
  yyjson_mut_val *profile, *profiles = yyjson_mut_obj_get(*values, "profile");
  if (yyjson_mut_arr_size(profiles) == 0)
    return diag_set(l->reterr, ERR_INVALID, "Config has no profiles, but a profile is required (\"%s\")", wanted);
  yyjson_mut_arr_foreach(profiles, i, n, profile)
  {
    if (!profile_matches(profile, str_of(wanted)))
      continue;
    l->conf->profile_active = true;
    return use_profile(l, d, files, i, values);
  }
  return diag_set(l->reterr, ERR_INVALID, "No profile matching '%s' was found.", wanted);
}

/* ---- the steps ---- */

static Err replace(const struct load *l, yyjson_mut_doc *doc, yyjson_mut_val *table, const char *key,
                   yyjson_mut_val *val)
{
  if (!val || !yyjson_mut_obj_replace(table, yyjson_mut_str(doc, key), val))
    return no_memory(l);
  return OK;
}

/* What is neither in a file nor in a variable of its own. */
static Err finish(const struct load *l, yyjson_mut_doc *doc, yyjson_mut_val *values)
{
  if (l->conf->program == CONF_CLI)
    return replace(l, doc, yyjson_mut_obj_get(values, "cli_logging"), "location", yyjson_mut_bool(doc, false));
  if (l->conf->program == CONF_AGENT && l->args->log_level)
    return replace(l, doc, yyjson_mut_obj_get(values, "logging"), "level", yyjson_mut_strcpy(doc, l->args->log_level));
  if (l->conf->program == CONF_CORE && !*(yyjson_mut_get_str(yyjson_mut_obj_get(values, "data_dir")) ?: "")) {
    CLEANUP(mem_free_at) char *folder = conf_default_data_dir(&l->conf->env);
    return replace(l, doc, values, "data_dir", yyjson_mut_strcpy(doc, folder));
  }
  return OK;
}

static Err decode_all(const struct load *l, yyjson_doc *files)
{
  yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
  if (!doc)
    return no_memory(l);
  struct decode d = {.doc = doc, .given = &l->conf->given, .warnings = l->warnings, .reterr = l->reterr};
  yyjson_mut_val *values = NULL;
  Err err = decode_table(&d, l->def->keys, yyjson_doc_get_root(files), &values);
  if (!err && l->conf->program == CONF_CLI)
    err = choose_profile(l, &d, files, &values);
  if (!err)
    err = decode_env(&d, l->def->keys, l->def->prefix, &l->conf->env, values);
  if (!err)
    err = finish(l, doc, values);
  if (!err) {
    yyjson_mut_doc_set_root(doc, values);
    l->conf->doc = yyjson_mut_doc_imut_copy(doc, NULL);
    if (!l->conf->doc)
      err = no_memory(l);
  }
  yyjson_mut_doc_free(doc);
  return err;
}

static Err load(struct load *l)
{
  Err err = merge_switch(l, l->args->merge_nested, l->def->env_nested, &l->nested);
  if (!err)
    err = merge_switch(l, l->args->extend_arrays, l->def->env_extend, &l->extend);
  if (!err)
    err = find_files(l);
  if (err)
    return err;
  yyjson_mut_doc *merged = yyjson_mut_doc_new(NULL);
  yyjson_doc *files = NULL;
  err = merged ? merge_files(l, merged) : no_memory(l);
  if (!err)
    err = expand(l, merged, &files);
  yyjson_mut_doc_free(merged);
  if (!err)
    err = decode_all(l, files);
  yyjson_doc_free(files);
  return err;
}

Err conf_load(enum conf_program program, const struct conf_args *args, char **envp, struct buf *warnings,
              struct conf **ret, struct diag *reterr)
{
  static const struct conf_args none;
  CLEANUP(conf_free_at) struct conf *conf = mem_new(sizeof *conf);
  CLEANUP(mem_free_at) char *folder = getcwd(NULL, 0);
  conf->program = program;
  env_copy(&conf->env, envp);
  if (folder)
    dotenv_load(&conf->env, folder);
  struct load l = {.conf = conf, .def = conf_definition(program), .args = args ? args : &none, .warnings = warnings,
                   .reterr = reterr};
  Err err = load(&l);
  if (err)
    return err;
  conf_place(conf);
  *ret = conf;
  conf = NULL;
  return OK;
}

void conf_free(struct conf *conf)
{
  if (!conf)
    return;
  yyjson_doc_free(conf->doc);
  env_release(&conf->env);
  texts_release(&conf->files);
  map_release(&conf->given);
  for (size_t i = 0; i < conf->placed_count; i++)
    mem_free(conf->placed[i].path);
  mem_free(conf->placed);
  mem_free(conf);
}

void conf_free_at(struct conf **conf)
{
  conf_free(*conf);
  *conf = NULL;
}

void conf_export_env(const struct conf *conf)
{
  for (size_t i = conf->env.own; i < conf->env.count; i++) {
    const char *var = conf->env.vars[i], *equals = strchr(var, '=');
    CLEANUP(mem_free_at) char *name = mem_strndup(var, (size_t)(equals - var));
    setenv(name, equals + 1, /* overwrite= */ 0);
  }
}
