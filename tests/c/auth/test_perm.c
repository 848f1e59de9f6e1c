/* perm.h and perm_index.h: permission tables as named rows (spec auth.md 2.4, 2.5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/perm_index.h"
#include "base/mem.h"

static yyjson_doc *parse(const char *text)
{
  yyjson_doc *doc = NULL;
  struct diag d = {0};
  if (json_parse(str_of(text), &doc, &d))
    fail_msg("%s: %s", text, d.message);
  return doc;
}

static struct perm perm_of(const char *text)
{
  CLEANUP(json_doc_free) yyjson_doc *doc = parse(text);
  return perm_of_json(yyjson_doc_get_root(doc));
}

/* ---- values ---- */

static void values(void **state)
{
  (void)state;
  static const struct { const char *in, *out; } rows[] = {
      {"\"Read\"", "\"Read\""},
      {"null", "\"None\""},
      {"{}", "\"None\""},
      {"{\"level\":\"Write\"}", "\"Write\""},
      {"{\"level\":\"Read\",\"specific\":[]}", "\"Read\""},
      {"{\"specific\":[\"Logs\",\"Terminal\",\"Logs\"]}", "{\"level\":\"None\",\"specific\":[\"Terminal\",\"Logs\"]}"},
      {"{\"level\":\"Everything\",\"specific\":[\"Root\",\"Logs\"]}", "{\"level\":\"None\",\"specific\":[\"Logs\"]}"},
      {"\"read\"", "\"None\""},
      {"7", "\"None\""},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    CLEANUP(buf_release) struct buf out = BUF_INIT(200);
    perm_write(perm_of(rows[i].in), &out);
    if (strcmp(out.ptr, rows[i].out) != 0)
      fail_msg("%s: %s", rows[i].in, out.ptr);
  }
}

static void evaluation(void **state)
{
  (void)state;
  static const struct {
    const char *name;
    bool admin, transparent;
    struct perm base, grant[3];
    uint8_t inherited;
    struct perm want;
  } rows[] = {
      {"nothing", false, false, {0}, {{0}}, 0, {PERM_NONE, 0}},
      {"admin", true, false, {0}, {{0}}, 0, {PERM_WRITE, PERM_ALL_SPECIFICS}},
      {"transparent mode reads", false, true, {0}, {{0}}, 0, {PERM_READ, 0}},
      {"transparent mode takes nothing away", false, true, {0}, {{PERM_WRITE, PERM_LOGS}}, 0, {PERM_WRITE, PERM_LOGS}},
      {"base permission", false, false, {PERM_EXECUTE, PERM_INSPECT}, {{0}}, 0, {PERM_EXECUTE, PERM_INSPECT}},
      {"highest level, all specifics", false, false, {PERM_READ, PERM_TERMINAL}, {{PERM_NONE, PERM_LOGS}, {PERM_EXECUTE, 0}, {PERM_READ, PERM_ATTACH}}, 0,
       {PERM_EXECUTE, PERM_TERMINAL | PERM_LOGS | PERM_ATTACH}},
      {"None grants nothing and removes nothing", false, false, {0}, {{PERM_WRITE, 0}, {PERM_NONE, 0}}, 0, {PERM_WRITE, 0}},
      {"inherited specifics carry no level", false, false, {0}, {{0}}, PERM_LOGS, {PERM_NONE, PERM_LOGS}},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct perm_sources s = {.admin = rows[i].admin, .transparent = rows[i].transparent, .base = rows[i].base,
                             .grant = rows[i].grant, .grant_count = ARRAY_LEN(rows[i].grant), .inherited = rows[i].inherited};
    struct perm got = perm_evaluate(&s);
    if (got.level != rows[i].want.level || got.specific != rows[i].want.specific)
      fail_msg("%s: level %d specific %d", rows[i].name, got.level, got.specific);
  }
}

