/* Durable commits per second of the store at 1, 32 and 64 concurrent writers, beside a bare SQLite program that commits one
 * after the other with the same pragmas on the same disk. Every commit puts one document of a kilobyte.
 *
 *   store_bench [FOLDER] [SECONDS] [bare]    bare: SQLite alone, its rate and nothing else
 *
 * Built on demand: cmake --build --preset release --target store_bench
 */
#include <ftw.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/store.h"

static const char *const indexes[] = {"ts", NULL};
static const struct store_collection list[] = {{"Item", "name", indexes}};
enum { DOC_BYTES = 1000 };

static char *document(uint64_t n, char id[32])
{
  snprintf(id, 32, "%024llx", (unsigned long long)n);
  return mem_printf("{\"name\":\"%s\",\"ts\":%llu,\"pad\":\"%0*d\"}", id, (unsigned long long)n, DOC_BYTES - 60, 0);
}

/* ---- bare SQLite ---- */

static double bare(const char *path, uint64_t ms)
{
  sqlite3 *db;
  sqlite3_stmt *put;
  if (sqlite3_open(path, &db) ||
      sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-2000;"
                       "CREATE TABLE Item(id TEXT NOT NULL UNIQUE, doc TEXT NOT NULL);"
                       "CREATE UNIQUE INDEX a ON Item(json_extract(doc,'$.name'));"
                       "CREATE INDEX b ON Item(json_extract(doc,'$.ts'))", NULL, NULL, NULL) ||
      sqlite3_prepare_v2(db, "INSERT INTO Item VALUES(?1,?2)", -1, &put, NULL))
    abort();
  uint64_t start = clock_mono_ns(), done = 0;
  while (clock_mono_ns() - start < ms * 1000000) {
    char id[32];
    CLEANUP(mem_free_at) char *json = document(done, id);
    sqlite3_bind_text(put, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_text(put, 2, json, -1, SQLITE_STATIC);
    if (sqlite3_step(put) != SQLITE_DONE)
      abort();
    sqlite3_reset(put);
    done++;
  }
  double rate = (double)done * 1e9 / (double)(clock_mono_ns() - start);
  sqlite3_finalize(put);
  sqlite3_close(db);
  return rate;
}

/* ---- the store ---- */

struct run {
  struct store *store;
  uint64_t next, done, start_ns, end_ns;
  uint64_t slowest_ns;
  unsigned flying;
};

struct writer {
  struct run *run;
  uint64_t begun_ns;
};

static void write_next(struct writer *w);

static void on_written(struct op *op, void *data)
{
  struct writer *w = data;
  uint64_t now = clock_mono_ns();
  if (op->err)
    abort();
  op_unref(op);
  w->run->done++;
  w->run->flying--;
  if (now - w->begun_ns > w->run->slowest_ns)
    w->run->slowest_ns = now - w->begun_ns;
  if (now < w->run->end_ns)
    write_next(w);
  else if (!w->run->flying)
    store_close(w->run->store, NULL, NULL);
}

static void write_next(struct writer *w)
{
  char id[32];
  CLEANUP(mem_free_at) char *json = document(w->run->next++, id);
  struct store_batch *b = store_batch_new(w->run->store);
  struct op *op;
  w->begun_ns = clock_mono_ns();
  w->run->flying++;
  store_batch_insert(b, "Item", str_of(id), str_of(json));
  store_commit(b, &op);
  op_wait(op, on_written, w);
}

static void of_store(const char *path, unsigned writers, uint64_t ms, double single)
{
  uv_loop_t loop;
  struct op_loop ops;
  struct diag d = {0};
  struct run run = {0};
  struct writer *w = mem_new_array(writers, sizeof *w);
  uv_loop_init(&loop);
  op_loop_init(&ops, &loop);
  if (store_open(&ops, path, list, ARRAY_LEN(list), &run.store, &d)) {
    fprintf(stderr, "%s\n", d.message);
    abort();
  }
  run.start_ns = clock_mono_ns();
  run.end_ns = run.start_ns + ms * 1000000;
  for (unsigned i = 0; i < writers; i++) {
    w[i].run = &run;
    write_next(&w[i]);
  }
  struct store_stats stats = {0};
  while (run.flying) {
    uv_run(&loop, UV_RUN_ONCE);
    if (run.flying)
      store_stats(run.store, &stats);
  }
  double seconds = (double)(clock_mono_ns() - run.start_ns) / 1e9;
  printf("store, %2u writers   %10.0f   %6.1f x   %8.0f   %8.1f   %6.1f\n", writers, (double)run.done / seconds,
         (double)run.done / seconds / single, (double)stats.commits / seconds,
         stats.commits ? (double)stats.batches / (double)stats.commits : 0, (double)run.slowest_ns / 1e6);
  uv_run(&loop, UV_RUN_DEFAULT);
  op_loop_close(&ops);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  mem_free(w);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
  (void)st, (void)flag, (void)at;
  return remove(path);
}

int main(int argc, char **argv)
{
  char dir[4096];
  snprintf(dir, sizeof dir, "%s/store-bench-XXXXXX", argc > 1 ? argv[1] : ".");
  uint64_t ms = (argc > 2 ? strtoull(argv[2], NULL, 10) : 3) * 1000;
  if (!mkdtemp(dir)) {
    perror(dir);
    return 1;
  }
  CLEANUP(mem_free_at) char *path = mem_printf("%s/bare.db", dir);
  double single = bare(path, ms);
  if (argc > 3) {
    printf("%.0f\n", single);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
  }
  printf("                      commits/s   to bare   fsyncs/s   in one    slowest ms\n");
  printf("SQLite, one by one   %9.0f      1.0 x   %8.0f        1.0\n", single, single);
  static const unsigned writers[] = {1, 32, 64};
  for (size_t i = 0; i < ARRAY_LEN(writers); i++) {
    CLEANUP(mem_free_at) char *file = mem_printf("%s/store%u.db", dir, writers[i]);
    of_store(file, writers[i], ms, single);
  }
  nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  return 0;
}
