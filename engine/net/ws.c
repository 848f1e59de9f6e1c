/* net/ws.c: an open connection; see ws.h and the states in ws_internal.h.
 *
 * wslay takes the received frames apart (grammar, lengths, unmasking). What frames mean is decided here, piece by piece,
 * so that reading can stop between any two messages. Frames are sent from the caller's memory as far as the kernel
 * takes them; what waits is queued by the stream.
 */
#include "net/ws.h"

#include "base/id.h"
#include "base/mem.h"
#include "net/ws_internal.h"

static void arm_timer(struct ws *ws);

/* ---- the end ---- */

struct diag *ws_why(struct ws *ws)
{
  if (!ws->why)
    ws->why = mem_new(sizeof *ws->why);
  return ws->why;
}

static void on_timer_closed(uv_handle_t *h)
{
  struct ws *ws = h->data;
  ws->config.on_close(ws, ws->err, ws->code, ws_why(ws), ws->config.data);
  http_server_remove_guest(&ws->guest);
  if (ws->wslay)
    wslay_frame_context_free(ws->wslay);
  buf_release(&ws->pending);
  buf_release(&ws->message);
  mem_free(ws->host);
  mem_free(ws->why);
  mem_free(ws);
}

static void end_now(struct ws *ws)
{
  if (ws->state == WS_ENDED)
    return;
  ws->state = WS_ENDED;
  stream_close(ws->stream);
  ws->stream = NULL;
  if (ws->dialling)
    ws_dial_abandon(ws->dialling);
  ws->dialling = NULL;
  uv_close((uv_handle_t *)&ws->timer, on_timer_closed);
}

PRINTF_LIKE(4, 0) static void set_why(struct ws *ws, Err err, int code, const char *fmt, va_list args)
{
  char words[DIAG_MESSAGE_MAX];
  vsnprintf(words, sizeof words, fmt, args);
  ws->err = err;
  ws->code = code;
  diag_set(ws_why(ws), err, "%s", words);
}

void ws_end(struct ws *ws, Err err, int code, const char *fmt, ...)
{
  if (ws->state == WS_ENDED)
    return;
  va_list args;
  va_start(args, fmt);
  if (ws->state != WS_REFUSED)   /* there the reason is older than what ended it */
    set_why(ws, err, code, fmt, args);
  va_end(args);
  end_now(ws);
}

void ws_drop(struct ws *ws) { ws_end(ws, ERR_CANCELLED, WS_CODE_BROKEN, "the connection was dropped on this side"); }

/* ---- sending ---- */

static size_t make_header(unsigned char h[WS_HEADER_MAX], uint8_t opcode, uint64_t len, const unsigned char *mask)
{
  size_t n = 2;
  h[0] = (unsigned char)(0x80 | opcode);
  if (len < 126) {
    h[1] = (unsigned char)len;
  } else {
    size_t bytes = len <= 0xFFFF ? 2 : 8;
    h[1] = bytes == 2 ? 126 : 127;
    for (size_t i = 0; i < bytes; i++)
      h[n++] = (unsigned char)(len >> (8 * (bytes - 1 - i)));
  }
  if (mask) {
    h[1] |= 0x80;
    memcpy(h + n, mask, 4);
    n += 4;
  }
  return n;
}

/* One frame, from one piece of memory that is given away: a client's is masked, which needs a copy anyway. */
static Err send_copied(struct ws *ws, uint8_t opcode, const struct str *parts, size_t count, size_t len)
{
  unsigned char mask[4], header[WS_HEADER_MAX];
  id_random(mask, sizeof mask);
  size_t n = make_header(header, opcode, len, ws->is_client ? mask : NULL);
  struct buf b = BUF_INIT(n + len);
  buf_reserve(&b, n + len);
  buf_add(&b, header, n);
  for (size_t i = 0; i < count; i++)
    buf_add_str(&b, parts[i]);
  if (buf_err(&b)) {
    buf_release(&b);
    return ERR_NOMEM;
  }
  if (ws->is_client)
    for (size_t i = 0; i < len; i++)
      b.ptr[n + i] = (char)(b.ptr[n + i] ^ mask[i & 3]);
  return stream_write(ws->stream, NULL, 0, &b);
}

