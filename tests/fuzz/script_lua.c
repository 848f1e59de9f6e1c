/* Random Lua in the real runner: the bytes choose statements, nasty values and library calls, so nearly every input runs.
 * It ends in time, keeps to its limits, and leaves nothing behind: no raised guard (worker.c), no memory outside, no heap. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "script/run_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SOURCE_MAX = 64 * 1024, DEPTH_MAX = 6, CPU_MS = 30, CPU_LATE_MS = 400, LATE_MS = 20000, MEMORY = 2 << 20 };

/* ---- making Lua ---- */
struct gen {
  const uint8_t *at, *end;
  struct buf out;
  int depth, blocks;
};

static unsigned pick(struct gen *g, unsigned n) { return g->at < g->end ? *g->at++ % n : 0; }
static void add(struct gen *g, const char *text) { buf_add_text(&g->out, text); }

static void expression(struct gen *g);
static void block(struct gen *g);

static const char *const values[] = {
  "nil", "true", "0", "-1", "1", "2", "7", "1e308", "0/0", "math.huge", "-math.huge", "math.maxinteger", "math.mininteger", "0.5",
  "1 << 20", "1 << 31", "1 << 60", "''", "'x'", "'\\0'", "'\\xff'", "'%'", "'(.-)%1'", "'[%w]*'", "'%b()'", "'%f[%w]'", "('a'):rep(5000)",
  "('.-'):rep(30)", "('a?'):rep(40)", "('{'):rep(300)", "'[1,{\"a\":[]}]'", "'return ...'", "{}", "{1,2,3}", "{a=1}", "{{},{{}}}", "komodo",
  "komodo.json.null", "komodo.json.array{}", "string", "_G", "_ENV", "coroutine.running()", "select('#', ...)", "...", "print", "error",
  "'Echo'", "'Slow'", "'kv'", "'__close'", "'__gc'", "'k'", "'%c'", "'!%Y'", "'*t'", "'sha256'", "'i8'", "'s4'", "'!8xXi4'", "0.001", "10",
};

static const char *const functions[] = {
  "assert", "error", "ipairs", "load", "next", "pairs", "pcall", "print", "rawequal", "rawget", "rawlen", "rawset", "select", "setmetatable",
  "getmetatable", "tonumber", "tostring", "type", "xpcall", "require", "collectgarbage", "coroutine.close", "coroutine.create",
  "coroutine.isyieldable", "coroutine.resume", "coroutine.running", "coroutine.status", "coroutine.wrap", "coroutine.yield", "string.byte",
  "string.char", "string.find", "string.format", "string.gmatch", "string.gsub", "string.len", "string.lower", "string.match", "string.pack",
  "string.packsize", "string.rep", "string.reverse", "string.sub", "string.unpack", "string.upper", "table.concat", "table.insert",
  "table.move", "table.pack", "table.remove", "table.sort", "table.unpack", "utf8.char", "utf8.codepoint", "utf8.codes", "utf8.len",
  "utf8.offset", "math.abs", "math.floor", "math.fmod", "math.random", "math.randomseed", "math.tointeger", "math.ult", "math.max", "os.clock",
  "os.date", "os.difftime", "os.time", "debug.traceback", "komodo.read", "komodo.write", "komodo.start", "komodo.execute", "komodo.wait",
  "komodo.sleep", "komodo.now", "komodo.spawn", "komodo.all", "komodo.race", "komodo.timeout", "komodo.log", "komodo.log.warn", "komodo.stage",
  "komodo.var", "komodo.secret", "komodo.kv.get", "komodo.kv.set", "komodo.kv.incr", "komodo.kv.list", "komodo.lock", "komodo.http",
  "komodo.http.get", "komodo.stacks.deploy", "komodo.stacks.list", "komodo.base64.encode", "komodo.base64.decode", "komodo.hex.encode",
  "komodo.hex.decode", "komodo.hash", "komodo.hmac", "komodo.url.encode", "komodo.url.decode", "komodo.url.query", "komodo.glob",
  "komodo.template", "komodo.semver.parse", "komodo.semver.compare", "komodo.semver.sort", "komodo.json.encode", "komodo.json.decode",
  "komodo.json.array", "komodo.json.object", "komodo.json.is_array", "komodo.yaml.decode", "komodo.yaml.encode", "komodo.toml.decode",
  "komodo.toml.encode", "komodo.time.parts", "komodo.time.format", "komodo.time.next", "komodo.time.add", "komodo.time.parse", "v0", "v1", "v2", "v3",
};

