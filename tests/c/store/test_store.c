/* store/store.h: what every backend promises. Only the public interface is used here. */
#include "store_test.h"

#define TEXT(literal) {literal, sizeof literal - 1}

static const char *const item_indexes[] = {"ts", "kind,ts", "target.type,target.id,ts", NULL};
static const struct store_collection list[] = {{"Item", "name", item_indexes}, {"Pair", "a,b", NULL}, {"kv", NULL, NULL}};

static int start(void **state)
{
  struct env *e = mem_new(sizeof *e);
  env_init(e);
  env_open_with(e, list, ARRAY_LEN(list));
  *state = e;
  return 0;
}

static int stop(void **state)
{
  env_release(*state);
  mem_free(*state);
  return 0;
}

static void reopen(struct env *e)
{
  env_close(e);
  env_open_with(e, list, ARRAY_LEN(list));
}

static void keeps_documents_across_a_restart(void **state)
{
  struct env *e = *state;
  assert_int_equal(env_put(e, "kv", "k", "{\"v\":1}"), OK);
  assert_int_equal(env_put(e, "kv", "k", "{\"v\":2}"), OK);
  assert_text(env_get(e, "kv", "k"), "{\"v\":2}");
  reopen(e);
  assert_text(env_get(e, "kv", "k"), "{\"v\":2}");
  struct store_batch *b = store_batch_new(e->store);
  struct op *op;
  store_batch_delete(b, "kv", STR("k"));
  store_batch_delete(b, "kv", STR("absent"));
  store_commit(b, &op);
  assert_int_equal(env_finish(e, op), OK);
  assert_null(env_get(e, "kv", "k"));
  reopen(e);
  assert_null(env_get(e, "kv", "k"));
}

static void a_batch_is_all_or_nothing(void **state)
{
  struct env *e = *state;
  assert_int_equal(env_put(e, "Item", "1", "{\"name\":\"a\"}"), OK);
  struct store_batch *b = store_batch_new(e->store);
  struct op *op;
  store_batch_put(b, "kv", STR("x"), STR("{}"));
  store_batch_delete(b, "Item", STR("1"));
  store_batch_put(b, "Item", STR("2"), STR("{\"name\":\"b\"}"));
  store_batch_put(b, "Item", STR("3"), STR("{\"name\":\"b\"}"));
  store_commit(b, &op);
  assert_int_equal(env_await(e, op), ERR_CONFLICT);
  assert_non_null(strstr(op->diag->message, "Item: another document has the same name"));
  op_unref(op);
  assert_null(env_get(e, "kv", "x"));
  assert_text(env_get(e, "Item", "1"), "{\"name\":\"a\"}");
  assert_null(env_get(e, "Item", "2"));
}

static void insert_refuses_what_is_there(void **state)
{
  struct env *e = *state;
  static const Err expected[] = {OK, ERR_CONFLICT};
  for (int i = 0; i < 2; i++) {
    struct store_batch *b = store_batch_new(e->store);
    struct op *op;
    store_batch_insert(b, "Item", STR("1"), i ? STR("{\"name\":\"other\"}") : STR("{\"name\":\"one\"}"));
    store_commit(b, &op);
    assert_int_equal(env_await(e, op), expected[i]);
    if (i)
      assert_string_equal(op->diag->message, "Item: another document has the same key");
    op_unref(op);
  }
  assert_text(env_get(e, "Item", "1"), "{\"name\":\"one\"}");
}

static void unique_over_several_paths(void **state)
{
  struct env *e = *state;
  assert_int_equal(env_put(e, "Pair", "1", "{\"a\":\"x\",\"b\":\"y\"}"), OK);
  assert_int_equal(env_put(e, "Pair", "2", "{\"a\":\"x\",\"b\":\"z\"}"), OK);
  assert_int_equal(env_put(e, "Pair", "3", "{\"a\":\"x\",\"b\":\"y\"}"), ERR_CONFLICT);
  assert_int_equal(env_put(e, "Pair", "1", "{\"a\":\"x\",\"b\":\"y\",\"c\":1}"), OK);
  assert_int_equal(env_put(e, "Pair", "4", "{}"), OK);   /* nothing there, nothing to be unique */
  assert_int_equal(env_put(e, "Pair", "5", "{}"), OK);
}

