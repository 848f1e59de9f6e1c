/* base/map.c: open addressing with linear probing and tombstones; grows at 3/4 full. */
#include "base/map.h"

#include "base/id.h"
#include "base/mem.h"

struct map_slot {
  char *key;        /* NULL: never used, or deleted when `dead` */
  size_t key_len;
  void *value;
  uint64_t hash;
  bool dead;
};

/* FNV-1a over a random start, finished by a mix: enough against chosen keys in tables of bounded size. */
static uint64_t hash_of(struct str key)
{
  uint64_t h = id_process_seed();
  for (size_t i = 0; i < key.len; i++)
    h = (h ^ (unsigned char)key.ptr[i]) * 0x100000001b3u;
  h ^= h >> 32;
  h *= 0x9E3779B97F4A7C15u;
  return h ^ (h >> 29);
}

void map_release(struct map *m)
{
  for (size_t i = 0; i < m->cap; i++)
    mem_free(m->slots[i].key);
  mem_free(m->slots);
  *m = (struct map){0};
}

static struct map_slot *find(const struct map *m, struct str key, uint64_t hash)
{
  for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
    struct map_slot *s = &m->slots[i];
    if (!s->key && !s->dead)
      return NULL;
    if (s->key && s->hash == hash && str_eq(str_make(s->key, s->key_len), key))
      return s;
  }
}

void *map_get(const struct map *m, struct str key)
{
  if (!m->count)
    return NULL;
  struct map_slot *s = find(m, key, hash_of(key));
  return s ? s->value : NULL;
}

static void place(struct map *m, struct map_slot slot)
{
  size_t i = slot.hash & (m->cap - 1);
  while (m->slots[i].key)
    i = (i + 1) & (m->cap - 1);
  if (!m->slots[i].dead)
    m->filled++;
  m->slots[i] = slot;
}

static void grow(struct map *m)
{
  struct map old = *m;
  size_t cap = 8;
  while (cap * 3 < (old.count + 1) * 6)
    cap *= 2;
  *m = (struct map){.slots = mem_new_array(cap, sizeof(struct map_slot)), .cap = cap, .count = old.count};
  for (size_t i = 0; i < old.cap; i++)
    if (old.slots[i].key)
      place(m, old.slots[i]);
  mem_free(old.slots);
}

void *map_set(struct map *m, struct str key, void *value)
{
  uint64_t hash = hash_of(key);
  struct map_slot *s = m->count ? find(m, key, hash) : NULL;
  if (s) {
    void *old = s->value;
    s->value = value;
    return old;
  }
  if ((m->filled + 1) * 4 > m->cap * 3)
    grow(m);
  place(m, (struct map_slot){.key = str_dup(key), .key_len = key.len, .value = value, .hash = hash});
  m->count++;
  return NULL;
}

void *map_remove(struct map *m, struct str key)
{
  struct map_slot *s = m->count ? find(m, key, hash_of(key)) : NULL;
  if (!s)
    return NULL;
  void *old = s->value;
  mem_free(s->key);
  *s = (struct map_slot){.dead = true};
  m->count--;
  return old;
}

bool map_next(const struct map *m, size_t *at, struct str *ret_key, void **ret_value)
{
  for (; *at < m->cap; ++*at) {
    const struct map_slot *s = &m->slots[*at];
    if (!s->key)
      continue;
    if (ret_key)
      *ret_key = str_make(s->key, s->key_len);
    *ret_value = s->value;
    ++*at;
    return true;
  }
  return false;
}
