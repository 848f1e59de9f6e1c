/* store/table.h: rows in memory behind durable writes: what is seen when, and what a failure takes back. */
#include "store_test.h"
#include "store/table.h"

static const struct store_collection list[] = {{"Item", "name", NULL}, {"Other", "name", NULL}, {"kv", NULL, NULL}};

#define A "66b0c0ffee66b0c0ffee0001"
#define B "66b0c0ffee66b0c0ffee0002"
#define C "66b0c0ffee66b0c0ffee0003"

struct fixture {
  struct env env;
  struct table *items, *others, *pairs;
  struct buf seen;      /* what on_change told */
  long derived;         /* derived and not yet dropped */
  const struct row *old;   /* to be looked at when it was swapped out */
};

static void *derive(yyjson_val *doc, struct str id, void *data)
{
  (void)id;
  ((struct fixture *)data)->derived++;
  int *v = mem_new(sizeof *v);
  *v = yyjson_get_int(yyjson_obj_get(doc, "v"));
  return v;
}

static void drop(void *ext, void *data)
{
  ((struct fixture *)data)->derived--;
  mem_free(ext);
}

static void on_change(struct table *t, struct str id, const struct row *row, void *data)
{
  struct fixture *f = data;
  assert_ptr_equal(table_get(t, id), row);
  if (f->old) {
    assert_ptr_not_equal(f->old, row);
    assert_true(str_eqc(f->old->json, "{\"name\":\"a\",\"v\":1}"));
    assert_int_equal(*(int *)f->old->ext, 1);
    f->old = NULL;
  }
  buf_printf(&f->seen, "%.*s%s ", STR_ARG(str_sub(id, 23, 1)), row ? "" : "-");
}

static void open_tables(struct fixture *f)
{
  env_open_with(&f->env, list, ARRAY_LEN(list));
  struct table_config items = {"Item", "name", derive, drop, on_change, f};
  struct table_config others = {.collection = "Other", .name_path = "name"};
  struct table_config pairs = {.collection = "kv"};
  assert_int_equal(table_open(f->env.store, &items, &f->items, NULL), OK);
  assert_int_equal(table_open(f->env.store, &others, &f->others, NULL), OK);
  assert_int_equal(table_open(f->env.store, &pairs, &f->pairs, NULL), OK);
}

static void close_tables(struct fixture *f)
{
  env_close(&f->env);
  table_free(f->items);
  table_free(f->others);
  table_free(f->pairs);
  uv_run(&f->env.loop, UV_RUN_NOWAIT);
  assert_int_equal(f->derived, 0);
}

static int start(void **state)
{
  struct fixture *f = mem_new(sizeof *f);
  env_init(&f->env);
  buf_init(&f->seen, 10000);
  open_tables(f);
  *state = f;
  return 0;
}

static int stop(void **state)
{
  struct fixture *f = *state;
  close_tables(f);
  env_release(&f->env);
  buf_release(&f->seen);
  mem_free(f);
  return 0;
}

static struct op *put(struct fixture *f, struct table *t, const char *id, const char *json)
{
  struct change *c = change_new(f->env.store);
  struct op *op;
  change_put(c, t, str_of(id), str_of(json));
  change_start(c, &op);
  return op;
}

static struct op *insert(struct fixture *f, struct table *t, const char *id, const char *json)
{
  struct change *c = change_new(f->env.store);
  struct op *op;
  change_insert(c, t, str_of(id), str_of(json));
  change_start(c, &op);
  return op;
}

static struct op *delete(struct fixture *f, struct table *t, const char *id)
{
  struct change *c = change_new(f->env.store);
  struct op *op;
  change_delete(c, t, str_of(id));
  change_start(c, &op);
  return op;
}

/* A change that the database refuses although nothing here could know: another document of a plain collection is there. */
static struct op *put_that_fails(struct fixture *f, const char *id, const char *json)
{
  struct change *c = change_new(f->env.store);
  struct op *op;
  change_put(c, f->items, str_of(id), str_of(json));
  store_batch_insert(change_batch(c), "kv", STR("there"), STR("{}"));
  change_start(c, &op);
  return op;
}

