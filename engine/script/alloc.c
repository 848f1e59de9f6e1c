/* script/alloc.c: see alloc.h. */
#include "script/alloc.h"

#include <stdint.h>
#include <sys/mman.h>

enum {
  WORD = sizeof(size_t),
  GRAIN = 16,                   /* sizes of blocks are multiples of it */
  BLOCK_MIN = 32,
  QUICK_MAX = 160,              /* blocks up to here go to lists of their exact size, unmerged */
  QUICK_COUNT = QUICK_MAX / GRAIN + 1,
  FL_MIN = 5, FL_COUNT = 26,    /* first level: powers of two, 2^5 … 2^30 */
  SL_LOG = 3, SL_COUNT = 8,     /* second level: eighths */
  PAGE = 4096,
  COMMIT_MIN = 64 * 1024,
  COMMIT_MAX = 1024 * 1024,
  KEEP = 128 * 1024,            /* pages that stay resident when a heap is reset */
};

enum { IS_FREE = 1, PREV_FREE = 2, FLAGS = 15 };

struct block {
  size_t word;                  /* size with header, and flags */
  struct block *next, *prev;    /* free blocks only; the payload starts here */
};

struct heap {
  char *top;                    /* end of the blocks */
  char *committed;
  char *end;
  size_t used, peak, limit, capacity;
  bool was_full;
  uint32_t fl_map;
  uint8_t sl_map[FL_COUNT];
  struct block *quick[QUICK_COUNT];
  uint32_t lists[FL_COUNT][SL_COUNT];   /* where their first blocks are; 0: nowhere. Half of what pointers take */
};

static size_t size_of(const struct block *b) { return b->word & ~(size_t)FLAGS; }
static struct block *after(struct block *b) { return (struct block *)(void *)((char *)b + size_of(b)); }
static size_t *footer(struct block *b) { return (size_t *)(void *)((char *)b + size_of(b) - WORD); }
static struct block *block_of(void *ptr) { return (struct block *)(void *)((char *)ptr - WORD); }
static void *payload_of(struct block *b) { return (char *)b + WORD; }

/* The size of the block that holds `size` bytes. */
static size_t block_size(size_t size)
{
  size_t total = (size + WORD + GRAIN - 1) & ~(size_t)(GRAIN - 1);
  return total < BLOCK_MIN ? BLOCK_MIN : total;
}

/* ---- free lists ---- */
static struct block *first_of(struct heap *h, unsigned fl, unsigned sl)
{
  uint32_t at = h->lists[fl][sl];
  return at ? (struct block *)(void *)((char *)h + at) : NULL;
}

static void set_first(struct heap *h, unsigned fl, unsigned sl, struct block *b)
{
  h->lists[fl][sl] = b ? (uint32_t)((char *)b - (char *)h) : 0;
}

static void place_of(size_t size, unsigned *fl, unsigned *sl)
{
  unsigned log = 63 - (unsigned)__builtin_clzll(size);
  *fl = log - FL_MIN;
  *sl = (unsigned)(size >> (log - SL_LOG)) & (SL_COUNT - 1);
}

static void list_add(struct heap *h, struct block *b)
{
  unsigned fl, sl;
  place_of(size_of(b), &fl, &sl);
  b->prev = NULL;
  b->next = first_of(h, fl, sl);
  if (b->next)
    b->next->prev = b;
  set_first(h, fl, sl, b);
  h->fl_map |= 1u << fl;
  h->sl_map[fl] = (uint8_t)(h->sl_map[fl] | 1u << sl);
}

static void list_remove(struct heap *h, struct block *b)
{
  unsigned fl, sl;
  place_of(size_of(b), &fl, &sl);
  if (b->next)
    b->next->prev = b->prev;
  if (b->prev) {
    b->prev->next = b->next;
    return;
  }
  set_first(h, fl, sl, b->next);
  if (b->next)
    return;
  h->sl_map[fl] = (uint8_t)(h->sl_map[fl] & ~(1u << sl));
  if (!h->sl_map[fl])
    h->fl_map &= ~(1u << fl);
}

