/* agent/view.c: viewers of terminals; see terminal.h.
 *
 * A viewer is a position in the history. Whoever connects gets the bytes as they are. An execution gets lines: first those
 * until its start mark are skipped, then each is sent on until its end mark. Lines that trickle are one message each, as
 * engines know it; of a flood many go into one.
 */
#include <string.h>

#include "agent/terminal.h"
#include "base/log.h"
#include "base/mem.h"
#include "link/frame.h"
#include "link/serve.h"

enum { LINE_MAX_BYTES = 8192, FLOOD = 512 };

#define START_MARK "__KOMODO_START_OF_OUTPUT__"
#define END_MARK "__KOMODO_END_OF_OUTPUT__"

struct view {
  struct terminal *terminal;
  struct view *prev, *next;
  struct serve_terminal *channel;   /* NULL: an execution before its start mark */
  bool begun;                       /* the engine listens */
  uint64_t pos;                     /* first byte not taken yet */
  uint64_t mark;                    /* where it was when last looked at for stalling */
  bool executes;
  struct serve_call *call;          /* until the start mark */
  bool started;                     /* the start mark has come */
  struct buf line;                  /* taken, its end has not come */
  bool in_line;                     /* part of this line was sent already */
  bool at_end;                      /* the end mark has come */
  struct buf out;                   /* to be sent as one message */
};

static struct view *view_new(struct terminal *t)
{
  struct view *v = mem_new(sizeof *v);
  v->terminal = t;
  buf_init(&v->line, LINE_MAX_BYTES);
  buf_init(&v->out, 3 * LINE_MAX_BYTES);
  v->next = t->views;
  if (v->next)
    v->next->prev = v;
  t->views = v;
  t->view_count++;
  return v;
}

/* The channel must be gone or ended by the caller. */
static void view_free(struct view *v)
{
  struct terminal *t = v->terminal;
  if (v->prev)
    v->prev->next = v->next;
  else
    t->views = v->next;
  if (v->next)
    v->next->prev = v->prev;
  t->view_count--;
  buf_release(&v->line);
  buf_release(&v->out);
  mem_free(v);
}

/* `words` NULL: without one. */
static void view_end(struct view *v, const char *words)
{
  struct diag d = {0};
  if (words)
    diag_set(&d, ERR_CLOSED, "%s", words);
  if (v->call)
    serve_call_error(v->call, &d);
  if (v->channel)
    serve_terminal_end(v->channel, words ? &d : NULL);
  view_free(v);
}

static const char *last_words(const struct view *v)
{
  return v->call ? "Stdout stream terminated before start sentinel received" : "pty exited";
}

/* ---- connections ---- */

enum pumped { PUMPED_ALL, PUMPED_FULL /* on_room is due */, PUMPED_GONE };

static enum pumped pump_bytes(struct view *v)
{
  const struct ring *history = &v->terminal->history;
  while (v->pos < history->end) {
    struct str piece = ring_at(history, v->pos);
    if (serve_terminal_send(v->channel, piece))
      return PUMPED_FULL;
    v->pos += piece.len;
  }
  return PUMPED_ALL;
}

/* ---- executions ---- */

static void on_input(struct serve_terminal *channel, int variant, struct str payload, void *data);
static void on_room(struct serve_terminal *channel, void *data);
static void on_end(struct serve_terminal *channel, const struct diag *d, void *data);

static bool open_channel(struct view *v, struct serve_call *call)
{
  char uuid[37], json[40];
  const struct serve_terminal_config config = {.on_input = on_input, .on_room = on_room, .on_end = on_end, .data = v};
  v->channel = serve_terminal_open(call, &config);
  v->call = NULL;
  if (!v->channel) {   /* nobody is there to be answered */
    serve_call_drop(call);
    return false;
  }
  serve_terminal_channel(v->channel, uuid);
  snprintf(json, sizeof json, "\"%s\"", uuid);
  serve_call_ok(call, str_of(json));
  return true;
}

static bool flush(struct view *v)
{
  if (v->out.len && serve_terminal_send(v->channel, buf_str(&v->out)))
    return false;
  buf_clear(&v->out);
  return true;
}

/* The line is whole, or as long as we keep one. */
static void take_line(struct view *v, bool whole)
{
  struct str line = buf_str(&v->line);
  size_t held = 0;
  if (str_ends(line, STR("\r"))) {
    line.len--;
    held = whole ? 0 : 1;   /* the LF may be the next byte */
  }
  if (!v->channel) {
    v->started = whole && !v->in_line && str_eqc(line, START_MARK);
  } else if (whole && !v->in_line && str_eqc(line, END_MARK)) {
    v->at_end = true;
  } else {
    buf_add_str(&v->out, line);
    if (whole)
      buf_add_char(&v->out, '\n');
  }
  v->in_line = !whole;
  buf_clear(&v->line);
  if (held)
    buf_add_char(&v->line, '\r');
}

/* Takes up to the next LF; false: there is no byte. */
static bool take(struct view *v)
{
  struct str piece = str_sub(ring_at(&v->terminal->history, v->pos), 0, LINE_MAX_BYTES - v->line.len);
  ptrdiff_t lf = str_find(piece, '\n');
  if (!piece.len)
    return false;
  size_t n = lf < 0 ? piece.len : (size_t)lf;
  buf_add_str(&v->line, str_sub(piece, 0, n));
  v->pos += lf < 0 ? n : n + 1;
  if (lf >= 0 || v->line.len == LINE_MAX_BYTES)
    take_line(v, lf >= 0);
  return true;
}

