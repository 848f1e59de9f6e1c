/* base/mem.h: the one door to the heap.
 *
 * mem_new and friends are for sizes we choose: they return zeroed memory and abort when there is none.
 * mem_try is for sizes a peer, a file or a script chooses: it returns NULL and the caller answers ERR_NOMEM.
 * Thread: any. Memory goes back with mem_free, from any thread.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>

#include "base/attr.h"

void *mem_new(size_t size) NODISCARD;                       /* zeroed; aborts */
void *mem_new_array(size_t count, size_t size) NODISCARD;   /* zeroed, overflow-checked; aborts */
void *mem_resize(void *ptr, size_t size) NODISCARD;         /* new bytes not zeroed; aborts */
void *mem_try(size_t size) NODISCARD;                       /* zeroed; NULL when there is none */
void *mem_try_resize(void *ptr, size_t size) NODISCARD;     /* NULL: ptr is untouched */
void mem_free(void *ptr);                                   /* NULL is fine */
char *mem_strdup(const char *text) NODISCARD;               /* NULL gives NULL */
char *mem_strndup(const char *ptr, size_t len) NODISCARD;   /* always ends in a zero byte */
char *mem_printf(const char *fmt, ...) PRINTF_LIKE(1, 2) NODISCARD;
void mem_wipe(void *ptr, size_t size);                      /* not optimised away; for secrets */

/* CLEANUP(mem_free_at) for `char *` and friends. */
void mem_free_at(void *ptr_to_ptr);

#ifdef KOMODO_DEBUG
/* The allocation ladder: the n-th mem_try from now on (0 = the next) fails, on this thread. */
void mem_fail_after(long n);
/* Ends the ladder; true when an allocation was made to fail. */
bool mem_disarm(void);
#endif

#endif
