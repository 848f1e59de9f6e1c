/* agent/text.c: see text.h. */
#include "agent/text.h"

#include "base/mem.h"

struct str text_copy(struct arena *a, struct str s) { return str_make(arena_dup(a, s), s.len); }

struct str text_keep(struct arena *a, struct buf *b)
{
  struct str s = text_copy(a, buf_str(b));
  buf_release(b);
  return s;
}

struct str text_printf(struct arena *a, const char *fmt, ...)
{
  struct buf b = BUF_INIT(TEXT_MAX);
  va_list args, again;
  va_start(args, fmt);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, fmt, args);
  va_end(args);
  if (n >= 0 && buf_reserve(&b, (size_t)n) == OK) {
    vsnprintf(b.ptr, (size_t)n + 1, fmt, again);
    b.len = (size_t)n;
  }
  va_end(again);
  return text_keep(a, &b);
}

struct str text_path_name(struct arena *a, struct str name)
{
  name = str_trim(name);
  char *copy = arena_dup(a, name);
  for (size_t i = 0; i < name.len; i++)
    if (copy[i] == ' ' || copy[i] == '\n')
      copy[i] = '_';
  return str_make(copy, name.len);
}

struct str text_path_join(struct arena *a, struct str left, struct str right)
{
  struct buf b = BUF_INIT(left.len + right.len + 2);
  bool absolute = right.len && right.ptr[0] == '/';
  struct str part[2] = {absolute ? STR_NONE : left, right};
  if (absolute || (left.len && left.ptr[0] == '/'))
    buf_add_char(&b, '/');
  for (size_t i = 0; i < 2; i++) {
    struct str rest = part[i], component;
    while (str_split(&rest, '/', &component)) {
      if (!component.len || str_eqc(component, "."))
        continue;
      if (b.len && b.ptr[b.len - 1] != '/')
        buf_add_char(&b, '/');
      buf_add_str(&b, component);
    }
  }
  return text_keep(a, &b);
}

struct str text_quoted(struct arena *a, struct str s)
{
  struct buf b = BUF_INIT(s.len * 2 + 2);
  buf_add_char(&b, '"');
  for (size_t i = 0; i < s.len; i++) {
    static const char special[] = "\"\\\n\r\t", letter[] = "\"\\nrt";
    const char *at = s.ptr[i] ? strchr(special, s.ptr[i]) : NULL;
    if (at)
      buf_add_char(&b, '\\');
    buf_add_char(&b, at ? letter[at - special] : s.ptr[i]);
  }
  buf_add_char(&b, '"');
  return text_keep(a, &b);
}

static bool is_plain(struct str s)
{
  for (size_t i = 0; i < s.len; i++) {
    char c = s.ptr[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && (!c || !strchr("-_=/,.+", c)))
      return false;
  }
  return s.len > 0;
}

void text_shell_escape(struct buf *out, struct str s)
{
  if (is_plain(s)) {
    buf_add_str(out, s);
    return;
  }
  buf_add_char(out, '\'');
  for (size_t i = 0; i < s.len; i++) {
    bool special = s.ptr[i] == '\'' || s.ptr[i] == '!';
    buf_add_text(out, special ? "'\\" : "");
    buf_add_char(out, s.ptr[i]);
    buf_add_text(out, special ? "'" : "");
  }
  buf_add_char(out, '\'');
}

struct str text_escaped(struct arena *a, struct str s)
{
  struct buf b = BUF_INIT(TEXT_MAX);
  text_shell_escape(&b, s);
  return text_keep(a, &b);
}

static bool is_quote(char c) { return c == '\'' || c == '"'; }
static bool starts_quoted(struct str s) { return s.len && is_quote(s.ptr[0]); }
static bool ends_quoted(struct str s) { return s.len && is_quote(s.ptr[s.len - 1]); }

void text_quoted_arg(struct buf *out, struct str key, struct str value)
{
  const char *quote = starts_quoted(value) && ends_quoted(value) ? "" : "\"";
  buf_printf(out, "%.*s=%s%.*s%s", STR_ARG(key), quote, STR_ARG(value), quote);
}

/* ---- words */

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

/* Reads one word that starts at *at into `word`; false when a quote is left open. */
static bool read_word(struct str line, size_t *at, struct buf *word)
{
  char quote = 0;
  for (; *at < line.len; (*at)++) {
    char c = line.ptr[*at];
    if (!quote && is_blank(c))
      return true;
    if (c == '\\' && quote != '\'') {
      if (++*at == line.len)
        return false;
      char next = line.ptr[*at];
      if (next == '\n')
        continue;
      if (quote && !strchr("$`\"\\", next))
        buf_add_char(word, '\\');
      buf_add_char(word, next);
    } else if (quote ? c == quote : is_quote(c)) {
      quote = quote ? 0 : c;
    } else {
      buf_add_char(word, c);
    }
  }
  return !quote;
}

