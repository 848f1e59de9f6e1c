/* base/id.c: see id.h. */
#include "base/id.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/random.h>
#include <time.h>

#include "base/codec.h"

void id_random(void *ptr, size_t len)
{
  char *p = ptr;
  while (len) {
    ssize_t n = getrandom(p, len, 0);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      abort();
    p += n;
    len -= (size_t)n;
  }
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t seed;
static unsigned char process_part[5];
static atomic_uint counter;

static void start(void)
{
  unsigned first;
  id_random(&seed, sizeof seed);
  id_random(process_part, sizeof process_part);
  id_random(&first, sizeof first);
  atomic_store(&counter, first);
}

uint64_t id_process_seed(void)
{
  pthread_once(&once, start);
  return seed;
}

void id_object(char ret_id[OBJECT_ID_LEN + 1])
{
  pthread_once(&once, start);
  uint32_t now = (uint32_t)time(NULL);
  unsigned n = atomic_fetch_add(&counter, 1);
  unsigned char raw[12] = {(unsigned char)(now >> 24), (unsigned char)(now >> 16), (unsigned char)(now >> 8), (unsigned char)now};
  memcpy(raw + 4, process_part, 5);
  raw[9] = (unsigned char)(n >> 16);
  raw[10] = (unsigned char)(n >> 8);
  raw[11] = (unsigned char)n;
  hex_encode(raw, sizeof raw, ret_id);
}

bool id_is_object(struct str s)
{
  unsigned char raw[12];
  return s.len == OBJECT_ID_LEN && hex_decode(s, raw, sizeof raw);
}

void id_alnum(char *dst, size_t len)
{
  static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  unsigned char pool[64];
  size_t have = 0;
  for (size_t i = 0; i < len;) {
    if (have == 0) {
      id_random(pool, sizeof pool);
      have = sizeof pool;
    }
    unsigned char c = pool[--have];
    if (c < 248)   /* 4 * 62: beyond it the first characters would be likelier */
      dst[i++] = set[c % 62];
  }
  dst[len] = 0;
}

void id_uuid(unsigned char ret_uuid[UUID_BYTES])
{
  id_random(ret_uuid, UUID_BYTES);
  ret_uuid[6] = (unsigned char)((ret_uuid[6] & 0x0F) | 0x40);
  ret_uuid[8] = (unsigned char)((ret_uuid[8] & 0x3F) | 0x80);
}

void id_uuid_format(const unsigned char uuid[UUID_BYTES], char ret_text[37])
{
  char hex[33];
  hex_encode(uuid, UUID_BYTES, hex);
  snprintf(ret_text, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

bool id_uuid_parse(struct str text, unsigned char ret_uuid[UUID_BYTES])
{
  if (text.len != 36 || text.ptr[8] != '-' || text.ptr[13] != '-' || text.ptr[18] != '-' || text.ptr[23] != '-')
    return false;
  char hex[32];
  size_t n = 0;
  for (size_t i = 0; i < 36; i++)
    if (i != 8 && i != 13 && i != 18 && i != 23)
      hex[n++] = text.ptr[i];
  return hex_decode(str_make(hex, 32), ret_uuid, UUID_BYTES);
}
