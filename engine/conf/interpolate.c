/* conf/interpolate.c: see interpolate.h. */
#include "conf/interpolate.h"

struct pass {
  char open, close;
  const struct env *env;
  interpolate_shell *shell;
  void *context;
  unsigned *runs;
};

/* The word of an expression at the front of `s`; empty when there is none. */
static struct str word_at(struct str s, char open, char close)
{
  if (s.len < 4 || s.ptr[0] != '$' || s.ptr[1] != open)
    return STR_NONE;
  size_t n = 2;
  while (n < s.len && ((s.ptr[n] >= 'a' && s.ptr[n] <= 'z') || (s.ptr[n] >= 'A' && s.ptr[n] <= 'Z') ||
                       (s.ptr[n] >= '0' && s.ptr[n] <= '9') || s.ptr[n] == '_'))
    n++;
  return n > 2 && n < s.len && s.ptr[n] == close ? str_sub(s, 2, n - 2) : STR_NONE;
}

static Err run_pass(const struct pass *p, struct str text, struct buf *out)
{
  while (text.len) {
    const char *dollar = memchr(text.ptr, '$', text.len);
    size_t plain = dollar ? (size_t)(dollar - text.ptr) : text.len;
    buf_add(out, text.ptr, plain);
    text = str_sub(text, plain, text.len);
    if (!text.len)
      break;
    struct str word = word_at(text, p->open, p->close);
    if (!word.len) {
      buf_add_char(out, '$');
      text = str_sub(text, 1, text.len);
      continue;
    }
    struct str value = p->open == '{' ? env_get(p->env, word) : STR_NONE;
    if (value.len) {
      buf_add_str(out, value);
    } else {
      if (++*p->runs > SHELL_RUNS_MAX)
        return ERR_LIMIT;
      p->shell(p->context, word, p->open == '(', out);
    }
    text = str_sub(text, word.len + 3, text.len);
  }
  return buf_err(out);
}

Err interpolate(struct str text, const struct env *env, interpolate_shell *shell, void *context, struct buf *out)
{
  CLEANUP(buf_release) struct buf first = BUF_INIT(out->max);
  CLEANUP(buf_release) struct buf second = BUF_INIT(out->max);
  unsigned runs = 0;
  struct pass names = {'{', '}', env, shell, context, &runs}, commands = {'(', ')', env, shell, context, &runs};
  Err err = run_pass(&names, text, &first);
  if (!err)
    err = run_pass(&names, buf_str(&first), &second);
  if (!err)
    err = run_pass(&commands, buf_str(&second), out);
  return err;
}
