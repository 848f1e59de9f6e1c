/* agent/command.c: see command.h. */
#include "agent/command.h"

#include "agent/agent.h"

struct expansion {
  struct job *job;
  struct buf text;          /* what logs show */
  struct buf word;          /* the argument being built */
  bool in_word;
  const char **argv;
  size_t count, cap;
};

struct str job_text(const struct job *job, const char *name) { return js_get_str(job->params, name); }

struct str signal_name(yyjson_val *value)
{
  static const struct { const char *number, *name; } signals[] = {
    {"1", "SIGHUP"}, {"2", "SIGINT"}, {"3", "SIGQUIT"}, {"15", "SIGTERM"},
  };
  for (size_t i = 0; i < ARRAY_LEN(signals); i++)
    if (str_eqc(js_str(value), signals[i].number))
      return str_of(signals[i].name);
  return js_str(value);
}

Err job_answer_log(struct job *job, struct runlog *log)
{
  runlog_write(log, &job->out);
  runlog_release(log);
  return OK;
}

static void end_word(struct expansion *x)
{
  if (!x->in_word)
    return;
  if (x->count + 1 >= x->cap) {
    size_t cap = x->cap ? x->cap * 2 : 16;
    const char **argv = arena_new(&x->job->arena, cap * sizeof *argv);
    if (x->count)
      memcpy(argv, x->argv, x->count * sizeof *argv);
    x->argv = argv;
    x->cap = cap;
  }
  x->argv[x->count++] = arena_dup(&x->job->arena, buf_str(&x->word));
  buf_clear(&x->word);
  x->in_word = false;
}

static void add_char(struct expansion *x, char c)
{
  buf_add_char(&x->text, c);
  if (c == ' ') {
    end_word(x);
    return;
  }
  buf_add_char(&x->word, c);
  x->in_word = true;
}

static void add_value(struct expansion *x, struct str value, char how)
{
  if (how == '!') {
    text_shell_escape(&x->text, value);
  } else if (how == '*') {
    struct text_words words = text_split_words(&x->job->arena, value);
    buf_add_str(&x->text, value);
    for (size_t i = 0; i < words.count; i++) {
      end_word(x);
      buf_add_text(&x->word, words.word[i]);
      x->in_word = true;
    }
    return;
  } else {
    buf_add_str(&x->text, value);
  }
  buf_add_str(&x->word, value);
  x->in_word = true;
}

static struct str grep_filter(struct job *job)
{
  yyjson_val *terms = yyjson_obj_get(job->params, "terms"), *v;
  struct str *list = arena_new(&job->arena, (yyjson_arr_size(terms) + 1) * sizeof *list);
  size_t i, max;
  yyjson_arr_foreach(terms, i, max, v)
    list[i] = js_str(v);
  bool all = str_eqc(job_text(job, "combinator"), "And");
  return text_grep(&job->arena, list, yyjson_arr_size(terms), all, js_get_bool(job->params, "invert", false));
}

static void add_param(struct expansion *x, struct str name, char how, struct str otherwise)
{
  yyjson_val *v = yyjson_obj_getn(x->job->params, name.ptr, name.len), *item;
  size_t i, max;
  if (str_eqc(name, "COMPOSE"))
    add_value(x, settings_compose(&x->job->agent->settings), '*');
  else if (str_eqc(name, "GREP"))
    add_value(x, grep_filter(x->job), 0);
  else if (yyjson_is_str(v))
    add_value(x, js_str(v), how);
  else if (yyjson_is_int(v))
    add_value(x, text_printf(&x->job->arena, "%lld", (long long)yyjson_get_sint(v)), how);
  else if (yyjson_is_arr(v))
    yyjson_arr_foreach(v, i, max, item) {
      if (i)
        add_char(x, ' ');
      add_value(x, js_str(item), how);
    }
  else
    add_value(x, otherwise, how);
}

static bool wanted(struct job *job, struct str name)
{
  bool negated = name.len && name.ptr[0] == '!';
  name = str_sub(name, negated ? 1 : 0, name.len);
  yyjson_val *v = yyjson_obj_getn(job->params, name.ptr, name.len);
  return negated != (v && !yyjson_is_null(v) && !yyjson_is_false(v));
}

/* "name", "name!", "name*" or "name:default" */
static void add_placeholder(struct expansion *x, struct str inside)
{
  ptrdiff_t colon = str_find(inside, ':');
  struct str otherwise = colon < 0 ? STR_NONE : str_sub(inside, (size_t)colon + 1, inside.len);
  struct str name = colon < 0 ? inside : str_make(inside.ptr, (size_t)colon);
  char last = name.ptr[name.len - 1], how = last == '!' || last == '*' ? last : 0;
  add_param(x, how ? str_make(name.ptr, name.len - 1) : name, how, otherwise);
}

static void expand(struct expansion *x, struct str template)
{
  for (size_t i = 0; i < template.len; i++) {
    char c = template.ptr[i];
    struct str rest = str_sub(template, i + 1, template.len);
    if (c == '{') {
      size_t len = (size_t)str_find(rest, '}');
      add_placeholder(x, str_make(rest.ptr, len));
      i += len + 1;
    } else if (c == '[') {
      size_t len = (size_t)str_find(rest, ']'), bar = (size_t)str_find(rest, '|');
      if (wanted(x->job, str_make(rest.ptr, bar)))
        expand(x, str_make(rest.ptr + bar + 1, len - bar - 1));
      i += len + 1;
    } else {
      add_char(x, c);
    }
  }
}

void command_expand(struct job *job, const char *template, struct command *ret)
{
  struct expansion x = {.job = job, .text = BUF_INIT(TEXT_MAX), .word = BUF_INIT(TEXT_MAX)};
  expand(&x, str_of(template));
  end_word(&x);
  if (x.argv)
    x.argv[x.count] = NULL;
  *ret = (struct command){text_keep(&job->arena, &x.text), x.argv};
  buf_release(&x.word);
}

void command_run(struct job *job, const char *stage, const char *template, unsigned timeout_ms, struct runlog *ret)
{
  struct command c;
  command_expand(job, template, &c);
  run_words(stage, c.text, c.argv, &(struct run_options){.timeout_ms = timeout_ms}, ret);
}

Err run_request_command(struct job *job)
{
  const struct request *r = job->request;
  struct runlog log;
  if (r->mode == RUN_STANDARD) {
    command_run(job, r->stage, r->command, r->timeout_ms, &log);
  } else {
    struct command c;
    command_expand(job, r->command, &c);
    run_command(r->mode, r->stage, c.text, &(struct run_options){.timeout_ms = r->timeout_ms}, &log);
  }
  return job_answer_log(job, &log);
}
