/* conf/toml.c: tables, arrays and keys of TOML; see toml.h.
 *
 * The JSON values are built directly; beside each table and array of tables stands a node that remembers how it came
 * to be, because that decides who may still add to it:
 *
 *   IMPLICIT  made on the way by a header ([a] of [a.b])      a header may define it once; dotted keys may pass
 *   DEFINED   named by a header                               no second header; headers may pass, dotted keys not
 *   DOTTED    made on the way by a dotted key                 no header may name it; headers and dotted keys may pass
 *   LIST      array of tables                                 [[name]] appends; a header passes into its last element
 *   CLOSED    any value written in place, inline tables too   nothing may be added
 */
#include "conf/toml_internal.h"

#include "base/mem.h"

enum node_kind { IMPLICIT, DEFINED, DOTTED, LIST, CLOSED };

struct toml_node {
  enum node_kind kind;
  yyjson_mut_val *val;
  struct toml_node *last;   /* LIST: the element that headers pass into */
};

Err toml_fail(const struct toml *t, const char *fmt, ...)
{
  size_t line = 1;
  const char *line_start = t->start;
  for (const char *p = t->start; p < t->at; p++) {
    if (*p == '\n') {
      line++;
      line_start = p + 1;
    }
  }
  char words[DIAG_MESSAGE_MAX];
  va_list args;
  va_start(args, fmt);
  vsnprintf(words, sizeof words, fmt, args);
  va_end(args);
  return diag_set(t->reterr, ERR_INVALID, "line %zu, column %zu: %s", line, (size_t)(t->at - line_start) + 1, words);
}

static Err no_memory(const struct toml *t) { return diag_set(t->reterr, ERR_NOMEM, "%s", err_words(ERR_NOMEM)); }

/* ---- nodes ---- */

enum { KEY_MAX = 4096 };
/* The key of a child in the one map of all nodes: the parent's address, then the name. */
struct child_key {
  char bytes[sizeof(void *) + KEY_MAX];
  size_t len;
};

static struct str child_key(struct child_key *k, const struct toml_node *parent, struct str name)
{
  memcpy(k->bytes, &parent, sizeof parent);
  memcpy(k->bytes + sizeof parent, name.ptr, name.len);
  return str_make(k->bytes, sizeof parent + name.len);
}

static struct toml_node *node_find(const struct toml *t, const struct toml_node *parent, struct str name)
{
  struct child_key k;
  return map_get(&t->nodes, child_key(&k, parent, name));
}

static struct toml_node *node_new(struct toml *t, enum node_kind kind, yyjson_mut_val *val)
{
  struct toml_node *node = arena_new(&t->arena, sizeof *node);
  node->kind = kind;
  node->val = val;
  return node;
}

/* Puts a new member into a table; NULL when there is no memory. */
static struct toml_node *node_add(struct toml *t, struct toml_node *parent, struct str name, enum node_kind kind,
                                  yyjson_mut_val *val)
{
  yyjson_mut_val *key = yyjson_mut_strncpy(t->doc, name.len ? name.ptr : "", name.len);
  if (!key || !val || !yyjson_mut_obj_add(parent->val, key, val))
    return NULL;
  struct toml_node *node = node_new(t, kind, val);
  struct child_key k;
  map_set(&t->nodes, child_key(&k, parent, name), node);
  return node;
}

/* ---- white space ---- */

static void skip_blanks(struct toml *t)
{
  while (t->at < t->end && (*t->at == ' ' || *t->at == '\t'))
    t->at++;
}

static Err skip_comment(struct toml *t)
{
  if (toml_char(t) != '#')
    return OK;
  while (t->at < t->end && *t->at != '\n' && !toml_peek(t, "\r\n", 2)) {
    unsigned char c = (unsigned char)*t->at;
    if ((c < 0x20 && c != '\t') || c == 0x7F)
      return toml_fail(t, "a control character in a comment");
    t->at++;
  }
  return OK;
}

static bool skip_newline(struct toml *t)
{
  size_t n = toml_peek(t, "\r\n", 2) ? 2 : toml_char(t) == '\n' ? 1 : 0;
  t->at += n;
  return n > 0;
}

/* White space, line breaks and comments inside brackets. */
static Err skip_space(struct toml *t)
{
  for (;;) {
    skip_blanks(t);
    Err err = skip_comment(t);
    if (err || !skip_newline(t))
      return err;
  }
}

static Err end_of_line(struct toml *t)
{
  skip_blanks(t);
  Err err = skip_comment(t);
  if (err)
    return err;
  return t->at >= t->end || skip_newline(t) ? OK : toml_fail(t, "expected the end of the line");
}

/* ---- keys ---- */