static void assert_row(struct table *t, const char *id, const char *json)
{
  const struct row *r = table_get(t, str_of(id));
  if (!json) {
    assert_null(r);
    return;
  }
  assert_non_null(r);
  assert_true(str_eqc(r->json, json));
}

static void assert_latest(struct table *t, const char *id, const char *json)
{
  struct str s = table_latest(t, str_of(id));
  assert_true(json ? str_eqc(s, json) : s.ptr == NULL);
}

static void assert_sorted(struct table *t, const char *expected)
{
  CLEANUP(buf_release) struct buf names = BUF_INIT(10000);
  size_t count;
  const struct row *const *rows = table_sorted(t, &count);
  for (size_t i = 0; i < count; i++)
    buf_printf(&names, "%.*s ", STR_ARG(rows[i]->name.len ? rows[i]->name : rows[i]->id));
  assert_int_equal(count, table_count(t));
  assert_string_equal(buf_str(&names).ptr, expected);
}

static void a_write_is_seen_by_latest_at_once_and_by_get_when_durable(void **state)
{
  struct fixture *f = *state;
  struct op *op = insert(f, f->items, A, "{\"name\":\"web\",\"v\":1}");
  assert_row(f->items, A, NULL);
  assert_latest(f->items, A, "{\"name\":\"web\",\"v\":1}");
  assert_null(table_find(f->items, STR("web")));
  assert_int_equal(env_finish(&f->env, op), OK);
  assert_row(f->items, A, "{\"name\":\"web\",\"v\":1}");
  const struct row *r = table_find(f->items, STR("web"));
  assert_non_null(r);
  assert_int_equal(*(int *)r->ext, 1);
  assert_ptr_equal(table_resolve(f->items, STR("web")), r);
  assert_ptr_equal(table_resolve(f->items, STR(A)), r);
  assert_ptr_equal(table_resolve(f->items, STR("66B0C0FFEE66B0C0FFEE0001")), r);
  assert_null(table_resolve(f->items, STR(B)));
  op = delete(f, f->items, A);
  assert_row(f->items, A, "{\"name\":\"web\",\"v\":1}");
  assert_latest(f->items, A, NULL);
  assert_int_equal(env_finish(&f->env, op), OK);
  assert_row(f->items, A, NULL);
  assert_null(table_find(f->items, STR("web")));
  assert_string_equal(f->seen.ptr, "1 1- ");
}

static void two_changes_in_flight_lose_none(void **state)
{
  struct fixture *f = *state;
  assert_int_equal(env_finish(&f->env, insert(f, f->items, A, "{\"name\":\"a\",\"v\":1}")), OK);
  struct op *one = put(f, f->items, A, "{\"name\":\"a\",\"v\":2}");
  assert_latest(f->items, A, "{\"name\":\"a\",\"v\":2}");
  struct op *two = put(f, f->items, A, "{\"name\":\"a\",\"v\":3}");
  assert_latest(f->items, A, "{\"name\":\"a\",\"v\":3}");
  assert_int_equal(env_finish(&f->env, one), OK);
  assert_latest(f->items, A, "{\"name\":\"a\",\"v\":3}");
  assert_int_equal(env_finish(&f->env, two), OK);
  assert_row(f->items, A, "{\"name\":\"a\",\"v\":3}");
  assert_string_equal(f->seen.ptr, "1 1 1 ");
}

