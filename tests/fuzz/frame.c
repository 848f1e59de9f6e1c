/* Session frames and error texts: what decodes must encode to the same tail. */
#include <stdlib.h>
#include <string.h>

#include "link/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct str message = str_make((const char *)data, size);
  struct frame f;
  struct diag d;
  if (frame_decode(message, &f) == OK && f.kind != FRAME_LOGIN) {
    unsigned char tail[FRAME_TAIL_MAX];
    size_t n = frame_tail(f.kind, f.status, f.channel, tail);
    if (f.data.len + n != size || memcmp(tail + n - 1 - UUID_BYTES, data + size - 1 - UUID_BYTES, UUID_BYTES + 1) != 0)
      abort();
  }
  frame_error_decode(message, &d);
  CLEANUP(buf_release) struct buf text = BUF_INIT(64 * 1024);
  frame_error_encode(&text, &d);
  if (buf_err(&text))
    abort();
  return 0;
}