/* One part of a dotted key, and whether another follows. The view lives until the next string is read. */
static Err key_part(struct toml *t, struct str *ret_name, bool *ret_more)
{
  skip_blanks(t);
  char c = toml_char(t);
  if (c == '"' || c == '\'') {
    Err err = toml_string_key(t);
    if (err)
      return err;
  } else {
    const char *from = t->at;
    while (t->at < t->end && toml_is_bare(*t->at))
      t->at++;
    if (t->at == from)
      return toml_fail(t, "expected a key (letters, digits, _ and -, or a quoted string)");
    buf_clear(&t->text);
    buf_add(&t->text, from, (size_t)(t->at - from));
    if (buf_err(&t->text))
      return no_memory(t);
  }
  if (t->text.len > KEY_MAX)
    return toml_fail(t, "this key is longer than %d bytes", KEY_MAX);
  *ret_name = buf_str(&t->text);
  skip_blanks(t);
  *ret_more = toml_char(t) == '.';
  if (*ret_more)
    t->at++;
  return OK;
}

/* The table `name` of `parent`, on the way to a deeper one: made when absent, checked when present. */
static Err pass_into(struct toml *t, struct toml_node **node, struct str name, bool by_header)
{
  struct toml_node *child = node_find(t, *node, name);
  if (!child)
    child = node_add(t, *node, name, by_header ? IMPLICIT : DOTTED, yyjson_mut_obj(t->doc));
  if (!child)
    return no_memory(t);
  if (child->kind == LIST && by_header)
    child = child->last;
  if (child->kind == CLOSED || child->kind == LIST || (child->kind == DEFINED && !by_header))
    return toml_fail(t, "\"%.*s\" was written above and cannot be added to", STR_ARG(name));
  *node = child;
  return OK;
}

/* ---- values ---- */

static NODISCARD Err value(struct toml *t, yyjson_mut_val **ret);
static NODISCARD Err key_value(struct toml *t, struct toml_node *table);

static Err array(struct toml *t, yyjson_mut_val **ret)
{
  yyjson_mut_val *list = yyjson_mut_arr(t->doc);
  for (t->at++;;) {
    Err err = skip_space(t);
    if (err)
      return err;
    if (toml_char(t) == ']')
      break;
    yyjson_mut_val *item = NULL;
    if ((err = value(t, &item)) || (err = skip_space(t)))
      return err;
    if (!list || !yyjson_mut_arr_append(list, item))
      return no_memory(t);
    if (toml_char(t) == ']')
      break;
    if (toml_char(t) != ',')
      return toml_fail(t, "expected , or ] in an array");
    t->at++;
  }
  t->at++;
  *ret = list;
  return OK;
}

static Err inline_table(struct toml *t, yyjson_mut_val **ret)
{
  struct toml_node *table = node_new(t, DOTTED, yyjson_mut_obj(t->doc));
  if (!table->val)
    return no_memory(t);
  for (t->at++;;) {
    Err err = skip_space(t);
    if (err)
      return err;
    if (toml_char(t) == '}')
      break;
    if ((err = key_value(t, table)) || (err = skip_space(t)))
      return err;
    if (toml_char(t) == '}')
      break;
    if (toml_char(t) != ',')
      return toml_fail(t, "expected , or } in an inline table");
    t->at++;
  }
  t->at++;
  table->kind = CLOSED;
  *ret = table->val;
  return OK;
}

static Err value(struct toml *t, yyjson_mut_val **ret)
{
  if (t->depth >= TOML_DEPTH_MAX)
    return toml_fail(t, "nested deeper than %d", TOML_DEPTH_MAX);
  t->depth++;
  Err err;
  char c = toml_char(t);
  if (c == '"' || c == '\'') {
    err = toml_string(t);
    if (!err)
      *ret = yyjson_mut_strncpy(t->doc, t->text.ptr ? t->text.ptr : "", t->text.len);
  } else if (c == '[') {
    err = array(t, ret);
  } else if (c == '{') {
    err = inline_table(t, ret);
  } else {
    err = toml_scalar(t, ret);
  }
  t->depth--;
  return err ? err : *ret ? OK : no_memory(t);
}

