/* auth/lru.c: see lru.h. */
#include "auth/lru.h"

#include "base/mem.h"

static void unlink_node(struct lru *l, struct lru_node *n)
{
  *(n->newer ? &n->newer->older : &l->newest) = n->older;
  *(n->older ? &n->older->newer : &l->oldest) = n->newer;
  n->newer = n->older = NULL;
}

static void link_newest(struct lru *l, struct lru_node *n)
{
  n->older = l->newest;
  *(l->newest ? &l->newest->newer : &l->oldest) = n;
  l->newest = n;
}

void lru_remove(struct lru *l, struct lru_node *node)
{
  map_remove(&l->map, str_make(node->key, node->key_len));
  unlink_node(l, node);
  mem_free(node->key);
  l->drop(node);
}

void lru_release(struct lru *l)
{
  while (l->oldest)
    lru_remove(l, l->oldest);
  map_release(&l->map);
}

struct lru_node *lru_get(struct lru *l, struct str key)
{
  struct lru_node *n = map_get(&l->map, key);
  if (n && n != l->newest) {
    unlink_node(l, n);
    link_newest(l, n);
  }
  return n;
}

void lru_put(struct lru *l, struct str key, struct lru_node *node)
{
  struct lru_node *before = map_get(&l->map, key);
  if (before)
    lru_remove(l, before);
  else if (l->map.count >= l->max)
    lru_remove(l, l->oldest);
  node->key = str_dup(key);
  node->key_len = key.len;
  map_set(&l->map, key, node);
  link_newest(l, node);
}
