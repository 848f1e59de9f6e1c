/* store/store.c: queues and threads between the loop and a backend.
 *
 *   loop thread                    writing thread                       reading thread
 *   store_commit -> queue ------>  takes all that wait (a group)        finds and gets, one after the other
 *                                  backend->write: one fsync
 *   on_mail <---- mailbox -------  a mail per batch
 *   op_complete                    backend->settle
 *
 * There is no delay to make groups grow: what arrives while an fsync runs is the next group, so a lone writer waits for
 * one fsync and sixty-four share it. Closing: both threads empty their queues, the writing thread joins the reading one,
 * closes the database and posts the farewell, upon which the loop joins it.
 */
#include "store/store.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/store_internal.h"

struct store {
  struct op_loop *loop;
  const struct store_backend *backend;
  void *db;
  const struct store_collection *collections;
  size_t count;
  struct mailbox mailbox;
  uv_thread_t writing, reading;
  uv_mutex_t lock;             /* queues and `closing` */
  uv_cond_t batch_waits, read_waits;
  struct store_batch *first_batch, *last_batch;
  struct store_read *first_read, *last_read;
  bool closing;
  atomic_uint_fast64_t commits;
  uv_mutex_t read_lock;        /* backend->find against backend->load */
  struct store_mail farewell;
  /* loop thread */
  size_t batches_waiting, bytes_waiting, reads_waiting;
  bool closed;
  struct store_stats stats;
  void (*on_closed)(void *data);
  void *on_closed_data;
};

static bool find_collection(const struct store *s, const char *name, size_t *ret)
{
  for (size_t i = 0; i < s->count; i++)
    if (strcmp(s->collections[i].name, name) == 0) {
      *ret = i;
      return true;
    }
  return false;
}

struct op_loop *store_loop(const struct store *store) { return store->loop; }
bool store_is_closed(const struct store *store) { return store->closed; }

static void copy_diag(struct diag **at, Err err, const struct diag *d)
{
  mem_free(*at);
  *at = NULL;
  if (err && d) {
    *at = mem_new(sizeof **at);
    **at = *d;
  }
}

/* ---- batches ---- */

static void batch_free(struct op *op)
{
  struct store_batch *b = (struct store_batch *)op;
  for (size_t i = 0; i < b->after_count; i++)
    op_unref(&b->after[i]->op);
  mem_free(b->after);
  mem_free(b->writes);
  buf_release(&b->text);
  mem_free(b->diag);
  mem_free(b);
}

struct store_batch *store_batch_new(struct store *store)
{
  struct store_batch *b = mem_new(sizeof *b);
  op_init(&b->op, store->loop, /* cancel= */ NULL, batch_free);
  b->mail.kind = MAIL_BATCH;
  b->store = store;
  buf_init(&b->text, STORE_BATCH_MAX);
  return b;
}

void store_batch_free(struct store_batch *b)
{
  if (b)
    batch_free(&b->op);
}

void store_batch_fail(struct store_batch *b, Err err, const struct diag *d)
{
  b->err = err;
  copy_diag(&b->diag, err, d);
}

void store_batch_unfail(struct store_batch *b) { store_batch_fail(b, OK, NULL); }

struct str store_write_key(const struct store_batch *b, const struct store_write *w)
{
  return str_make(b->text.ptr + w->key_at, w->key_len);
}

struct str store_write_json(const struct store_batch *b, const struct store_write *w)
{
  return str_make(b->text.ptr + w->json_at, w->json_len);
}

/* The first mistake is what store_commit tells. */
static Err check_write(const struct store_batch *b, const char *collection, struct str key, struct str json, size_t *ret,
                       struct diag *reterr)
{
  if (!find_collection(b->store, collection, ret))
    return diag_set(reterr, ERR_INTERNAL, "there is no collection '%s'", collection);
  if (key.len == 0 || key.len > STORE_KEY_MAX || memchr(key.ptr, 0, key.len))
    return diag_set(reterr, ERR_INVALID, "%s: a key must have 1 to %d bytes, none of them zero", collection, STORE_KEY_MAX);
  if (json.len > STORE_DOC_MAX)
    return diag_set(reterr, ERR_TOOBIG, "%s: a document of %zu bytes is larger than %d MB", collection, json.len,
                    STORE_DOC_MAX >> 20);
  return OK;
}

