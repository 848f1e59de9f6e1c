/* store/filter.h: what matches as in MongoDB, and which filters are refused in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "store/filter.h"

#define DOC "{\"_id\":{\"$oid\":\"66b0c0ffee66b0c0ffee0001\"},\"name\":\"web\",\"n\":5,\"r\":2.5,\"big\":9007199254740993," \
            "\"on\":true,\"off\":false,\"none\":null,\"tags\":[\"a\",\"b\"],\"empty\":[],\"target\":{\"type\":\"Server\"," \
            "\"id\":\"x1\"},\"logs\":[{\"stage\":\"pull\",\"ok\":true},{\"stage\":\"up\",\"ok\":false}],\"grid\":[[1,2],[3]]," \
            "\"text\":\"[\\\"a\\\",\\\"b\\\"]\",\"ref\":{\"$oid\":\"66b0c0ffee66b0c0ffee00aa\"},\"zero\":{}}"

static const struct { const char *filter; bool matches; } rows[] = {
    {"{}", true},
    {"{\"name\":\"web\"}", true},
    {"{\"name\":\"we\"}", false},
    {"{\"name\":\"web\",\"n\":5}", true},
    {"{\"name\":\"web\",\"n\":6}", false},
    {"{\"n\":5.0}", true},
    {"{\"n\":\"5\"}", false},
    {"{\"n\":{\"$numberLong\":\"5\"}}", true},
    {"{\"n\":{\"$numberInt\":\"5\"}}", true},
    {"{\"r\":{\"$numberDouble\":\"2.5\"}}", true},
    {"{\"big\":9007199254740992.0}", false},
    {"{\"big\":9007199254740993}", true},
    {"{\"big\":{\"$gt\":9007199254740992.0}}", true},
    {"{\"on\":true}", true},
    {"{\"on\":1}", false},
    {"{\"off\":0}", false},
    {"{\"off\":{\"$ne\":true}}", true},
    /* null and missing */
    {"{\"none\":null}", true},
    {"{\"absent\":null}", true},
    {"{\"name\":null}", false},
    {"{\"absent\":{\"$ne\":null}}", false},
    {"{\"name\":{\"$ne\":null}}", true},
    {"{\"none\":{\"$exists\":true}}", true},
    {"{\"absent\":{\"$exists\":false}}", true},
    {"{\"absent\":{\"$exists\":true}}", false},
    {"{\"name\":{\"$exists\":0}}", false},
    {"{\"target.absent.deeper\":null}", true},
    {"{\"name.below\":{\"$exists\":false}}", true},
    /* order keeps to one type */
    {"{\"n\":{\"$gt\":4}}", true},
    {"{\"n\":{\"$gt\":5}}", false},
    {"{\"n\":{\"$gte\":5,\"$lt\":6}}", true},
    {"{\"n\":{\"$gte\":6,\"$lt\":7}}", false},
    {"{\"n\":{\"$lt\":\"z\"}}", false},
    {"{\"name\":{\"$gt\":4}}", false},
    {"{\"name\":{\"$lte\":\"web\"}}", true},
    {"{\"absent\":{\"$lt\":4}}", false},
    {"{\"none\":{\"$gte\":null}}", true},
    {"{\"none\":{\"$gt\":null}}", false},
    {"{\"off\":{\"$lt\":true}}", true},
    {"{\"n\":{\"$gte\":{\"$date\":\"1970-01-01T00:00:00.005Z\"}}}", true},
    {"{\"n\":{\"$gt\":{\"$date\":{\"$numberLong\":\"5\"}}}}", false},
    {"{\"n\":{\"$lte\":{\"$date\":5}}}", true},
    {"{\"n\":{\"$lt\":{\"$date\":\"1970-01-01T01:00:00+01:00\"}}}", false},
    /* lists */
    {"{\"n\":{\"$in\":[1,5,9]}}", true},
    {"{\"n\":{\"$in\":[9,1,\"5\"]}}", false},
    {"{\"n\":{\"$in\":[]}}", false},
    {"{\"n\":{\"$nin\":[]}}", true},
    {"{\"n\":{\"$nin\":[5]}}", false},
    {"{\"absent\":{\"$in\":[null,1]}}", true},
    {"{\"absent\":{\"$nin\":[1]}}", true},
    {"{\"target\":{\"$in\":[1,{\"type\":\"Server\",\"id\":\"x1\"}]}}", true},
    {"{\"name\":{\"$in\":[\"a\",\"b\",\"web\",\"x\"]}}", true},
    /* whole objects and arrays */
    {"{\"target\":{\"type\":\"Server\",\"id\":\"x1\"}}", true},
    {"{\"target\":{\"id\":\"x1\",\"type\":\"Server\"}}", false},
    {"{\"target\":{\"type\":\"Server\"}}", false},
    {"{\"target\":{}}", false},
    {"{\"zero\":{}}", true},
    {"{\"target.type\":\"Server\",\"target.id\":\"x1\"}", true},
    {"{\"tags\":[\"a\",\"b\"]}", true},
    {"{\"tags\":[\"b\",\"a\"]}", false},
    {"{\"text\":[\"a\",\"b\"]}", false},
    {"{\"tags\":\"[\\\"a\\\",\\\"b\\\"]\"}", false},
    /* arrays on the way */
    {"{\"tags\":\"a\"}", true},
    {"{\"tags\":\"c\"}", false},
    {"{\"tags\":{\"$ne\":\"a\"}}", false},
    {"{\"tags\":{\"$in\":[\"z\",\"b\"]}}", true},
    {"{\"tags\":{\"$nin\":[\"z\"]}}", true},
    {"{\"tags.1\":\"b\"}", true},
    {"{\"tags.1\":\"a\"}", false},
    {"{\"tags.7\":{\"$exists\":true}}", false},
    {"{\"empty\":[]}", true},
    {"{\"empty\":null}", false},
    {"{\"logs.stage\":\"up\"}", true},
    {"{\"logs.stage\":\"down\"}", false},
    {"{\"logs.0.stage\":\"up\"}", false},
    {"{\"logs.1.stage\":\"up\"}", true},
    {"{\"logs.ok\":{\"$ne\":true}}", false},
    {"{\"grid\":[3]}", true},
    {"{\"grid.0.1\":2}", true},
    {"{\"grid\":3}", false},
    /* ids */
    {"{\"_id\":{\"$oid\":\"66b0c0ffee66b0c0ffee0001\"}}", true},
    {"{\"_id\":{\"$oid\":\"66B0C0FFEE66B0C0FFEE0001\"}}", true},
    {"{\"_id\":\"66b0c0ffee66b0c0ffee0001\"}", false},
    {"{\"_id\":{\"$in\":[{\"$oid\":\"66b0c0ffee66b0c0ffee0001\"}]}}", true},
    {"{\"ref\":{\"$ne\":{\"$oid\":\"66b0c0ffee66b0c0ffee00aa\"}}}", false},
    /* combined */
    {"{\"$or\":[{\"n\":1},{\"name\":\"web\"}]}", true},
    {"{\"$or\":[{\"n\":1},{\"name\":\"db\"}]}", false},
    {"{\"$and\":[{\"n\":5},{\"name\":\"web\"}]}", true},
    {"{\"$and\":[{\"n\":5},{\"$or\":[{\"n\":6},{\"n\":7}]}]}", false},
    {"{\"$nor\":[{\"n\":1},{\"n\":2}]}", true},
    {"{\"$nor\":[{\"n\":1},{\"n\":5}]}", false},
    {"{\"n\":{\"$not\":{\"$gt\":4}}}", false},
    {"{\"n\":{\"$not\":{\"$gt\":4,\"$lt\":5}}}", true},
    {"{\"n\":{\"$eq\":5}}", true},
    {"{\"n\":5,\"$or\":[{\"on\":true}]}", true},
};

