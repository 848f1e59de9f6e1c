/* agent/js.c: see js.h. */
#include "agent/js.h"

#include <math.h>

Err js_parse(struct str text, yyjson_doc **ret_doc, struct diag *reterr)
{
  yyjson_read_err err;
  char *bytes = (char *)(uintptr_t)text.ptr;   /* not written to without YYJSON_READ_INSITU */
  yyjson_doc *doc = yyjson_read_opts(bytes, text.len, YYJSON_READ_NOFLAG, NULL, &err);
  if (!doc)
    return diag_set(reterr, ERR_INVALID, "not JSON: %s at byte %zu", err.msg, err.pos);
  *ret_doc = doc;
  return OK;
}

void js_doc_free(yyjson_doc **doc) { yyjson_doc_free(*doc); }

struct str js_str(yyjson_val *value)
{
  return yyjson_is_str(value) ? str_make(yyjson_get_str(value), yyjson_get_len(value)) : STR_NONE;
}

struct str js_get_str(yyjson_val *object, const char *key) { return js_str(yyjson_obj_get(object, key)); }

bool js_get_bool(yyjson_val *object, const char *key, bool otherwise)
{
  yyjson_val *v = yyjson_obj_get(object, key);
  return yyjson_is_bool(v) ? yyjson_get_bool(v) : otherwise;
}

int64_t js_get_int(yyjson_val *object, const char *key, int64_t otherwise)
{
  yyjson_val *v = yyjson_obj_get(object, key);
  return yyjson_is_int(v) ? yyjson_get_sint(v) : otherwise;
}

bool js_present(yyjson_val *object, const char *key)
{
  yyjson_val *v = yyjson_obj_get(object, key);
  return v && !yyjson_is_null(v);
}

void js_sep(struct buf *b)
{
  if (b->len && !strchr("{[:", b->ptr[b->len - 1]))
    buf_add_char(b, ',');
}

void js_open(struct buf *b, char bracket)
{
  js_sep(b);
  buf_add_char(b, bracket);
}

void js_key(struct buf *b, const char *key)
{
  js_sep(b);
  buf_add_json(b, str_of(key));
  buf_add_char(b, ':');
}

/* Length of the UTF-8 sequence at the start of s, 0 when it is none. */
static size_t utf8_at(struct str s)
{
  unsigned char c = (unsigned char)s.ptr[0];
  size_t n = c < 0x80 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
  return n <= s.len && str_is_utf8(str_make(s.ptr, n)) ? n : 0;
}

static void add_repaired(struct buf *b, struct str s)
{
  struct buf fixed = BUF_INIT(s.len * 3 + 1);
  while (s.len) {
    size_t n = utf8_at(s);
    if (n)
      buf_add(&fixed, s.ptr, n);
    else
      buf_add_text(&fixed, "\xEF\xBF\xBD");
    s = str_sub(s, n ? n : 1, s.len);
  }
  buf_add_json(b, buf_str(&fixed));
  buf_release(&fixed);
}

void js_item_str(struct buf *b, struct str value)
{
  js_sep(b);
  if (!value.ptr)
    buf_add_text(b, "null");
  else if (str_is_utf8(value))
    buf_add_json(b, value);
  else
    add_repaired(b, value);
}

void js_item_value(struct buf *b, yyjson_val *value)
{
  js_sep(b);
  size_t len;
  char *text = value ? yyjson_val_write(value, YYJSON_WRITE_NOFLAG, &len) : NULL;
  if (text)
    buf_add(b, text, len);
  else
    buf_add_text(b, "null");
  free(text);
}

void js_put_str(struct buf *b, const char *key, struct str value)
{
  js_key(b, key);
  js_item_str(b, value);
}

void js_put_text(struct buf *b, const char *key, const char *value) { js_put_str(b, key, str_of(value)); }

void js_put_int(struct buf *b, const char *key, int64_t value)
{
  js_key(b, key);
  buf_printf(b, "%lld", (long long)value);
}

void js_put_bool(struct buf *b, const char *key, bool value)
{
  js_key(b, key);
  buf_add_text(b, value ? "true" : "false");
}

void js_put_num(struct buf *b, const char *key, double value)
{
  char text[40];
  if (!isfinite(value))
    value = 0;
  for (int digits = 15; digits <= 17; digits++) {   /* the shortest that reads back the same */
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value)
      break;
  }
  js_key(b, key);
  buf_add_text(b, text);
  if (!strpbrk(text, ".eE"))
    buf_add_text(b, ".0");
}

void js_put_value(struct buf *b, const char *key, yyjson_val *value)
{
  js_key(b, key);
  js_item_value(b, value);
}

void js_put_raw(struct buf *b, const char *key, struct str json)
{
  js_key(b, key);
  buf_add_str(b, json.len ? json : STR("null"));
}
