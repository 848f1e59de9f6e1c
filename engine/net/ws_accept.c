/* net/ws_accept.c: the server's side of the upgrade (RFC 6455 4.2); see ws.h. */
#include <openssl/sha.h>

#include "base/codec.h"
#include "base/mem.h"
#include "net/ws_internal.h"

bool ws_has_token(struct str list, struct str token)
{
  struct str part;
  while (str_split(&list, ',', &part))
    if (str_eq_nocase(str_trim(part), token))
      return true;
  return false;
}

void ws_make_accept(struct str key, char ret[WS_ACCEPT_LEN + 1])
{
  unsigned char hash[SHA_DIGEST_LENGTH];
  CLEANUP(buf_release) struct buf b = BUF_INIT(256);
  buf_add_str(&b, key);
  buf_add_text(&b, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  SHA1((const unsigned char *)b.ptr, b.len, hash);
  buf_clear(&b);
  base64_encode(&b, hash, sizeof hash, BASE64_STANDARD);
  snprintf(ret, WS_ACCEPT_LEN + 1, "%s", b.ptr);
}

/* 16 bytes in base64. */
static bool is_key(struct str key)
{
  CLEANUP(buf_release) struct buf raw = BUF_INIT(64);
  return key.len == 24 && base64_decode(&raw, key, BASE64_STANDARD) == OK && raw.len == 16;
}

bool ws_is_upgrade(const struct http_req *req)
{
  return str_eqc(http_req_method(req), "GET") && req->conn->parser.http_minor == 1 &&
         ws_has_token(http_req_header(req, "upgrade"), STR("websocket")) &&
         ws_has_token(http_req_header(req, "connection"), STR("upgrade")) &&
         str_eqc(http_req_header(req, "sec-websocket-version"), "13") &&
         is_key(http_req_header(req, "sec-websocket-key"));
}

static void guest_stop(struct http_guest *guest, bool now)
{
  struct ws *ws = CONTAINER_OF(guest, struct ws, guest);
  if (now)
    ws_drop(ws);
  else
    ws_close(ws, WS_CODE_GOING_AWAY);
}

Err ws_accept(struct http_req *req, const struct ws_config *config, struct ws **ret_ws)
{
  struct http_conn *conn = req->conn;
  if (http_req_is_gone(req) || conn->eof)
    return ERR_CLOSED;
  if (!ws_is_upgrade(req))
    return ERR_INVALID;
  struct http_server *server = conn->server;
  struct ws *ws = ws_new(conn->loop, config, /* is_client= */ false);
  struct str host = http_req_header(req, "x-forwarded-host");
  ws->host = str_dup(host.ptr ? host : http_req_header(req, "host"));
  memcpy(ws->ip, conn->ip, sizeof ws->ip);
  ws_make_accept(http_req_header(req, "sec-websocket-key"), ws->accept);
  ws->guest.stop = guest_stop;
  http_server_add_guest(server, &ws->guest);
  bool stopping = server->stopping;
  ws->stream = http_conn_take(conn, &ws->pending, ws_input, ws);
  ws->pending.max = WS_PENDING_MAX;
  if (config->kernel_max)
    stream_limit_kernel(ws->stream, config->kernel_max);
  struct str parts[] = {STR("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Accept: "),
                        {ws->accept, WS_ACCEPT_LEN}, STR("\r\n\r\n")};
  *ret_ws = ws;
  if (stream_write(ws->stream, parts, ARRAY_LEN(parts), NULL)) {
    ws_end(ws, ERR_CLOSED, WS_CODE_BROKEN, "the other side closed the connection");
    return OK;
  }
  ws_begin(ws);
  if (stopping)
    ws_close(ws, WS_CODE_GOING_AWAY);
  return OK;
}