/* Sixty-four at once, one of four in conflict: each gets its own answer, the fsyncs are shared. */
static void waiting_batches_share_a_commit_and_fail_alone(void **state)
{
  struct env *e = *state;
  enum { N = 64 };
  struct op *ops[N];
  for (int i = 0; i < N; i++) {
    struct store_batch *b = store_batch_new(e->store);
    char key[16], json[64];
    snprintf(key, sizeof key, "%d", i);
    snprintf(json, sizeof json, "{\"name\":\"n%d\"}", i % 4 == 3 ? i - 1 : i);
    store_batch_insert(b, "Item", str_of(key), str_of(json));
    store_commit(b, &ops[i]);
  }
  for (int i = 0; i < N; i++)
    assert_int_equal(env_finish(e, ops[i]), i % 4 == 3 ? ERR_CONFLICT : OK);
  struct store_stats stats;
  store_stats(e->store, &stats);
  assert_int_equal(stats.batches, 48);
  assert_int_equal(stats.documents, 48);
  assert_true(stats.commits >= 1 && stats.commits < 32);
}

static void mistakes_are_told_by_the_commit(void **state)
{
  struct env *e = *state;
  char *big = mem_new(STORE_DOC_MAX + 2);
  memset(big, 'x', STORE_DOC_MAX + 1);
  char *key = mem_strndup(big, STORE_KEY_MAX + 1);
  assert_int_equal(env_put(e, "Nowhere", "1", "{}"), ERR_INTERNAL);
  assert_int_equal(env_put(e, "kv", "", "{}"), ERR_INVALID);
  assert_int_equal(env_put(e, "kv", key, "{}"), ERR_INVALID);
  assert_int_equal(env_put(e, "kv", "1", big), ERR_TOOBIG);
  assert_int_equal(env_put(e, "Item", "1", "no json"), ERR_INTERNAL);
  struct op *op;
  store_commit(store_batch_new(e->store), &op);
  assert_int_equal(env_finish(e, op), OK);   /* nothing to do */
  struct store_batch *b = store_batch_new(e->store);
  store_batch_put(b, "kv", STR("z"), STR("{}"));
  store_batch_free(b);
  assert_null(env_get(e, "kv", "z"));
  assert_null(env_get(e, "Nowhere", "z"));
  mem_free(big);
  mem_free(key);
}

static void fill(struct env *e)
{
  struct store_batch *b = store_batch_new(e->store);
  struct op *op;
  for (int i = 0; i < 40; i++) {
    char key[16], json[200];
    snprintf(key, sizeof key, "%02d", i);
    snprintf(json, sizeof json, "{\"i\":%d,\"name\":\"n%d\",\"ts\":%d,\"kind\":\"%s\",\"target\":{\"type\":\"%s\",\"id\":\"t%d\"}}",
             i, i, 1000 - i, i % 2 ? "odd" : "even", i < 20 ? "Server" : "Stack", i % 5);
    store_batch_put(b, "Item", str_of(key), str_of(json));
  }
  store_commit(b, &op);
  assert_int_equal(env_finish(e, op), OK);
}

/* The `i` of the documents found, joined with spaces. */
static char *found(struct env *e, const struct store_query *q)
{
  CLEANUP(mem_free_at) char *text = env_find(e, q);
  assert_non_null(text);
  yyjson_doc *doc = yyjson_read(text, strlen(text), YYJSON_READ_NOFLAG);
  assert_non_null(doc);
  struct buf out = BUF_INIT(10000);
  yyjson_arr_iter it = yyjson_arr_iter_with(yyjson_doc_get_root(doc));
  for (yyjson_val *item; (item = yyjson_arr_iter_next(&it));)
    buf_printf(&out, "%s%d", out.len ? " " : "", yyjson_get_int(yyjson_obj_get(item, "i")));
  yyjson_doc_free(doc);
  return buf_take(&out);
}

