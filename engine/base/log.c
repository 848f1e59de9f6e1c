/* base/log.c: see log.h. */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

enum { LOG_LINE_MAX = 64 * 1024 };

struct secret {
  char *name, *value;
  size_t name_len, value_len;
};

static struct {
  pthread_mutex_t lock;
  struct log_config config;
  struct secret *secrets;
  size_t count;
} sink = {.lock = PTHREAD_MUTEX_INITIALIZER, .config = {LOG_INFO, LOG_STANDARD, false, true}};

static const char *const names[] = {"ERROR", "WARN", "INFO", "DEBUG", "TRACE"};

void log_configure(const struct log_config *config)
{
  pthread_mutex_lock(&sink.lock);
  sink.config = *config;
  pthread_mutex_unlock(&sink.lock);
}

bool log_level_parse(struct str text, enum log_level *ret)
{
  for (size_t i = 0; i < ARRAY_LEN(names); i++)
    if (str_eq_nocase(text, str_of(names[i]))) {
      *ret = (enum log_level)i;
      return true;
    }
  return false;
}

bool log_enabled(enum log_level level)
{
  pthread_mutex_lock(&sink.lock);
  bool on = sink.config.format != LOG_NONE && level <= sink.config.level;
  pthread_mutex_unlock(&sink.lock);
  return on;
}

void log_redact(struct str name, struct str value)
{
  if (value.len < 4)
    return;
  pthread_mutex_lock(&sink.lock);
  size_t i = 0;
  while (i < sink.count && !str_eq(str_make(sink.secrets[i].value, sink.secrets[i].value_len), value))
    i++;
  if (i == sink.count) {
    sink.secrets = mem_resize(sink.secrets, (sink.count + 1) * sizeof *sink.secrets);
    sink.secrets[sink.count++] = (struct secret){str_dup(name), str_dup(value), name.len, value.len};
  }
  pthread_mutex_unlock(&sink.lock);
}

void log_forget_secrets(void)
{
  pthread_mutex_lock(&sink.lock);
  for (size_t i = 0; i < sink.count; i++) {
    mem_wipe(sink.secrets[i].value, sink.secrets[i].value_len);
    mem_free(sink.secrets[i].name);
    mem_free(sink.secrets[i].value);
  }
  mem_free(sink.secrets);
  sink.secrets = NULL;
  sink.count = 0;
  pthread_mutex_unlock(&sink.lock);
}

/* Appends `text` with every secret value replaced. Called with the lock held. */
static void add_redacted(struct buf *out, struct str text)
{
  for (size_t i = 0; i < text.len;) {
    const struct secret *hit = NULL;
    for (size_t s = 0; s < sink.count; s++)
      if (str_starts(str_sub(text, i, text.len), str_make(sink.secrets[s].value, sink.secrets[s].value_len)) &&
          (!hit || hit->value_len < sink.secrets[s].value_len))
        hit = &sink.secrets[s];
    if (hit) {
      buf_printf(out, "<%s>", hit->name);
      i += hit->value_len;
    } else {
      buf_add_char(out, text.ptr[i++]);
    }
  }
}

static void add_line(struct buf *out, enum log_level level, struct str text)
{
  static const char *const colours[] = {"31", "33", "32", "34", "35"};
  char iso[CLOCK_ISO_LEN + 1];
  clock_format_iso(clock_unix_ms(), iso);
  if (sink.config.format == LOG_JSON) {
    buf_printf(out, "{\"timestamp\":\"%s\",\"level\":\"%s\",\"message\":", iso, names[level]);
    buf_add_json(out, text);
    buf_add_text(out, "}\n");
    return;
  }
  if (sink.config.timestamps)
    buf_printf(out, "%s ", iso);
  if (sink.config.ansi)
    buf_printf(out, "\x1b[%sm%5s\x1b[0m ", colours[level], names[level]);
  else
    buf_printf(out, "%5s ", names[level]);
  /* A line break in what is logged must not forge a line of its own. */
  for (size_t i = 0; i < text.len; i++)
    if (text.ptr[i] == '\n')
      buf_add_text(out, "\n    ");
    else
      buf_add_char(out, text.ptr[i]);
  buf_add_char(out, '\n');
}

void log_write(enum log_level level, const char *fmt, ...)
{
  if (!log_enabled(level))
    return;
  CLEANUP(buf_release) struct buf raw = BUF_INIT(LOG_LINE_MAX);
  CLEANUP(buf_release) struct buf clean = BUF_INIT(LOG_LINE_MAX * 2);
  CLEANUP(buf_release) struct buf line = BUF_INIT(LOG_LINE_MAX * 13);
  if (buf_reserve(&raw, 4096))
    return;
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(raw.ptr, raw.cap, fmt, args);
  va_end(args);
  raw.len = n < 0 ? 0 : (size_t)n < raw.cap ? (size_t)n : raw.cap - 1;
  pthread_mutex_lock(&sink.lock);
  add_redacted(&clean, buf_str(&raw));
  add_line(&line, level, buf_str(&clean));
  for (size_t at = 0; at < line.len;) {
    ssize_t w = write(STDERR_FILENO, line.ptr + at, line.len - at);
    if (w <= 0)
      break;   /* nobody reads our log: nothing sensible is left to do with the line */
    at += (size_t)w;
  }
  pthread_mutex_unlock(&sink.lock);
}