static Err key_value(struct toml *t, struct toml_node *table)
{
  struct str name;
  bool more;
  unsigned parts = 0;
  for (;;) {
    Err err = key_part(t, &name, &more);
    if (err)
      return err;
    if (!more)
      break;
    if (++parts + t->depth > TOML_DEPTH_MAX)
      return toml_fail(t, "nested deeper than %d", TOML_DEPTH_MAX);
    if ((err = pass_into(t, &table, name, /* by_header= */ false)))
      return err;
  }
  if (node_find(t, table, name))
    return toml_fail(t, "the key \"%.*s\" is there twice", STR_ARG(name));
  if (toml_char(t) != '=')
    return toml_fail(t, "expected = after the key \"%.*s\"", STR_ARG(name));
  t->at++;
  skip_blanks(t);
  /* The name is taken before the value is read: the value overwrites the scratch text. */
  CLEANUP(mem_free_at) char *copy = str_dup(name);
  struct str key = str_make(copy, name.len);
  yyjson_mut_val *val = NULL;
  t->depth += parts;
  Err err = value(t, &val);
  t->depth -= parts;
  if (err)
    return err;
  return node_add(t, table, key, CLOSED, val) ? OK : no_memory(t);
}

/* ---- headers ---- */

static Err define_table(struct toml *t, struct toml_node *parent, struct str name, struct toml_node **ret)
{
  struct toml_node *node = node_find(t, parent, name);
  if (!node)
    node = node_add(t, parent, name, DEFINED, yyjson_mut_obj(t->doc));
  else if (node->kind != IMPLICIT)
    return toml_fail(t, "the table \"%.*s\" is there twice", STR_ARG(name));
  if (!node)
    return no_memory(t);
  node->kind = DEFINED;
  *ret = node;
  return OK;
}

static Err append_table(struct toml *t, struct toml_node *parent, struct str name, struct toml_node **ret)
{
  struct toml_node *list = node_find(t, parent, name);
  if (!list)
    list = node_add(t, parent, name, LIST, yyjson_mut_arr(t->doc));
  else if (list->kind != LIST)
    return toml_fail(t, "\"%.*s\" was written above and is no array of tables", STR_ARG(name));
  yyjson_mut_val *table = yyjson_mut_obj(t->doc);
  if (!list || !table || !yyjson_mut_arr_append(list->val, table))
    return no_memory(t);
  *ret = list->last = node_new(t, DEFINED, table);
  return OK;
}

static Err header(struct toml *t, struct toml_node *root, struct toml_node **ret)
{
  bool list = toml_peek(t, "[[", 2), more;
  t->at += list ? 2 : 1;
  struct toml_node *node = root;
  struct str name;
  for (unsigned parts = 1;; parts++) {
    Err err = key_part(t, &name, &more);
    if (err)
      return err;
    if (parts > TOML_DEPTH_MAX / 2)
      return toml_fail(t, "nested deeper than %d", TOML_DEPTH_MAX / 2);
    if (!more)
      break;
    if ((err = pass_into(t, &node, name, /* by_header= */ true)))
      return err;
  }
  if (!toml_peek(t, list ? "]]" : "]", list ? 2 : 1))
    return toml_fail(t, "expected %s after the name of a table", list ? "]]" : "]");
  Err err = list ? append_table(t, node, name, ret) : define_table(t, node, name, ret);
  if (err)
    return err;
  t->at += list ? 2 : 1;
  return end_of_line(t);
}

static Err document(struct toml *t)
{
  struct toml_node *root = node_new(t, DEFINED, yyjson_mut_obj(t->doc)), *table = root;
  if (!root->val)
    return no_memory(t);
  yyjson_mut_doc_set_root(t->doc, root->val);
  while (t->at < t->end) {
    Err err = skip_space(t);
    if (err)
      return err;
    if (t->at >= t->end)
      break;
    if (*t->at == '[') {
      err = header(t, root, &table);
    } else {
      err = key_value(t, table);
      if (!err)
        err = end_of_line(t);
    }
    if (err)
      return err;
  }
  return OK;
}

Err toml_parse(struct str text, yyjson_mut_doc **ret_doc, struct diag *reterr)
{
  if (text.len > TOML_TEXT_MAX)
    return diag_set(reterr, ERR_TOOBIG, "larger than %d MB", TOML_TEXT_MAX / (1024 * 1024));
  if (!text.len)
    text = STR("");   /* a view of nothing has no address to count from */
  if (str_starts(text, STR("\xEF\xBB\xBF")))
    text = str_sub(text, 3, text.len);
  struct toml t = {.start = text.ptr, .at = text.ptr, .end = text.ptr + text.len, .reterr = reterr,
                   .text = BUF_INIT(TOML_TEXT_MAX)};
  if (!str_is_utf8(text))
    return diag_set(reterr, ERR_INVALID, "not UTF-8 text");
  t.doc = yyjson_mut_doc_new(NULL);
  Err err = t.doc ? document(&t) : no_memory(&t);
  map_release(&t.nodes);
  arena_release(&t.arena);
  buf_release(&t.text);
  if (err)
    yyjson_mut_doc_free(t.doc);
  else
    *ret_doc = t.doc;
  return err;
}
