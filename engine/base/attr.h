/* base/attr.h: the only compiler extensions used in this project. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#include "base/banned.h"

#define NODISCARD __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
/* Runs `release(&variable)` when the variable leaves its scope; release must accept a zeroed object. */
#define CLEANUP(release) __attribute__((cleanup(release)))
#define NORETURN __attribute__((noreturn))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
/* The object that embeds `member` at `ptr`. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

#endif
