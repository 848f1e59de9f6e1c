/* agent/terminal.c: the life of terminals; see terminal.h. */
#include "agent/terminal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "link/serve.h"

enum { READ_MAX = 8192, LAST_READS = 64 /* after the program's end, against its children that go on printing */ };

/* ---- targets ---- */

static const struct { const char *type, *id, *name; bool id_required, name_required; } targets[] = {
  [TARGET_SERVER] = {"Server", "server", NULL, false, false},
  [TARGET_CONTAINER] = {"Container", "server", "container", true, true},
  [TARGET_STACK] = {"Stack", "stack", "service", true, false},
  [TARGET_DEPLOYMENT] = {"Deployment", "deployment", NULL, true, false},
};

static bool read_field(yyjson_val *params, const char *key, bool required, struct str *ret)
{
  yyjson_val *v = key ? yyjson_obj_get(params, key) : NULL;
  *ret = js_str(v);
  return ret->ptr || (!required && (!v || yyjson_is_null(v)));
}

bool target_read(yyjson_val *json, struct target *ret)
{
  struct str type = js_get_str(json, "type");
  yyjson_val *params = yyjson_obj_get(json, "params");
  for (size_t i = 0; i < ARRAY_LEN(targets); i++)
    if (str_eqc(type, targets[i].type)) {
      ret->kind = (enum target_kind)i;
      return yyjson_is_obj(params) && read_field(params, targets[i].id, targets[i].id_required, &ret->id) &&
             read_field(params, targets[i].name, targets[i].name_required, &ret->name);
    }
  return false;
}

void target_write(const struct target *target, struct buf *out)
{
  js_open(out, '{');
  js_put_text(out, "type", targets[target->kind].type);
  js_key(out, "params");
  js_open(out, '{');
  /* A server does not know its id: the engine puts it in. */
  js_put_str(out, targets[target->kind].id, target->kind == TARGET_SERVER ? STR_NONE : target->id);
  if (targets[target->kind].name)
    js_put_str(out, targets[target->kind].name, target->name);
  buf_add_text(out, "}}");
}

bool target_matches(const struct target *own, const struct target *asked, bool exact)
{
  if (own->kind != asked->kind)
    return false;
  switch (own->kind) {
  case TARGET_SERVER: return true;
  case TARGET_CONTAINER: return str_eq(own->name, asked->name);
  case TARGET_STACK: return str_eq(own->id, asked->id) && (!exact || !asked->name.ptr || str_eq(own->name, asked->name));
  case TARGET_DEPLOYMENT: return str_eq(own->id, asked->id);
  }
  return false;
}

/* ---- the end ---- */

static void on_handle_closed(uv_handle_t *handle);
static void on_stall(uv_timer_t *timer);

static void terminal_free(struct terminal *t)
{
  struct terminals *home = t->home;
  if (t->prev)
    t->prev->next = t->next;
  else
    home->first = t->next;
  if (t->next)
    t->next->prev = t->prev;
  home->count--;
  ring_release(&t->history);
  mem_wipe(t->input.ptr, t->input.len);
  buf_release(&t->input);
  mem_free(t->name);
  mem_free(t->command);
  mem_free(t->target_id);
  mem_free(t->target_name);
  for (char **word = t->argv; *word; word++)
    mem_free(*word);
  mem_free(t->argv);
  mem_free(t);
  if (!home->count && !home->stopping)
    uv_signal_stop(&home->child);
  if (home->on_quiet)
    home->on_quiet(home->data);
}

static void free_if_over(struct terminal *t)
{
  bool program_left = t->pty.pid && !t->home->stopping;
  if (!t->removed || t->spawning || t->busy || t->view_count || program_left)
    return;
  if (!uv_is_closing((uv_handle_t *)&t->timer))
    uv_close((uv_handle_t *)&t->timer, on_handle_closed);
  else if (!t->handles)
    terminal_free(t);
}

static void on_handle_closed(uv_handle_t *handle)
{
  struct terminal *t = handle->data;
  t->handles--;
  free_if_over(t);
}

static void fail_create(struct terminal *t, const char *why)
{
  struct diag d = {0};
  struct serve_call *call = t->create;
  if (!call)
    return;
  t->create = NULL;
  diag_set(&d, ERR_REMOTE, "Failed to init terminal");
  diag_cause(&d, "%s", why);
  serve_call_error(call, &d);
}

