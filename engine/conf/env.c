/* conf/env.c: see env.h. */
#include "conf/env.h"

#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"
#include "conf/files.h"

void env_release(struct env *env)
{
  for (size_t i = 0; i < env->count; i++) {
    mem_wipe(env->vars[i], strlen(env->vars[i]));
    mem_free(env->vars[i]);
  }
  mem_free(env->vars);
  *env = (struct env){0};
}

static void push(struct env *env, char *var)
{
  if (env->count + 2 > env->cap) {
    env->cap = env->cap ? env->cap * 2 : 64;
    env->vars = mem_resize(env->vars, env->cap * sizeof *env->vars);
  }
  env->vars[env->count++] = var;
  env->vars[env->count] = NULL;
}

void env_copy(struct env *env, char **envp)
{
  for (; envp && *envp; envp++)
    if (strchr(*envp, '='))
      push(env, mem_strdup(*envp));
  env->own = env->count;
}

static struct str name_of(const char *var) { return str_make(var, (size_t)(strchr(var, '=') - var)); }

struct str env_get(const struct env *env, struct str name)
{
  for (size_t i = 0; i < env->count; i++)
    if (str_eq(name_of(env->vars[i]), name))
      return str_of(env->vars[i] + name.len + 1);
  return STR_NONE;
}

struct str env_get_nocase(const struct env *env, struct str name, size_t nth)
{
  for (size_t i = 0; i < env->count; i++)
    if (str_eq_nocase(name_of(env->vars[i]), name) && nth-- == 0)
      return str_of(env->vars[i] + name.len + 1);
  return STR_NONE;
}

void env_add(struct env *env, struct str name, struct str value)
{
  if (!env_get(env, name).ptr)
    push(env, mem_printf("%.*s=%.*s", STR_ARG(name), STR_ARG(value)));
}

/* ---- .env ---- */

static bool is_word(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static struct str skip_blanks(struct str s)
{
  while (s.len && is_blank(s.ptr[0]))
    s = str_sub(s, 1, s.len);
  return s;
}

/* $NAME or ${NAME} at the front of *s, replaced by its value; false: not closed. */
static bool substitute(const struct env *env, struct str *s, struct buf *out)
{
  struct str rest = str_sub(*s, 1, s->len);
  bool braces = rest.len && rest.ptr[0] == '{';
  if (braces)
    rest = str_sub(rest, 1, rest.len);
  size_t n = 0;
  while (n < rest.len && is_word(rest.ptr[n]))
    n++;
  if (braces && (n >= rest.len || rest.ptr[n] != '}'))
    return false;
  if (n == 0 && !braces)
    buf_add_char(out, '$');
  else
    buf_add_str(out, env_get(env, str_sub(rest, 0, n)));
  *s = str_sub(rest, n + braces, rest.len);
  return true;
}

/* A backslash and what it stands for. */
static bool escape(struct str *s, struct buf *out)
{
  char c = s->len > 1 ? s->ptr[1] : 0;
  if (c == 'n')
    buf_add_char(out, '\n');
  else if (c && strchr("\\'\"$ ", c))
    buf_add_char(out, c);
  else
    return false;
  *s = str_sub(*s, 2, s->len);
  return true;
}

/* The part behind the = sign: quoted and bare pieces side by side, then blanks or a comment. */
static bool value(const struct env *env, struct str s, struct buf *out)
{
  char quote = 0;
  s = skip_blanks(s);
  if (s.len && s.ptr[0] == '#')
    return true;
  while (s.len) {
    char c = s.ptr[0];
    if (quote != '\'' && c == '$') {
      if (!substitute(env, &s, out))
        return false;
    } else if (quote != '\'' && c == '\\') {
      if (!escape(&s, out))
        return false;
    } else {
      s = str_sub(s, 1, s.len);
      if (c == quote)
        quote = 0;
      else if (!quote && (c == '"' || c == '\''))
        quote = c;
      else if (!quote && is_blank(c))
        break;
      else
        buf_add_char(out, c);
    }
  }
  s = skip_blanks(s);
  return !quote && (!s.len || s.ptr[0] == '#');
}

/* False: not a line of such a file. */
static bool line(struct env *env, struct str s, struct buf *scratch)
{
  s = skip_blanks(s);
  if (!s.len || s.ptr[0] == '#')
    return true;
  if (str_starts(s, STR("export ")) || str_starts(s, STR("export\t")))
    s = skip_blanks(str_sub(s, 7, s.len));
  size_t n = 0;
  while (n < s.len && (is_word(s.ptr[n]) || (n && s.ptr[n] == '.')))
    n++;
  if (n == 0 || (s.ptr[0] >= '0' && s.ptr[0] <= '9'))
    return false;
  struct str rest = skip_blanks(str_sub(s, n, s.len));
  if (!rest.len || rest.ptr[0] != '=')
    return false;
  buf_clear(scratch);
  if (!value(env, str_sub(rest, 1, rest.len), scratch) || buf_err(scratch))
    return false;
  env_add(env, str_sub(s, 0, n), buf_str(scratch));
  return true;
}

void dotenv_parse(struct env *env, struct str text)
{
  CLEANUP(buf_release) struct buf scratch = BUF_INIT(DOTENV_TEXT_MAX);
  struct str one;
  if (memchr(text.len ? text.ptr : "", 0, text.len))
    return;
  while (str_split(&text, '\n', &one) && line(env, one, &scratch))
    ;
}

void dotenv_load(struct env *env, const char *folder)
{
  CLEANUP(mem_free_at) char *at = mem_strdup(folder);
  for (;;) {
    CLEANUP(mem_free_at) char *path = mem_printf("%s/.env", at);
    struct stat st;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
      CLEANUP(buf_release) struct buf text = BUF_INIT(DOTENV_TEXT_MAX);
      if (file_read(path, &text, NULL) == OK)
        dotenv_parse(env, buf_str(&text));
      return;
    }
    char *slash = strrchr(at, '/');
    if (!slash)
      return;
    *slash = 0;
  }
}