static Err send_frame(struct ws *ws, uint8_t opcode, const struct str *parts, size_t count)
{
  enum { PARTS_AT_ONCE = 8 };
  size_t len = 0;
  for (size_t i = 0; i < count; i++)
    len += parts[i].len;
  /* A Pong is not traffic of ours: counting it would put off our own Ping, and a peer for which Pongs do not count would
   * hear nothing in time. */
  if (opcode != WSLAY_PONG)
    ws->sent_at = uv_now(ws->loop->loop);
  Err err;
  if (ws->is_client || count > PARTS_AT_ONCE) {
    err = send_copied(ws, opcode, parts, count, len);
  } else {
    unsigned char header[WS_HEADER_MAX];
    struct str all[1 + PARTS_AT_ONCE];
    all[0] = str_make((const char *)header, make_header(header, opcode, len, NULL));
    for (size_t i = 0; i < count; i++)
      all[i + 1] = parts[i];
    err = stream_write(ws->stream, all, count + 1, NULL);
  }
  if (err == ERR_NOMEM)
    ws_end(ws, ERR_NOMEM, WS_CODE_BROKEN, "out of memory");   /* half a frame may be out */
  else if (err)
    ws_end(ws, ERR_CLOSED, WS_CODE_BROKEN, "the other side closed the connection");
  return err;
}

static Err send_control(struct ws *ws, uint8_t opcode, const void *ptr, size_t len)
{
  struct str payload = str_make(ptr, len);
  return send_frame(ws, opcode, &payload, len ? 1 : 0);
}

Err ws_send_parts(struct ws *ws, enum ws_kind kind, const struct str *parts, size_t count)
{
  if (ws->state != WS_OPEN)
    return ERR_CLOSED;
  size_t len = 0, queued = stream_queued(ws->stream), writes = stream_queued_writes(ws->stream);
  for (size_t i = 0; i < count; i++)
    len += parts[i].len;
  const struct ws_config *c = &ws->config;
  bool full = queued && (queued >= c->queue_max || len > c->queue_max - queued);
  if (full || (c->queue_messages_max && writes >= c->queue_messages_max)) {
    ws->was_high = true;
    return ERR_LIMIT;
  }
  if (send_frame(ws, kind == WS_TEXT ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME, parts, count))
    return ERR_CLOSED;
  if (stream_queued(ws->stream) >= c->queue_max / 2)
    ws->was_high = true;
  return OK;
}

Err ws_send(struct ws *ws, enum ws_kind kind, struct str message) { return ws_send_parts(ws, kind, &message, 1); }

/* A peer that pings without reading gets one answer, to its latest ping, each time something could be written. */
static void send_pong(struct ws *ws, const unsigned char *payload, size_t len)
{
  if (stream_queued(ws->stream)) {
    memmove(ws->pong, payload, len);
    ws->pong_len = len;
    ws->pong_due = true;
    return;
  }
  ws->pong_due = false;
  if (send_control(ws, WSLAY_PONG, payload, len))
    return;   /* ended */
}

static void on_drain(void *data)
{
  struct ws *ws = data;
  if (ws->state == WS_OPEN && ws->pong_due) {
    ws->pong_due = false;
    if (send_control(ws, WSLAY_PONG, ws->pong, ws->pong_len))
      return;
  }
  const struct ws_config *c = &ws->config;
  bool low = stream_queued(ws->stream) < c->queue_max / 2 || stream_queued(ws->stream) == 0;
  if (c->queue_messages_max && stream_queued_writes(ws->stream) * 2 > c->queue_messages_max)
    low = false;
  if (ws->state == WS_OPEN && ws->was_high && low) {
    ws->was_high = false;
    if (c->on_drain)
      c->on_drain(ws, c->data);
  }
}

/* ---- closing ---- */

static void send_close(struct ws *ws, int code)
{
  unsigned char payload[2] = {(unsigned char)(code >> 8), (unsigned char)code};
  bool silent = code == 0 || code == WS_CODE_NONE;
  if (send_control(ws, WSLAY_CONNECTION_CLOSE, payload, silent ? 0 : sizeof payload))
    return;   /* ended */
  uint64_t wait = ws->config.close_timeout_ms ? ws->config.close_timeout_ms : WS_CLOSE_TIMEOUT_MS;
  ws->close_at = uv_now(ws->loop->loop) + wait;
  arm_timer(ws);
}

/* The other side broke a rule: says so, then lets it read that before the connection goes. */
static void refuse(struct ws *ws, Err err, int code, const char *fmt, ...) PRINTF_LIKE(4, 5);
static void refuse(struct ws *ws, Err err, int code, const char *fmt, ...)
{
  va_list args;
  va_start(args, fmt);
  set_why(ws, err, code, fmt, args);
  va_end(args);
  bool closing = ws->state == WS_CLOSING;
  ws->state = WS_REFUSED;
  if (!closing)
    send_close(ws, code);
  if (ws->state == WS_REFUSED)
    stream_shutdown(ws->stream);
}