static void allowing(void **state)
{
  (void)state;
  static const struct { struct perm have, need; bool ok; } rows[] = {
      {{PERM_READ, 0}, {PERM_READ, 0}, true},
      {{PERM_READ, 0}, {PERM_EXECUTE, 0}, false},
      {{PERM_WRITE, PERM_LOGS}, {PERM_READ, PERM_LOGS}, true},
      {{PERM_WRITE, PERM_LOGS}, {PERM_READ, PERM_LOGS | PERM_ATTACH}, false},
      {{PERM_NONE, PERM_LOGS}, {PERM_READ, PERM_LOGS}, false},
      {{PERM_NONE, 0}, {PERM_NONE, 0}, true},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    assert_int_equal(perm_allows(rows[i].have, rows[i].need), rows[i].ok);
  struct diag d = {0};
  assert_int_equal(perm_refuse(&d, RESOURCE_SERVER, (struct perm){PERM_WRITE, PERM_TERMINAL | PERM_LOGS}), ERR_FORBIDDEN);
  assert_string_equal(d.message, "User does not have required permissions on this Server. Must have at least Write permissions, "
                                 "as well as these specific permissions: [Terminal, Logs]");
  assert_int_equal(perm_refuse(&d, RESOURCE_SYNC, (struct perm){PERM_READ, 0}), ERR_FORBIDDEN);
  assert_string_equal(d.message, "User does not have required permissions on this ResourceSync. Must have at least Read permissions");
}

/* ---- the index ---- */

enum kind { USER, GROUP, RECORD };
static const struct {
  void *(*derive)(yyjson_val *doc, struct str id, void *index);
  void (*drop)(void *ext, void *index);
} hooks[] = {[USER] = {perm_index_derive_user, perm_index_drop_user},
             [GROUP] = {perm_index_derive_group, perm_index_drop_group},
             [RECORD] = {perm_index_derive_record, perm_index_drop_record}};

static void *put(struct perm_index *index, enum kind kind, const char *id, const char *json)
{
  CLEANUP(json_doc_free) yyjson_doc *doc = parse(json);
  return hooks[kind].derive(yyjson_doc_get_root(doc), str_of(id), index);
}

static const struct { enum kind kind; const char *id, *json; } world[] = {
    {USER, "ann", "{\"enabled\":true,\"admin\":true}"},
    {USER, "bob", "{\"enabled\":true,\"create_server_permissions\":true,\"all\":{\"Stack\":\"Read\"}}"},
    {USER, "cat", "{\"enabled\":false,\"all\":{\"Repo\":{\"level\":\"Execute\",\"specific\":[\"Attach\"]},\"Nonsense\":\"Write\"}}"},
    {USER, "dan", "{}"},
    {GROUP, "ops", "{\"name\":\"ops\",\"users\":[\"bob\",\"cat\",\"bob\",7],\"all\":{\"Server\":{\"level\":\"Execute\",\"specific\":[\"Logs\"]}}}"},
    {GROUP, "all", "{\"name\":\"all\",\"everyone\":true,\"users\":[\"bob\"],\"all\":{\"Build\":\"Read\"}}"},
    {RECORD, "r1", "{\"user_target\":{\"type\":\"User\",\"id\":\"bob\"},\"resource_target\":{\"type\":\"Server\",\"id\":\"s1\"},\"level\":\"Read\",\"specific\":[\"Terminal\"]}"},
    {RECORD, "r2", "{\"user_target\":{\"type\":\"UserGroup\",\"id\":\"ops\"},\"resource_target\":{\"type\":\"Server\",\"id\":\"s1\"},\"level\":\"Write\"}"},
    {RECORD, "r3", "{\"user_target\":{\"type\":\"UserGroup\",\"id\":\"all\"},\"resource_target\":{\"type\":\"Swarm\",\"id\":\"w1\"},\"level\":\"Read\",\"specific\":[\"Inspect\"]}"},
    {RECORD, "r4", "{\"user_target\":{\"type\":\"User\",\"id\":\"dan\"},\"resource_target\":{\"type\":\"Stack\",\"id\":\"k1\"},\"level\":\"Read\"}"},
    {RECORD, "r5", "{\"user_target\":{\"type\":\"User\",\"id\":\"dan\"},\"resource_target\":{\"type\":\"Stack\",\"id\":\"k1\"},\"level\":\"None\",\"specific\":[\"Logs\"]}"},
    {RECORD, "r6", "{\"user_target\":{\"type\":\"User\",\"id\":\"dan\"},\"resource_target\":{\"type\":\"System\",\"id\":\"system\"},\"level\":\"Write\"}"},
};

struct fixture {
  struct perm_index *index, *open;   /* the same rows, without and with transparent mode */
  void *ext[ARRAY_LEN(world)], *open_ext[ARRAY_LEN(world)];
};

static int setup(void **state)
{
  struct fixture *f = mem_new(sizeof *f);
  f->index = perm_index_new(false);
  f->open = perm_index_new(true);
  for (size_t i = 0; i < ARRAY_LEN(world); i++) {
    f->ext[i] = put(f->index, world[i].kind, world[i].id, world[i].json);
    f->open_ext[i] = put(f->open, world[i].kind, world[i].id, world[i].json);
  }
  *state = f;
  return 0;
}

static int teardown(void **state)
{
  struct fixture *f = *state;
  for (size_t i = 0; i < ARRAY_LEN(world); i++) {
    hooks[world[i].kind].drop(f->ext[i], f->index);
    hooks[world[i].kind].drop(f->open_ext[i], f->open);
  }
  perm_index_free(f->index);
  perm_index_free(f->open);
  mem_free(f);
  return 0;
}

static struct perm effective(struct perm_index *index, const char *user, enum resource_type type, const char *id, struct perm base,
                             const struct perm_parent *parent)
{
  struct perm_viewer v;
  assert_int_equal(perm_viewer_init(&v, index, str_of(user)), OK);
  return perm_effective(&v, type, str_of(id), base, parent);
}

static void effective_permissions(void **state)
{
  struct fixture *f = *state;
  const struct perm none = {0};
  const struct perm_parent server = {RESOURCE_SERVER, STR("s1"), {0}}, swarm = {RESOURCE_SWARM, STR("w1"), {PERM_READ, PERM_ATTACH}};
  const struct {
    const char *name, *user;
    bool transparent;
    enum resource_type type;
    const char *id;
    struct perm base;
    const struct perm_parent *parent;
    struct perm want;
  } rows[] = {
      {"admin", "ann", false, RESOURCE_SERVER, "s9", none, NULL, {PERM_WRITE, PERM_ALL_SPECIFICS}},
      {"System", "000000000000000000000000", false, RESOURCE_REPO, "r", none, NULL, {PERM_WRITE, PERM_ALL_SPECIFICS}},
      {"Repo Manager", "000000000000000000000008", false, RESOURCE_REPO, "r", none, NULL, {PERM_WRITE, PERM_ALL_SPECIFICS}},
      {"own record, group record, group type grant", "bob", false, RESOURCE_SERVER, "s1", none, NULL, {PERM_WRITE, PERM_TERMINAL | PERM_LOGS}},
      {"group type grant alone", "bob", false, RESOURCE_SERVER, "s2", none, NULL, {PERM_EXECUTE, PERM_LOGS}},
      {"group of a disabled user", "cat", false, RESOURCE_SERVER, "s1", none, NULL, {PERM_WRITE, PERM_LOGS}},
      {"no member of the group", "dan", false, RESOURCE_SERVER, "s1", none, NULL, {PERM_NONE, 0}},
      {"own type grant", "cat", false, RESOURCE_REPO, "x", none, NULL, {PERM_EXECUTE, PERM_ATTACH}},
      {"everyone group, listed or not", "dan", false, RESOURCE_BUILD, "x", none, NULL, {PERM_READ, 0}},
      {"record of an everyone group", "dan", false, RESOURCE_SWARM, "w1", none, NULL, {PERM_READ, PERM_INSPECT}},
      {"base permission of the resource", "dan", false, RESOURCE_SERVER, "s1", {PERM_READ, PERM_LOGS}, NULL, {PERM_READ, PERM_LOGS}},
      {"two records for one pair are joined", "dan", false, RESOURCE_STACK, "k1", none, NULL, {PERM_READ, PERM_LOGS}},
      {"records are for one type", "dan", false, RESOURCE_DEPLOYMENT, "k1", none, NULL, {PERM_NONE, 0}},
      {"stack inherits specifics of its server", "bob", false, RESOURCE_STACK, "k9", none, &server, {PERM_READ, PERM_TERMINAL | PERM_LOGS}},
      {"deployment inherits no level", "cat", false, RESOURCE_DEPLOYMENT, "d", none, &server, {PERM_NONE, PERM_LOGS}},
      {"swarm parent with base permission", "dan", false, RESOURCE_STACK, "k2", none, &swarm, {PERM_NONE, PERM_INSPECT | PERM_ATTACH}},
      {"a build inherits nothing", "bob", false, RESOURCE_BUILD, "b", none, &server, {PERM_READ, 0}},
      {"transparent mode", "dan", true, RESOURCE_ALERTER, "a", none, NULL, {PERM_READ, 0}},
      {"transparent mode adds to grants", "bob", true, RESOURCE_SERVER, "s1", none, NULL, {PERM_WRITE, PERM_TERMINAL | PERM_LOGS}},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct perm got = effective(rows[i].transparent ? f->open : f->index, rows[i].user, rows[i].type, rows[i].id, rows[i].base, rows[i].parent);
    if (got.level != rows[i].want.level || got.specific != rows[i].want.specific)
      fail_msg("%s: level %d specific %d", rows[i].name, got.level, got.specific);
  }
}

static void whole_types(void **state)
{
  struct fixture *f = *state;
  static const struct { const char *name, *user; bool transparent; enum resource_type type; struct perm need; bool all; } rows[] = {
      {"admin", "ann", false, RESOURCE_SYNC, {PERM_WRITE, PERM_ALL_SPECIFICS}, true},
      {"own grant", "bob", false, RESOURCE_STACK, {PERM_READ, 0}, true},
      {"own grant too low", "bob", false, RESOURCE_STACK, {PERM_EXECUTE, 0}, false},
      {"group grant", "bob", false, RESOURCE_SERVER, {PERM_EXECUTE, PERM_LOGS}, true},
      {"specific missing", "bob", false, RESOURCE_SERVER, {PERM_READ, PERM_TERMINAL}, false},
      {"records do not open a type", "dan", false, RESOURCE_SWARM, {PERM_READ, 0}, false},
      {"everyone group", "dan", false, RESOURCE_BUILD, {PERM_READ, 0}, true},
      {"transparent", "dan", true, RESOURCE_SYNC, {PERM_READ, 0}, true},
      {"transparent does not execute", "dan", true, RESOURCE_SYNC, {PERM_EXECUTE, 0}, false},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct perm_viewer v;
    assert_int_equal(perm_viewer_init(&v, rows[i].transparent ? f->open : f->index, str_of(rows[i].user)), OK);
    if (perm_sees_all(&v, rows[i].type, rows[i].need) != rows[i].all)
      fail_msg("%s", rows[i].name);
  }
}

static void knows_users(void **state)
{
  struct fixture *f = *state;
  const struct perm_user *bob = perm_index_user(f->index, STR("bob"));
  assert_true(bob->enabled && bob->create_servers && !bob->create_builds && !bob->admin);
  assert_false(perm_index_user(f->index, STR("cat"))->enabled);
  assert_true(perm_index_user(f->index, STR("000000000000000000000002"))->admin);
  assert_null(perm_index_user(f->index, STR("000000000000000000000009")));
  struct perm_viewer v;
  assert_int_equal(perm_viewer_init(&v, f->index, STR("eve")), ERR_NOTFOUND);
  assert_int_equal(perm_viewer_init(&v, f->index, STR("dan")), OK);
  assert_true(str_eqc(perm_viewer_group(&v, 0), "all"));
  assert_null(perm_viewer_group(&v, 1).ptr);
}

static int level_on_s(struct perm_index *index)
{
  return effective(index, "u", RESOURCE_SERVER, "s", (struct perm){0}, NULL).level;
}

static char *record_json(const char *type, const char *id, const char *level)
{
  return mem_printf("{\"user_target\":{\"type\":\"%s\",\"id\":\"%s\"},\"resource_target\":{\"type\":\"Server\",\"id\":\"s\"},"
                    "\"level\":\"%s\"}", type, id, level);
}

/* A table derives the new row, tells the change, and drops the old row some time later: what was taken away must not
 * count in between. */
static void follows_changes_at_once(void **state)
{
  (void)state;
  struct perm_index *index = perm_index_new(false);
  const struct row some_row = {0};
  CLEANUP(mem_free_at) char *execute = record_json("UserGroup", "g", "Execute");
  CLEANUP(mem_free_at) char *read = record_json("UserGroup", "g", "Read");
  CLEANUP(mem_free_at) char *own = record_json("User", "u", "Write");

  void *r = put(index, RECORD, "r", execute);   /* before its group and user are there */
  void *u = put(index, USER, "u", "{}");
  assert_int_equal(level_on_s(index), PERM_NONE);
  void *g = put(index, GROUP, "g", "{\"users\":[\"u\"]}");
  assert_int_equal(level_on_s(index), PERM_EXECUTE);

  void *r2 = put(index, RECORD, "r", read);
  perm_index_change_record(NULL, STR("r"), &some_row, index);
  assert_int_equal(level_on_s(index), PERM_READ);
  perm_index_drop_record(r, index);
  assert_int_equal(level_on_s(index), PERM_READ);

  void *o = put(index, RECORD, "own", own), *o2 = put(index, RECORD, "twin", own);
  assert_int_equal(level_on_s(index), PERM_WRITE);
  perm_index_change_record(NULL, STR("own"), NULL, index);
  assert_int_equal(level_on_s(index), PERM_WRITE);
  perm_index_change_record(NULL, STR("twin"), NULL, index);
  assert_int_equal(level_on_s(index), PERM_READ);
  perm_index_drop_record(o2, index);
  perm_index_drop_record(o, index);

  assert_null(put(index, RECORD, "r", "{}"));   /* replaced by one that names nothing */
  assert_int_equal(level_on_s(index), PERM_NONE);
  perm_index_drop_record(r2, index);
  r = put(index, RECORD, "r", read);

  void *g2 = put(index, GROUP, "g", "{\"users\":[]}");
  assert_int_equal(level_on_s(index), PERM_NONE);
  perm_index_drop_group(g, index);
  void *g3 = put(index, GROUP, "g", "{\"everyone\":true}");
  perm_index_drop_group(g2, index);
  assert_int_equal(level_on_s(index), PERM_READ);
  perm_index_change_group(NULL, STR("g"), NULL, index);
  assert_int_equal(level_on_s(index), PERM_NONE);
  perm_index_drop_group(g3, index);

  void *u2 = put(index, USER, "u", "{\"admin\":true}");
  perm_index_drop_user(u, index);
  assert_int_equal(level_on_s(index), PERM_WRITE);
  perm_index_change_user(NULL, STR("u"), NULL, index);
  struct perm_viewer v;
  assert_int_equal(perm_viewer_init(&v, index, STR("u")), ERR_NOTFOUND);
  u = put(index, USER, "u", "{}");              /* made again before the old row is dropped */
  perm_index_drop_user(u2, index);
  assert_int_equal(perm_viewer_init(&v, index, STR("u")), OK);
  perm_index_drop_user(u, index);
  assert_int_equal(perm_viewer_init(&v, index, STR("u")), ERR_NOTFOUND);
  perm_index_drop_record(r, index);
  perm_index_free(index);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values),
      cmocka_unit_test(evaluation),
      cmocka_unit_test(allowing),
      cmocka_unit_test(effective_permissions),
      cmocka_unit_test(whole_types),
      cmocka_unit_test(knows_users),
      cmocka_unit_test(follows_changes_at_once),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