/* A free block of at least `size`: the first of a list whose blocks are all large enough. */
static struct block *list_find(struct heap *h, size_t size)
{
  unsigned fl, sl, log = 63 - (unsigned)__builtin_clzll(size);
  place_of(size + ((size_t)1 << (log - SL_LOG)) - 1, &fl, &sl);
  if (fl >= FL_COUNT)
    return NULL;
  unsigned in_row = h->sl_map[fl] & (~0u << sl);
  if (!in_row) {
    unsigned rows = fl + 1 < 32 ? h->fl_map & (~0u << (fl + 1)) : 0;
    if (!rows)
      return NULL;
    fl = (unsigned)__builtin_ctz(rows);
    in_row = h->sl_map[fl];
  }
  return first_of(h, fl, (unsigned)__builtin_ctz(in_row));
}

/* ---- blocks ---- */
static bool commit(struct heap *h, char *until)
{
  if (until > h->end)
    return false;
  if (until <= h->committed)
    return true;
  size_t have = (size_t)(h->committed - (char *)h);
  size_t step = have < COMMIT_MIN ? COMMIT_MIN : have > COMMIT_MAX ? COMMIT_MAX : have;
  size_t need = ((size_t)(until - h->committed) + PAGE - 1) & ~(size_t)(PAGE - 1);
  if (step < need)
    step = need;
  if (step > (size_t)(h->end - h->committed))
    step = (size_t)(h->end - h->committed);
  if (mprotect(h->committed, step, PROT_READ | PROT_WRITE) != 0)
    return false;
  h->committed += step;
  return true;
}

/* Tells the block after `b`, if there is one, whether `b` is free. */
static void tell_next(struct heap *h, struct block *b, bool is_free)
{
  if ((char *)after(b) == h->top)
    return;
  if (is_free)
    after(b)->word |= PREV_FREE;
  else
    after(b)->word &= ~(size_t)PREV_FREE;
}

/* Merges the block with free neighbours and puts the result into its list; the last block becomes untouched space again. */
static void give_back(struct heap *h, struct block *b)
{
  size_t size = size_of(b);
  if (b->word & PREV_FREE) {
    size_t before = *(size_t *)(void *)((char *)b - WORD);
    b = (struct block *)(void *)((char *)b - before);
    list_remove(h, b);
    size += before;
  }
  struct block *next = (struct block *)(void *)((char *)b + size);
  if ((char *)next != h->top && (next->word & IS_FREE)) {
    list_remove(h, next);
    size += size_of(next);
  }
  if ((char *)b + size == h->top) {
    h->top = (char *)b;
    return;
  }
  b->word = size | IS_FREE;   /* two free blocks never touch: the one before is in use */
  *footer(b) = size;
  tell_next(h, b, true);
  list_add(h, b);
}

/* Cuts what is beyond `size` off a block in use. */
static void trim(struct heap *h, struct block *b, size_t size)
{
  size_t rest = size_of(b) - size;
  if (rest < BLOCK_MIN)
    return;
  b->word = size | (b->word & PREV_FREE);
  struct block *tail = after(b);
  tail->word = rest;
  give_back(h, tail);
}

static bool flush_quick(struct heap *h)
{
  bool any = false;
  for (int i = 0; i < QUICK_COUNT; i++)
    while (h->quick[i]) {
      struct block *b = h->quick[i];
      h->quick[i] = b->next;
      give_back(h, b);
      any = true;
    }
  return any;
}

static struct block *take(struct heap *h, size_t size)
{
  struct block *b = list_find(h, size);
  if (b) {
    list_remove(h, b);
    b->word &= ~(size_t)IS_FREE;
    tell_next(h, b, false);
    trim(h, b, size);
    return b;
  }
  if ((size_t)(h->end - h->top) < size || !commit(h, h->top + size))
    return NULL;
  b = (struct block *)(void *)h->top;
  b->word = size;   /* the last block is never free: see give_back */
  h->top += size;
  return b;
}

static void *allocate(struct heap *h, size_t wanted)
{
  size_t size = block_size(wanted);
  if (h->used + size > h->limit)
    return NULL;
  struct block *b = NULL;
  if (size <= QUICK_MAX && h->quick[size / GRAIN]) {
    b = h->quick[size / GRAIN];
    h->quick[size / GRAIN] = b->next;
  } else {
    b = take(h, size);
    if (!b && flush_quick(h))
      b = take(h, size);
  }
  if (!b)
    return NULL;
  h->used += size_of(b);
  if (h->used > h->peak)
    h->peak = h->used;
  return payload_of(b);
}

