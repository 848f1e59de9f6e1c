/* script/run_log.c: what a script prints: lines into the run's buffer, from where the loop thread takes them. */
#include "script/libs.h"
#include "script/run_internal.h"

static const char REPLACEMENT[] = "\xEF\xBF\xBD";

/* The length of the valid UTF-8 character at `p`, or 0. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
  size_t n = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0;
  return n && n <= left && str_is_utf8(str_make((const char *)p, n)) ? n : 0;
}

void text_clean(struct buf *out, struct str text)
{
  if (str_is_utf8(text)) {
    buf_add_str(out, text);
    return;
  }
  for (size_t i = 0; i < text.len;) {
    size_t n = utf8_len((const unsigned char *)text.ptr + i, text.len - i);
    if (n)
      buf_add(out, text.ptr + i, n);
    else
      buf_add_text(out, REPLACEMENT);
    i += n ? n : 1;
  }
}

static void add_line(struct run *run, struct str text)
{
  size_t limit = run->limits.log_bytes;
  if (run->log_said_full || text.len + 1 > limit - run->log_total) {
    run->log_dropped += text.len + 1;
    if (!run->log_said_full)
      buf_printf(&run->log, "(the log limit of %zu KB is reached: later lines are dropped)\n", limit / 1024);
    run->log_said_full = true;
    return;
  }
  buf_add_str(&run->log, text);
  if (!text.len || text.ptr[text.len - 1] != '\n')
    buf_add_char(&run->log, '\n');
  run->log_total += text.len + 1;
}

void run_log(struct run *run, struct str text)
{
  guard_enter();
  uv_mutex_lock(&run->log_lock);
  add_line(run, text);
  bool tell = !run->log_posted && run->log.len;
  if (tell)
    run->log_posted = true;
  uv_mutex_unlock(&run->log_lock);
  if (tell) {
    atomic_fetch_add(&run->posted, 1);
    mailbox_post(&run->runner->mailbox, &run->log_message.mail);
  }
  guard_leave();
}

void run_push_shown(lua_State *L, int index)
{
  if (lua_istable(L, index)) {
    if (luaL_getmetafield(L, index, "__tostring") == LUA_TNIL) {
      lib_komodo_push_encode(L);
      lua_pushvalue(L, index);
      if (lua_pcall(L, 1, 1, 0) == LUA_OK)
        return;
    }
    lua_pop(L, 1);
  }
  luaL_tolstring(L, index, NULL);
}

/* The text on top as valid UTF-8, in memory of the script: a long one takes its time. [-1, +1, m] */
static void make_clean(lua_State *L)
{
  struct str text = lua_check_str(L, -1);
  if (text.len > run_of(L)->limits.log_bytes || str_is_utf8(text))
    return;
  luaL_Buffer b;
  size_t size = sizeof REPLACEMENT * text.len;
  struct buf out = {.ptr = luaL_buffinitsize(L, &b, size), .cap = size, .max = size - 1};
  text_clean(&out, text);
  luaL_pushresultsize(&b, out.len);
}

/* print(...): one line, values separated by tabs                     [-n, +0, e] */
int lib_print(lua_State *L)
{
  int n = lua_gettop(L);
  luaL_checkstack(L, 2 * n + 8, "too many values");
  for (int i = 1; i <= n; i++) {
    if (i > 1)
      lua_pushliteral(L, "\t");
    run_push_shown(L, i);
  }
  lua_concat(L, lua_gettop(L) - n);
  make_clean(L);
  run_log(run_of(L), lua_check_str(L, -1));
  return 0;
}
