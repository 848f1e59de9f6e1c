/* base/map.h: a hash table from text to pointers, insertion-ordered iteration not promised.
 * Keys are copied; values are borrowed. Thread: one at a time. The hash is seeded per process, so that a peer that
 * chooses keys cannot make them collide. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map_slot;
struct map {
  struct map_slot *slots;
  size_t count;      /* live entries */
  size_t filled;     /* live and deleted */
  size_t cap;        /* power of two */
};

void map_release(struct map *m);
void *map_get(const struct map *m, struct str key);             /* NULL: absent */
void *map_set(struct map *m, struct str key, void *value);      /* returns the value replaced, or NULL; value not NULL */
void *map_remove(struct map *m, struct str key);                /* returns the value removed, or NULL */
/* Walks all entries: start with *at = 0; false at the end. Removing the entry just returned is allowed, inserting is not. */
bool map_next(const struct map *m, size_t *at, struct str *ret_key, void **ret_value);

#endif
