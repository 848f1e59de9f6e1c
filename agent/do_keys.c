/* agent/do_keys.c: rotation of keys (spec agent.md 3.7, 8.7). The links own the keys; here is the answering. */
#include "agent/agent.h"
#include "agent/requests.h"
#include "base/mem.h"
#include "link/serve.h"

struct rotation {
  struct agent *agent;
  struct serve_call *call;
};

static void fail(struct rotation *r, const struct op *op)
{
  struct diag words = {0};
  diag_set(&words, op->err, "%s", err_words(op->err));
  serve_call_error(r->call, op->diag ? op->diag : &words);
}

static void on_private(struct op *op, void *data)
{
  struct rotation *r = data;
  if (op->err) {
    fail(r, op);
  } else {
    struct str key = serve_public_key(r->agent->serve);
    struct buf out = BUF_INIT(256);
    shared_text_set(&r->agent->public_key, key);
    js_open(&out, '{');
    js_put_str(&out, "public_key", key);
    buf_add_char(&out, '}');
    serve_call_ok(r->call, buf_str(&out));
    buf_release(&out);
  }
  mem_free(r);
  op_unref(op);
}

static void on_core(struct op *op, void *data)
{
  struct rotation *r = data;
  if (op->err)
    fail(r, op);
  else
    serve_call_ok(r->call, STR("{}"));
  mem_free(r);
  op_unref(op);
}

static struct rotation *rotation_new(struct agent *agent, struct serve_call *call)
{
  struct rotation *r = mem_new(sizeof *r);
  *r = (struct rotation){agent, call};
  return r;
}

void do_rotate_private_key(struct agent *agent, struct serve_call *call, yyjson_val *params)
{
  (void)params;
  struct op *op;
  serve_rotate_private_key(agent->serve, &op);
  op_wait(op, on_private, rotation_new(agent, call));
}

void do_rotate_core_public_key(struct agent *agent, struct serve_call *call, yyjson_val *params)
{
  struct op *op;
  serve_rotate_core_key(agent->serve, js_get_str(params, "public_key"), &op);
  op_wait(op, on_core, rotation_new(agent, call));
}
