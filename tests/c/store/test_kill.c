/* kill -9 at full speed: a child with sixteen writers reports every acknowledged write through a pipe; it is killed twenty
 * times at a random moment, and each time the file must be intact and hold all that was acknowledged.
 *
 * Each writer changes two documents in one batch (a new one and its counter) through the tables, so that a torn batch
 * would show: the counter says how many documents there must be. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <sqlite3.h>

#include "base/id.h"
#include "store/table.h"
#include "store_test.h"

enum { WRITERS = 16, ROUNDS = 20, ACKS_MAX = 600 };

static const char *const item_indexes[] = {"n", "writer,n", NULL};
static const struct store_collection list[] = {{"Item", "name", item_indexes}, {"Counter", NULL, NULL}};

/* ---- the child ---- */

struct writer {
  struct env *env;
  struct table *items, *counters;
  int pipe;
  uint32_t number, n;   /* n: the last one begun */
};

struct ack {
  uint32_t writer, n;
};

static void write_next(struct writer *w);

static void on_written(struct op *op, void *data)
{
  struct writer *w = data;
  struct ack ack = {w->number, w->n};
  if (op->err || write(w->pipe, &ack, sizeof ack) != sizeof ack)
    _exit(3);
  op_unref(op);
  write_next(w);
}

static void write_next(struct writer *w)
{
  char id[64], counter[16], json[400];
  w->n++;
  snprintf(id, sizeof id, "%02u-%08u", w->number, w->n);
  snprintf(counter, sizeof counter, "%u", w->number);
  snprintf(json, sizeof json, "{\"name\":\"%s\",\"writer\":%u,\"n\":%u,\"pad\":\"%0*d\"}", id, w->number, w->n,
           (int)(w->n % 200) + 1, 0);
  struct change *c = change_new(w->env->store);
  struct op *op;
  change_insert(c, w->items, str_of(id), str_of(json));
  snprintf(json, sizeof json, "{\"n\":%u}", w->n);
  change_put(c, w->counters, str_of(counter), str_of(json));
  change_start(c, &op);
  op_wait(op, on_written, w);
}

static int child(const char *path, int pipe)
{
  struct env e = {.path = mem_strdup(path)};
  uv_loop_init(&e.loop);
  op_loop_init(&e.ops, &e.loop);
  struct diag d = {0};
  struct table *items, *counters;
  struct table_config of_items = {.collection = "Item", .name_path = "name"}, of_counters = {.collection = "Counter"};
  if (store_open(&e.ops, path, list, ARRAY_LEN(list), &e.store, &d) || table_open(e.store, &of_items, &items, &d) ||
      table_open(e.store, &of_counters, &counters, &d)) {
    fprintf(stderr, "%s\n", d.message);
    return 2;
  }
  struct writer writers[WRITERS];
  for (uint32_t i = 0; i < WRITERS; i++) {
    char id[16];
    snprintf(id, sizeof id, "%u", i);
    const struct row *row = table_get(counters, str_of(id));
    writers[i] = (struct writer){.env = &e, .items = items, .counters = counters, .pipe = pipe, .number = i};
    if (row)
      sscanf(row->json.ptr, "{\"n\":%u}", &writers[i].n);
    write_next(&writers[i]);
  }
  uv_run(&e.loop, UV_RUN_DEFAULT);
  return 4;
}

/* ---- the parent ---- */

/* Starts the child, lets it acknowledge a random number of writes, kills it, and reads what it still had said. */
static void run_and_kill(const char *path, uint32_t acked[WRITERS], unsigned *total)
{
  int ends[2];
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  pid_t pid = fork();
  if (pid == 0) {
    char fd[16];
    int out = dup(ends[1]);
    snprintf(fd, sizeof fd, "%d", out);
    execl("/proc/self/exe", "test_kill", "child", path, fd, (char *)NULL);
    _exit(127);
  }
  close(ends[1]);
  unsigned stop_after, seen = 0;
  id_random(&stop_after, sizeof stop_after);
  stop_after = stop_after % ACKS_MAX + 1;
  struct ack ack;
  ssize_t n;
  while ((n = read(ends[0], &ack, sizeof ack)) == sizeof ack) {
    assert_true(ack.writer < WRITERS && ack.n == acked[ack.writer] + 1);
    acked[ack.writer] = ack.n;
    if (++seen == stop_after)
      kill(pid, SIGKILL);
  }
  assert_int_equal(n, 0);   /* a message of eight bytes is never torn */
  close(ends[0]);
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  *total += seen;
}

static int64_t number(sqlite3 *db, const char *sql)
{
  sqlite3_stmt *stmt;
  assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  int64_t n = sqlite3_column_int64(stmt, 0);
  sqlite3_finalize(stmt);
  return n;
}

/* A write that was durable but not yet reported may be there too: at most the one each writer had begun. */
static void check_file(const char *path, uint32_t acked[WRITERS])
{
  sqlite3 *db;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  sqlite3_stmt *stmt;
  assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "ok");
  sqlite3_finalize(stmt);
  for (uint32_t i = 0; i < WRITERS; i++) {
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT coalesce(max(json_extract(doc,'$.n')),0) FROM Counter WHERE id='%u'", i);
    int64_t counter = number(db, sql);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM Item WHERE json_extract(doc,'$.writer')=%u", i);
    assert_int_equal(number(db, sql), counter);
    snprintf(sql, sizeof sql, "SELECT coalesce(max(json_extract(doc,'$.n')),0) FROM Item WHERE json_extract(doc,'$.writer')=%u", i);
    assert_int_equal(number(db, sql), counter);
    assert_true(counter == acked[i] || counter == acked[i] + 1);
    acked[i] = (uint32_t)counter;   /* the next child goes on from here */
  }
  sqlite3_close(db);
}

static void nothing_acknowledged_is_lost(void **state)
{
  (void)state;
  struct env e;
  env_init(&e);
  uint32_t acked[WRITERS] = {0};
  unsigned total = 0;
  for (int round = 0; round < ROUNDS; round++) {
    run_and_kill(e.path, acked, &total);
    if (round % 2) {   /* recovered by the store itself, else by SQLite alone */
      env_open_with(&e, list, ARRAY_LEN(list));
      env_close(&e);
    }
    check_file(e.path, acked);
  }
  print_message("%u acknowledged writes over %d kills, all there\n", total, ROUNDS);
  env_release(&e);
}

int main(int argc, char **argv)
{
  if (argc == 4 && strcmp(argv[1], "child") == 0)
    return child(argv[2], (int)strtol(argv[3], NULL, 10));
  const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_acknowledged_is_lost)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
