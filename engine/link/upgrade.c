/* link/upgrade.c: see upgrade.h. */
#include "link/upgrade.h"

#include "base/arena.h"
#include "base/codec.h"
#include "base/mem.h"
#include "link/frame.h"
#include "net/ws.h"

enum { REFUSAL_MAX = 32 * 1024, QUERY_MAX = 256 * 1024 };

void upgrade_refuse(struct http_req *req, int status, const struct diag *d)
{
  static const struct http_header json = {{"content-type", 12}, {"application/json", 16}};
  CLEANUP(buf_release) struct buf body = BUF_INIT(REFUSAL_MAX);
  frame_error_encode(&body, d);
  http_respond(req, status, &json, 1, buf_err(&body) ? STR("{\"error\":\"refused\",\"trace\":[]}") : buf_str(&body));
}

void upgrade_refusef(struct http_req *req, int status, const char *fmt, ...)
{
  struct diag d = {0};
  char words[DIAG_MESSAGE_MAX];
  va_list args;
  va_start(args, fmt);
  vsnprintf(words, sizeof words, fmt, args);
  va_end(args);
  diag_set(&d, ERR_AUTH, "%s", words);
  upgrade_refuse(req, status, &d);
}

static void refuse_plainly(struct http_req *req, const char *words)
{
  static const struct http_header text = {{"content-type", 12}, {"text/plain; charset=utf-8", 25}};
  http_respond(req, 400, &text, 1, str_of(words));
}

bool upgrade_check(struct http_req *req, const char *name, struct str *ret_value)
{
  struct str value = http_query_get(http_req_arena(req), http_req_query(req), name);
  if (!value.ptr) {
    refuse_plainly(req, arena_printf(http_req_arena(req), "Failed to deserialize query string: missing field `%s`", name));
    return false;
  }
  if (!http_req_header(req, "upgrade").ptr) {
    refuse_plainly(req, "Connection header did not include 'upgrade'");
    return false;
  }
  if (!http_req_header(req, "x-forwarded-host").ptr && !http_req_header(req, "host").ptr) {
    upgrade_refusef(req, 401, "Failed to get connection host");
    return false;
  }
  if (!http_req_header(req, "sec-websocket-key").ptr) {
    upgrade_refusef(req, 401, "Headers do not contain Sec-Websocket-Key");
    return false;
  }
  if (!ws_is_upgrade(req)) {
    refuse_plainly(req, "Not a WebSocket upgrade of version 13");
    return false;
  }
  *ret_value = value;
  return true;
}

char *upgrade_query(const char *name, struct str value)
{
  struct buf text = BUF_INIT(QUERY_MAX);   /* a request line is shorter, three characters for one included */
  buf_printf(&text, "%s=", name);
  percent_encode(&text, value);
  return buf_take(&text);
}
