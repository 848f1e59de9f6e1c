/* link/trust.c: see trust.h. */
#include "link/trust.h"

#include <string.h>

#include "base/mem.h"

static Err load_entry(struct trust_entry *e, struct str spec, bool has_listener, struct diag *reterr)
{
  struct str path = key_spec_path(spec);
  if (path.ptr)
    e->path = str_dup(path);
  Err err = key_load_public(spec, e->text, reterr);
  if (err == ERR_NOTFOUND && e->path && !has_listener)
    return OK;
  return err ? diag_context(reterr, "core_public_keys: an entry is invalid") : OK;
}

Err trust_load(struct trust *t, const char *const *specs, bool has_listener, struct str implicit_path, struct diag *reterr)
{
  *t = (struct trust){0};
  size_t count = 0;
  while (specs && specs[count])
    count++;
  t->is_explicit = count;
  t->entries = mem_new_array(count + 1, sizeof *t->entries);
  Err err = OK;
  for (size_t i = 0; i < count && !err; i++)
    err = load_entry(&t->entries[t->count++], str_of(specs[i]), has_listener, reterr);
  if (!count && !has_listener && implicit_path.len) {
    CLEANUP(mem_free_at) char *spec = mem_printf("file:%.*s", STR_ARG(implicit_path));
    err = load_entry(&t->entries[t->count++], str_of(spec), has_listener, reterr);
  }
  if (err)
    trust_release(t);
  return err;
}

void trust_release(struct trust *t)
{
  for (size_t i = 0; i < t->count; i++)
    mem_free(t->entries[i].path);
  mem_free(t->entries);
  *t = (struct trust){0};
}

bool trust_is_open(const struct trust *t) { return t->count == 0; }

Err trust_check(struct trust *t, struct str key, const char **ret_learned, struct diag *reterr)
{
  if (ret_learned)
    *ret_learned = NULL;
  if (trust_is_open(t))
    return OK;
  for (size_t i = 0; i < t->count; i++)
    if (t->entries[i].text[0] && str_eqc(key, t->entries[i].text))
      return OK;
  for (size_t i = 0; i < t->count && key.len == KEY_PUBLIC_LEN; i++)
    if (!t->entries[i].text[0]) {
      memcpy(t->entries[i].text, key.ptr, KEY_PUBLIC_LEN);
      if (ret_learned)
        *ret_learned = t->entries[i].path;
      return OK;
    }
  diag_set(reterr, ERR_AUTH, "Periphery failed to validate Core public key");
  diag_cause(reterr, "Ensure public key matches one of the 'core_public_keys' in periphery config (PERIPHERY_CORE_PUBLIC_KEYS)");
  diag_cause(reterr, "%.*s is invalid", STR_ARG(key));
  return ERR_AUTH;
}

const char *trust_rotation_path(const struct trust *t, const char key[KEY_PUBLIC_LEN + 1])
{
  for (size_t i = 0; t->is_explicit && i < t->count; i++)
    if (t->entries[i].path)
      return strcmp(t->entries[i].text, key) != 0 ? t->entries[i].path : NULL;
  return NULL;
}

void trust_set(struct trust *t, const char *path, const char key[KEY_PUBLIC_LEN + 1])
{
  for (size_t i = 0; i < t->count; i++)
    if (t->entries[i].path && strcmp(t->entries[i].path, path) == 0)
      memcpy(t->entries[i].text, key, KEY_PUBLIC_LEN + 1);
}
