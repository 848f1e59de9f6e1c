/* The login of each role, fed with whatever a peer may send: first byte the role, then messages with a length byte. */
#include <stdlib.h>
#include <string.h>

#include "link/login.h"

static void on_send(struct str message, void *data) { *(size_t *)data += message.len; }

static Err on_check(struct str key, bool onboarding, bool fix, struct diag *reterr, void *data)
{
  (void)data;
  (void)onboarding;
  return fix && key.len ? OK : diag_set(reterr, ERR_AUTH, "no");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const char *const passkeys[] = {"abc", NULL};
  static struct login l;
  unsigned char secret[KEY_BYTES] = {1};
  struct login_fixed fixed = {{7}, {9}};
  struct key_pair key;
  size_t sent = 0;
  if (size < 1 || key_from_secret(secret, &key))
    return 0;
  struct login_config config = {.role = (enum login_role)(data[0] % 4), .key = &key, .query = STR("core=x"), .check_key = on_check,
                                .passkey = data[0] & 4 ? STR("abc") : STR_NONE, .passkeys = data[0] & 8 ? passkeys : NULL,
                                .onboarding = data[0] & 16, .onboarding_key = data[0] & 32 ? &key : NULL, .send = on_send,
                                .data = &sent, .fixed = &fixed};
  enum login_result r = login_start(&l, &config, STR("host"), STR("accept"));
  for (size_t at = 1; at < size && r == LOGIN_MORE;) {
    size_t len = data[at++];
    len = len < size - at ? len : size - at;
    r = login_feed(&l, str_make((const char *)data + at, len));
    if (r == LOGIN_STORING)
      r = login_stored(&l, len % 2 ? OK : ERR_IO, NULL);
    at += len;
  }
  for (int i = 0; i < 4 && r == LOGIN_MORE; i++)
    r = login_timeout(&l);
  if (r == LOGIN_MORE || r == LOGIN_STORING)
    abort();
  login_release(&l);
  return 0;
}