struct text_words text_split_words(struct arena *a, struct str line)
{
  const char **words = arena_new(a, (line.len / 2 + 2) * sizeof *words);   /* a word takes two bytes at least */
  size_t count = 0;
  for (size_t at = 0; at < line.len;) {
    if (is_blank(line.ptr[at])) {
      at++;
      continue;
    }
    if (line.ptr[at] == '#') {
      while (at < line.len && line.ptr[at] != '\n')
        at++;
      continue;
    }
    struct buf word = BUF_INIT(line.len + 1);
    bool closed = read_word(line, &at, &word);
    if (closed)
      words[count++] = text_keep(a, &word).ptr;
    buf_release(&word);
    if (!closed) {
      words[0] = NULL;
      return (struct text_words){words, 0};
    }
  }
  words[count] = NULL;
  return (struct text_words){words, count};
}

/* ---- key-value lists */

static struct str cut_at(struct str s, const char *mark)
{
  size_t len = strlen(mark);
  for (size_t i = 0; i + len <= s.len; i++)
    if (memcmp(s.ptr + i, mark, len) == 0)
      return str_make(s.ptr, i);
  return s;
}

static size_t count_lines(struct str s)
{
  size_t n = 1;
  for (size_t i = 0; i < s.len; i++)
    n += s.ptr[i] == '\n';
  return n;
}

static bool split_pair(struct str line, struct text_pair *ret)
{
  size_t at = 0;
  while (at < line.len && line.ptr[at] != '=' && line.ptr[at] != ':')
    at++;
  if (at == line.len)
    return false;
  struct str key = str_trim(str_make(line.ptr, at)), value = str_trim(str_sub(line, at + 1, line.len));
  /* 'KEY=value' as a whole in quotes, as YAML lists have it */
  if (starts_quoted(key) && !ends_quoted(key) && ends_quoted(value)) {
    key = str_trim(str_sub(key, 1, key.len));
    value = str_trim(str_make(value.ptr, value.len - 1));
  }
  *ret = (struct text_pair){key, value};
  return true;
}

Err text_parse_pairs(struct arena *a, struct str list, struct text_pairs *ret, struct diag *reterr)
{
  list = str_trim(list);
  struct text_pair *pairs = arena_new(a, count_lines(list) * sizeof *pairs);
  size_t count = 0, number = 0;
  struct str rest = list, line;
  for (; str_split(&rest, '\n', &line); number++) {
    line = str_trim(line);
    if (!line.len || line.ptr[0] == '#' || str_starts(line, STR("//")))
      continue;
    line = str_trim(cut_at(line, " #"));
    while (line.len && line.ptr[0] == '-')
      line = str_sub(line, 1, line.len);
    line = str_trim(line);
    if (!split_pair(line, &pairs[count]))
      return diag_set(reterr, ERR_INVALID, "line %zu missing assignment character ('=' or ':')", number);
    count++;
  }
  *ret = (struct text_pairs){pairs, count};
  return OK;
}

/* ---- commands of several lines */

/* Trimmed lines without comments and empty ones, joined by `glue`. */
static struct str join_lines(struct arena *a, struct str text, const char *glue)
{
  struct buf b = BUF_INIT(TEXT_MAX);
  struct str line;
  while (str_split(&text, '\n', &line)) {
    line = str_trim(line);
    if (!line.len || line.ptr[0] == '#')
      continue;
    if (b.len)
      buf_add_text(&b, glue);
    buf_add_str(&b, cut_at(line, " #"));
  }
  return text_keep(a, &b);
}

struct str text_multi_line(struct arena *a, struct str command)
{
  struct str text = join_lines(a, command, "\n");
  struct buf b = BUF_INIT(TEXT_MAX);
  while (text.len) {   /* " \" at a line's end continues it */
    struct str piece = cut_at(text, " \\");
    bool last = piece.len == text.len;
    text = str_sub(text, last ? text.len : piece.len + 2, text.len);
    buf_add_str(&b, str_trim(piece));
    if (!last)
      buf_add_char(&b, ' ');
  }
  struct str joined = text_keep(a, &b);
  return join_lines(a, joined, " && ");
}

struct str text_grep(struct arena *a, const struct str *terms, size_t count, bool all, bool invert)
{
  struct buf pattern = BUF_INIT(TEXT_MAX), out = BUF_INIT(TEXT_MAX);
  buf_add_text(&pattern, all ? "^" : "");
  for (size_t i = 0; i < count; i++)
    buf_printf(&pattern, all ? "(?=.*%.*s)" : i ? "|%.*s" : "%.*s", STR_ARG(terms[i]));
  buf_printf(&out, "grep%s %s ", invert ? " -v" : "", all ? "-P" : "-E");
  text_shell_escape(&out, buf_str(&pattern));
  buf_release(&pattern);
  return text_keep(a, &out);
}
