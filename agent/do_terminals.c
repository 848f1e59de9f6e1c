/* agent/do_terminals.c: the requests about terminals (spec agent.md 8.7, 16). All on the loop thread: none waits. */
#include <string.h>

#include "agent/agent.h"
#include "agent/requests.h"
#include "agent/text.h"
#include "base/mem.h"
#include "link/serve.h"

enum { COMMAND_WORDS_MAX = 1024, LIST_MAX = 8 << 20 };

static void failf(struct serve_call *call, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void failf(struct serve_call *call, const char *fmt, ...)
{
  struct diag d = {0};
  char words[512];
  va_list args;
  va_start(args, fmt);
  vsnprintf(words, sizeof words, fmt, args);
  va_end(args);
  diag_set(&d, ERR_REMOTE, "%s", words);
  serve_call_error(call, &d);
}

/* ---- create ---- */

enum recreate { RECREATE_NEVER, RECREATE_DIFFERENT, RECREATE_ALWAYS };

static enum recreate recreate_of(yyjson_val *params)
{
  struct str s = js_get_str(params, "recreate");
  return str_eqc(s, "Always") ? RECREATE_ALWAYS : str_eqc(s, "DifferentCommand") ? RECREATE_DIFFERENT : RECREATE_NEVER;
}

/* A free name made of `stem`-n, n from how many the target has. */
static struct str free_name(struct arena *a, struct terminals *ts, const struct target *target, struct str stem)
{
  size_t n = 0;
  for (const struct terminal *t = ts->first; t; t = t->next)
    n += !t->removed && target_matches(&t->target, target, /* exact= */ false);
  for (;; n++) {
    struct str name = text_printf(a, "%.*s-%zu", STR_ARG(stem), n);
    if (!terminals_find(ts, target, name))
      return name;
  }
}

/* Uses the one of this name, or makes room for a new one. False: the call is answered. */
static bool make_room(struct terminals *ts, const struct target *target, struct str name, struct str command,
                      enum recreate recreate, struct serve_call *call)
{
  struct terminal *old = terminals_find(ts, target, name);
  if (!old || recreate == RECREATE_ALWAYS || (recreate == RECREATE_DIFFERENT && !str_eqc(command, old->command))) {
    if (old)
      terminal_remove(old);
    if (ts->count < TERMINALS_MAX)
      return true;
    failf(call, "This agent has %d terminals, that is the most: delete some", TERMINALS_MAX);
  } else if (str_eqc(command, old->command)) {
    CLEANUP(buf_release) struct buf out = BUF_INIT(16 * TERMINAL_TEXT_MAX);
    terminal_write_json(old, &out);
    serve_call_ok(call, buf_str(&out));
  } else {
    failf(call, "Terminal %.*s already exists, but has command %.100s instead of %.*s", STR_ARG(name), old->command,
          STR_ARG(str_cut(command, 100)));
  }
  return false;
}

static bool text_is_usable(struct str text) { return text.len <= TERMINAL_TEXT_MAX && !memchr(text.ptr ? text.ptr : "", 0, text.len); }

static void create(struct agent *agent, struct serve_call *call, yyjson_val *params, struct arena *a,
                   const struct target *target, struct str stem, struct str command)
{
  struct terminals *ts = &agent->terminals;
  struct str name = js_get_str(params, "name");
  struct text_words words = {0};
  if (text_is_usable(command) && text_is_usable(name) && text_is_usable(target->id) && text_is_usable(target->name))
    words = text_split_words(a, command);
  if (agent->settings.disable_terminals)
    failf(call, "Terminals are disabled in the Periphery config");
  else if (words.count == 0 || words.count > COMMAND_WORDS_MAX)
    failf(call, "Failed to init terminal: its command has no words, an open quote, or is too long");
  else {
    if (!name.len)
      name = free_name(a, ts, target, stem);
    if (make_room(ts, target, name, command, recreate_of(params), call))
      terminal_start(ts, name, command, target, words.word, call);
  }
}

void do_create_server_terminal(struct agent *agent, struct serve_call *call, yyjson_val *params)
{
  struct arena a = {0};
  struct str command = js_get_str(params, "command");
  if (!command.ptr)
    command = settings_str(&agent->settings, "default_terminal_command");
  create(agent, call, params, &a, &(struct target){.kind = TARGET_SERVER}, STR("term"), command);
  arena_release(&a);
}

/* A name docker may have given: it must stay one word, and none of docker's options. */
static bool is_container(struct str name)
{
  for (size_t i = 0; i < name.len; i++) {
    char c = name.ptr[i];
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!plain && (i == 0 || (c != '.' && c != '-')))
      return false;
  }
  return name.len > 0;
}

static bool has_and(struct str s)
{
  for (size_t i = 1; i < s.len; i++)
    if (s.ptr[i] == '&' && s.ptr[i - 1] == '&')
      return true;
  return false;
}

