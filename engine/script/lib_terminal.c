/* script/lib_terminal.c: engine.terminal: channels of agents' terminals, read piece by piece. See libs.h. */
#include "base/mem.h"
#include "link/frame.h"
#include "script/policy_internal.h"

static const char TERMINAL[] = "terminal";
static const char hub_key;

struct channel {
  struct feed feed;          /* the handle's and a reader's */
  struct hub_terminal *at;   /* NULL: it has ended */
  struct buf data;           /* not read yet */
  struct diag why;           /* once it has ended */
};

static void channel_free(struct feed *feed)
{
  struct channel *c = (struct channel *)feed;
  buf_release(&c->data);
  mem_free(c);
}

static void on_end(struct hub_terminal *t, const struct diag *d, void *data)
{
  struct channel *c = data;
  (void)t;
  c->at = NULL;
  c->why = *d;
  feed_wake(&c->feed, OK);
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
  feed_wake(&c->feed, OK);
}

/* engine.terminal.open(server_id, uuid, max_bytes) -> channel | nil, err          [-3, +1|2, e] */
static int l_open(lua_State *L)
{
  struct str id = lua_check_str(L, 1), uuid = lua_check_str(L, 2);
  lua_Integer max = luaL_checkinteger(L, 3);
  luaL_argcheck(L, max > 0 && max <= HUB_ANSWER_MAX, 3, "out of range");
  lua_rawgetp(L, LUA_REGISTRYINDEX, &hub_key);
  struct hub *hub = lua_touserdata(L, -1);
  struct feed **handle = feed_handle(L, TERMINAL);
  struct channel *c = mem_new(sizeof *c);
  *handle = &c->feed;
  c->feed = (struct feed){.refs = 1, .free = channel_free};
  buf_init(&c->data, (size_t)max);
  const struct hub_terminal_config config = {.on_data = on_data, .on_end = on_end, .data = c};
  Err err = hub_terminal_open(hub, id, uuid, &config, &c->at, &c->why);
  if (!err)
    return 1;
  return lua_nil_err(L, err, &c->why, "terminal");
}

static int take(lua_State *L, struct channel *c)
{
  if (c->data.len) {
    lua_pushlstring(L, c->data.ptr, c->data.len);
    buf_release(&c->data);
    return 1;
  }
  return lua_nil_err(L, c->why.err ? c->why.err : ERR_CLOSED, c->why.err ? &c->why : NULL, "terminal");
}

/* channel:read() -> bytes | nil, err once it has ended               [-1, +1|2, e, waits] */
static int l_read(lua_State *L)
{
  struct channel *c = feed_check(L, TERMINAL);
  if (c->data.len || !c->at)
    return take(L, c);
  return feed_wait(L, &c->feed, "terminal:read", l_read);
}

/* channel:type(bytes) -> true | nil, err                             [-2, +1|2, e] */
static int l_type(lua_State *L)
{
  struct channel *c = feed_check(L, TERMINAL);
  struct str bytes = lua_check_str(L, 2);
  struct buf *message = lua_buf(L, FRAME_MAX);
  buf_add_str(message, bytes);
  buf_add_char(message, FRAME_FORWARD);
  Err err = c->at ? buf_err(message) : ERR_CLOSED;
  if (!err)
    err = hub_terminal_send(c->at, buf_str(message));
  if (err)
    return lua_nil_err(L, err, NULL, "terminal:type");
  lua_pushboolean(L, true);
  return 1;
}

/* channel:close(): the agent is told; a reader's wait ends           [-1, +0, -] */
static int l_close(lua_State *L)
{
  struct channel *c = feed_check(L, TERMINAL);
  close_channel(c, "Client disconnected");
  feed_wake(&c->feed, OK);
  return 0;
}

static int l_gc(lua_State *L)
{
  struct channel *c = feed_close(L, TERMINAL);
  if (c) {
    close_channel(c, "Client disconnected");
    feed_wake(&c->feed, OK);
    feed_unref(&c->feed);
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
