/* agent/runlog.c: see runlog.h. */
#include "agent/runlog.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "agent/js.h"
#include "base/clock.h"
#include "base/mem.h"

void replacers_release(struct replacers *r)
{
  mem_free(r->item);
  *r = (struct replacers){0};
}

void replacers_add(struct replacers *r, struct str value, struct str name)
{
  if (!value.len)   /* would match between all characters */
    return;
  if (r->count == r->cap) {
    r->cap = r->cap ? r->cap * 2 : 8;
    r->item = mem_resize(r->item, r->cap * sizeof *r->item);
  }
  r->item[r->count++] = (struct replacer){value, name};
}

void runlog_release(struct runlog *log)
{
  buf_release(&log->command);
  buf_release(&log->out);
  buf_release(&log->err);
}

static void log_begin(struct runlog *log, const char *stage, struct str command)
{
  *log = (struct runlog){.stage = stage, .command = BUF_INIT(TEXT_MAX), .out = BUF_INIT(EXEC_OUTPUT_MAX + 64),
                         .err = BUF_INIT(EXEC_OUTPUT_MAX + 64), .start_ts = clock_unix_ms()};
  log->end_ts = log->start_ts;
  buf_add_str(&log->command, command);
}

void runlog_simple(struct runlog *ret, const char *stage, struct str text)
{
  log_begin(ret, stage, STR_NONE);
  buf_add_str(&ret->out, text);
  ret->success = true;
}

void runlog_error(struct runlog *ret, const char *stage, struct str text)
{
  log_begin(ret, stage, STR_NONE);
  buf_add_str(&ret->err, text);
}

static void replace_all(struct buf *text, const struct replacer *r)
{
  if (!text->len || !memmem(text->ptr, text->len, r->value.ptr, r->value.len))
    return;
  struct buf out = BUF_INIT(text->max * 2);
  struct str rest = buf_str(text);
  const char *at;
  while (rest.len && (at = memmem(rest.ptr, rest.len, r->value.ptr, r->value.len))) {
    buf_add(&out, rest.ptr, (size_t)(at - rest.ptr));
    buf_printf(&out, "<%.*s>", STR_ARG(r->name));
    rest = str_sub(rest, (size_t)(at - rest.ptr) + r->value.len, rest.len);
  }
  buf_add_str(&out, rest);
  size_t max = text->max;
  buf_release(text);
  if (buf_err(&out)) {   /* names much longer than values: never show the values instead */
    buf_release(&out);
    out.max = max;
    buf_add_text(&out, "[text too long once its secrets are hidden]");
  }
  *text = out;
}

void runlog_sanitise(struct runlog *log, const struct replacers *secrets)
{
  for (size_t i = 0; i < secrets->count; i++) {
    replace_all(&log->command, &secrets->item[i]);
    replace_all(&log->out, &secrets->item[i]);
    replace_all(&log->err, &secrets->item[i]);
  }
}

static struct str never_null(const struct buf *b)
{
  struct str s = buf_str(b);
  return s.ptr ? s : STR("");
}

void runlog_write(const struct runlog *log, struct buf *out)
{
  js_open(out, '{');
  js_put_text(out, "stage", log->stage);
  js_put_str(out, "command", never_null(&log->command));
  js_put_str(out, "stdout", never_null(&log->out));
  js_put_str(out, "stderr", never_null(&log->err));
  js_put_bool(out, "success", log->success);
  js_put_int(out, "start_ts", log->start_ts);
  js_put_int(out, "end_ts", log->end_ts);
  buf_add_char(out, '}');
}

/* An operating system error in the words engines know. */
static void add_os_error(struct buf *out, int code)
{
  static const struct { int code; const char *kind; } kinds[] = {
    {ENOENT, "NotFound"}, {EACCES, "PermissionDenied"}, {EPERM, "PermissionDenied"}, {ENOTDIR, "NotADirectory"},
    {EEXIST, "AlreadyExists"}, {ENOEXEC, "Uncategorized"}, {ENOMEM, "OutOfMemory"}, {E2BIG, "ArgumentListTooLong"},
  };
  const char *kind = "Uncategorized";
  for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
    if (kinds[i].code == code)
      kind = kinds[i].kind;
  char words[128];
  buf_printf(out, "Os { code: %d, kind: %s, message: \"%s\" }", code, kind, strerror_r(code, words, sizeof words));
}

void run_words(const char *stage, struct str command, const char *const *argv, const struct run_options *options,
               struct runlog *ret)
{
  static const struct run_options plain = {0};
  options = options ? options : &plain;
  log_begin(ret, stage, command);
  char cwd[PATH_MAX];
  if (options->cwd && !realpath(options->cwd, cwd)) {
    add_os_error(&ret->err, errno);
    return;
  }
  struct exec_spec spec = {.argv = argv, .cwd = options->cwd ? cwd : NULL, .input = options->input,
                           .timeout_ms = options->timeout_ms, .cancel = options->cancel};
  struct exec_result r;
  exec_run(&spec, &r);
  ret->end_ts = clock_unix_ms();
  ret->success = r.end == EXEC_EXITED && r.code == 0;
  switch (r.end) {
  case EXEC_EXITED:
    ret->out = r.output[EXEC_STDOUT];
    ret->err = r.output[EXEC_STDERR];
    return;
  case EXEC_NOT_RUN:
    add_os_error(&ret->err, r.code);
    break;
  case EXEC_TIMED_OUT:
    buf_printf(&ret->err, "Command timed out after %.1fs (process group killed)", (double)options->timeout_ms / 1000);
    break;
  case EXEC_CANCELLED:
    buf_add_text(&ret->err, "Command cancelled (process group killed)");
    break;
  }
  exec_release(&r);
}

static const char *find_shell(void)
{
  static const char *const shells[] = {"/bin/bash", "/usr/bin/bash", "/bin/sh", "/usr/bin/sh"};
  for (size_t i = 0; i < ARRAY_LEN(shells); i++)
    if (access(shells[i], X_OK) == 0)
      return shells[i];
  return "sh";
}

bool run_command(enum run_mode mode, const char *stage, struct str command, const struct run_options *options,
                 struct runlog *ret)
{
  CLEANUP(arena_release) struct arena a = {0};
  if (mode == RUN_STANDARD) {
    struct text_words words = text_split_words(&a, command);
    if (words.count) {
      run_words(stage, command, words.word, options, ret);
    } else {
      runlog_error(ret, stage, STR("Command lexed into empty args"));
      buf_add_str(&ret->command, command);
    }
    return true;
  }
  if (mode == RUN_MULTI_LINE) {
    command = text_multi_line(&a, command);
    if (!command.len) {
      log_begin(ret, stage, STR_NONE);
      ret->success = true;
      return false;
    }
  }
  const char *argv[] = {find_shell(), "-c", arena_dup(&a, command), NULL};
  run_words(stage, command, argv, options, ret);
  return true;
}

void error_html(struct buf *out, const struct diag *d)
{
  static const char dim[] = "<span style=\"color: var(--mantine-color-dimmed)\">";
  buf_printf(out, "<span style=\"color: var(--mantine-color-red-6)\">ERROR</span>: %s", d->message);
  if (!d->trace[0])
    return;
  buf_printf(out, "\n\n%sTRACE</span>:", dim);
  struct str rest = str_of(d->trace), line;
  for (size_t i = 1; str_split(&rest, '\n', &line); i++)
    buf_printf(out, "\n\t%s%zu</span>: %.*s", dim, i, STR_ARG(line));
}
