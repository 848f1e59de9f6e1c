/* auth/lru.h: a bounded map that forgets what was not used for longest. Keys are copied. Thread: one at a time. */
#ifndef AUTH_LRU_H
#define AUTH_LRU_H

#include "base/map.h"

struct lru_node {             /* embed it first */
  struct lru_node *newer, *older;
  char *key;
  size_t key_len;
};

struct lru {
  struct map map;
  struct lru_node *newest, *oldest;
  size_t max;
  void (*drop)(struct lru_node *node);   /* frees the whole object; the key is freed by the lru */
};

#define LRU_INIT(maximum, drop_fn) ((struct lru){.max = (maximum), .drop = (drop_fn)})

void lru_release(struct lru *l);
struct lru_node *lru_get(struct lru *l, struct str key);                     /* marks it used; NULL: absent */
void lru_put(struct lru *l, struct str key, struct lru_node *node);          /* takes the node; replaces one of this key */
void lru_remove(struct lru *l, struct lru_node *node);                       /* drops it */

#endif
