/* base/clock.h: time. `_unix_ms` is wall clock, `_mono_ms` never goes backwards. Thread: any. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_unix_ms(void);
uint64_t clock_mono_ms(void);
uint64_t clock_mono_ns(void);
uint64_t clock_thread_cpu_ns(void);   /* CPU time of the calling thread */

enum { CLOCK_ISO_LEN = 24 };
/* "2026-01-31T12:34:56.789Z" (RFC 3339, UTC) and a zero byte. */
void clock_format_iso(int64_t unix_ms, char ret_text[CLOCK_ISO_LEN + 1]);

#endif