static void add_write(struct store_batch *b, enum write_kind kind, const char *collection, struct str key, struct str json,
                      int64_t below)
{
  if (b->err)
    return;
  struct diag d;
  struct store_write w = {.kind = kind, .key_len = key.len, .json_len = json.len, .below = below};
  Err err = check_write(b, collection, key, json, &w.collection, &d);
  if (!err) {
    w.key_at = b->text.len;
    buf_add_str(&b->text, key);
    w.json_at = b->text.len;
    buf_add_str(&b->text, json);
    err = buf_err(&b->text);
    if (err)
      diag_set(&d, err, "the batch is larger than %d MB", STORE_BATCH_MAX >> 20);
  }
  if (err) {
    store_batch_fail(b, err, &d);
    return;
  }
  if (b->count == b->cap) {
    b->cap = b->cap ? b->cap * 2 : 2;
    b->writes = mem_resize(b->writes, b->cap * sizeof *b->writes);
  }
  b->writes[b->count++] = w;
}

void store_batch_put(struct store_batch *b, const char *collection, struct str key, struct str json)
{
  add_write(b, WRITE_PUT, collection, key, json, 0);
}

void store_batch_insert(struct store_batch *b, const char *collection, struct str key, struct str json)
{
  add_write(b, WRITE_INSERT, collection, key, json, 0);
}

void store_batch_delete(struct store_batch *b, const char *collection, struct str key)
{
  add_write(b, WRITE_DELETE, collection, key, STR_NONE, 0);
}

void store_batch_after(struct store_batch *b, struct store_batch *earlier)
{
  for (size_t i = 0; i < b->after_count; i++)
    if (b->after[i] == earlier)
      return;
  b->after = mem_resize(b->after, (b->after_count + 1) * sizeof(struct store_batch *));
  b->after[b->after_count++] = earlier;
  op_ref(&earlier->op);
}

/* The chain of what rests on what would otherwise grow for as long as a document is written without a pause. */
static void forget_after(struct store_batch *b)
{
  for (size_t i = 0; i < b->after_count; i++)
    op_unref(&b->after[i]->op);
  b->after_count = 0;
}

static void enqueue_batch(struct store *s, struct store_batch *b)
{
  uv_mutex_lock(&s->lock);
  if (s->last_batch)
    s->last_batch->next = b;
  else
    s->first_batch = b;
  s->last_batch = b;
  uv_cond_signal(&s->batch_waits);
  uv_mutex_unlock(&s->lock);
}

static Err admit_batch(const struct store *s, const struct store_batch *b, struct diag *reterr)
{
  if (s->closed)
    return diag_set(reterr, ERR_CLOSED, "the engine is stopping");
  if (s->batches_waiting >= STORE_QUEUE_MAX || s->bytes_waiting + b->text.len > STORE_QUEUE_BYTES_MAX)
    return diag_set(reterr, ERR_LIMIT, "%zu writes wait for the disk already; try again", s->batches_waiting);
  return OK;
}

void store_commit(struct store_batch *b, struct op **ret_op)
{
  struct store *s = b->store;
  struct diag d;
  *ret_op = &b->op;
  if (!b->err) {
    Err err = admit_batch(s, b, &d);
    if (err)
      store_batch_fail(b, err, &d);
  }
  if (b->err || !b->count) {
    op_complete(&b->op, b->err, b->diag);
    forget_after(b);
    op_unref(&b->op);
    return;
  }
  s->batches_waiting++;
  s->bytes_waiting += b->text.len;
  enqueue_batch(s, b);
}

