/* Any bytes as merged text (first half) and as a .env file (second half): no crash, the maximum holds. */
#include "conf/interpolate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void echo(void *context, struct str word, bool is_command, struct buf *out)
{
  (void)context;
  (void)is_command;
  buf_add_str(out, word);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  CLEANUP(env_release) struct env env = {0};
  CLEANUP(buf_release) struct buf out = BUF_INIT(1 << 16);
  char *vars[] = {(char *)(uintptr_t) "A=${B}$(c)", (char *)(uintptr_t) "B=${A}${A}", NULL};
  struct str all = str_make((const char *)data, size);
  env_copy(&env, vars);
  dotenv_parse(&env, str_sub(all, size / 2, size));
  Err err = interpolate(str_sub(all, 0, size / 2), &env, echo, NULL, &out);
  if (out.len > out.max || (err && err != ERR_LIMIT && err != ERR_TOOBIG))
    abort();
  return 0;
}
