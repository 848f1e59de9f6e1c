/* script/lib_terminal.c: engine.terminal: channels of agents' terminals, read piece by piece. See libs.h. */
#include "base/mem.h"
#include "link/frame.h"
#include "script/policy_internal.h"

static const char TERMINAL[] = "komodo.terminal";
static const char hub_key;

struct channel {
  unsigned refs;             /* the handle's and a reader's */
  struct hub_terminal *at;   /* NULL: it has ended */
  struct buf data;           /* not read yet */
  struct op *reader;
  struct diag why;           /* once it has ended */
};

static void channel_unref(struct channel *c)
{
  if (--c->refs)
    return;
  buf_release(&c->data);
  mem_free(c);
}

static void wake_reader(struct channel *c, Err err)
{
  struct op *reader = c->reader;
  c->reader = NULL;
  if (!reader)
    return;
  op_complete(reader, err, /* d= */ NULL);
  op_unref(reader);
}

static void on_end(struct hub_terminal *t, const struct diag *d, void *data)
{
  struct channel *c = data;
  (void)t;
  c->at = NULL;
  c->why = *d;
  wake_reader(c, OK);
}

static void close_channel(struct channel *c, const char *words)
{
  struct hub_terminal *at = c->at;
  c->at = NULL;
  if (at)
    hub_terminal_close(at, words);
}

/* The protocol cannot slow one channel down: who does not read in time loses it. */
static void on_data(struct hub_terminal *t, struct str bytes, void *data)
{
  struct channel *c = data;
  (void)t;
  if (bytes.len > c->data.max - c->data.len) {
    close_channel(c, "Client disconnected");
    diag_set(&c->why, ERR_TOOBIG, "there is more output than is read, or more than %zu bytes at once", c->data.max);
  } else {
    buf_add_str(&c->data, bytes);
    if (buf_err(&c->data)) {
      close_channel(c, "Client disconnected");
      diag_set(&c->why, ERR_NOMEM, "there is no memory for the output");
    }
  }
  wake_reader(c, OK);
}

/* engine.terminal.open(server_id, uuid, max_bytes) -> channel | nil, err          [-3, +1|2, e] */
static int l_open(lua_State *L)
{
  struct str id = lua_check_str(L, 1), uuid = lua_check_str(L, 2);
  lua_Integer max = luaL_checkinteger(L, 3);
  luaL_argcheck(L, max > 0 && max <= HUB_ANSWER_MAX, 3, "out of range");
  lua_rawgetp(L, LUA_REGISTRYINDEX, &hub_key);
  struct hub *hub = lua_touserdata(L, -1);
  struct channel **box = lua_newuserdatauv(L, sizeof *box, 0), *c;
  *box = NULL;
  luaL_setmetatable(L, TERMINAL);
  *box = c = mem_new(sizeof *c);
  c->refs = 1;
  buf_init(&c->data, (size_t)max);
  const struct hub_terminal_config config = {.on_data = on_data, .on_end = on_end, .data = c};
  Err err = hub_terminal_open(hub, id, uuid, &config, &c->at, &c->why);
  if (!err)
    return 1;
  lua_pushnil(L);
  lua_push_err(L, err, &c->why, "terminal");
  return 2;
}

static struct channel *check_channel(lua_State *L)
{
  struct channel *c = *(struct channel **)luaL_checkudata(L, 1, TERMINAL);
  if (!c)
    luaL_error(L, "the terminal is closed");
  return c;
}

struct channel_read {
  struct op op;
  struct channel *channel;
};

static void read_free(struct op *op)
{
  channel_unref(((struct channel_read *)op)->channel);
  mem_free(op);
}

static void read_cancel(struct op *op) { wake_reader(((struct channel_read *)op)->channel, ERR_CANCELLED); }

static int take(lua_State *L, struct channel *c)
{
  if (c->data.len) {
    lua_pushlstring(L, c->data.ptr, c->data.len);
    buf_release(&c->data);
    return 1;
  }
  lua_pushnil(L);
  lua_push_err(L, c->why.err ? c->why.err : ERR_CLOSED, c->why.err ? &c->why : NULL, "terminal");
  return 2;
}

static int read_finish(lua_State *L, int status, lua_KContext ctx)
{
  struct op *op = (struct op *)ctx;
  (void)status;
  return op->err ? lua_fail(L, op, "terminal:read") : take(L, ((struct channel_read *)op)->channel);
}

/* channel:read() -> bytes | nil, err once it has ended               [-1, +1|2, e, waits] */
static int l_read(lua_State *L)
{
  struct channel *c = check_channel(L);
  if (c->data.len || !c->at)
    return take(L, c);
  if (c->reader)
    return luaL_error(L, "another task reads this terminal");
  struct op **box = op_box(L);
  struct channel_read *read = mem_new(sizeof *read);
  op_init(&read->op, script_loop(L), read_cancel, read_free);
  read->channel = c;
  c->refs++;
  c->reader = &read->op;
  *box = &read->op;
  return op_await(L, box, read_finish);
}

/* channel:type(bytes) -> true | nil, err                             [-2, +1|2, e] */
static int l_type(lua_State *L)
{
  struct channel *c = check_channel(L);
  struct str bytes = lua_check_str(L, 2);
  struct buf *message = lua_buf(L, FRAME_MAX);
  buf_add_str(message, bytes);
  buf_add_char(message, FRAME_FORWARD);
  Err err = c->at ? buf_err(message) : ERR_CLOSED;
  if (!err)
    err = hub_terminal_send(c->at, buf_str(message));
  if (err) {
    lua_pushnil(L);
    lua_push_err(L, err, NULL, "terminal:type");
    return 2;
  }
  lua_pushboolean(L, true);
  return 1;
}

/* channel:close(): the agent is told; a reader's wait ends           [-1, +0, -] */
static int l_close(lua_State *L)
{
  struct channel *c = check_channel(L);
  close_channel(c, "Client disconnected");
  wake_reader(c, OK);
  return 0;
}

static int l_gc(lua_State *L)
{
  struct channel **box = lua_touserdata(L, 1), *c = *box;
  *box = NULL;
  if (c) {
    close_channel(c, "Client disconnected");
    wake_reader(c, OK);
    channel_unref(c);
  }
  return 0;
}

static const luaL_Reg functions[] = {{"open", l_open}, {NULL, NULL}};
static const luaL_Reg methods[] = {{"read", l_read}, {"type", l_type}, {"close", l_close}, {"__gc", l_gc}, {"__close", l_gc},
                                   {NULL, NULL}};

void lib_terminal_open(lua_State *L, struct hub *hub)
{
  lua_new_class(L, TERMINAL, methods);
  lua_pushlightuserdata(L, hub);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &hub_key);
  lua_engine_lib(L, "terminal", functions);
}