static void a_failure_takes_along_what_rests_on_it_and_nothing_else(void **state)
{
  struct fixture *f = *state;
  assert_int_equal(env_put(&f->env, "kv", "there", "{}"), OK);
  assert_int_equal(env_finish(&f->env, insert(f, f->items, A, "{\"name\":\"a\",\"v\":1}")), OK);
  struct op *one = put_that_fails(f, A, "{\"name\":\"a\",\"v\":2}");
  struct op *two = put(f, f->items, A, "{\"name\":\"a\",\"v\":2,\"w\":3}");
  struct op *three = put(f, f->items, A, "{\"name\":\"a\",\"v\":2,\"w\":3,\"x\":4}");
  struct op *other = insert(f, f->items, B, "{\"name\":\"b\",\"v\":1}");
  assert_latest(f->items, A, "{\"name\":\"a\",\"v\":2,\"w\":3,\"x\":4}");
  assert_int_equal(env_finish(&f->env, one), ERR_CONFLICT);
  assert_int_equal(env_await(&f->env, two), ERR_CONFLICT);
  assert_string_equal(two->diag->message, "an earlier change of the same document failed");
  op_unref(two);
  assert_int_equal(env_finish(&f->env, three), ERR_CONFLICT);
  assert_int_equal(env_finish(&f->env, other), OK);
  assert_latest(f->items, A, "{\"name\":\"a\",\"v\":1}");
  assert_row(f->items, A, "{\"name\":\"a\",\"v\":1}");
  assert_int_equal(env_finish(&f->env, put(f, f->items, A, "{\"name\":\"a\",\"v\":5}")), OK);
  close_tables(f);
  open_tables(f);
  assert_row(f->items, A, "{\"name\":\"a\",\"v\":5}");
  assert_sorted(f->items, "a b ");
}

static void names_in_flight_are_taken(void **state)
{
  struct fixture *f = *state;
  struct op *one = insert(f, f->items, A, "{\"name\":\"web\"}");
  struct op *two = insert(f, f->items, B, "{\"name\":\"web\"}");
  assert_true(two->done);   /* nobody asked the database */
  assert_int_equal(env_await(&f->env, two), ERR_CONFLICT);
  assert_string_equal(two->diag->message, "Item: the name 'web' is taken");
  op_unref(two);
  assert_latest(f->items, B, NULL);
  assert_int_equal(env_finish(&f->env, one), OK);
  assert_int_equal(env_finish(&f->env, insert(f, f->items, B, "{\"name\":\"web\"}")), ERR_CONFLICT);
  assert_int_equal(env_finish(&f->env, insert(f, f->items, A, "{\"name\":\"x\"}")), ERR_CONFLICT);
  assert_int_equal(env_finish(&f->env, insert(f, f->others, B, "{\"name\":\"web\"}")), OK);   /* another table */
}

static void a_renamed_row_gives_its_name_up(void **state)
{
  struct fixture *f = *state;
  assert_int_equal(env_finish(&f->env, insert(f, f->items, A, "{\"name\":\"a\"}")), OK);
  struct op *rename = put(f, f->items, A, "{\"name\":\"z\"}");
  struct op *heir = insert(f, f->items, B, "{\"name\":\"a\"}");
  struct op *clash = insert(f, f->items, C, "{\"name\":\"z\"}");
  assert_int_equal(env_finish(&f->env, clash), ERR_CONFLICT);
  assert_int_equal(env_finish(&f->env, rename), OK);
  assert_int_equal(env_finish(&f->env, heir), OK);
  assert_true(str_eqc(table_find(f->items, STR("a"))->id, B));
  assert_true(str_eqc(table_find(f->items, STR("z"))->id, A));
  assert_sorted(f->items, "a z ");
}

static void a_name_comes_back_when_the_rename_fails(void **state)
{
  struct fixture *f = *state;
  assert_int_equal(env_put(&f->env, "kv", "there", "{}"), OK);
  assert_int_equal(env_finish(&f->env, insert(f, f->items, A, "{\"name\":\"a\"}")), OK);
  struct op *rename = put_that_fails(f, A, "{\"name\":\"z\"}");
  struct op *heir = insert(f, f->items, B, "{\"name\":\"a\"}");
  assert_int_equal(env_finish(&f->env, rename), ERR_CONFLICT);
  assert_int_equal(env_finish(&f->env, heir), ERR_CONFLICT);   /* the database's word */
  assert_true(str_eqc(table_find(f->items, STR("a"))->id, A));
  assert_null(table_find(f->items, STR("z")));
  assert_int_equal(env_finish(&f->env, insert(f, f->items, C, "{\"name\":\"z\"}")), OK);
  assert_int_equal(env_finish(&f->env, insert(f, f->items, B, "{\"name\":\"a\"}")), ERR_CONFLICT);
}