static enum pumped pump_start(struct view *v)
{
  while (!v->started)
    if (!take(v))
      return PUMPED_ALL;
  if (open_channel(v, v->call))
    return PUMPED_FULL;   /* not before it begins */
  view_free(v);
  return PUMPED_GONE;
}

static enum pumped pump_lines(struct view *v)
{
  const struct ring *history = &v->terminal->history;
  do {
    bool gather = history->end - v->pos >= FLOOD && v->out.len < LINE_MAX_BYTES && !v->at_end;
    if (!gather && !flush(v))
      return PUMPED_FULL;
    if (v->at_end) {
      if (serve_terminal_send(v->channel, STR(END_MARK)))
        return PUMPED_FULL;
      view_end(v, NULL);
      return PUMPED_GONE;
    }
  } while (take(v));
  if (v->terminal->removed) {   /* the rest of this line will not come any more */
    buf_add_str(&v->out, buf_str(&v->line));
    buf_clear(&v->line);
  }
  return flush(v) ? PUMPED_ALL : PUMPED_FULL;
}

/* ---- both ---- */

static void view_pump(struct view *v)
{
  struct terminal *t = v->terminal;
  if (v->pos < ring_start(&t->history)) {   /* it has missed some */
    view_end(v, last_words(v));
    return;
  }
  enum pumped pumped = PUMPED_FULL;
  if (!v->channel)
    pumped = pump_start(v);
  else if (v->begun)
    pumped = v->executes ? pump_lines(v) : pump_bytes(v);
  if (pumped == PUMPED_ALL && t->removed)
    view_end(v, last_words(v));
}

static void on_input(struct serve_terminal *channel, int variant, struct str payload, void *data)
{
  struct view *v = data;
  struct terminal *t = v->terminal;
  (void)channel;
  if (variant == FRAME_BEGIN && !v->begun) {
    v->begun = true;
    if (!v->executes)
      v->pos = ring_start(&t->history);
    view_pump(v);
    terminal_moved(t);
  } else if (variant == FRAME_RESIZE) {
    terminal_resize(t, payload);
  } else if (variant == FRAME_FORWARD && !t->removed && terminal_type(t, payload)) {
    log_warn("%zu bytes typed into a terminal were dropped: its program does not read", payload.len);
  }
}

static void on_room(struct serve_terminal *channel, void *data)
{
  struct view *v = data;
  struct terminal *t = v->terminal;
  (void)channel;
  view_pump(v);
  terminal_moved(t);
}

static void on_end(struct serve_terminal *channel, const struct diag *d, void *data)
{
  struct view *v = data;
  struct terminal *t = v->terminal;
  (void)channel;
  (void)d;
  view_free(v);
  terminal_moved(t);
}

static bool refuse_more(const struct terminal *t, struct serve_call *call)
{
  if (t->view_count < TERMINAL_VIEWS_MAX)
    return false;
  struct diag d = {0};
  diag_set(&d, ERR_LIMIT, "This terminal has %d viewers already, that is the most", TERMINAL_VIEWS_MAX);
  serve_call_error(call, &d);
  return true;
}

void view_connect(struct terminal *t, struct serve_call *call)
{
  if (refuse_more(t, call))
    return;
  struct view *v = view_new(t);
  v->pos = t->history.end;
  if (!open_channel(v, call))
    view_free(v);
}

void view_execute(struct terminal *t, struct str command, struct serve_call *call)
{
  if (refuse_more(t, call))
    return;
  struct diag d = {0};
  struct buf line = BUF_INIT(TERMINAL_INPUT_MAX);
  buf_add_text(&line, "printf '\\n" START_MARK "\\n\\n'; ");
  buf_add_str(&line, command);
  buf_add_text(&line, "; rc=$?; printf '\\n__KOMODO_EXIT_CODE:%d\\n" END_MARK "\\n' \"$rc\"\n");
  Err err = buf_err(&line) ? buf_err(&line) : terminal_type(t, buf_str(&line));
  if (err) {
    diag_set(&d, err, "The command is too long, or the terminal's program does not read what is typed");
    serve_call_error(call, &d);
  } else {
    struct view *v = view_new(t);
    v->executes = true;
    v->call = call;
    v->pos = v->mark = t->history.end;
  }
  mem_wipe(line.ptr, line.len);
  buf_release(&line);
}

void views_pump(struct terminal *t)
{
  t->busy++;
  for (struct view *v = t->views, *next; v; v = next) {
    next = v->next;
    view_pump(v);
  }
  t->busy--;
}

uint64_t views_lag(const struct terminal *t)
{
  uint64_t most = 0;
  for (const struct view *v = t->views; v; v = v->next)
    if (v->begun && t->history.end - v->pos > most)
      most = t->history.end - v->pos;
  return most;
}

void views_end_stalled(struct terminal *t)
{
  t->busy++;
  for (struct view *v = t->views, *next; v; v = next) {
    next = v->next;
    bool behind = t->removed || (v->begun && t->history.end - v->pos > TERMINAL_LAG_MAX / 2);
    if (behind && v->mark == v->pos)
      view_end(v, last_words(v));
    else
      v->mark = v->pos;
  }
  t->busy--;
}

void views_end_all(struct terminal *t)
{
  while (t->views)
    view_end(t->views, last_words(t->views));
}

bool view_disconnect(struct terminal *t, const struct serve_terminal *channel)
{
  for (struct view *v = t->views; v; v = v->next)
    if (v->channel == channel) {
      view_end(v, NULL);
      return true;
    }
  return false;
}