static void release(struct heap *h, void *ptr)
{
  struct block *b = block_of(ptr);
  size_t size = size_of(b);
  h->used -= size;
  if (size <= QUICK_MAX) {
    b->next = h->quick[size / GRAIN];
    h->quick[size / GRAIN] = b;
  } else {
    give_back(h, b);
  }
}

/* Grows a block where it stands, into a free neighbour or past the top. */
static bool grow(struct heap *h, struct block *b, size_t size)
{
  size_t have = size_of(b);
  if (h->used - have + size > h->limit)
    return false;
  struct block *next = after(b);
  if ((char *)next == h->top) {
    if ((size_t)(h->end - (char *)b) < size || !commit(h, (char *)b + size))
      return false;
    h->top = (char *)b + size;
    b->word = size | (b->word & PREV_FREE);
  } else {
    if (!(next->word & IS_FREE) || have + size_of(next) < size)
      return false;
    list_remove(h, next);
    b->word += size_of(next);
    tell_next(h, b, false);
    trim(h, b, size);
  }
  h->used += size_of(b) - have;
  if (h->used > h->peak)
    h->peak = h->used;
  return true;
}

static void *resize(struct heap *h, void *ptr, size_t wanted)
{
  struct block *b = block_of(ptr);
  size_t have = size_of(b), size = block_size(wanted);
  if (size <= have) {
    trim(h, b, size);
    h->used -= have - size_of(b);
    return ptr;
  }
  if (grow(h, b, size))
    return ptr;
  void *fresh = allocate(h, wanted);
  if (!fresh)
    return NULL;
  memcpy(fresh, ptr, have - WORD);
  release(h, ptr);
  return fresh;
}

void *heap_alloc(void *data, void *ptr, size_t old_size, size_t size)
{
  struct heap *h = data;
  (void)old_size;
  if (size == 0) {
    if (ptr)
      release(h, ptr);
    return NULL;
  }
  void *p = NULL;
  if (size <= h->limit)
    p = ptr ? resize(h, ptr, size) : allocate(h, size);
  if (!p)
    h->was_full = true;
  return p;
}

/* ---- life ---- */
/* Blocks start so that payloads are aligned to 16. */
static char *first_block(struct heap *h) { return (char *)h + ((sizeof *h + GRAIN - 1) & ~(size_t)(GRAIN - 1)) + WORD; }

/* A quarter more than the limit: what is lost between blocks must not be felt as missing memory. */
static size_t reserved_for(size_t limit)
{
  size_t size = sizeof(struct heap) + limit + limit / 4 + COMMIT_MIN;
  return (size + PAGE - 1) & ~(size_t)(PAGE - 1);
}

static void start(struct heap *h, char *committed, char *end, size_t capacity)
{
  memset(h, 0, sizeof *h);
  h->top = first_block(h);
  h->committed = committed;
  h->end = end;
  h->limit = h->capacity = capacity;
}

struct heap *heap_new(size_t limit)
{
  size_t size = reserved_for(limit);
  if (limit > HEAP_LIMIT_MAX)
    return NULL;
  char *base = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED)
    return NULL;
  if (mprotect(base, COMMIT_MIN, PROT_READ | PROT_WRITE) != 0) {
    munmap(base, size);
    return NULL;
  }
  struct heap *h = (struct heap *)(void *)base;
  start(h, base + COMMIT_MIN, base + size, limit);
  return h;
}

void heap_free(struct heap *h)
{
  if (h)
    munmap(h, (size_t)(h->end - (char *)h));
}

void heap_reset(struct heap *h)
{
  char *committed = h->committed, *end = h->end;
  size_t capacity = h->capacity;
  if (committed - (char *)h > KEEP)
    madvise((char *)h + KEEP, (size_t)(committed - (char *)h) - KEEP, MADV_DONTNEED);
  start(h, committed, end, capacity);
}

void heap_set_limit(struct heap *h, size_t limit) { h->limit = limit < h->capacity ? limit : h->capacity; }
size_t heap_capacity(const struct heap *h) { return h->capacity; }
size_t heap_used(const struct heap *h) { return h->used; }
size_t heap_peak(const struct heap *h) { return h->peak; }
bool heap_was_full(const struct heap *h) { return h->was_full; }