static const char *const events[] = {"__index", "__newindex", "__call", "__close", "__len", "__eq", "__lt", "__le", "__concat", "__add",
                                     "__unm", "__tostring", "__pairs", "__name", "__metatable", "__mode", "__gc", "__band"};
static const char *const operators[] = {"+", "-", "*", "/", "//", "%", "^", "..", "==", "<", "<=", "~=", "and", "or", "&", "|", "~", "<<", ">>"};

static void name(struct gen *g)
{
  char text[3] = {'v', (char)('0' + pick(g, 6)), 0};
  add(g, text);
}

static void list(struct gen *g, unsigned n)
{
  for (unsigned i = 0; i < n; i++) {
    if (i)
      add(g, ", ");
    expression(g);
  }
}

static void call(struct gen *g)
{
  add(g, functions[pick(g, ARRAY_LEN(functions))]);
  add(g, "(");
  list(g, pick(g, 4));
  add(g, ")");
}

static void function(struct gen *g)
{
  add(g, "function(v0, ...) ");
  block(g);
  add(g, " end");
}

static void with_metatable(struct gen *g)
{
  add(g, "setmetatable({}, {");
  for (unsigned i = 0, n = 1 + pick(g, 3); i < n; i++) {
    add(g, events[pick(g, ARRAY_LEN(events))]);
    add(g, " = ");
    expression(g);
    add(g, ", ");
  }
  add(g, "})");
}

static void expression(struct gen *g)
{
  if (g->depth >= DEPTH_MAX || g->at >= g->end) {
    add(g, values[pick(g, ARRAY_LEN(values))]);
    return;
  }
  g->depth++;
  switch (pick(g, 12)) {
  case 0: case 1: case 2: add(g, values[pick(g, ARRAY_LEN(values))]); break;
  case 3: case 4: name(g); break;
  case 5: add(g, functions[pick(g, ARRAY_LEN(functions))]); break;
  case 6: case 7: call(g); break;
  case 8: function(g); break;
  case 9: with_metatable(g); break;
  case 10:
    add(g, "(");
    expression(g);
    add(g, " ");
    add(g, operators[pick(g, ARRAY_LEN(operators))]);
    add(g, " ");
    expression(g);
    add(g, ")");
    break;
  default:
    add(g, pick(g, 2) ? "#(" : "(");
    expression(g);
    add(g, pick(g, 2) ? ")" : ")[1]");
    break;
  }
  g->depth--;
}

static void statement(struct gen *g)
{
  g->depth++;
  switch (g->depth >= DEPTH_MAX ? 0 : pick(g, 16)) {
  case 0: name(g); add(g, " = "); expression(g); break;
  case 1: case 2: add(g, "local _ = "); call(g); break;
  case 3: case 4: add(g, "pcall("); expression(g); add(g, ", "); expression(g); add(g, ")"); break;
  case 5: add(g, "do local c <close> = "); with_metatable(g); add(g, " "); block(g); add(g, " end"); break;
  case 6: add(g, "while "); expression(g); add(g, " do "); block(g); add(g, " end"); break;
  case 7: add(g, "for v1 = "); list(g, 2); add(g, " do "); block(g); add(g, " end"); break;
  case 8: add(g, "for v0, v1 in "); expression(g); add(g, " do "); block(g); add(g, " end"); break;
  case 9: add(g, "v2 = coroutine.wrap("); function(g); add(g, ") pcall(v2)"); break;
  case 10: add(g, "v3 = coroutine.create("); function(g); add(g, ") coroutine.resume(v3, "); expression(g); add(g, ")"); break;
  case 11: add(g, "v4 = komodo.spawn("); function(g); add(g, ")"); break;
  case 12: add(g, "pcall(function() v4:"); add(g, pick(g, 2) ? "wait() end)" : "cancel() end)"); break;
  case 13: add(g, "xpcall("); function(g); add(g, ", "); function(g); add(g, ")"); break;
  case 14: add(g, "pcall(function(...) (v5)[1] = "); expression(g); add(g, " end)"); break;
  default: add(g, "if "); expression(g); add(g, " then "); block(g); add(g, " end"); break;
  }
  add(g, "\n");
  g->depth--;
}

static void block(struct gen *g)
{
  for (unsigned i = 0, n = 1 + pick(g, 3); i < n && g->at < g->end && g->blocks < 400; i++, g->blocks++)
    statement(g);
  if (pick(g, 4) == 1) {
    add(g, "return ");
    expression(g);
  }
}

