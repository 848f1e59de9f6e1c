/* net/http_gzip.c: which answers are compressed, and how; see http_internal.h. */
#include "net/http_internal.h"

/* RFC 9110 12.5.3: is gzip among the codings the client takes, with a weight above zero? */
static bool accepts_gzip(struct str accept)
{
  struct str part;
  while (str_split(&accept, ',', &part)) {
    struct str coding = STR(""), weight;
    str_split(&part, ';', &coding);
    coding = str_trim(coding);
    if (!str_eq_nocase(coding, STR("gzip")) && !str_eq_nocase(coding, STR("x-gzip")))
      continue;
    weight = str_trim(part);
    if (!str_starts(weight, STR("q=")) && !str_starts(weight, STR("Q=")))
      return true;
    for (size_t i = 2; i < weight.len; i++)
      if (weight.ptr[i] >= '1' && weight.ptr[i] <= '9')
        return true;
    return false;
  }
  return false;
}

static bool compressible(struct str type)
{
  static const char *const exact[] = {"application/json", "application/javascript", "application/xml",
                                      "application/wasm", "application/manifest+json", "image/svg+xml",
                                      "application/toml", "application/yaml"};
  ptrdiff_t end = str_find(type, ';');
  type = str_trim(end < 0 ? type : str_sub(type, 0, (size_t)end));
  if (type.len >= 5 && str_eq_nocase(str_sub(type, 0, 5), STR("text/")))
    return !str_eq_nocase(type, STR("text/event-stream"));
  for (size_t i = 0; i < ARRAY_LEN(exact); i++)
    if (str_eq_nocase(type, str_of(exact[i])))
      return true;
  return false;
}

enum http_gzip http_gzip_choose(const struct http_req *req, const struct http_header *headers, size_t count, size_t len)
{
  if (len < HTTP_GZIP_MIN)
    return HTTP_GZIP_NO;
  bool good = false;
  for (size_t i = 0; i < count; i++) {
    if (headers[i].name.len == 12 && str_eq_nocase(headers[i].name, STR("content-type")))
      good = compressible(headers[i].value);
    else if (str_eq_nocase(headers[i].name, STR("content-encoding")) || str_eq_nocase(headers[i].name, STR("content-range")))
      return HTTP_GZIP_NO;
  }
  if (!good)
    return HTTP_GZIP_NO;
  struct str accept = http_req_header(req, "accept-encoding");
  return accept.ptr && accepts_gzip(accept) ? HTTP_GZIP_YES : HTTP_GZIP_ASK;
}

Err http_gzip_init(z_stream *zip)
{
  enum { GZIP_WINDOW = 15 + 16, MEMORY = 8, LEVEL = 1 };   /* level 1: answers are read once, time counts */
  *zip = (z_stream){0};
  return deflateInit2(zip, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEMORY, Z_DEFAULT_STRATEGY) == Z_OK ? OK : ERR_NOMEM;
}

Err http_gzip(z_stream *zip, struct str body, struct buf *ret)
{
  deflateReset(zip);
  *ret = BUF_INIT(body.len);
  zip->next_in = (Bytef *)(uintptr_t)body.ptr;
  for (size_t left = body.len;;) {
    uInt now = left < (1u << 30) ? (uInt)left : 1u << 30;
    left -= now;
    zip->avail_in = now;
    int rc;
    do {
      size_t room = body.len - ret->len < body.len / 4 + 64 ? body.len - ret->len : body.len / 4 + 64;
      Err err = room ? buf_reserve(ret, room) : ERR_TOOBIG;
      if (err) {
        buf_release(ret);
        return err;
      }
      zip->next_out = (Bytef *)ret->ptr + ret->len;
      zip->avail_out = (uInt)room;
      rc = deflate(zip, left ? Z_NO_FLUSH : Z_FINISH);
      ret->len += room - zip->avail_out;
    } while (zip->avail_out == 0 && rc != Z_STREAM_END);
    if (rc == Z_STREAM_END)
      return OK;
  }
}
