/* conf/sample.c: the sample file of a program, from its table; see conf.h.
 *
 * Prose lines begin with "# ", settings with "#": taking that one character away leaves a file whose values are the
 * defaults (tests/c/conf/test_sample.c does so), but for optional keys, which have none. */
#include "base/mem.h"
#include "conf/conf_internal.h"
#include "conf/decode.h"

enum { COLUMNS = 100 };

static void prose(struct buf *out, const char *text)
{
  size_t column = 0;
  struct str rest = str_of(text), word;
  while (str_split(&rest, ' ', &word)) {
    if (column && column + 1 + word.len > COLUMNS) {
      buf_add_char(out, '\n');
      column = 0;
    }
    buf_add_text(out, column ? " " : "# ");
    buf_add_str(out, word);
    column += word.len + (column ? 1 : 2);
  }
  if (column)
    buf_add_char(out, '\n');
}

struct names {
  struct buf *out;
  const char *suffix;
  unsigned count;
};

static Err add_name(void *context, struct str name, unsigned rank)
{
  struct names *n = context;
  (void)rank;
  buf_printf(n->out, "%s%.*s%s", n->count++ ? ", " : "", STR_ARG(name), n->suffix);
  return OK;
}

static void variables(struct buf *out, const struct conf_key *key, const char *prefixes)
{
  CLEANUP(buf_release) struct buf line = BUF_INIT(4096);
  struct names names = {.out = &line, .suffix = ""};
  if (key->flags & CONF_NO_ENV)
    return;
  buf_add_text(&line, "Variable: ");
  (void)!conf_env_names(key, prefixes, add_name, &names);
  if (key->flags & CONF_FILE_ENV) {
    buf_add_text(&line, "; in a file: ");
    names = (struct names){.out = &line, .suffix = "_FILE"};
    (void)!conf_env_names(key, prefixes, add_name, &names);
  }
  prose(out, line.ptr);
}

static void words(struct buf *out, const struct conf_key *key)
{
  CLEANUP(buf_release) struct buf line = BUF_INIT(4096);
  const char *const *w = conf_words(key->kind);
  if (!w)
    return;
  buf_add_text(&line, "One of:");
  for (; *w; w++)
    buf_printf(&line, " %s", *w);
  prose(out, line.ptr);
}

static void setting(struct buf *out, const struct conf_key *key, const char *prefixes)
{
  static const char *const unset[] = {[CONF_TEXT] = "\"\"", [CONF_BOOL] = "false", [CONF_LIST] = "[]",
                                      [CONF_TEXT_LIST] = "[]", [CONF_BORDERS] = "\"\""};
  bool optional = key->flags & CONF_OPTIONAL;
  buf_add_char(out, '\n');
  prose(out, key->doc);
  words(out, key);
  variables(out, key, prefixes);
  if (optional)
    prose(out, "Default: unset.");
  if (key->example && !optional) {
    CLEANUP(mem_free_at) char *line = mem_printf("Example: %s = %s", key->name, key->example);
    prose(out, line);
  }
  buf_printf(out, "#%s = %s\n", key->name,
             optional ? (key->example ? key->example : unset[key->kind]) : key->dflt ? key->dflt : "\"\"");
}

/* Lines of an example, each a setting line. */
static void example(struct buf *out, const char *toml)
{
  struct str rest = str_of(toml), line;
  while (str_split(&rest, '\n', &line))
    if (line.len)
      buf_printf(out, "#%.*s\n", STR_ARG(line));
}

void conf_sample(enum conf_program program, struct buf *out)
{
  const struct conf_definition *def = conf_definition(program);
  struct str rest = str_of(def->sample_intro), line;
  while (rest.len && str_split(&rest, '\n', &line))
    buf_printf(out, line.len ? "# %.*s\n" : "#%.*s\n", STR_ARG(line));
  for (const struct conf_key *k = def->keys; k->name; k++)
    if (k->kind != CONF_TABLE && k->kind != CONF_TABLES && k->kind != CONF_MAP)
      setting(out, k, def->prefix);
  for (const struct conf_key *k = def->keys; k->name; k++) {
    if (k->kind != CONF_TABLE && k->kind != CONF_TABLES && k->kind != CONF_MAP)
      continue;
    buf_add_char(out, '\n');
    prose(out, k->doc);
    if (k->kind == CONF_TABLE) {
      buf_printf(out, "#[%s]\n", k->name);
      for (const struct conf_key *inner = k->shape; inner->name; inner++)
        setting(out, inner, k->prefixes);
    } else {
      prose(out, "Example:");
      example(out, k->example);
    }
  }
}