static void finds_sorted_filtered_and_paged(void **state)
{
  struct env *e = *state;
  fill(e);
  static const struct { struct store_query q; const char *expected; } rows[] = {
      {{.limit = 3}, "0 1 2"},
      {{.limit = 3, .descending = true}, "39 38 37"},
      {{.limit = 3, .skip = 38}, "38 39"},
      {{.skip = 40}, ""},
      {{.sort = "ts", .limit = 3}, "39 38 37"},
      {{.sort = "ts", .limit = 3, .descending = true, .skip = 1}, "1 2 3"},
      {{.sort = "i", .limit = 2, .descending = true}, "39 38"},                      /* no index */
      {{.sort = "kind", .limit = 3}, "0 2 4"},                                       /* ties: first inserted first */
      {{.sort = "kind", .limit = 3, .descending = true}, "39 37 35"},
      {{.filter = TEXT("{\"kind\":\"odd\"}"), .sort = "ts", .descending = true, .limit = 3}, "1 3 5"},
      {{.filter = TEXT("{\"i\":{\"$lt\":3}}")}, "0 1 2"},
      {{.filter = TEXT("{\"i\":{\"$lt\":3}}"), .sort = "ts"}, "2 1 0"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct store_query q = rows[i].q;
    q.collection = "Item";
    assert_text(found(e, &q), rows[i].expected);
  }
}

/* The same answer whether an index serves the filter or nothing does. */
static void indexes_do_not_change_answers(void **state)
{
  struct env *e = *state;
  fill(e);
  assert_int_equal(env_put(e, "Item", "50", "{\"i\":50,\"ts\":\"text\",\"kind\":null}"), OK);
  assert_int_equal(env_put(e, "Item", "51", "{\"i\":51,\"ts\":true,\"kind\":1}"), OK);
  assert_int_equal(env_put(e, "Item", "52", "{\"i\":52,\"ts\":1.5,\"kind\":true,\"target\":{\"type\":\"Server\",\"id\":null}}"), OK);
  static const struct { const char *filter, *expected; } rows[] = {
      {"{\"target.type\":\"Stack\",\"target.id\":\"t3\"}", "23 28 33 38"},
      {"{\"target\":{\"type\":\"Stack\",\"id\":\"t3\"}}", "23 28 33 38"},
      {"{\"target.type\":\"Server\",\"target.id\":\"t1\",\"ts\":{\"$gt\":990}}", "1 6"},
      {"{\"target.type\":\"Server\",\"target.id\":\"t1\",\"ts\":{\"$gt\":990,\"$lte\":994}}", "6"},
      {"{\"target.type\":\"Server\",\"target.id\":null}", "52"},
      {"{\"ts\":{\"$in\":[961,1000,1]}}", "0 39"},
      {"{\"ts\":{\"$gt\":0}}", NULL},
      {"{\"ts\":{\"$lt\":2}}", "52"},
      {"{\"ts\":{\"$gte\":\"a\"}}", "50"},
      {"{\"ts\":true}", "51"},
      {"{\"ts\":{\"$gt\":false}}", "51"},
      {"{\"kind\":null}", "50"},
      {"{\"kind\":1}", "51"},
      {"{\"kind\":true}", "52"},
      {"{\"name\":\"n7\"}", "7"},
      {"{\"name\":{\"$in\":[\"n7\",\"n9\",\"x\"]}}", "7 9"},
      {"{\"$or\":[{\"target.type\":\"Server\",\"target.id\":{\"$in\":[\"t1\"]}},{\"i\":50}]}", "1 6 11 16 50"},
      {"{\"$and\":[{\"kind\":\"odd\"},{\"target.id\":\"t0\"},{\"ts\":{\"$lt\":980}}]}", "25 35"},
      {"{\"_id\":{\"$oid\":\"66b0c0ffee66b0c0ffee0001\"}}", ""},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct store_query q = {.collection = "Item", .filter = str_of(rows[i].filter)};
    CLEANUP(mem_free_at) char *by_key = found(e, &q);
    if (rows[i].expected)
      assert_string_equal(by_key, rows[i].expected);
    CLEANUP(mem_free_at) char *unindexed = mem_printf("{\"$or\":[%s]}", rows[i].filter);
    q.filter = str_of(unindexed);
    assert_text(found(e, &q), by_key);
  }
}

static void finds_by_id(void **state)
{
  struct env *e = *state;
  const char *const ids[] = {"66b0c0ffee66b0c0ffee0001", "66b0c0ffee66b0c0ffee0002", "66b0c0ffee66b0c0ffee0003"};
  for (int i = 0; i < 3; i++) {
    CLEANUP(mem_free_at) char *json = mem_printf("{\"_id\":{\"$oid\":\"%s\"},\"i\":%d}", ids[i], i);
    assert_int_equal(env_put(e, "Item", ids[i], json), OK);
  }
  struct store_query q = {.collection = "Item", .filter = STR("{\"_id\":{\"$oid\":\"66B0C0FFEE66B0C0FFEE0002\"}}")};
  assert_text(found(e, &q), "1");
  q.filter = STR("{\"_id\":{\"$in\":[{\"$oid\":\"66b0c0ffee66b0c0ffee0003\"},{\"$oid\":\"66b0c0ffee66b0c0ffee0001\"}]}}");
  assert_text(found(e, &q), "0 2");
  q.filter = STR("{\"_id\":{\"$ne\":{\"$oid\":\"66b0c0ffee66b0c0ffee0002\"}}}");
  assert_text(found(e, &q), "0 2");
}

static void a_bad_find_says_why(void **state)
{
  struct env *e = *state;
  static const struct { struct store_query q; Err err; const char *words; } rows[] = {
      {{.collection = "Item", .filter = TEXT("{\"a\":{\"$regex\":\"x\"}}")}, ERR_INVALID, "$regex"},
      {{.collection = "Item", .sort = "a'; DROP TABLE Item"}, ERR_INVALID, "path"},
      {{.collection = "Item", .sort = "a..b"}, ERR_INVALID, "empty step"},
      {{.collection = "Nowhere"}, ERR_INTERNAL, "Nowhere"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct store_find *f;
    store_find(e->store, &rows[i].q, &f);
    assert_int_equal(env_await(e, &f->op), rows[i].err);
    assert_non_null(strstr(f->op.diag->message, rows[i].words));
    op_unref(&f->op);
  }
  struct store_find *f;
  store_get(e->store, "Item", STR("absent"), &f);
  assert_int_equal(env_finish(e, &f->op), ERR_NOTFOUND);
}

static void a_result_has_a_limit(void **state)
{
  struct env *e = *state;
  enum { SIZE = 14 << 20, COUNT = STORE_RESULT_MAX / SIZE + 1 };
  char *json = mem_new(SIZE + 3);
  memset(json, 'x', SIZE + 2);
  json[0] = json[SIZE + 1] = '"';
  for (int i = 0; i < COUNT; i++) {
    char key[16];
    snprintf(key, sizeof key, "%d", i);
    assert_int_equal(env_put(e, "kv", key, json), OK);
  }
  mem_free(json);
  struct store_query q = {.collection = "kv"};
  struct store_find *f;
  store_find(e->store, &q, &f);
  assert_int_equal(env_await(e, &f->op), ERR_TOOBIG);
  assert_non_null(strstr(f->op.diag->message, "use a limit"));
  op_unref(&f->op);
  q.limit = COUNT - 1;
  store_find(e->store, &q, &f);
  assert_int_equal(env_await(e, &f->op), OK);
  assert_int_equal(f->count, COUNT - 1);
  op_unref(&f->op);
}

static void a_find_can_be_cancelled(void **state)
{
  struct env *e = *state;
  fill(e);
  struct store_query q = {.collection = "Item"};
  struct store_find *finds[20];
  for (size_t i = 0; i < ARRAY_LEN(finds); i++) {
    store_find(e->store, &q, &finds[i]);
    op_cancel(&finds[i]->op);
  }
  size_t cancelled = 0;
  for (size_t i = 0; i < ARRAY_LEN(finds); i++)
    cancelled += env_finish(e, &finds[i]->op) == ERR_CANCELLED;
  assert_true(cancelled > 0);   /* the first ones may have been through already */
  assert_text(env_get(e, "Item", "01"), "{\"i\":1,\"name\":\"n1\",\"ts\":999,\"kind\":\"odd\",\"target\":{\"type\":\"Server\",\"id\":\"t1\"}}");
}

static void prunes_in_portions(void **state)
{
  struct env *e = *state;
  enum { N = 2500 };
  struct store_batch *b = store_batch_new(e->store);
  struct op *op, *put;
  for (int i = 0; i < N; i++) {
    char key[16], json[64];
    snprintf(key, sizeof key, "%d", i);
    snprintf(json, sizeof json, "{\"i\":%d,\"ts\":%d}", i, i);
    store_batch_put(b, "Item", str_of(key), str_of(json));
  }
  store_batch_put(b, "Item", STR("no-ts"), STR("{\"i\":-1}"));
  store_batch_put(b, "Item", STR("text-ts"), STR("{\"i\":-2,\"ts\":\"0\"}"));
  store_commit(b, &op);
  assert_int_equal(env_finish(e, op), OK);
  store_prune(e->store, "Item", "ts", N - 3, &op);
  b = store_batch_new(e->store);
  store_batch_put(b, "kv", STR("meanwhile"), STR("{}"));
  store_commit(b, &put);
  assert_int_equal(env_finish(e, put), OK);
  assert_int_equal(env_finish(e, op), OK);
  struct store_query q = {.collection = "Item", .sort = "i"};
  assert_text(found(e, &q), "-2 -1 2497 2498 2499");
  store_prune(e->store, "Item", "ts'", 1, &op);
  assert_int_equal(env_finish(e, op), ERR_INVALID);
}

static void count_key(struct str key, struct str json, void *data)
{
  struct buf *out = data;
  buf_printf(out, "%.*s=%.*s;", STR_ARG(key), STR_ARG(json));
}

static void loads_in_key_order(void **state)
{
  struct env *e = *state;
  assert_int_equal(env_put(e, "kv", "b", "2"), OK);
  assert_int_equal(env_put(e, "kv", "a", "1"), OK);
  assert_int_equal(env_put(e, "kv", "B", "3"), OK);
  reopen(e);
  CLEANUP(buf_release) struct buf out = BUF_INIT(1000);
  assert_int_equal(store_load(e->store, "kv", count_key, &out, NULL), OK);
  assert_string_equal(out.ptr, "B=3;a=1;b=2;");
  assert_int_equal(store_load(e->store, "Nowhere", count_key, &out, NULL), ERR_INTERNAL);
}

static void close_finishes_what_is_queued_and_refuses_the_rest(void **state)
{
  struct env *e = *state;
  struct op *ops[50];
  for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
    struct store_batch *b = store_batch_new(e->store);
    char key[16];
    snprintf(key, sizeof key, "%zu", i);
    store_batch_put(b, "kv", str_of(key), STR("{}"));
    store_commit(b, &ops[i]);
  }
  struct store_find *find, *late_find;
  store_get(e->store, "kv", STR("0"), &find);
  store_close(e->store, env_on_closed, e);
  struct store_batch *b = store_batch_new(e->store);
  struct op *late;
  store_batch_put(b, "kv", STR("late"), STR("{}"));
  store_commit(b, &late);
  store_get(e->store, "kv", STR("0"), &late_find);
  assert_int_equal(env_finish(e, late), ERR_CLOSED);
  assert_int_equal(env_finish(e, &late_find->op), ERR_CLOSED);
  while (!e->closed)
    uv_run(&e->loop, UV_RUN_ONCE);
  for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
    assert_true(ops[i]->done);
    assert_int_equal(ops[i]->err, OK);
    op_unref(ops[i]);
  }
  assert_true(find->op.done);
  op_unref(&find->op);
  env_open_with(e, list, ARRAY_LEN(list));
  assert_text(env_get(e, "kv", "49"), "{}");
  assert_null(env_get(e, "kv", "late"));
}

