/* auth/perm.c: see perm.h. */
#include "auth/perm.h"

static const char *const type_names[RESOURCE_TYPE_COUNT] = {
    [RESOURCE_SWARM] = "Swarm",   [RESOURCE_SERVER] = "Server",       [RESOURCE_STACK] = "Stack",
    [RESOURCE_DEPLOYMENT] = "Deployment", [RESOURCE_BUILD] = "Build", [RESOURCE_REPO] = "Repo",
    [RESOURCE_PROCEDURE] = "Procedure",   [RESOURCE_ACTION] = "Action", [RESOURCE_BUILDER] = "Builder",
    [RESOURCE_ALERTER] = "Alerter",       [RESOURCE_SYNC] = "ResourceSync",
};
static const char *const level_names[PERM_LEVEL_COUNT] = {"None", "Read", "Execute", "Write"};
static const char *const specific_names[PERM_SPECIFIC_COUNT] = {"Terminal", "Attach", "Inspect", "Logs", "Processes"};

static ptrdiff_t index_of(const char *const *names, size_t count, struct str name)
{
  for (size_t i = 0; i < count; i++)
    if (str_eqc(name, names[i]))
      return (ptrdiff_t)i;
  return -1;
}

const char *resource_type_name(enum resource_type type) { return type_names[type]; }
const char *perm_level_name(enum perm_level level) { return level_names[level]; }
const char *perm_specific_name(unsigned bit_index) { return specific_names[bit_index]; }

bool resource_type_parse(struct str name, enum resource_type *ret)
{
  ptrdiff_t i = index_of(type_names, ARRAY_LEN(type_names), name);
  if (i < 0)
    return false;
  *ret = (enum resource_type)i;
  return true;
}

bool perm_level_parse(struct str name, enum perm_level *ret)
{
  ptrdiff_t i = index_of(level_names, ARRAY_LEN(level_names), name);
  if (i < 0)
    return false;
  *ret = (enum perm_level)i;
  return true;
}

bool perm_specific_parse(struct str name, uint8_t *ret_bit)
{
  ptrdiff_t i = index_of(specific_names, ARRAY_LEN(specific_names), name);
  if (i < 0)
    return false;
  *ret_bit = (uint8_t)(1u << i);
  return true;
}

struct perm perm_of_json(yyjson_val *value)
{
  struct perm perm = {0};
  enum perm_level level;
  yyjson_val *word = yyjson_is_obj(value) ? yyjson_obj_get(value, "level") : value;
  if (yyjson_is_str(word) && perm_level_parse(json_str(word), &level))
    perm.level = (uint8_t)level;
  size_t i, max;
  yyjson_val *item;
  yyjson_arr_foreach(yyjson_obj_get(value, "specific"), i, max, item) {
    uint8_t bit;
    if (yyjson_is_str(item) && perm_specific_parse(json_str(item), &bit))
      perm.specific |= bit;
  }
  return perm;
}

static void write_specifics(uint8_t specific, const char *quote, const char *between, struct buf *out)
{
  bool first = true;
  for (unsigned i = 0; i < PERM_SPECIFIC_COUNT; i++) {
    if (!(specific & 1u << i))
      continue;
    buf_printf(out, "%s%s%s%s", first ? "" : between, quote, specific_names[i], quote);
    first = false;
  }
}

void perm_write(struct perm perm, struct buf *out)
{
  if (!perm.specific) {
    buf_printf(out, "\"%s\"", level_names[perm.level]);
    return;
  }
  buf_printf(out, "{\"level\":\"%s\",\"specific\":[", level_names[perm.level]);
  write_specifics(perm.specific, "\"", ",", out);
  buf_add_text(out, "]}");
}

struct perm perm_join(struct perm a, struct perm b)
{
  return (struct perm){.level = a.level > b.level ? a.level : b.level, .specific = a.specific | b.specific};
}

bool perm_allows(struct perm have, struct perm need)
{
  return have.level >= need.level && (need.specific & ~have.specific) == 0;
}

struct perm perm_evaluate(const struct perm_sources *s)
{
  if (s->admin)
    return (struct perm){PERM_WRITE, PERM_ALL_SPECIFICS};
  struct perm all = {.level = s->transparent ? PERM_READ : PERM_NONE, .specific = s->inherited};
  all = perm_join(all, s->base);
  for (size_t i = 0; i < s->grant_count; i++)
    all = perm_join(all, s->grant[i]);
  return all;
}

Err perm_refuse(struct diag *reterr, enum resource_type type, struct perm need)
{
  CLEANUP(buf_release) struct buf list = BUF_INIT(200);
  if (need.specific) {
    buf_add_text(&list, ", as well as these specific permissions: [");
    write_specifics(need.specific, "", ", ", &list);
    buf_add_char(&list, ']');
  }
  return diag_set(reterr, ERR_FORBIDDEN, "User does not have required permissions on this %s. Must have at least %s permissions%s",
                  type_names[type], level_names[need.level], list.ptr ? list.ptr : "");
}