static bool match(const char *filter, const char *json, const char *id)
{
  struct filter *f = NULL;
  struct diag d = {0};
  if (filter_parse(str_of(filter), &f, &d))
    fail_msg("%s: %s", filter, d.message);
  yyjson_doc *doc = yyjson_read(json, strlen(json), YYJSON_READ_NOFLAG);
  assert_non_null(doc);
  bool yes = filter_match(f, str_of(id), yyjson_doc_get_root(doc));
  yyjson_doc_free(doc);
  filter_free(f);
  return yes;
}

static void matches_as_mongodb_does(void **state)
{
  (void)state;
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    if (match(rows[i].filter, DOC, "66b0c0ffee66b0c0ffee0001") != rows[i].matches)
      fail_msg("%s should%s match", rows[i].filter, rows[i].matches ? "" : " not");
}

static void the_key_stands_in_for_a_missing_id(void **state)
{
  (void)state;
  assert_true(match("{\"_id\":{\"$oid\":\"66b0c0ffee66b0c0ffee0001\"}}", "{\"n\":1}", "66b0c0ffee66b0c0ffee0001"));
  assert_false(match("{\"_id\":{\"$oid\":\"66b0c0ffee66b0c0ffee0002\"}}", "{\"n\":1}", "66b0c0ffee66b0c0ffee0001"));
  assert_true(match("{\"_id\":\"DOMAIN\"}", "{\"n\":1}", "DOMAIN"));
}

