/* conf/merge.c: see merge.h. Depth is bounded by the parsers. */
#include "conf/merge.h"

static Err find_clash(yyjson_mut_val *dst, yyjson_mut_val *src, bool nested, bool extend, struct diag *reterr)
{
  size_t i, n;
  yyjson_mut_val *key, *val;
  yyjson_mut_obj_foreach(src, i, n, key, val)
  {
    yyjson_mut_val *old = yyjson_mut_obj_getn(dst, yyjson_mut_get_str(key), yyjson_mut_get_len(key));
    bool table = nested && yyjson_mut_is_obj(old), list = extend && yyjson_mut_is_arr(old);
    if (table && !yyjson_mut_is_obj(val))
      return diag_set(reterr, ERR_INVALID, "\"%s\" is a table in an earlier file and something else here",
                      yyjson_mut_get_str(key));
    if (list && !yyjson_mut_is_arr(val))
      return diag_set(reterr, ERR_INVALID, "\"%s\" is a list in an earlier file and something else here",
                      yyjson_mut_get_str(key));
    Err err = table ? find_clash(old, val, nested, extend, reterr) : OK;
    if (err)
      return err;
  }
  return OK;
}

static bool apply(yyjson_mut_doc *doc, yyjson_mut_val *dst, yyjson_mut_val *src, bool nested, bool extend)
{
  size_t i, n, k, m;
  yyjson_mut_val *key, *val, *item;
  yyjson_mut_obj_foreach(src, i, n, key, val)
  {
    yyjson_mut_val *old = yyjson_mut_obj_getn(dst, yyjson_mut_get_str(key), yyjson_mut_get_len(key));
    if (nested && yyjson_mut_is_obj(old)) {
      if (!apply(doc, old, val, nested, extend))
        return false;
    } else if (extend && yyjson_mut_is_arr(old)) {
      yyjson_mut_arr_foreach(val, k, m, item)
      {
        if (!yyjson_mut_arr_append(old, yyjson_mut_val_mut_copy(doc, item)))
          return false;
      }
    } else {
      yyjson_mut_val *name = yyjson_mut_val_mut_copy(doc, key), *copy = yyjson_mut_val_mut_copy(doc, val);
      if (!name || !copy || !(old ? yyjson_mut_obj_replace(dst, name, copy) : yyjson_mut_obj_add(dst, name, copy)))
        return false;
    }
  }
  return true;
}

Err merge_into(yyjson_mut_doc *doc, yyjson_mut_val *dst, yyjson_mut_val *src, bool nested, bool extend,
               struct diag *reterr)
{
  Err err = find_clash(dst, src, nested, extend, reterr);
  if (err)
    return err;
  return apply(doc, dst, src, nested, extend) ? OK : diag_set(reterr, ERR_NOMEM, "%s", err_words(ERR_NOMEM));
}