static void create_in_container(struct agent *agent, struct serve_call *call, yyjson_val *params, bool attach)
{
  struct arena a = {0};
  struct target target;
  struct str container = js_get_str(params, "container"), shell = js_get_str(params, "command");
  if (!target_read(yyjson_obj_get(params, "target"), &target))
    failf(call, "The target of the terminal is of no known kind");
  else if (agent->settings.disable_container_terminals)
    failf(call, "Container Terminals are disabled in the Periphery config");
  else if (has_and(container) || has_and(shell))
    failf(call, "The use of '&&' is forbidden in the container name%s", attach ? "" : " or command");
  else if (!is_container(container))
    failf(call, "'%.*s' is no name of a container", STR_ARG(str_cut(container, 100)));
  else if (attach)
    create(agent, call, params, &a, &target, text_printf(&a, "attach-%.*s", STR_ARG(container)),
           text_printf(&a, "docker attach %.*s --sig-proxy=false", STR_ARG(container)));
  else
    create(agent, call, params, &a, &target, text_printf(&a, "exec-%.*s", STR_ARG(container)),
           text_printf(&a, "docker exec -it %.*s %.*s", STR_ARG(container), STR_ARG(shell.len ? shell : STR("sh"))));
  arena_release(&a);
}

void do_create_exec_terminal(struct agent *agent, struct serve_call *call, yyjson_val *params)
{
  create_in_container(agent, call, params, /* attach= */ false);
}

void do_create_attach_terminal(struct agent *agent, struct serve_call *call, yyjson_val *params)
{
  create_in_container(agent, call, params, /* attach= */ true);
}

/* ---- list, delete ---- */

static int by_name(const void *a, const void *b)
{
  return strcmp((*(const struct terminal *const *)a)->name, (*(const struct terminal *const *)b)->name);
}

void do_list_terminals(struct agent *agent, struct serve_call *call, yyjson_val *params)
{
  struct target asked;
  bool all = !target_read(yyjson_obj_get(params, "target"), &asked);
  const struct terminal *found[TERMINALS_MAX] = {NULL};
  size_t count = 0;
  for (const struct terminal *t = agent->terminals.first; t; t = t->next)
    if (!t->removed && (all || target_matches(&t->target, &asked, /* exact= */ true)))
      found[count++] = t;
  qsort(found, count, sizeof *found, by_name);
  CLEANUP(buf_release) struct buf out = BUF_INIT(LIST_MAX);
  js_open(&out, '[');
  for (size_t i = 0; i < count; i++)
    terminal_write_json(found[i], &out);
  buf_add_char(&out, ']');
  if (buf_err(&out))
    failf(call, "The list of terminals is too large");
  else
    serve_call_ok(call, buf_str(&out));
}

void do_delete_terminal(struct agent *agent, struct serve_call *call, yyjson_val *params)
{
  struct target target;
  struct terminal *t = NULL;
  if (target_read(yyjson_obj_get(params, "target"), &target))
    t = terminals_find(&agent->terminals, &target, js_get_str(params, "terminal"));
  if (t)
    terminal_remove(t);
  serve_call_ok(call, STR("{}"));
}

void do_delete_all_terminals(struct agent *agent, struct serve_call *call, yyjson_val *params)
{
  (void)params;
  for (struct terminal *t = agent->terminals.first, *next; t; t = next) {
    next = t->next;
    terminal_remove(t);
  }
  serve_call_ok(call, STR("{}"));
}

/* ---- viewers ---- */

/* The target as Komodo's words show it. */
static struct str debug_form(struct arena *a, const struct target *t)
{
  switch (t->kind) {
  case TARGET_SERVER:
    return t->id.ptr ? text_printf(a, "Server { server: Some(\"%.*s\") }", STR_ARG(t->id)) : STR("Server { server: None }");
  case TARGET_CONTAINER:
    return text_printf(a, "Container { server: \"%.*s\", container: \"%.*s\" }", STR_ARG(t->id), STR_ARG(t->name));
  case TARGET_STACK:
    return text_printf(a, "Stack { stack: \"%.*s\", service: %s%.*s%s }", STR_ARG(t->id), t->name.ptr ? "Some(\"" : "None",
                       STR_ARG(t->name), t->name.ptr ? "\")" : "");
  case TARGET_DEPLOYMENT: return text_printf(a, "Deployment { deployment: \"%.*s\" }", STR_ARG(t->id));
  }
  return STR_NONE;
}

/* NULL: the call is answered. */
static struct terminal *find(struct agent *agent, struct serve_call *call, yyjson_val *params)
{
  struct target target = {0};
  struct str name = js_get_str(params, "terminal");
  struct terminal *t = NULL;
  if (target_read(yyjson_obj_get(params, "target"), &target))
    t = terminals_find(&agent->terminals, &target, name);
  if (!t) {
    struct arena a = {0};
    failf(call, "No terminal for %.*s at %.*s", STR_ARG(str_cut(debug_form(&a, &target), 200)), STR_ARG(str_cut(name, 200)));
    arena_release(&a);
  }
  return t;
}

void do_connect_terminal(struct agent *agent, struct serve_call *call, yyjson_val *params)
{
  struct terminal *t = find(agent, call, params);
  if (t)
    view_connect(t, call);
}

void do_execute_terminal(struct agent *agent, struct serve_call *call, yyjson_val *params)
{
  struct terminal *t = find(agent, call, params);
  if (t)
    view_execute(t, js_get_str(params, "command"), call);
}

void do_disconnect_terminal(struct agent *agent, struct serve_call *call, yyjson_val *params)
{
  const struct serve_terminal *channel = serve_terminal_find(agent->serve, js_get_str(params, "channel"));
  for (struct terminal *t = channel ? agent->terminals.first : NULL; t; t = t->next)
    if (view_disconnect(t, channel)) {
      terminal_moved(t);
      break;
    }
  serve_call_ok(call, STR("{}"));
}
