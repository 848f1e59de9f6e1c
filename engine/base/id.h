/* base/id.h: random bytes and identifiers. Thread: any. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include "base/str.h"

enum { OBJECT_ID_LEN = 24, UUID_BYTES = 16 };

/* Cryptographically strong bytes from the kernel; aborts when there are none. */
void id_random(void *ptr, size_t len);
uint64_t id_process_seed(void);   /* one random number per process */

/* A fresh 24-character lower-case hex id: 4 bytes of Unix seconds, 5 random per process, 3 of a counter. */
void id_object(char ret_id[OBJECT_ID_LEN + 1]);
bool id_is_object(struct str s);   /* 24 hex digits of either case */

/* `len` random characters of [A-Za-z0-9] and a zero byte; unbiased. */
void id_alnum(char *dst, size_t len);

void id_uuid(unsigned char ret_uuid[UUID_BYTES]);   /* random version 4, RFC 9562, network order */
void id_uuid_format(const unsigned char uuid[UUID_BYTES], char ret_text[37]);
bool id_uuid_parse(struct str text, unsigned char ret_uuid[UUID_BYTES]);

#endif