static void a_change_spans_tables_and_collections(void **state)
{
  struct fixture *f = *state;
  struct change *c = change_new(f->env.store);
  struct op *op;
  change_insert(c, f->items, STR(A), STR("{\"name\":\"a\"}"));
  change_insert(c, f->others, STR(B), STR("{\"name\":\"b\"}"));
  change_put(c, f->pairs, STR("p"), STR("{}"));
  store_batch_put(change_batch(c), "kv", STR("plain"), STR("{\"p\":1}"));
  change_start(c, &op);
  assert_int_equal(env_finish(&f->env, op), OK);
  assert_row(f->items, A, "{\"name\":\"a\"}");
  assert_row(f->others, B, "{\"name\":\"b\"}");
  assert_row(f->pairs, "p", "{}");
  assert_text(env_get(&f->env, "kv", "plain"), "{\"p\":1}");
  /* The second is in conflict: the first must not be seen either. */
  c = change_new(f->env.store);
  change_insert(c, f->others, STR(C), STR("{\"name\":\"c\"}"));
  change_insert(c, f->items, STR(C), STR("{\"name\":\"a\"}"));
  change_start(c, &op);
  assert_int_equal(env_finish(&f->env, op), ERR_CONFLICT);
  assert_latest(f->others, C, NULL);
  assert_int_equal(env_finish(&f->env, insert(f, f->others, A, "{\"name\":\"c\"}")), OK);
}

static void one_change_may_write_a_row_twice(void **state)
{
  struct fixture *f = *state;
  assert_int_equal(env_finish(&f->env, insert(f, f->items, A, "{\"name\":\"a\"}")), OK);
  struct change *c = change_new(f->env.store);
  struct op *op;
  change_delete(c, f->items, STR(A));
  change_insert(c, f->items, STR(B), STR("{\"name\":\"a\"}"));
  change_put(c, f->items, STR(B), STR("{\"name\":\"b\"}"));
  change_start(c, &op);
  assert_latest(f->items, B, "{\"name\":\"b\"}");
  assert_int_equal(env_finish(&f->env, op), OK);
  assert_row(f->items, A, NULL);
  assert_sorted(f->items, "b ");
  assert_latest(f->items, B, "{\"name\":\"b\"}");
}

static void bad_documents_are_refused(void **state)
{
  struct fixture *f = *state;
  assert_int_equal(env_finish(&f->env, put(f, f->items, A, "no json")), ERR_INVALID);
  assert_int_equal(env_finish(&f->env, put(f, f->items, A, "[]")), ERR_INVALID);
  assert_latest(f->items, A, NULL);
  struct change *c = change_new(f->env.store);
  change_put(c, f->items, STR(A), STR("{}"));
  change_free(c);
  assert_latest(f->items, A, NULL);
}

/* A row found in this turn may be looked at until the loop turns: also after the swap, as in on_change. What `drop` undoes
 * is undone when the waiter of the change is told. */
struct looker {
  struct fixture *fixture;
  bool looked;
};

static void look(struct op *op, void *data)
{
  (void)op;
  struct looker *l = data;
  l->looked = true;
  assert_int_equal(l->fixture->derived, 1);
  assert_null(l->fixture->old);
}

static void a_row_lives_until_the_next_turn(void **state)
{
  struct fixture *f = *state;
  assert_int_equal(env_finish(&f->env, insert(f, f->items, A, "{\"name\":\"a\",\"v\":1}")), OK);
  struct looker l = {f, false};
  f->old = table_get(f->items, STR(A));
  struct op *op = put(f, f->items, A, "{\"name\":\"a\",\"v\":2}");
  op_wait(op, look, &l);
  while (!l.looked)
    uv_run(&f->env.loop, UV_RUN_ONCE);
  op_unref(op);
  assert_row(f->items, A, "{\"name\":\"a\",\"v\":2}");
}