static void read_again(struct ws *ws)
{
  ws->resumed = ws->resumed || ws->paused;
  ws->paused = false;
  stream_read_start(ws->stream);
  arm_timer(ws);
}

void ws_close(struct ws *ws, int code)
{
  if (ws->state == WS_DIALLING) {
    ws_drop(ws);
    return;
  }
  if (ws->state != WS_OPEN)
    return;
  ws->state = WS_CLOSING;
  ws->err = OK;
  ws->code = code ? code : WS_CODE_NONE;
  send_close(ws, code);
  if (ws->state == WS_CLOSING)
    read_again(ws);   /* for their Close */
}

/* ---- receiving ---- */

static bool is_close_code(int code)
{
  return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) || (code >= 3000 && code <= 4999);
}

static void take_close(struct ws *ws)
{
  int code = ws->control_len >= 2 ? ws->control[0] << 8 | ws->control[1] : WS_CODE_NONE;
  struct str reason = ws->control_len > 2 ? str_make((char *)ws->control + 2, ws->control_len - 2) : STR("");
  if (ws->control_len == 1 || (ws->control_len >= 2 && !is_close_code(code))) {
    refuse(ws, ERR_PROTOCOL, WS_CODE_PROTOCOL, "the other side sent a malformed Close");
    return;
  }
  if (!str_is_utf8(reason)) {
    refuse(ws, ERR_PROTOCOL, WS_CODE_TEXT, "the other side sent a Close whose reason is not UTF-8");
    return;
  }
  if (ws->state == WS_CLOSING) {
    ws_end(ws, OK, ws->code, "closed by this side");
    return;
  }
  /* Their Close: answered with the same code, and the socket goes when that is written or they hang up. */
  ws->state = WS_REFUSED;
  ws->err = OK;
  ws->code = code;
  diag_set(ws_why(ws), OK, "closed by the other side%s%.*s", reason.len ? ": " : "", STR_ARG(reason));
  send_close(ws, code);
  if (ws->state != WS_REFUSED)
    return;
  stream_shutdown(ws->stream);
  if (stream_queued(ws->stream) == 0)
    end_now(ws);
}

static void take_control(struct ws *ws)
{
  if (ws->opcode == WSLAY_CONNECTION_CLOSE) {
    take_close(ws);
    return;
  }
  if (ws->opcode == WSLAY_PING || ws->config.pong_counts)
    ws->received_at = uv_now(ws->loop->loop);
  if (ws->opcode == WSLAY_PING && ws->state == WS_OPEN)
    send_pong(ws, ws->control, ws->control_len);
}

static void deliver(struct ws *ws, struct str message)
{
  ws->in_message = false;
  if (ws->state != WS_OPEN)
    return;
  if (ws->kind == WS_TEXT && !str_is_utf8(message)) {
    refuse(ws, ERR_PROTOCOL, WS_CODE_TEXT, "the other side sent text that is not UTF-8");
    return;
  }
  ws->config.on_message(ws, ws->kind, message, ws->config.data);
}

static void start_frame(struct ws *ws, const struct wslay_frame_iocb *f)
{
  bool starts = f->opcode == WSLAY_TEXT_FRAME || f->opcode == WSLAY_BINARY_FRAME;
  ws->opcode = f->opcode;
  ws->fin = f->fin;
  ws->frame_left = f->payload_length;
  ws->in_frame = true;
  ws->control_len = 0;
  if (f->rsv || f->mask == ws->is_client) {
    refuse(ws, ERR_PROTOCOL, WS_CODE_PROTOCOL, "the other side sent a frame with %s",
           f->rsv ? "reserved bits" : ws->is_client ? "a mask" : "no mask");
    return;
  }
  if (wslay_is_ctrl_frame(f->opcode)) {   /* unfragmented and at most 125 bytes: wslay made sure */
    if (f->opcode > WSLAY_PONG)
      refuse(ws, ERR_PROTOCOL, WS_CODE_PROTOCOL, "the other side sent a frame of an unknown kind");
    return;
  }
  if ((!starts && f->opcode != WSLAY_CONTINUATION_FRAME) || starts == ws->in_message) {
    refuse(ws, ERR_PROTOCOL, WS_CODE_PROTOCOL, "the other side mixed up the fragments of its messages");
    return;
  }
  if (starts) {
    ws->kind = f->opcode == WSLAY_TEXT_FRAME ? WS_TEXT : WS_BINARY;
    ws->in_message = true;
    buf_clear(&ws->message);
  }
  const struct ws_config *c = &ws->config;
  if (f->payload_length > c->frame_max || f->payload_length > c->message_max - ws->message.len)
    refuse(ws, ERR_TOOBIG, WS_CODE_TOO_BIG, "the other side sent a message that is too large");
}