/* From here on it is found no more. Viewers get what is left, then their end. */
static void end(struct terminal *t)
{
  t->removed = true;
  if (t->pty.fd >= 0) {
    uv_close((uv_handle_t *)&t->poll, on_handle_closed);
    close(t->pty.fd);
    t->pty.fd = -1;
  }
  uv_timer_start(&t->timer, on_stall, TERMINAL_STALL_MS, TERMINAL_STALL_MS);
  views_pump(t);
  free_if_over(t);
}

void terminal_remove(struct terminal *t)
{
  if (t->removed)
    return;
  if (t->pty.pid)
    pty_kill(&t->pty);
  fail_create(t, "The terminal was deleted");
  end(t);
}

/* ---- output ---- */

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct terminal *t)
{
  int events = (t->paused ? 0 : UV_READABLE) | (t->input.len ? UV_WRITABLE : 0);
  if (t->removed || t->spawning)
    return;
  if (events && !t->hung)
    uv_poll_start(&t->poll, events, on_poll);
  else
    uv_poll_stop(&t->poll);
}

/* One piece; false when there is none now. */
static bool read_some(struct terminal *t)
{
  char piece[READ_MAX];
  ssize_t n = read(t->pty.fd, piece, sizeof piece);
  if (n > 0)
    ring_add(&t->history, str_make(piece, (size_t)n));
  else if (n == 0 || (errno != EAGAIN && errno != EINTR))
    t->hung = true;
  return n > 0;
}

static void on_stall(uv_timer_t *timer)
{
  struct terminal *t = timer->data;
  views_end_stalled(t);
  terminal_moved(t);
}

static void pace(struct terminal *t)
{
  if (t->paused || views_lag(t) <= TERMINAL_LAG_MAX)
    return;
  t->paused = true;
  uv_timer_start(&t->timer, on_stall, TERMINAL_STALL_MS, TERMINAL_STALL_MS);
}

void terminal_moved(struct terminal *t)
{
  if (t->removed) {
    free_if_over(t);
  } else if (t->paused && views_lag(t) <= TERMINAL_LAG_MAX / 2) {
    t->paused = false;
    uv_timer_stop(&t->timer);
    watch(t);
  }
}

/* ---- input ---- */

static void write_some(struct terminal *t)
{
  ssize_t n = t->input.len ? write(t->pty.fd, t->input.ptr, t->input.len) : 0;
  if (n > 0)
    buf_consume(&t->input, (size_t)n);
  else if (n < 0 && errno != EAGAIN && errno != EINTR)
    buf_clear(&t->input);   /* hung up: nobody will read it */
  if (!t->input.len)
    buf_release(&t->input);
}

Err terminal_type(struct terminal *t, struct str bytes)
{
  if (bytes.len > TERMINAL_INPUT_MAX - t->input.len)
    return ERR_LIMIT;
  buf_add_str(&t->input, bytes);
  if (!t->spawning)
    write_some(t);
  watch(t);
  return OK;
}

void terminal_resize(struct terminal *t, struct str json)
{
  yyjson_doc *doc = json.len <= 256 ? yyjson_read(json.ptr, json.len, 0) : NULL;
  yyjson_val *root = yyjson_doc_get_root(doc);
  int64_t rows = js_get_int(root, "rows", 0), cols = js_get_int(root, "cols", 0);
  if (rows > 0 && rows <= UINT16_MAX && cols > 0 && cols <= UINT16_MAX && t->pty.fd >= 0)
    pty_resize(&t->pty, (unsigned)rows, (unsigned)cols);
  yyjson_doc_free(doc);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
  struct terminal *t = poll->data;
  if (status < 0)
    t->hung = true;
  if (!t->hung && (events & UV_WRITABLE))
    write_some(t);
  if (!t->hung && (events & UV_READABLE))
    read_some(t);
  views_pump(t);
  pace(t);
  watch(t);
}

/* ---- the program ---- */

static void look_after(struct terminal *t)
{
  int status;
  if (!t->pty.pid || waitpid(t->pty.pid, &status, WNOHANG) != t->pty.pid)
    return;
  t->pty.pid = 0;
  if (t->removed) {
    free_if_over(t);
    return;
  }
  char why[64];
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  snprintf(why, sizeof why, "Child process exited immediately with code %d", code);
  fail_create(t, why);
  for (int i = 0; i < LAST_READS && read_some(t); i++) {
  }
  end(t);
}

static void on_child(uv_signal_t *signal, int number)
{
  struct terminals *ts = signal->data;
  (void)number;
  for (struct terminal *t = ts->first, *next; t; t = next) {
    next = t->next;
    look_after(t);
  }
}