static void sorts_thousands_and_keeps_them_sorted(void **state)
{
  struct fixture *f = *state;
  enum { N = 3000 };
  struct change *c = change_new(f->env.store);
  struct op *op;
  for (int i = 0; i < N; i++) {
    char id[32], json[64];
    snprintf(id, sizeof id, "%024x", i);
    snprintf(json, sizeof json, "{\"name\":\"n%04d\"}", (i * 7919) % N);
    change_insert(c, f->items, str_of(id), str_of(json));
  }
  change_start(c, &op);
  assert_int_equal(env_finish(&f->env, op), OK);
  c = change_new(f->env.store);
  for (int i = 0; i < N; i += 3) {
    char id[32], json[64];
    snprintf(id, sizeof id, "%024x", i);
    snprintf(json, sizeof json, "{\"name\":\"m%04d\"}", i);
    if (i % 2)
      change_put(c, f->items, str_of(id), str_of(json));
    else
      change_delete(c, f->items, str_of(id));
  }
  change_start(c, &op);
  assert_int_equal(env_finish(&f->env, op), OK);
  for (int round = 0; round < 2; round++) {
    size_t count;
    const struct row *const *rows = table_sorted(f->items, &count);
    assert_int_equal(count, N - N / 6);
    for (size_t i = 1; i < count; i++)
      assert_true(str_cmp(rows[i - 1]->name, rows[i]->name) < 0);
    for (size_t i = 0; i < count; i++)
      assert_ptr_equal(table_find(f->items, rows[i]->name), rows[i]);
    close_tables(f);
    open_tables(f);
  }
}

static void versions_grow(void **state)
{
  struct fixture *f = *state;
  assert_int_equal(env_finish(&f->env, insert(f, f->items, A, "{\"name\":\"a\"}")), OK);
  uint64_t first = table_get(f->items, STR(A))->version;
  assert_int_equal(env_finish(&f->env, insert(f, f->items, B, "{\"name\":\"b\"}")), OK);
  assert_true(table_get(f->items, STR(B))->version > first);
  assert_int_equal(env_finish(&f->env, put(f, f->items, A, "{\"name\":\"a\"}")), OK);
  assert_true(table_get(f->items, STR(A))->version > table_get(f->items, STR(B))->version);
}

static void nothing_takes_off_after_close(void **state)
{
  struct fixture *f = *state;
  struct op *queued = insert(f, f->items, A, "{\"name\":\"a\"}");
  store_close(f->env.store, env_on_closed, &f->env);
  struct op *late = insert(f, f->items, B, "{\"name\":\"b\"}");
  assert_latest(f->items, B, NULL);
  assert_int_equal(env_finish(&f->env, late), ERR_CLOSED);
  while (!f->env.closed)
    uv_run(&f->env.loop, UV_RUN_ONCE);
  assert_int_equal(env_finish(&f->env, queued), OK);
  table_free(f->items);
  table_free(f->others);
  table_free(f->pairs);
  open_tables(f);
  assert_sorted(f->items, "a ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(a_write_is_seen_by_latest_at_once_and_by_get_when_durable), TEST(two_changes_in_flight_lose_none),
      TEST(a_failure_takes_along_what_rests_on_it_and_nothing_else), TEST(names_in_flight_are_taken),
      TEST(a_renamed_row_gives_its_name_up), TEST(a_name_comes_back_when_the_rename_fails),
      TEST(a_change_spans_tables_and_collections), TEST(one_change_may_write_a_row_twice), TEST(bad_documents_are_refused),
      TEST(a_row_lives_until_the_next_turn), TEST(sorts_thousands_and_keeps_them_sorted), TEST(versions_grow),
      TEST(nothing_takes_off_after_close)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
