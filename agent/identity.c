/* agent/identity.c: see identity.h. */
#include "agent/identity.h"

#include "base/mem.h"

static char *first_file(yyjson_val *list)
{
  size_t i, max;
  yyjson_val *v;
  yyjson_arr_foreach(list, i, max, v) {
    struct str path = key_spec_path(js_str(v));
    if (path.len)
      return str_dup(path);
  }
  return NULL;
}

Err identity_open(struct identity *id, const struct settings *settings, struct diag *reterr)
{
  *id = (struct identity){0};
  struct str spec = settings_str(settings, "private_key");
  id->private_spec = spec.len ? str_dup(spec) : mem_printf("file:%.*s/keys/periphery.key", STR_ARG(settings->root_directory));
  id->core_path = first_file(yyjson_obj_get(settings->root, "core_public_keys"));
  uv_mutex_init(&id->lock);
  Err err = key_load(str_of(id->private_spec), &id->pair, reterr);
  if (err) {
    diag_context(reterr, "private_key");
    identity_close(id);
  }
  return err;
}

void identity_close(struct identity *id)
{
  if (!id->private_spec)
    return;
  mem_wipe(id->private_spec, strlen(id->private_spec));
  mem_free(id->private_spec);
  mem_free(id->core_path);
  key_pair_release(&id->pair);
  uv_mutex_destroy(&id->lock);
  id->private_spec = id->core_path = NULL;
}

void identity_pair(struct identity *id, struct key_pair *ret)
{
  uv_mutex_lock(&id->lock);
  *ret = id->pair;
  uv_mutex_unlock(&id->lock);
}

void identity_public_key(struct identity *id, char ret_text[KEY_PUBLIC_LEN + 1])
{
  uv_mutex_lock(&id->lock);
  memcpy(ret_text, id->pair.text, sizeof id->pair.text);
  uv_mutex_unlock(&id->lock);
}

Err identity_rotate(struct identity *id, struct diag *reterr)
{
  struct str path = key_spec_path(str_of(id->private_spec));
  struct key_pair fresh;
  if (!path.len)
    return OK;
  Err err = key_generate(&fresh);
  if (err)
    return diag_set(reterr, err, "cannot make a key");
  uv_mutex_lock(&id->lock);   /* held while writing: two rotations must not leave one key on disk, the other in memory */
  err = key_save(path, &fresh, reterr);
  if (!err)
    id->pair = fresh;
  uv_mutex_unlock(&id->lock);
  key_pair_release(&fresh);
  return err;
}

Err identity_pin(struct identity *id, struct str public_key, struct diag *reterr)
{
  char wanted[KEY_PUBLIC_LEN + 1], present[KEY_PUBLIC_LEN + 1];
  Err err = key_parse_public(public_key, wanted, reterr);
  if (err || !id->core_path)
    return err;
  char *spec = mem_printf("file:%s", id->core_path);
  uv_mutex_lock(&id->lock);
  bool same = !key_load_public(str_of(spec), present, NULL) && !strcmp(present, wanted);
  if (!same)
    err = key_save_public(str_of(id->core_path), wanted, reterr);
  uv_mutex_unlock(&id->lock);
  mem_free(spec);
  return err;
}
