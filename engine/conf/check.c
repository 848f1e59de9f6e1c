/* conf/check.c: what cannot work although every key is of the right kind; see conf.h. */
#include <errno.h>
#include <unistd.h>

#include "conf/conf_internal.h"

static Err readable(const char *key, struct str path, const char *fix, struct diag *reterr)
{
  if (access(path.ptr, R_OK) == 0)
    return OK;
  return diag_set(reterr, ERR_INVALID, "%s: %s cannot be read (%s); %s", key, path.ptr, strerror(errno), fix);
}

/* A key is PEM text, 64 characters of base64 (DER), or at most 32 bytes; or file: and a path. */
static Err private_key(const struct conf *conf, const char *key, struct diag *reterr)
{
  struct str text = conf_str(conf, key);
  if (!text.ptr || str_starts(text, STR("file:")) || text.len <= 32 || text.len == 64 ||
      str_starts(str_trim(text), STR("-----BEGIN ")))
    return OK;
  return diag_set(reterr, ERR_INVALID,
                  "%s: is neither a PEM key, a base64 DER key (64 characters), a text of at most 32 bytes, nor file:<path>",
                  key);
}

static Err check_core(const struct conf *conf, struct diag *reterr)
{
  bool any_origin = false;
  for (size_t i = 0; i < conf_list_len(conf, "cors_allowed_origins"); i++)
    any_origin |= str_eqc(conf_list_at(conf, "cors_allowed_origins", i), "*");
  if (any_origin && conf_bool(conf, "cors_allow_credentials"))
    return diag_set(reterr, ERR_INVALID,
                    "cors_allow_credentials: cannot be true while cors_allowed_origins has *; name the origins");
  Err err = private_key(conf, "private_key", reterr);
  if (!err && conf_bool(conf, "ssl_enabled")) {
    err = readable("ssl_key_file", conf_path(conf, "ssl_key_file"), "or switch ssl_enabled off", reterr);
    if (!err)
      err = readable("ssl_cert_file", conf_path(conf, "ssl_cert_file"), "or switch ssl_enabled off", reterr);
  }
  return err;
}

static Err check_agent(const struct conf *conf, struct diag *reterr)
{
  Err err = private_key(conf, "private_key", reterr);
  for (size_t i = 0; !err && conf_bool(conf, "server_enabled") && i < conf_list_len(conf, "core_public_keys"); i++) {
    struct str entry = conf_list_at(conf, "core_public_keys", i);
    if (str_starts(entry, STR("file:")))
      err = readable("core_public_keys", str_sub(entry, 5, entry.len), "copy the engine's public key there", reterr);
  }
  return err;
}

Err conf_check(const struct conf *conf, struct diag *reterr)
{
  switch (conf->program) {
  case CONF_CORE: return check_core(conf, reterr);
  case CONF_AGENT: return check_agent(conf, reterr);
  case CONF_CLI: return OK;
  }
  return OK;
}