static void end_data_frame(struct ws *ws, struct str whole)
{
  if (!ws->fin)
    return;
  deliver(ws, whole.ptr ? whole : buf_str(&ws->message));
  if (ws->message.cap > WS_BUFFER_KEEP)
    buf_release(&ws->message);
  buf_clear(&ws->message);
}

/* A piece of a frame's payload, often all of it. */
static void take_piece(struct ws *ws, const struct wslay_frame_iocb *f)
{
  bool first = !ws->in_frame;
  if (first)
    start_frame(ws, f);
  if (ws->state == WS_REFUSED || ws->state == WS_ENDED)
    return;
  ws->frame_left -= f->data_length;
  bool last = ws->frame_left == 0;
  ws->in_frame = !last;
  if (wslay_is_ctrl_frame(ws->opcode)) {
    if (f->data_length)
      memcpy(ws->control + ws->control_len, f->data, f->data_length);
    ws->control_len += f->data_length;
    if (last)
      take_control(ws);
    return;
  }
  ws->received_at = uv_now(ws->loop->loop);
  if (first && last && ws->fin && ws->message.len == 0) {   /* whole, as most are: no need to collect it */
    end_data_frame(ws, f->data_length ? str_make((const char *)f->data, f->data_length) : STR(""));
    return;
  }
  buf_add(&ws->message, f->data, f->data_length);
  if (buf_err(&ws->message))
    refuse(ws, ERR_NOMEM, WS_CODE_INTERNAL, "out of memory for a message of the other side");
  else if (last)
    end_data_frame(ws, STR_NONE);
}

static ssize_t feed_wslay(uint8_t *buf, size_t len, int flags, void *data)
{
  struct ws *ws = data;
  (void)flags;
  struct str taken = str_sub(ws->feed, 0, len);
  if (taken.len == 0) {
    errno = EAGAIN;
    return -1;
  }
  memcpy(buf, taken.ptr, taken.len);
  ws->feed = str_sub(ws->feed, taken.len, ws->feed.len);
  return (ssize_t)taken.len;
}

static bool wants_input(const struct ws *ws)
{
  return (ws->state == WS_OPEN || ws->state == WS_CLOSING) && !ws->paused;
}

/* Takes frames until there are no more bytes, or the owner pauses or ends it; keeps what is left. */
static void pump(struct ws *ws, struct str bytes)
{
  ws->feed = bytes;
  while (wants_input(ws)) {
    struct wslay_frame_iocb f = {0};
    ssize_t n = wslay_frame_recv(ws->wslay, &f);
    if (n == WSLAY_ERR_WANT_READ)
      break;
    if (n < 0)
      refuse(ws, ERR_PROTOCOL, WS_CODE_PROTOCOL, "the other side sent a malformed frame");
    else
      take_piece(ws, &f);
  }
  if (ws->paused && ws->feed.len) {
    buf_add_str(&ws->pending, ws->feed);
    if (buf_err(&ws->pending))
      ws_end(ws, ERR_LIMIT, WS_CODE_BROKEN, "too much arrived while the connection was paused");
  }
  ws->feed = STR_NONE;
}

void ws_input(void *data, struct str bytes)
{
  struct ws *ws = data;
  if (ws->state != WS_OPEN && ws->state != WS_CLOSING)
    return;
  if (!ws->paused && ws->pending.len == 0) {
    pump(ws, bytes);
    return;
  }
  buf_add_str(&ws->pending, bytes);
  if (buf_err(&ws->pending))
    ws_end(ws, ERR_LIMIT, WS_CODE_BROKEN, "too much arrived while the connection was paused");
}

static void pump_pending(struct ws *ws)
{
  CLEANUP(buf_release) struct buf bytes = ws->pending;
  ws->pending = BUF_INIT(WS_PENDING_MAX);
  pump(ws, buf_str(&bytes));
}

static void on_end(void *data, Err err, const struct diag *d)
{
  struct ws *ws = data;
  if (ws->state == WS_REFUSED)
    end_now(ws);
  else if (ws->state == WS_CLOSING)
    ws_end(ws, OK, ws->code, "closed by this side");
  else
    ws_end(ws, err ? err : ERR_CLOSED, WS_CODE_BROKEN, "%s", d ? d->message : "the other side hung up without a Close");
}

static void on_stream_drain(void *data)
{
  struct ws *ws = data;
  if (ws->state == WS_REFUSED && ws->err == OK && stream_queued(ws->stream) == 0)
    end_now(ws);
  else
    on_drain(data);
}