static struct str make(struct gen *g)
{
  add(g, "local v0, v1, v2, v3, v4, v5 = 1, 'x', print, {}, nil, {}\n");
  while (g->at < g->end && g->blocks++ < 400)
    if (pick(g, 3) == 2) {
      statement(g);
    } else {   /* most errors should not end the script */
      add(g, "pcall(function(...) ");
      statement(g);
      add(g, " end, 1, 2)\n");
    }
  return buf_str(&g->out);
}

/* ---- running it ---- */
static struct {
  uv_loop_t loop;
  struct op_loop ops;
  struct runner *runner;
} host;

static void on_slow(struct op *op, void *data)
{
  script_call_done(data, OK, 200, STR("{\"id\":1,\"value\":[1]}"), NULL);
  op_unref(op);
}

static void answer(struct script_call *call, enum script_group group, struct str name, struct str params, void *data)
{
  (void)group, (void)data;
  if (str_eqc(name, "Echo")) {
    script_call_done(call, OK, 200, params, NULL);
  } else if (name.len % 2) {
    struct diag d;
    diag_set(&d, ERR_NOTFOUND, "no such thing");
    script_call_done(call, ERR_NOTFOUND, 404, STR_NONE, &d);
  } else {
    struct op *op;
    op_sleep(&host.ops, name.len % 5, &op);
    op_wait(op, on_slow, call);
  }
}

static void on_log(struct script_run *run, struct str lines, void *data)
{
  (void)run, (void)data;
  if (!str_is_utf8(lines) || lines.ptr[lines.len - 1] != '\n')
    abort();
}

static void told(struct op *op, void *data)
{
  (void)op;
  *(bool *)data = true;
}

static void on_cancel_time(struct op *op, void *data)
{
  script_run_cancel(*(struct script_run **)data);
  *(struct script_run **)data = NULL;
  op_unref(op);
}

static void check(const struct script_run *run, uint64_t took_ms)
{
  const struct script_outcome *o = &run->outcome;
  if (o->cpu_us > (CPU_MS + CPU_LATE_MS) * 1000 || took_ms > LATE_MS) {
    fprintf(stderr, "%d ms of CPU, %d ms in all\n", (int)(o->cpu_us / 1000), (int)took_ms);
    abort();
  }
  if ((o->message && !str_is_utf8(str_of(o->message))) || !str_is_utf8(str_of(o->traceback)) || o->result.len > 4096)
    abort();
  const struct run *r = (const struct run *)run;
  if (r->heap || r->digest || r->held || r->requests || r->inbox || o->peak_bytes > MEMORY + 64)
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (!host.runner) {
    log_configure(&(struct log_config){.format = LOG_NONE});
    uv_loop_init(&host.loop);
    op_loop_init(&host.ops, &host.loop);
    struct runner_config config = {.loop = &host.ops, .workers = 2, .call = answer};
    if (runner_new(&config, &host.runner, NULL))
      abort();
  }
  if (size < 2)
    return 0;
  struct gen g = {.at = data + 1, .end = data + size, .out = BUF_INIT(SOURCE_MAX)};
  struct script_spec spec = {
      .source = data[0] % 8 ? make(&g) : str_make((const char *)data + 1, size - 1),
      .limits = {.cpu_seconds = CPU_MS / 1000.0, .wall_seconds = 0.06, .memory_bytes = MEMORY, .log_bytes = 4096, .result_bytes = 4096,
                 .tasks = 60},
      .on_log = on_log};
  if (getenv("SHOW"))
    fwrite(spec.source.ptr, 1, spec.source.len, stderr);
  uint64_t begin = clock_mono_ms();
  struct script_run *run, *to_cancel;
  if (runner_start(host.runner, &spec, &run, NULL))
    abort();
  buf_release(&g.out);
  bool done = false;
  op_wait(&run->op, told, &done);
  struct op *cancel = NULL;
  to_cancel = data[0] & 0x40 ? run : NULL;
  if (to_cancel) {
    op_sleep(&host.ops, data[0] % 32, &cancel);
    op_wait(cancel, on_cancel_time, &to_cancel);
  }
  while (!done || to_cancel)
    uv_run(&host.loop, UV_RUN_ONCE);
  check(run, clock_mono_ms() - begin);
  op_unref(&run->op);
  return 0;
}