static void on_settled(uv_timer_t *timer)
{
  struct terminal *t = timer->data;
  struct serve_call *call = t->create;
  CLEANUP(buf_release) struct buf out = BUF_INIT(16 * TERMINAL_TEXT_MAX);
  t->create = NULL;
  terminal_write_json(t, &out);
  serve_call_ok(call, buf_str(&out));
}

static void spawn(uv_work_t *work)
{
  struct terminal *t = work->data;
  t->spawn_err = pty_open((const char *const *)t->argv, &t->spawned);
}

static void on_spawned(uv_work_t *work, int status)
{
  struct terminal *t = work->data;
  t->spawning = false;
  if (!status && !t->spawn_err)
    t->pty = t->spawned;
  if (status || t->spawn_err) {
    char why[256];
    snprintf(why, sizeof why, "%.100s: %s", t->argv[0], strerror(t->spawn_err ? t->spawn_err : -status));
    fail_create(t, why);
    end(t);
    return;
  }
  if (t->removed) {   /* deleted meanwhile */
    pty_kill(&t->pty);
    close(t->pty.fd);
    t->pty.fd = -1;
    look_after(t);
    free_if_over(t);
    return;
  }
  uv_poll_init(t->home->loop, &t->poll, t->pty.fd);
  t->poll.data = t;
  t->handles++;
  uv_timer_start(&t->timer, on_settled, TERMINAL_SETTLE_MS, 0);
  write_some(t);
  watch(t);
  look_after(t);   /* its SIGCHLD may have come before this */
}

static char **copy_words(const char *const *argv)
{
  size_t count = 0;
  while (argv[count])
    count++;
  char **copy = mem_new_array(count + 1, sizeof *copy);
  for (size_t i = 0; i < count; i++)
    copy[i] = mem_strdup(argv[i]);
  return copy;
}

static char *copy_text(struct str text, struct str *ret_view)
{
  char *copy = text.ptr ? str_dup(text) : NULL;
  *ret_view = copy ? str_make(copy, text.len) : STR_NONE;
  return copy;
}

void terminal_start(struct terminals *ts, struct str name, struct str command, const struct target *target,
                    const char *const *argv, struct serve_call *call)
{
  struct terminal *t = mem_new(sizeof *t);
  t->home = ts;
  t->name = str_dup(name);
  t->command = str_dup(command);
  t->target.kind = target->kind;
  t->target_id = copy_text(target->id, &t->target.id);
  t->target_name = copy_text(target->name, &t->target.name);
  t->created_unix_ms = clock_unix_ms();
  t->pty.fd = -1;
  t->create = call;
  t->argv = copy_words(argv);
  buf_init(&t->input, TERMINAL_INPUT_MAX);
  uv_timer_init(ts->loop, &t->timer);
  t->timer.data = t->work.data = t;
  t->handles = 1;
  t->next = ts->first;
  if (t->next)
    t->next->prev = t;
  ts->first = t;
  if (ts->count++ == 0)
    uv_signal_start(&ts->child, on_child, SIGCHLD);
  t->spawning = true;
  int err = uv_queue_work(ts->loop, &t->work, spawn, on_spawned);
  if (err)
    on_spawned(&t->work, err);
}

/* ---- all of them ---- */

void terminal_write_json(const struct terminal *t, struct buf *out)
{
  uint64_t kept = t->history.end - ring_start(&t->history);
  js_open(out, '{');
  js_put_text(out, "name", t->name);
  js_key(out, "target");
  target_write(&t->target, out);
  js_put_text(out, "command", t->command);
  js_put_num(out, "stored_size_kb", (double)kept / 1024);
  js_put_int(out, "created_at", t->created_unix_ms);
  buf_add_char(out, '}');
}

struct terminal *terminals_find(struct terminals *ts, const struct target *target, struct str name)
{
  for (struct terminal *t = ts->first; t; t = t->next)
    if (!t->removed && str_eqc(name, t->name) && target_matches(&t->target, target, /* exact= */ false))
      return t;
  return NULL;
}

void terminals_init(struct terminals *ts, uv_loop_t *loop)
{
  ts->loop = loop;
  uv_signal_init(loop, &ts->child);
  ts->child.data = ts;
}

void terminals_stop(struct terminals *ts)
{
  ts->stopping = true;
  uv_close((uv_handle_t *)&ts->child, NULL);
  for (struct terminal *t = ts->first, *next; t; t = next) {
    next = t->next;
    t->busy++;
    terminal_remove(t);
    views_end_all(t);
    t->busy--;
    free_if_over(t);
  }
}
