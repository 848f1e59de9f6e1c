/* agent/interp.c: see interp.h. */
#include "agent/interp.h"

static const char *find_pair(struct str s, char c)
{
  for (size_t i = 0; i + 1 < s.len; i++)
    if (s.ptr[i] == c && s.ptr[i + 1] == c)
      return s.ptr + i;
  return NULL;
}

static void note_used(struct replacers *used, struct str value, struct str name)
{
  for (size_t i = 0; i < used->count; i++)
    if (str_eq(used->item[i].name, name))
      return;
  replacers_add(used, value, name);
}

/* The names of the configuration outlive the request, those in the text do not. */
static struct str lasting_name(const struct settings *s, struct str name)
{
  size_t i, max;
  yyjson_val *key, *value;
  yyjson_obj_foreach(yyjson_obj_get(s->root, "secrets"), i, max, key, value)
    if (str_eq(js_str(key), name))
      return js_str(key);
  return name;
}

/* One piece: what stands between an opener and the next opener or the end. */
static Err add_piece(struct buf *out, const struct settings *s, struct str piece, size_t index, struct replacers *used,
                     struct diag *reterr)
{
  if (!piece.len || (signed char)piece.ptr[0] < 0)
    return diag_set(reterr, ERR_INVALID, "found double opener '[[[[', formatting will fail");
  const char *end = find_pair(piece, ']');
  if (!end)
    return diag_set(reterr, ERR_INVALID, "no closing tags for variable at index %zu", index);
  struct str name = str_make(piece.ptr, (size_t)(end - piece.ptr)), rest = str_sub(piece, name.len + 2, piece.len);
  if (piece.ptr[0] == '[') {   /* an escape: its third ']' goes with it */
    buf_printf(out, "[[%.*s]]", STR_ARG(str_sub(name, 1, name.len)));
    buf_add_str(out, rest.len && rest.ptr[0] == ']' ? str_sub(rest, 1, rest.len) : rest);
    return OK;
  }
  struct str value = settings_secret(s, name);
  if (value.ptr) {
    buf_add_str(out, value);
    note_used(used, value, lasting_name(s, name));
  } else {
    buf_printf(out, "[[%.*s]]", STR_ARG(name));
  }
  buf_add_str(out, rest);
  return OK;
}

Err interp_text(struct arena *a, const struct settings *s, struct str text, struct replacers *used, struct str *ret,
                struct diag *reterr)
{
  struct buf out = BUF_INIT(TEXT_MAX);
  struct str rest = text;
  const char *opener = find_pair(rest, '[');
  Err err = OK;
  buf_add(&out, rest.ptr, opener ? (size_t)(opener - rest.ptr) : rest.len);
  for (size_t index = 0; opener && !err; index++) {
    rest = str_sub(text, (size_t)(opener - text.ptr) + 2, text.len);
    /* "[[[" escapes: its third bracket belongs to the piece, not to the next opener */
    size_t skip = rest.len && rest.ptr[0] == '[' ? 1 : 0;
    opener = skip && rest.len > 1 && rest.ptr[1] == '[' ? rest.ptr : find_pair(str_sub(rest, skip, rest.len), '[');
    size_t len = opener ? (size_t)(opener - rest.ptr) : rest.len;
    err = add_piece(&out, s, str_make(rest.ptr, len), index, used, reterr);
  }
  if (!err)
    err = buf_err(&out);
  if (err) {
    buf_release(&out);
    if (reterr && reterr->message[0])
      diag_context(reterr, "failed to interpolate secrets into the text given");
    return err;
  }
  *ret = text_keep(a, &out);
  return OK;
}
