/* conf/args.c: the options in front of the command; see conf.h. */
#include <stddef.h>

#include "conf/keys.h"

enum { FOR_CORE = 1 << CONF_CORE, FOR_AGENT = 1 << CONF_AGENT, FOR_CLI = 1 << CONF_CLI };

enum option_kind { PATH, KEYWORD, TRUTH, LEVEL, WORD, FLAG };

static const struct option {
  unsigned programs;
  const char *name, *alias;
  char letter;
  enum option_kind kind;
  size_t offset;            /* of the member of struct conf_args; PATH and KEYWORD have two */
  const char *value, *doc;
} options[] = {
    {FOR_AGENT | FOR_CLI, "config-path", NULL, 'c', PATH, 0, "PATH", "config file or folder; repeat for more, later ones win"},
    {FOR_AGENT | FOR_CLI, "config-keyword", NULL, 'm', KEYWORD, 0, "PATTERN", "names of config files in folders; repeat for more"},
    {FOR_AGENT, "merge-nested-config", NULL, 0, TRUTH, offsetof(struct conf_args, merge_nested), "BOOL",
     "merge tables of several files (true)"},
    {FOR_AGENT, "extend-config-arrays", NULL, 0, TRUTH, offsetof(struct conf_args, extend_arrays), "BOOL",
     "join lists of several files (true)"},
    {FOR_AGENT, "log-level", NULL, 0, LEVEL, offsetof(struct conf_args, log_level), "LEVEL", "error, warn, info, debug or trace"},
    {FOR_CLI, "profile", NULL, 'p', WORD, offsetof(struct conf_args, profile), "NAME", "profile to use, by name or alias"},
    {FOR_CLI, "debug-startup", "debug", 'd', TRUTH, offsetof(struct conf_args, debug), "BOOL", "show how the config is loaded"},
    {FOR_CORE | FOR_AGENT | FOR_CLI, "help", NULL, 'h', FLAG, offsetof(struct conf_args, help), NULL, "show this"},
    {FOR_CORE | FOR_AGENT | FOR_CLI, "version", NULL, 'V', FLAG, offsetof(struct conf_args, version), NULL, "show the version"},
};

static const struct option *by_name(enum conf_program program, struct str name)
{
  for (size_t i = 0; i < ARRAY_LEN(options); i++)
    if ((options[i].programs & 1u << program) &&
        (str_eqc(name, options[i].name) || (options[i].alias && str_eqc(name, options[i].alias))))
      return &options[i];
  return NULL;
}

static const struct option *by_letter(enum conf_program program, char letter)
{
  for (size_t i = 0; i < ARRAY_LEN(options); i++)
    if ((options[i].programs & 1u << program) && letter && options[i].letter == letter)
      return &options[i];
  return NULL;
}

static Err add(const char **list, size_t *count, const char *value, const struct option *o, struct diag *reterr)
{
  if (*count == CONF_PATHS_MAX)
    return diag_set(reterr, ERR_INVALID, "--%s: at most %d", o->name, CONF_PATHS_MAX);
  list[(*count)++] = value;
  return OK;
}

static Err apply(const struct option *o, const char *value, struct conf_args *ret, struct diag *reterr)
{
  enum log_level level;
  void *member = (char *)ret + o->offset;
  switch (o->kind) {
  case PATH: return add(ret->paths, &ret->path_count, value, o, reterr);
  case KEYWORD: return add(ret->keywords, &ret->keyword_count, value, o, reterr);
  case FLAG: *(bool *)member = true; return OK;
  case TRUTH:
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
      return diag_set(reterr, ERR_INVALID, "--%s: wants true or false, found \"%.64s\"", o->name, value);
    break;
  case LEVEL:
    if (!log_level_parse(str_of(value), &level))
      return diag_set(reterr, ERR_INVALID, "--%s: wants error, warn, info, debug or trace, found \"%.64s\"", o->name, value);
    break;
  case WORD: break;
  }
  *(const char **)member = value;
  return OK;
}

/* Splits "--name=value", "--name", "-xvalue", "-x=value", "-x"; ret_value NULL: it is not in this word. */
static const struct option *split(enum conf_program program, const char *word, const char **ret_value)
{
  *ret_value = NULL;
  if (word[1] != '-') {
    const struct option *o = by_letter(program, word[1]);
    if (word[1] && word[2])
      *ret_value = word + 2 + (word[2] == '=');
    return o;
  }
  const char *equals = strchr(word, '=');
  if (equals)
    *ret_value = equals + 1;
  return by_name(program, str_make(word + 2, equals ? (size_t)(equals - word - 2) : strlen(word + 2)));
}

Err conf_args_parse(enum conf_program program, int argc, char **argv, struct conf_args *ret, struct diag *reterr)
{
  *ret = (struct conf_args){0};
  int at = 1;
  for (; at < argc && argv[at][0] == '-' && argv[at][1]; at++) {
    if (strcmp(argv[at], "--") == 0) {
      at++;
      break;
    }
    const char *value;
    const struct option *o = split(program, argv[at], &value);
    if (!o)
      return diag_set(reterr, ERR_INVALID, "unknown option %.64s; --help lists them", argv[at]);
    if (o->kind == FLAG && value)
      return diag_set(reterr, ERR_INVALID, "--%s takes no value", o->name);
    if (o->kind != FLAG && !value && ++at == argc)
      return diag_set(reterr, ERR_INVALID, "--%s wants a value: --%s %s", o->name, o->name, o->value);
    Err err = apply(o, o->kind == FLAG ? NULL : value ? value : argv[at], ret, reterr);
    if (err)
      return err;
  }
  ret->rest = at < argc ? at : argc;
  return OK;
}

void conf_args_help(enum conf_program program, struct buf *out)
{
  for (size_t i = 0; i < ARRAY_LEN(options); i++) {
    const struct option *o = &options[i];
    if (!(o->programs & 1u << program))
      continue;
    char left[48];
    snprintf(left, sizeof left, "%c%c%c --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ', o->letter ? ',' : ' ',
             o->name, o->value ? " " : "", o->value ? o->value : "");
    buf_printf(out, "  %-34s  %s\n", left, o->doc);
  }
}
