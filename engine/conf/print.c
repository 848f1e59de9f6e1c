/* conf/print.c: showing effective values without what nobody should see; see conf.h and spec auth.md 3.9, cli.md 2.4. */
#include "conf/conf_internal.h"
#include "conf/decode.h"

struct print {
  const struct conf *conf;
  yyjson_mut_doc *doc;
  unsigned how;
};

static bool is_hidden(const struct print *p, const struct conf_key *key, yyjson_val *text)
{
  if (!(p->how & CONF_PRINT_SANITISED) || yyjson_get_len(text) == 0)
    return false;
  if (key->flags & CONF_KEY_FILE)
    return !str_starts(str_of(yyjson_get_str(text)), STR("file:"));
  return key->flags & CONF_SECRET;
}

static yyjson_mut_val *table(const struct print *p, const struct conf_key *shape, yyjson_val *in, bool sparse, bool top);

/* Texts, and the texts of lists and maps. */
static yyjson_mut_val *value(const struct print *p, const struct conf_key *key, yyjson_val *in, bool sparse)
{
  size_t i, n;
  yyjson_val *name, *item;
  if (key->kind == CONF_TABLE)
    return table(p, key->shape, in, sparse, false);
  if (yyjson_is_str(in))
    return is_hidden(p, key, in) ? yyjson_mut_str(p->doc, "##############") : yyjson_val_mut_copy(p->doc, in);
  if (yyjson_is_arr(in)) {
    yyjson_mut_val *list = yyjson_mut_arr(p->doc);
    yyjson_arr_foreach(in, i, n, item) yyjson_mut_arr_append(
        list, key->kind == CONF_TABLES ? table(p, key->shape, item, sparse, false) : value(p, key, item, sparse));
    return list;
  }
  if (yyjson_is_obj(in)) {
    yyjson_mut_val *map = yyjson_mut_obj(p->doc);
    yyjson_obj_foreach(in, i, n, name, item)
        yyjson_mut_obj_add(map, yyjson_val_mut_copy(p->doc, name), value(p, key, item, sparse));
    return map;
  }
  return yyjson_val_mut_copy(p->doc, in);
}

/* What km leaves out. */
static bool is_left_out(const struct print *p, const struct conf_key *key, yyjson_val *in)
{
  if (key->kind == CONF_TABLES && !(p->how & CONF_PRINT_PROFILES))
    return true;
  yyjson_mut_val *here = yyjson_val_mut_copy(p->doc, in), *dflt = decode_default(p->doc, key);
  return (key->flags & CONF_SPARSE) && yyjson_mut_equals(here, dflt);
}

/* `sparse`: empty texts are left out. */
static yyjson_mut_val *table(const struct print *p, const struct conf_key *shape, yyjson_val *in, bool sparse, bool top)
{
  bool km = p->conf->program == CONF_CLI;
  yyjson_mut_val *out = yyjson_mut_obj(p->doc);
  for (const struct conf_key *key = shape; key->name; key++) {
    yyjson_val *val = yyjson_obj_get(in, key->name);
    if ((km && is_left_out(p, key, val)) || (sparse && yyjson_is_str(val) && yyjson_get_len(val) == 0))
      continue;
    bool inner_sparse = km && key->kind == CONF_TABLE && key->shape != conf_logging_keys;
    yyjson_mut_val *shown = value(p, key, val, inner_sparse);
    if (km && top && strcmp(key->name, "config_profile") == 0 && !p->conf->profile_active)
      shown = yyjson_mut_str(p->doc, "None");
    yyjson_mut_obj_add_val(p->doc, out, key->name, shown);
  }
  return out;
}

void conf_print(const struct conf *conf, unsigned how, struct buf *out)
{
  struct print p = {.conf = conf, .doc = yyjson_mut_doc_new(NULL), .how = how};
  size_t len = 0;
  yyjson_mut_doc_set_root(
      p.doc, table(&p, conf_definition(conf->program)->keys, yyjson_doc_get_root(conf->doc), false, /* top= */ true));
  char *text = yyjson_mut_write(p.doc, how & CONF_PRINT_PRETTY ? YYJSON_WRITE_PRETTY_TWO_SPACES : 0, &len);
  if (text)
    buf_add(out, text, len);
  else if (!out->err)
    out->err = ERR_NOMEM;
  free(text);   /* yyjson allocated it */
  yyjson_mut_doc_free(p.doc);
}