static void the_queue_is_bounded(void **state)
{
  struct env *e = *state;
  struct op **ops = mem_new_array(STORE_QUEUE_MAX + 1, sizeof *ops);
  for (size_t i = 0; i <= STORE_QUEUE_MAX; i++) {   /* the loop does not run meanwhile: nothing is acknowledged */
    struct store_batch *b = store_batch_new(e->store);
    store_batch_put(b, "kv", STR("k"), STR("{}"));
    store_commit(b, &ops[i]);
  }
  assert_true(ops[STORE_QUEUE_MAX]->done);
  assert_int_equal(env_finish(e, ops[STORE_QUEUE_MAX]), ERR_LIMIT);
  for (size_t i = 0; i < STORE_QUEUE_MAX; i++)
    assert_int_equal(env_finish(e, ops[i]), OK);
  mem_free(ops);
  struct store_find **finds = mem_new_array(STORE_FINDS_MAX + 1, sizeof *finds);
  for (size_t i = 0; i <= STORE_FINDS_MAX; i++)
    store_get(e->store, "kv", STR("k"), &finds[i]);
  assert_int_equal(env_finish(e, &finds[STORE_FINDS_MAX]->op), ERR_LIMIT);
  for (size_t i = 0; i < STORE_FINDS_MAX; i++)
    assert_int_equal(env_finish(e, &finds[i]->op), OK);
  mem_free(finds);
}

static void reads_see_what_was_acknowledged(void **state)
{
  struct env *e = *state;
  for (int i = 0; i < 100; i++) {
    CLEANUP(mem_free_at) char *json = mem_printf("{\"v\":%d}", i);
    assert_int_equal(env_put(e, "kv", "k", json), OK);
    assert_text(env_get(e, "kv", "k"), json);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(keeps_documents_across_a_restart), TEST(a_batch_is_all_or_nothing), TEST(insert_refuses_what_is_there),
      TEST(unique_over_several_paths), TEST(waiting_batches_share_a_commit_and_fail_alone), TEST(mistakes_are_told_by_the_commit),
      TEST(finds_sorted_filtered_and_paged), TEST(indexes_do_not_change_answers), TEST(finds_by_id), TEST(a_bad_find_says_why), TEST(a_result_has_a_limit),
      TEST(a_find_can_be_cancelled), TEST(prunes_in_portions), TEST(loads_in_key_order),
      TEST(close_finishes_what_is_queued_and_refuses_the_rest), TEST(the_queue_is_bounded), TEST(reads_see_what_was_acknowledged)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
