/* auth/rate_limit.c: see rate_limit.h. Per address a ring of its last `max_attempts` failures: older ones cannot matter,
 * since that many newer ones block already. */
#include "auth/rate_limit.h"

#include "auth/lru.h"
#include "base/buf.h"
#include "base/mem.h"

struct address {
  struct lru_node node;    /* first */
  size_t count, next;      /* filled places; where the next one goes */
  uint64_t at[];           /* times of failures */
};

struct rate_limit {
  bool disabled;
  size_t max;
  uint64_t window_ms;
  struct lru addresses;    /* by last failure: checks do not touch the order */
};

static void drop_address(struct lru_node *node) { mem_free(node); }

struct rate_limit *rate_limit_new(const struct rate_limit_config *config)
{
  struct rate_limit *l = mem_new(sizeof *l);
  l->disabled = config->disabled;
  l->max = config->max_attempts > RATE_LIMIT_ATTEMPTS_MAX ? RATE_LIMIT_ATTEMPTS_MAX : (size_t)config->max_attempts;
  l->window_ms = config->window_ms;
  l->addresses = LRU_INIT(RATE_LIMIT_IPS_MAX, drop_address);
  return l;
}

void rate_limit_free(struct rate_limit *l)
{
  if (!l)
    return;
  lru_release(&l->addresses);
  mem_free(l);
}

size_t rate_limit_count(const struct rate_limit *l) { return l->addresses.map.count; }

/* Rounded as 12s or 874ms. */
static void format_wait(uint64_t ms, char *text, size_t size)
{
  if (ms >= 1000)
    snprintf(text, size, "%llus", (unsigned long long)((ms + 500) / 1000));
  else
    snprintf(text, size, "%llums", (unsigned long long)ms);
}

Err rate_limit_check(struct rate_limit *l, struct str ip, uint64_t now_ms, struct rate_attempt *ret_attempt, struct diag *reterr)
{
  struct rate_attempt attempt = {.start_ms = now_ms};
  const struct address *a = l->disabled ? NULL : map_get(&l->addresses.map, ip);
  uint64_t oldest = now_ms;
  for (size_t i = 0; a && i < a->count; i++) {
    if (now_ms - a->at[i] >= l->window_ms)
      continue;
    attempt.failures++;
    if (a->at[i] < oldest)
      oldest = a->at[i];
  }
  if (!l->disabled && attempt.failures >= l->max) {
    char wait[32];
    format_wait(l->window_ms - (now_ms - oldest), wait, sizeof wait);
    return diag_set(reterr, ERR_RATE, "Too many attempts | Try again in %s", wait);
  }
  *ret_attempt = attempt;
  return OK;
}

static void record(struct rate_limit *l, struct str ip, uint64_t at_ms)
{
  struct address *a = (struct address *)lru_get(&l->addresses, ip);
  if (!a) {
    a = mem_new(sizeof *a + l->max * sizeof a->at[0]);
    lru_put(&l->addresses, ip, &a->node);
  }
  a->at[a->next] = at_ms;
  a->next = (a->next + 1) % l->max;
  if (a->count < l->max)
    a->count++;
}

static void flatten(struct diag *d, uint64_t remaining)
{
  char tail[80];
  size_t tail_len = (size_t)snprintf(tail, sizeof tail, " | You have %llu attempts remaining", (unsigned long long)remaining);
  CLEANUP(buf_release) struct buf all = BUF_INIT(sizeof d->message + 2 * sizeof d->trace);
  buf_add_text(&all, d->message);
  struct str rest = str_of(d->trace), line;
  while (rest.len && str_split(&rest, '\n', &line))
    buf_printf(&all, ": %.*s", STR_ARG(line));
  size_t room = sizeof d->message - 1 - tail_len;
  struct str text = buf_str(&all);
  while (text.len > room || (text.len && text.len < buf_str(&all).len && (text.ptr[text.len] & 0xC0) == 0x80))
    text.len--;   /* keeps the tail whole, and characters too */
  char message[DIAG_MESSAGE_MAX];
  snprintf(message, sizeof message, "%.*s%s", STR_ARG(text), tail);
  diag_set(d, d->err, "%s", message);
}

void rate_limit_fail(struct rate_limit *l, struct str ip, const struct rate_attempt *attempt, struct diag *error)
{
  if (l->disabled || !l->max)
    return;
  record(l, ip, attempt->start_ms);
  if (error)
    flatten(error, l->max > attempt->failures ? l->max - attempt->failures - 1 : 0);
}

static uint64_t last_failure(const struct address *a)
{
  uint64_t last = 0;
  for (size_t i = 0; i < a->count; i++)
    if (a->at[i] > last)
      last = a->at[i];
  return last;
}

void rate_limit_sweep(struct rate_limit *l, uint64_t now_ms)
{
  /* The order is that of the last failure recorded; start times may differ by the length of an attempt, so one that is
   * kept ends the sweep a little early, never late. */
  while (l->addresses.oldest) {
    const struct address *a = (const struct address *)l->addresses.oldest;
    if (now_ms - last_failure(a) < RATE_LIMIT_IDLE_MS)
      return;
    lru_remove(&l->addresses, l->addresses.oldest);
  }
}
