/* script/feed.c: what comes piece by piece to policy (policy_internal.h): who waits for the next piece, and who keeps it alive. */
#include "base/mem.h"
#include "script/policy_internal.h"

struct feed_wait {
  struct op op;
  struct feed *feed;         /* own reference */
  lua_CFunction again;
  const char *what;
};

void feed_unref(struct feed *feed)
{
  if (--feed->refs == 0)
    feed->free(feed);
}

void feed_wake(struct feed *feed, Err err)
{
  struct op *reader = feed->reader;
  feed->reader = NULL;
  if (!reader)
    return;
  op_complete(reader, err, /* d= */ NULL);
  op_unref(reader);
}

static void wait_free(struct op *op)
{
  feed_unref(((struct feed_wait *)op)->feed);
  mem_free(op);
}

static void wait_cancel(struct op *op) { feed_wake(((struct feed_wait *)op)->feed, ERR_CANCELLED); }

static int wait_finish(lua_State *L, int status, lua_KContext ctx)
{
  struct feed_wait *wait = (struct feed_wait *)ctx;
  (void)status;
  return wait->op.err ? lua_fail(L, &wait->op, wait->what) : wait->again(L);
}

int feed_wait(lua_State *L, struct feed *feed, const char *what, lua_CFunction again)
{
  if (feed->reader)
    return luaL_error(L, "%s: another task reads it already", what);
  struct op **box = op_box(L);
  struct feed_wait *wait = mem_new(sizeof *wait);
  op_init(&wait->op, script_loop(L), wait_cancel, wait_free);
  *box = &wait->op;
  wait->feed = feed;
  wait->again = again;
  wait->what = what;
  feed->refs++;
  feed->reader = &wait->op;
  return op_await(L, box, wait_finish);
}

struct feed **feed_handle(lua_State *L, const char *class_name)
{
  struct feed **handle = lua_newuserdatauv(L, sizeof(struct feed *), 0);
  *handle = NULL;
  luaL_setmetatable(L, class_name);
  return handle;
}

void *feed_check(lua_State *L, const char *class_name)
{
  struct feed *feed = *(struct feed **)luaL_checkudata(L, 1, class_name);
  if (!feed)
    luaL_error(L, "%s: it is closed", class_name);
  return feed;
}

void *feed_close(lua_State *L, const char *class_name)
{
  struct feed **handle = luaL_checkudata(L, 1, class_name), *feed = *handle;
  *handle = NULL;
  return feed;
}