/* A path that becomes part of a statement. */
static Err check_path(const char *path, struct diag *reterr)
{
  struct str parts[FILTER_PARTS_MAX];
  size_t count;
  if (strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.") != strlen(path))
    return diag_set(reterr, ERR_INVALID, "'%.64s' is no path of letters, digits, '_' and '.'", path);
  return filter_path_parse(str_of(path), parts, &count, reterr);
}

void store_prune(struct store *store, const char *collection, const char *path, int64_t value, struct op **ret_op)
{
  struct store_batch *b = store_batch_new(store);
  struct diag d;
  Err err = check_path(path, &d);
  if (err)
    store_batch_fail(b, err, &d);
  add_write(b, WRITE_PRUNE, collection, str_of(path), STR_NONE, value);
  store_commit(b, ret_op);
}

/* ---- the writing thread ---- */

struct group {
  struct store_batch *batches[STORE_GROUP_MAX];
  size_t count;
};

/* Everything that waits, up to the limits of a group; nothing when the store closes and the queue is empty. */
static void take_group(struct store *s, struct group *g)
{
  g->count = 0;
  size_t bytes = 0;
  uv_mutex_lock(&s->lock);
  while (!s->first_batch && !s->closing)
    uv_cond_wait(&s->batch_waits, &s->lock);
  while (s->first_batch && g->count < STORE_GROUP_MAX && bytes < STORE_GROUP_BYTES_MAX) {
    struct store_batch *b = s->first_batch;
    s->first_batch = b->next;
    if (!s->first_batch)
      s->last_batch = NULL;
    b->next = NULL;
    bytes += b->text.len;
    g->batches[g->count++] = b;
  }
  uv_mutex_unlock(&s->lock);
}

/* A prune that is not through goes to the end of the queue. */
static bool goes_on(struct store *s, struct store_batch *b)
{
  if (b->err || !b->more)
    return false;
  uv_mutex_lock(&s->lock);
  bool closing = s->closing;
  uv_mutex_unlock(&s->lock);
  if (closing) {
    store_batch_fail(b, ERR_CLOSED, NULL);
    return false;
  }
  enqueue_batch(s, b);
  return true;
}

static void write_group(struct store *s, struct group *g)
{
  atomic_fetch_add(&s->commits, s->backend->write(s->db, g->batches, g->count));
  for (size_t i = 0; i < g->count; i++)
    if (!goes_on(s, g->batches[i]))
      mailbox_post(&s->mailbox, &g->batches[i]->mail.mail);
  s->backend->settle(s->db);
}

static void writing_main(void *data)
{
  struct store *s = data;
  struct group *g = mem_new(sizeof *g);
  for (;;) {
    take_group(s, g);
    if (!g->count)
      break;
    write_group(s, g);
  }
  mem_free(g);
  uv_thread_join(&s->reading);
  s->backend->close(s->db);
  mailbox_post(&s->mailbox, &s->farewell.mail);
}

/* ---- reading ---- */

static void read_free(struct op *op)
{
  struct store_read *r = CONTAINER_OF(op, struct store_read, find.op);
  buf_release(&r->find.json);
  filter_free(r->filter);
  buf_release(&r->filter_text);
  mem_free(r->key);
  mem_free(r->sort);
  mem_free(r->diag);
  mem_free(r);
}

static void read_cancel(struct op *op)
{
  atomic_store(&CONTAINER_OF(op, struct store_read, find.op)->cancelled, true);
}

static struct store_read *read_new(struct store *s, const char *collection, struct diag *reterr)
{
  struct store_read *r = mem_new(sizeof *r);
  op_init(&r->find.op, s->loop, read_cancel, read_free);
  buf_init(&r->find.json, STORE_RESULT_MAX);
  r->mail.kind = MAIL_FIND;
  r->store = s;
  atomic_init(&r->cancelled, false);
  if (s->closed)
    r->err = diag_set(reterr, ERR_CLOSED, "the engine is stopping");
  else if (!find_collection(s, collection, &r->collection))
    r->err = diag_set(reterr, ERR_INTERNAL, "there is no collection '%s'", collection);
  else if (s->reads_waiting >= STORE_FINDS_MAX)
    r->err = diag_set(reterr, ERR_LIMIT, "%zu searches wait for the disk already; try again", s->reads_waiting);
  return r;
}

static void read_start(struct store_read *r, const struct diag *d)
{
  struct store *s = r->store;
  if (r->err) {
    op_complete(&r->find.op, r->err, d);
    op_unref(&r->find.op);
    return;
  }
  s->reads_waiting++;
  uv_mutex_lock(&s->lock);
  if (s->last_read)
    s->last_read->next = r;
  else
    s->first_read = r;
  s->last_read = r;
  uv_cond_signal(&s->read_waits);
  uv_mutex_unlock(&s->lock);
}

void store_get(struct store *store, const char *collection, struct str key, struct store_find **ret_find)
{
  struct diag d;
  struct store_read *r = read_new(store, collection, &d);
  r->key = str_dup(key);
  *ret_find = &r->find;
  read_start(r, &d);
}

void store_find(struct store *store, const struct store_query *query, struct store_find **ret_find)
{
  struct diag d;
  struct store_read *r = read_new(store, query->collection, &d);
  r->sort = mem_strdup(query->sort);
  r->descending = query->descending;
  r->skip = query->skip;
  r->limit = query->limit;
  buf_init(&r->filter_text, FILTER_BYTES_MAX);
  if (!r->err && r->sort)
    r->err = check_path(r->sort, &d);
  if (!r->err && query->filter.len > FILTER_BYTES_MAX)
    r->err = diag_set(&d, ERR_TOOBIG, "filter: longer than %d bytes", FILTER_BYTES_MAX);
  if (!r->err)
    buf_add_str(&r->filter_text, query->filter);
  *ret_find = &r->find;
  read_start(r, &d);
}

static struct store_read *take_read(struct store *s)
{
  uv_mutex_lock(&s->lock);
  while (!s->first_read && !s->closing)
    uv_cond_wait(&s->read_waits, &s->lock);
  struct store_read *r = s->first_read;
  if (r) {
    s->first_read = r->next;
    if (!s->first_read)
      s->last_read = NULL;
    r->next = NULL;
  }
  uv_mutex_unlock(&s->lock);
  return r;
}

static void reading_main(void *data)
{
  struct store *s = data;
  for (struct store_read *r; (r = take_read(s));) {
    struct diag d = {0};
    uv_mutex_lock(&s->read_lock);
    r->deadline_ms = clock_mono_ms() + STORE_FIND_MS_MAX;
    r->err = filter_parse(buf_str(&r->filter_text), &r->filter, &d);   /* here, not on the loop: it may be large */
    if (!r->err)
      r->err = s->backend->find(s->db, r, &d);
    uv_mutex_unlock(&s->read_lock);
    if (r->err)
      buf_release(&r->find.json);
    copy_diag(&r->diag, r->err, d.err ? &d : NULL);
    mailbox_post(&s->mailbox, &r->mail.mail);
  }
}

Err store_load(struct store *store, const char *collection, store_load_fn *fn, void *data, struct diag *reterr)
{
  size_t at;
  if (!find_collection(store, collection, &at))
    return diag_set(reterr, ERR_INTERNAL, "there is no collection '%s'", collection);
  uv_mutex_lock(&store->read_lock);
  Err err = store->backend->load(store->db, at, fn, data, reterr);
  uv_mutex_unlock(&store->read_lock);
  return err;
}

/* ---- back on the loop ---- */

static void on_batch(struct store *s, struct store_batch *b)
{
  s->batches_waiting--;
  s->bytes_waiting -= b->text.len;
  if (!b->err) {
    s->stats.batches++;
    s->stats.documents += b->count;
  }
  op_complete(&b->op, b->err, b->diag);
  forget_after(b);
  op_unref(&b->op);
}

static void on_read(struct store *s, struct store_read *r)
{
  s->reads_waiting--;
  op_complete(&r->find.op, r->err, r->diag);
  op_unref(&r->find.op);
}

static void store_free(struct store *s)
{
  uv_cond_destroy(&s->batch_waits);
  uv_cond_destroy(&s->read_waits);
  uv_mutex_destroy(&s->lock);
  uv_mutex_destroy(&s->read_lock);
  mem_free(s);
}

static void on_mailbox_closed(uv_handle_t *handle)
{
  struct store *s = CONTAINER_OF(handle, struct store, mailbox.async);
  void (*on_closed)(void *) = s->on_closed;
  void *data = s->on_closed_data;
  store_free(s);
  if (on_closed)
    on_closed(data);
}

static void on_mail(struct mail *mail, void *data)
{
  struct store_mail *m = (struct store_mail *)mail;
  struct store *s = data;
  switch (m->kind) {
  case MAIL_BATCH: on_batch(s, CONTAINER_OF(m, struct store_batch, mail)); break;
  case MAIL_FIND: on_read(s, CONTAINER_OF(m, struct store_read, mail)); break;
  case MAIL_FAREWELL:
    uv_thread_join(&s->writing);   /* it is past its last post, or just leaving it */
    mailbox_close(&s->mailbox, on_mailbox_closed);
    break;
  }
}

void store_stats(const struct store *store, struct store_stats *ret)
{
  *ret = store->stats;
  ret->commits = atomic_load(&store->commits);
}

/* ---- opening and closing ---- */

static void tell_closing(struct store *s)
{
  uv_mutex_lock(&s->lock);
  s->closing = true;
  uv_cond_signal(&s->batch_waits);
  uv_cond_signal(&s->read_waits);
  uv_mutex_unlock(&s->lock);
}

void store_close(struct store *store, void (*on_closed)(void *data), void *data)
{
  store->closed = true;
  store->on_closed = on_closed;
  store->on_closed_data = data;
  tell_closing(store);
}

static Err start_threads(struct store *s, struct diag *reterr)
{
  int rc = uv_thread_create(&s->reading, reading_main, s);
  if (rc == 0) {
    rc = uv_thread_create(&s->writing, writing_main, s);
    if (rc) {
      tell_closing(s);
      uv_thread_join(&s->reading);
    }
  }
  return rc ? diag_set(reterr, ERR_LIMIT, "cannot start a thread of the store: %s", uv_strerror(rc)) : OK;
}

Err store_open(struct op_loop *loop, const char *path, const struct store_collection *collections, size_t count,
               struct store **ret_store, struct diag *reterr)
{
  static const struct store_backend *const backends[] = {&store_sqlite};
  const struct store_backend *backend = NULL;
  for (size_t i = 0; i < ARRAY_LEN(backends) && !backend; i++)
    if (backends[i]->accepts(path))
      backend = backends[i];
  if (!backend)
    return diag_set(reterr, ERR_UNSUPPORTED, "no database of this kind is known; give the path of a file");
  void *db;
  Err err = backend->open(path, collections, count, &db, reterr);
  if (err)
    return err;
  struct store *s = mem_new(sizeof *s);
  *s = (struct store){.loop = loop, .backend = backend, .db = db, .collections = collections, .count = count,
                      .farewell.kind = MAIL_FAREWELL};
  uv_mutex_init(&s->lock);
  uv_mutex_init(&s->read_lock);
  uv_cond_init(&s->batch_waits);
  uv_cond_init(&s->read_waits);
  err = start_threads(s, reterr);
  if (err) {
    backend->close(db);
    store_free(s);
    return err;
  }
  mailbox_init(&s->mailbox, loop->loop, on_mail, s);   /* the threads post nothing before they were given something */
  *ret_store = s;
  return OK;
}
