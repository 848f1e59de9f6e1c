/* link/frame.c: see frame.h. */
#include "link/frame.h"

#include <string.h>
#include <yyjson.h>

enum { ERROR_JSON_MAX = 256 * 1024 };   /* a diag holds 3 KB of it; a peer must not make us build a large document */

Err frame_decode(struct str message, struct frame *ret)
{
  if (message.len == 0)
    return ERR_PROTOCOL;
  unsigned char type = (unsigned char)message.ptr[message.len - 1];
  if (type > FRAME_TERMINAL)
    return ERR_PROTOCOL;
  struct frame f = {.kind = (enum frame_kind)type};
  size_t tail = type == FRAME_LOGIN ? 1 : type == FRAME_REQUEST ? 1 + UUID_BYTES : 2 + UUID_BYTES;
  if (message.len < tail)
    return ERR_INVALID;
  f.data = str_sub(message, 0, message.len - tail);
  if (type != FRAME_LOGIN)
    f.channel = str_sub(message, message.len - 1 - UUID_BYTES, UUID_BYTES);
  if (type == FRAME_RESPONSE || type == FRAME_TERMINAL) {
    unsigned char status = (unsigned char)message.ptr[message.len - tail];
    enum frame_status other = type == FRAME_RESPONSE ? FRAME_PENDING : FRAME_ERROR;
    f.status = status == FRAME_OK || status == FRAME_ERROR ? (enum frame_status)status : other;
  }
  *ret = f;
  return OK;
}

size_t frame_tail(enum frame_kind kind, enum frame_status status, struct str channel, unsigned char ret[FRAME_TAIL_MAX])
{
  size_t n = 0;
  if (kind != FRAME_REQUEST)
    ret[n++] = (unsigned char)status;
  memcpy(ret + n, channel.ptr, UUID_BYTES);
  ret[n + UUID_BYTES] = (unsigned char)kind;
  return n + UUID_BYTES + 1;
}

void frame_error_encode(struct buf *out, const struct diag *d)
{
  buf_add_text(out, "{\"error\":");
  buf_add_json(out, str_of(d->message[0] ? d->message : err_words(d->err)));
  buf_add_text(out, ",\"trace\":[");
  struct str rest = str_of(d->trace), line;
  for (bool first = true; rest.len && str_split(&rest, '\n', &line); first = false) {
    if (!first)
      buf_add_char(out, ',');
    buf_add_json(out, line);
  }
  buf_add_text(out, "]}");
}

/* A member of the peer's JSON as text: a string as it is, anything else as nothing. */
static struct str text_of(yyjson_val *val)
{
  return yyjson_is_str(val) ? str_make(yyjson_get_str(val), yyjson_get_len(val)) : STR_NONE;
}

void frame_error_decode(struct str data, struct diag *ret)
{
  yyjson_doc *doc = data.len <= ERROR_JSON_MAX ? yyjson_read(data.ptr, data.len, 0) : NULL;
  yyjson_val *root = yyjson_doc_get_root(doc), *error = yyjson_obj_get(root, "error");
  if (yyjson_is_str(error)) {
    diag_set(ret, ERR_REMOTE, "%.*s", STR_ARG(text_of(error)));
    size_t i, max;
    yyjson_val *line;
    yyjson_arr_foreach(yyjson_obj_get(root, "trace"), i, max, line)
      if (yyjson_is_str(line))
        diag_cause(ret, "%.*s", STR_ARG(text_of(line)));
  } else {
    struct str text = str_sub(data, 0, DIAG_MESSAGE_MAX - 1);
    for (int back = 0; back < 3 && text.len && text.len < data.len && !str_is_utf8(text); back++)
      text.len--;   /* the cut may have hit a character */
    if (str_is_utf8(text))
      diag_set(ret, ERR_REMOTE, "%.*s", STR_ARG(text));
    else
      diag_set(ret, ERR_REMOTE, "the other side sent an error that is not text");
  }
  yyjson_doc_free(doc);
}
