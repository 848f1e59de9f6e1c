/* store/sqlite: what is particular to the file: lock, rights, versions, damage, indexes and the plans that use them. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "store/sqlite/sqlite_internal.h"
#include "store/store_collections.h"
#include "store_test.h"

#define TEXT(literal) {literal, sizeof literal - 1}

static const struct store_collection plain[] = {{"kv", NULL, NULL}};

static int start(void **state)
{
  struct env *e = mem_new(sizeof *e);
  env_init(e);
  *state = e;
  return 0;
}

static int stop(void **state)
{
  env_release(*state);
  mem_free(*state);
  return 0;
}

/* Runs SQL on the closed file, as a person with a shell would. */
static void edit(const char *path, const char *sql)
{
  sqlite3 *db;
  char *words = NULL;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  if (sqlite3_exec(db, sql, NULL, NULL, &words))
    fail_msg("%s: %s", sql, words);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static Err try_open(struct env *e, struct diag *d)
{
  *d = (struct diag){0};
  return store_open(&e->ops, e->path, plain, 1, &e->store, d);
}

static mode_t mode_of(const char *path)
{
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  return st.st_mode & 0777;
}

static void folders_and_files_are_private(void **state)
{
  struct env *e = *state;
  mem_free(e->path);
  e->path = mem_printf("%s/a/b/komodo.db", e->dir);
  mode_t old = umask(0);
  env_open_with(e, plain, 1);
  umask(old);
  assert_int_equal(env_put(e, "kv", "k", "{}"), OK);
  static const struct { const char *name; mode_t mode; } rows[] = {
      {"a", 0700}, {"a/b", 0700}, {"a/b/komodo.db", 0600}, {"a/b/komodo.db.lock", 0600}, {"a/b/komodo.db-wal", 0600}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    CLEANUP(mem_free_at) char *path = mem_printf("%s/%s", e->dir, rows[i].name);
    assert_int_equal(mode_of(path), rows[i].mode);
  }
}

static void a_second_engine_is_refused_until_the_first_is_gone(void **state)
{
  struct env *e = *state;
  struct diag d;
  int ready[2];
  assert_int_equal(pipe(ready), 0);
  pid_t child = fork();
  if (child == 0) {
    struct store *store;
    char c = store_open(&e->ops, e->path, plain, 1, &store, NULL) ? 'n' : 'y';
    if (write(ready[1], &c, 1) == 1)
      for (;;)
        pause();
    _exit(1);
  }
  char c = 0;
  assert_int_equal(read(ready[0], &c, 1), 1);
  assert_int_equal(c, 'y');
  assert_int_equal(try_open(e, &d), ERR_BUSY);
  CLEANUP(mem_free_at) char *who = mem_printf("process %d", (int)child);
  assert_non_null(strstr(d.message, who));
  kill(child, SIGKILL);
  assert_int_equal(waitpid(child, NULL, 0), child);
  assert_int_equal(try_open(e, &d), OK);
  close(ready[0]);
  close(ready[1]);
}

static void a_newer_file_is_refused_in_words(void **state)
{
  struct env *e = *state;
  struct diag d;
  assert_int_equal(try_open(e, &d), OK);
  env_close(e);
  edit(e->path, "PRAGMA user_version=77");
  assert_int_equal(try_open(e, &d), ERR_UNSUPPORTED);
  assert_non_null(strstr(d.message, "version 77, written by a newer engine"));
  edit(e->path, "PRAGMA user_version=1");
  assert_int_equal(try_open(e, &d), OK);
}

static void another_programs_file_is_left_alone(void **state)
{
  struct env *e = *state;
  struct diag d;
  mem_free(e->path);
  e->path = mem_printf("%s/other.db", e->dir);
  edit(e->path, "CREATE TABLE theirs(x)");
  assert_int_equal(try_open(e, &d), ERR_INVALID);
  assert_non_null(strstr(d.message, "another program"));
  int fd = open(e->path, O_WRONLY | O_TRUNC);
  assert_int_equal(write(fd, "this is no database, but long enough to be looked at by SQLite as a header, which has 100 bytes.....", 100), 100);
  close(fd);
  assert_int_equal(try_open(e, &d), ERR_CORRUPT);
}

static void damage_is_found_at_start(void **state)
{
  struct env *e = *state;
  struct diag d;
  assert_int_equal(try_open(e, &d), OK);
  for (int i = 0; i < 50; i++) {
    char key[16];
    snprintf(key, sizeof key, "%d", i);
    CLEANUP(mem_free_at) char *json = mem_printf("{\"pad\":\"%01500d\"}", i);
    assert_int_equal(env_put(e, "kv", key, json), OK);
  }
  env_close(e);
  struct stat st;
  assert_int_equal(stat(e->path, &st), 0);
  int fd = open(e->path, O_WRONLY);
  char junk[4096];
  memset(junk, 0xA5, sizeof junk);
  for (off_t at = 4096 * 5; at + 4096 <= st.st_size; at += 4096)
    assert_int_equal(pwrite(fd, junk, sizeof junk, at), sizeof junk);
  close(fd);
  assert_int_equal(try_open(e, &d), ERR_CORRUPT);
  assert_true(strlen(d.message) > 0);
}

static void indexes_follow_the_collection_list(void **state)
{
  struct env *e = *state;
  struct diag d;
  static const char *const one[] = {"a", NULL}, *const two[] = {"b", NULL};
  const struct store_collection first[] = {{"kv", NULL, one}}, second[] = {{"kv", "u", two}, {"More", NULL, NULL}};
  env_open_with(e, first, 1);
  assert_int_equal(env_put(e, "kv", "1", "{\"u\":1}"), OK);
  assert_int_equal(env_put(e, "kv", "2", "{\"u\":1}"), OK);
  env_close(e);
  assert_int_equal(store_open(&e->ops, e->path, second, 2, &e->store, &d), ERR_CONFLICT);   /* u is not unique yet */
  assert_non_null(strstr(d.message, "kv.ux.u"));
  env_open_with(e, first, 1);
  assert_int_equal(env_put(e, "kv", "2", "{\"u\":2}"), OK);
  env_close(e);
  env_open_with(e, second, 2);
  assert_int_equal(env_put(e, "kv", "3", "{\"u\":2}"), ERR_CONFLICT);
  env_close(e);
  sqlite3 *db;
  sqlite3_stmt *stmt;
  assert_int_equal(sqlite3_open(e->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, "SELECT group_concat(name,' ') FROM (SELECT name FROM sqlite_schema WHERE "
                                          "name LIKE 'kv.%' ORDER BY name)", -1, &stmt, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "kv.ix.b kv.ux.u");
  sqlite3_finalize(stmt);
  sqlite3_close(db);
}

static void bad_lists_are_refused(void **state)
{
  struct env *e = *state;
  struct diag d;
  static const char *const quote[] = {"a'b", NULL}, *const empty[] = {"a..b", NULL}, *const many[] = {"a,b,c,d,e,f,g", NULL};
  const struct store_collection bad[] = {{"meta", NULL, NULL}, {"a b", NULL, NULL},  {"", NULL, NULL}, {"x\"y", NULL, NULL},
                                         {"kv", "a\"", NULL},  {"kv", NULL, quote}, {"kv", NULL, empty}, {"kv", NULL, many}};
  for (size_t i = 0; i < ARRAY_LEN(bad); i++)
    assert_int_equal(store_open(&e->ops, e->path, &bad[i], 1, &e->store, &d), ERR_INVALID);
  e->store = NULL;
}

static void a_person_may_hold_the_file_for_a_moment(void **state)
{
  struct env *e = *state;
  env_open_with(e, plain, 1);
  sqlite3 *db;
  assert_int_equal(sqlite3_open(e->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  struct store_batch *b = store_batch_new(e->store);
  struct op *op;
  store_batch_put(b, "kv", STR("k"), STR("{}"));
  store_commit(b, &op);
  assert_null(env_get(e, "kv", "k"));   /* reads do not wait */
  assert_false(op->done);
  assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(env_finish(e, op), OK);
  sqlite3_close(db);
}

/* A find without an index over much data ends when it is told to, and gives way to others. */
static void a_long_find_stops_when_cancelled(void **state)
{
  struct env *e = *state;
  env_open_with(e, plain, 1);
  struct store_batch *b = store_batch_new(e->store);
  struct op *op;
  for (int i = 0; i < 20000; i++) {
    char key[16];
    snprintf(key, sizeof key, "%d", i);
    store_batch_put(b, "kv", str_of(key), STR("{\"list\":[1,2,3,4,5,6,7,8,9,{\"a\":[1,2,3,4,5]}],\"x\":{\"y\":\"z\"}}"));
  }
  store_commit(b, &op);
  assert_int_equal(env_finish(e, op), OK);
  CLEANUP(buf_release) struct buf filter = BUF_INIT(1 << 20);
  buf_add_text(&filter, "{\"$or\":[{\"list\":-1}");
  for (int i = 0; i < 900; i++)
    buf_printf(&filter, ",{\"list.a\":%d}", 100 + i);
  buf_add_text(&filter, "]}");
  struct store_query q = {.collection = "kv", .filter = buf_str(&filter)};
  struct store_find *f, *other;
  store_find(e->store, &q, &f);
  store_get(e->store, "kv", STR("1"), &other);
  struct op *tick;
  op_sleep(&e->ops, 50, &tick);   /* far more than it takes to begin, far less than it takes to end */
  assert_int_equal(env_finish(e, tick), OK);
  assert_false(f->op.done);
  uint64_t before = clock_mono_ms();
  op_cancel(&f->op);
  assert_int_equal(env_finish(e, &f->op), ERR_CANCELLED);
  assert_true(clock_mono_ms() - before < 2000);
  assert_int_equal(env_finish(e, &other->op), OK);
}

/* ---- plans ---- */

static void no_match(sqlite3_context *context, int argc, sqlite3_value **argv)
{
  (void)argc, (void)argv;
  sqlite3_result_int(context, 0);
}

/* What SQLite says it does, one step after the other. */
static char *explain(sqlite3 *conn, const struct sqlite_collection *c, const struct store_query *q)
{
  struct store_read r = {.sort = mem_strdup(q->sort), .descending = q->descending, .limit = 100};
  struct sqlite_plan plan;
  assert_int_equal(filter_parse(q->filter, &r.filter, NULL), OK);
  sqlite_plan_make(c, &r, &plan);
  CLEANUP(buf_release) struct buf sql = BUF_INIT(65536);
  buf_add_text(&sql, "EXPLAIN QUERY PLAN ");
  sqlite_plan_sql(&plan, c, &r, &sql);
  sqlite3_stmt *stmt;
  if (sqlite3_prepare_v2(conn, sql.ptr, -1, &stmt, NULL))
    fail_msg("%s: %s", sql.ptr, sqlite3_errmsg(conn));
  struct buf out = BUF_INIT(65536);
  while (sqlite3_step(stmt) == SQLITE_ROW)
    buf_printf(&out, "%s%s", out.len ? "; " : "", (const char *)sqlite3_column_text(stmt, 3));
  sqlite3_finalize(stmt);
  filter_free(r.filter);
  mem_free(r.sort);
  return buf_take(&out);
}

static void pages_are_read_in_order_from_indexes(void **state)
{
  struct env *e = *state;
  static const struct { struct store_query q; const char *plan; } rows[] = {
      {{"Update", {0}, "start_ts", true, 0, 0}, "SCAN Update USING INDEX Update.ix.start_ts"},
      {{"Update", TEXT("{\"target.type\":\"Stack\",\"target.id\":\"x\"}"), "start_ts", true, 0, 0},
       "SEARCH Update USING INDEX Update.ix.target.type,target.id,start_ts (<expr>=? AND <expr>=?)"},
      {{"Update", TEXT("{\"target\":{\"type\":\"Stack\",\"id\":\"x\"}}"), "start_ts", true, 0, 0},
       "SEARCH Update USING INDEX Update.ix.target.type,target.id,start_ts (<expr>=? AND <expr>=?)"},
      {{"Update", TEXT("{\"target.type\":\"Stack\"}"), "start_ts", true, 0, 0},
       "SEARCH Update USING INDEX Update.ix.target.type,start_ts (<expr>=?)"},
      {{"Update", TEXT("{\"operation\":\"RunBuild\",\"start_ts\":{\"$gt\":5}}"), "start_ts", true, 0, 0},
       "SEARCH Update USING INDEX Update.ix.operation,start_ts (<expr>=? AND <expr>>?)"},
      {{"Update", TEXT("{\"$or\":[{\"target.type\":\"Stack\"},{\"target.id\":\"x\"}]}"), "start_ts", true, 0, 0},
       "SCAN Update USING INDEX Update.ix.start_ts"},
      {{"Alert", {0}, "ts", true, 0, 0}, "SCAN Alert USING INDEX Alert.ix.ts"},
      {{"Alert", TEXT("{\"resolved\":false}"), "ts", true, 0, 0},
       "SEARCH Alert USING INDEX Alert.ix.resolved,ts (<expr>=?)"},
      {{"Stats", TEXT("{\"sid\":\"s\",\"ts\":{\"$gte\":1,\"$lt\":9}}"), "ts", true, 0, 0},
       "SEARCH Stats USING INDEX Stats.ix.sid,ts (<expr>=? AND <expr>>? AND <expr><?)"},
      {{"Server", TEXT("{\"name\":\"web\"}"), NULL, false, 0, 0},
       "SEARCH Server USING INDEX Server.ux.name (<expr>=?); USE TEMP B-TREE FOR ORDER BY"},
      {{"Server", TEXT("{\"_id\":{\"$oid\":\"66b0c0ffee66b0c0ffee0001\"}}"), "start_ts", true, 0, 0},
       "SEARCH Server USING INDEX sqlite_autoindex_Server_1 (id=?)"},
      {{"Server", {0}, NULL, false, 0, 0}, "SCAN Server USING INDEX sqlite_autoindex_Server_1"},
  };
  env_open_with(e, store_collections, store_collections_count);
  struct sqlite_db *names = mem_new(sizeof *names);
  assert_int_equal(sqlite_collections_parse(names, store_collections, store_collections_count, NULL), OK);
  sqlite3 *conn;
  assert_int_equal(sqlite3_open(e->path, &conn), SQLITE_OK);
  sqlite3_create_function(conn, "doc_match", 2, SQLITE_UTF8, NULL, no_match, NULL, NULL);
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    const struct sqlite_collection *c = NULL;
    for (size_t k = 0; k < names->count; k++)
      if (strcmp(names->collections[k].name, rows[i].q.collection) == 0)
        c = &names->collections[k];
    CLEANUP(mem_free_at) char *plan = explain(conn, c, &rows[i].q);
    assert_string_equal(plan, rows[i].plan);
  }
  /* The pages of a chart: one server, two hundred moments. */
  CLEANUP(buf_release) struct buf filter = BUF_INIT(1 << 16);
  buf_add_text(&filter, "{\"sid\":\"s\",\"ts\":{\"$in\":[0");
  for (int i = 1; i < 200; i++)
    buf_printf(&filter, ",%d", i);
  buf_add_text(&filter, "]}}");
  struct store_query q = {.collection = "Stats", .filter = buf_str(&filter), .sort = "ts", .descending = true};
  for (size_t k = 0; k < names->count; k++)
    if (strcmp(names->collections[k].name, "Stats") == 0) {
      CLEANUP(mem_free_at) char *plan = explain(conn, &names->collections[k], &q);
      assert_non_null(strstr(plan, "SEARCH Stats USING INDEX Stats.ix.sid,ts (<expr>=? AND <expr>=?)"));
    }
  sqlite3_close(conn);
  sqlite_collections_free(names);
  mem_free(names);
}

static void count_row(struct str key, struct str json, void *data)
{
  (void)key, (void)json;
  ++*(size_t *)data;
}

static void loads_a_thousand_resources_quickly(void **state)
{
  struct env *e = *state;
  env_open_with(e, store_collections, store_collections_count);
  struct store_batch *b = store_batch_new(e->store);
  struct op *op;
  for (int i = 0; i < 1000; i++) {
    CLEANUP(mem_free_at) char *key = mem_printf("%024x", i);
    CLEANUP(mem_free_at) char *json = mem_printf("{\"name\":\"s%d\",\"config\":{\"pad\":\"%01000d\"}}", i, i);
    store_batch_put(b, COLLECTION_STACK, str_of(key), str_of(json));
  }
  store_commit(b, &op);
  assert_int_equal(env_finish(e, op), OK);
  env_close(e);
  env_open_with(e, store_collections, store_collections_count);
  size_t count = 0;
  uint64_t before = clock_mono_ns();
  assert_int_equal(store_load(e->store, COLLECTION_STACK, count_row, &count, NULL), OK);
  print_message("loaded %zu documents in %.1f ms\n", count, (double)(clock_mono_ns() - before) / 1e6);
  assert_int_equal(count, 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(a_second_engine_is_refused_until_the_first_is_gone), TEST(folders_and_files_are_private),
      TEST(a_newer_file_is_refused_in_words), TEST(another_programs_file_is_left_alone), TEST(damage_is_found_at_start),
      TEST(indexes_follow_the_collection_list), TEST(bad_lists_are_refused), TEST(a_person_may_hold_the_file_for_a_moment),
      TEST(a_long_find_stops_when_cancelled), TEST(pages_are_read_in_order_from_indexes), TEST(loads_a_thousand_resources_quickly)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