static void refuses_in_words(void **state)
{
  (void)state;
  static const struct { const char *filter, *words; } bad[] = {
      {"[]", "must be an object"},
      {"{", "no JSON"},
      {"{\"a\":1} x", "no JSON"},
      {"{\"a\":{\"$regex\":\"x\"}}", "'$regex' of 'a'"},
      {"{\"a\":{\"$elemMatch\":{\"b\":1}}}", "'$elemMatch' of 'a'"},
      {"{\"$where\":\"1\"}", "'$where'"},
      {"{\"$expr\":{}}", "'$expr'"},
      {"{\"a\":{\"$gt\":1,\"b\":2}}", "mixes operators with the field 'b'"},
      {"{\"a\":{\"b\":{\"$gt\":1}}}", "holds '$gt'"},
      {"{\"a\":{\"$in\":5}}", "need a list"},
      {"{\"a\":{\"$in\":[{\"$regex\":\"x\"}]}}", "holds '$regex'"},
      {"{\"a\":{\"$exists\":\"yes\"}}", "needs true or false"},
      {"{\"a\":{\"$not\":5}}", "needs an object of operators"},
      {"{\"a\":{\"$not\":{}}}", "needs an object of operators"},
      {"{\"$or\":{}}", "needs a list"},
      {"{\"$or\":[]}", "needs a list"},
      {"{\"$and\":[1]}", "no object"},
      {"{\"\":1}", "path is empty"},
      {"{\"a..b\":1}", "empty step"},
      {"{\"a.$b\":1}", "start with '$'"},
      {"{\"a.\":1}", "empty step"},
      {"{\"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q\":1}", "more than 16 steps"},
      {"{\"a\":{\"$oid\":\"short\"}}", "'$oid'"},
      {"{\"a\":{\"$date\":\"yesterday\"}}", "'$date'"},
  };
  for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
    struct filter *f = NULL;
    struct diag d = {0};
    if (filter_parse(str_of(bad[i].filter), &f, &d) != ERR_INVALID)
      fail_msg("%s was not refused", bad[i].filter);
    if (!strstr(d.message, bad[i].words))
      fail_msg("%s: '%s' does not say '%s'", bad[i].filter, d.message, bad[i].words);
    assert_null(f);
  }
}

/* `times` copies of `open`, then `middle`, then as many of `close`. */
static Err parse_nested(int times, const char *open, const char *middle, const char *close)
{
  CLEANUP(buf_release) struct buf text = BUF_INIT(4 << 20);
  for (int i = 0; i < times; i++)
    buf_add_text(&text, open);
  buf_add_text(&text, middle);
  for (int i = 0; i < times; i++)
    buf_add_text(&text, close);
  struct filter *f = NULL;
  Err err = filter_parse(buf_str(&text), &f, NULL);
  filter_free(f);
  return err;
}

static void bounds_depth_and_size(void **state)
{
  (void)state;
  assert_int_equal(parse_nested(FILTER_DEPTH_MAX - 1, "{\"$and\":[", "{\"a\":1}", "]}"), OK);
  assert_int_equal(parse_nested(FILTER_DEPTH_MAX, "{\"$and\":[", "{\"a\":1}", "]}"), ERR_TOOBIG);
  assert_int_equal(parse_nested(FILTER_DEPTH_MAX, "{\"a\":{\"$not\":", "{\"$gt\":1}", "}}"), ERR_INVALID);
  assert_int_equal(parse_nested(50000, "{\"a\":", "1", "}"), ERR_TOOBIG);
  assert_int_equal(parse_nested(200000, "[", "", "]"), ERR_TOOBIG);
  CLEANUP(buf_release) struct buf text = BUF_INIT(4 << 20);
  buf_add_text(&text, "{\"$or\":[{\"a\":1}");
  for (int i = 0; i < FILTER_NODES_MAX; i++)
    buf_add_text(&text, ",{\"a\":1}");
  buf_add_text(&text, "]}");
  struct filter *f = NULL;
  assert_int_equal(filter_parse(buf_str(&text), &f, NULL), ERR_TOOBIG);
  buf_clear(&text);
  buf_add_text(&text, "{\"a\":{\"$in\":[1");
  for (int i = 0; i < FILTER_VALUES_MAX; i++)
    buf_add_text(&text, ",1");
  buf_add_text(&text, "]}}");
  assert_int_equal(filter_parse(buf_str(&text), &f, NULL), ERR_TOOBIG);
  buf_clear(&text);
  buf_add_text(&text, "{\"a\":\"");
  for (int i = 0; i < FILTER_BYTES_MAX; i++)
    buf_add_char(&text, 'x');
  buf_add_text(&text, "\"}");
  assert_int_equal(filter_parse(buf_str(&text), &f, NULL), ERR_TOOBIG);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(matches_as_mongodb_does), cmocka_unit_test(the_key_stands_in_for_a_missing_id),
                                     cmocka_unit_test(refuses_in_words), cmocka_unit_test(bounds_depth_and_size)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