const struct stream_events ws_events = {.on_read = ws_input, .on_end = on_end, .on_drain = on_stream_drain};

void ws_pause(struct ws *ws)
{
  if (ws->state != WS_OPEN || ws->paused)
    return;
  ws->paused = true;
  stream_read_stop(ws->stream);
}

void ws_resume(struct ws *ws)
{
  if (!ws->paused || ws->state != WS_OPEN)
    return;
  ws->received_at = uv_now(ws->loop->loop);
  read_again(ws);
}

/* ---- time ---- */

static void on_timer(uv_timer_t *timer);

/* The next moment something may be due. Traffic only notes its time, so the timer is seldom touched. */
static void arm_timer(struct ws *ws)
{
  const struct ws_config *c = &ws->config;
  uint64_t now = uv_now(ws->loop->loop), due = UINT64_MAX;
  if (ws->state == WS_OPEN && !ws->paused && c->receive_deadline_ms)
    due = ws->received_at + c->receive_deadline_ms;
  if (ws->state == WS_OPEN && c->ping_after_idle_ms && ws->sent_at + c->ping_after_idle_ms < due)
    due = ws->sent_at + c->ping_after_idle_ms;
  if (ws->state == WS_CLOSING || ws->state == WS_REFUSED)
    due = ws->close_at;
  if (ws->resumed)
    due = now;
  if (due == UINT64_MAX)
    uv_timer_stop(&ws->timer);
  else
    uv_timer_start(&ws->timer, on_timer, due > now ? due - now : 0, 0);
}

static void on_timer(uv_timer_t *timer)
{
  struct ws *ws = timer->data;
  const struct ws_config *c = &ws->config;
  uint64_t now = uv_now(ws->loop->loop);
  if (ws->state == WS_CLOSING && now >= ws->close_at)
    ws_end(ws, ERR_TIMEOUT, ws->code, "the other side did not answer the Close");
  else if (ws->state == WS_REFUSED && now >= ws->close_at)
    end_now(ws);
  if (ws->resumed) {
    ws->resumed = false;
    pump_pending(ws);
  }
  if (ws->state == WS_OPEN && !ws->paused && c->receive_deadline_ms && now >= ws->received_at + c->receive_deadline_ms)
    ws_end(ws, ERR_TIMEOUT, WS_CODE_BROKEN, "nothing was received for %llu ms", (unsigned long long)c->receive_deadline_ms);
  if (ws->state == WS_OPEN && c->ping_after_idle_ms && now >= ws->sent_at + c->ping_after_idle_ms) {
    if (stream_queued(ws->stream))
      ws->sent_at = now;   /* something is on its way already */
    else if (send_control(ws, WSLAY_PING, NULL, 0))
      return;              /* ended */
  }
  if (ws->state != WS_ENDED)
    arm_timer(ws);
}

/* ---- life ---- */

struct ws *ws_new(struct op_loop *loop, const struct ws_config *config, bool is_client)
{
  struct ws *ws = mem_new(sizeof *ws);
  ws->config = *config;
  ws->loop = loop;
  ws->is_client = is_client;
  ws->pending = BUF_INIT(WS_PENDING_MAX);
  ws->message = BUF_INIT(config->message_max);
  ws->timer.data = ws;
  uv_timer_init(loop->loop, &ws->timer);
  return ws;
}

void ws_begin(struct ws *ws)
{
  const struct wslay_frame_callbacks callbacks = {.recv_callback = feed_wslay};
  ws->state = WS_OPEN;
  ws->sent_at = ws->received_at = uv_now(ws->loop->loop);
  stream_own(ws->stream, &ws_events, ws);
  if (wslay_frame_context_init(&ws->wslay, &callbacks, ws) != 0) {
    ws_end(ws, ERR_NOMEM, WS_CODE_BROKEN, "out of memory");
    return;
  }
  ws->resumed = ws->pending.len > 0;
  stream_read_start(ws->stream);
  arm_timer(ws);
}

void ws_set_limits(struct ws *ws, size_t frame_max, size_t message_max)
{
  ws->config.frame_max = frame_max;
  ws->config.message_max = message_max;
  ws->message.max = message_max;
}

size_t ws_queued(const struct ws *ws) { return ws->stream ? stream_queued(ws->stream) : 0; }
struct str ws_accept_value(const struct ws *ws) { return str_of(ws->accept); }
struct str ws_host(const struct ws *ws) { return str_of(ws->host); }
struct str ws_peer_ip(const struct ws *ws) { return str_of(ws->ip); }
