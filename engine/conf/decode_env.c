/* conf/decode_env.c: the values of the variables; see decode.h. */
#include <arpa/inet.h>
#include <math.h>

#include "base/mem.h"
#include "conf/decode_internal.h"
#include "conf/files.h"

bool network_parse(struct str text, char ret_network[NETWORK_MAX])
{
  char address[INET6_ADDRSTRLEN], canonical[INET6_ADDRSTRLEN];
  unsigned char raw[16];
  ptrdiff_t slash = str_find(text, '/');
  struct str host = slash < 0 ? text : str_sub(text, 0, (size_t)slash);
  if (host.len >= sizeof address)
    return false;
  memcpy(address, host.len ? host.ptr : "", host.len);
  address[host.len] = 0;
  int family = str_find(host, ':') >= 0 ? AF_INET6 : AF_INET;
  uint64_t bits = family == AF_INET6 ? 128 : 32, prefix = bits;
  if (inet_pton(family, address, raw) != 1 || !inet_ntop(family, raw, canonical, sizeof canonical))
    return false;
  if (slash >= 0 && (!str_to_u64(str_sub(text, (size_t)slash + 1, text.len), &prefix) || prefix > bits))
    return false;
  snprintf(ret_network, NETWORK_MAX, "%s/%u", canonical, (unsigned)prefix);
  return true;
}

/* ---- names ---- */

/* Calls `visit` for one spelling under every prefix. */
static Err visit_spelling(struct str spelling, const char *prefixes, unsigned rank, conf_env_visit *visit, void *context)
{
  struct str rest = str_of(prefixes), prefix;
  if (str_starts(spelling, STR("=")))
    return visit(context, str_sub(spelling, 1, spelling.len), rank);
  Err err = OK;
  while (!err && str_split(&rest, ',', &prefix)) {
    CLEANUP(mem_free_at) char *name = mem_printf("%.*s%.*s", STR_ARG(prefix), STR_ARG(spelling));
    err = visit(context, str_of(name), rank);
  }
  return err;
}

Err conf_env_names(const struct conf_key *key, const char *prefixes, conf_env_visit *visit, void *context)
{
  CLEANUP(mem_free_at) char *capitals = mem_strdup(key->name);
  for (char *c = capitals; *c; c++)
    if (*c >= 'a' && *c <= 'z')
      *c = (char)(*c - 32);
  struct str groups = str_of(key->env ? key->env : capitals), group, spelling;
  for (unsigned rank = 0; str_split(&groups, '>', &group); rank++) {
    while (str_split(&group, ',', &spelling)) {
      Err err = visit_spelling(spelling, prefixes, rank, visit, context);
      if (err)
        return err;
    }
  }
  return OK;
}

struct search_one {
  const struct env *env;
  const char *suffix;
  struct buf *name;        /* the spelling that is set */
  struct str value;
  unsigned rank;
  struct diag *reterr;
};

static Err look(void *context, struct str spelling, unsigned rank)
{
  struct search_one *s = context;
  if (s->value.ptr && rank > s->rank)
    return OK;
  CLEANUP(mem_free_at) char *name = mem_printf("%.*s%s", STR_ARG(spelling), s->suffix);
  for (size_t nth = 0;; nth++) {
    struct str value = env_get_nocase(s->env, str_of(name), nth);
    if (!value.ptr)
      return OK;
    if (s->value.ptr && nth > 0)
      return diag_set(s->reterr, ERR_INVALID, "%s is set twice, in different letter case; unset one", name);
    if (s->value.ptr)
      return diag_set(s->reterr, ERR_INVALID, "%s and %s are both set, but mean the same; unset one", s->name->ptr, name);
    s->value = value;
    s->rank = rank;
    buf_clear(s->name);
    buf_add_text(s->name, name);
  }
}

Err env_one(const struct env *env, const struct conf_key *key, const char *prefixes, const char *suffix,
            struct buf *ret_name, struct str *ret_value, struct diag *reterr)
{
  struct search_one s = {.env = env, .suffix = suffix, .name = ret_name, .reterr = reterr};
  Err err = conf_env_names(key, prefixes, look, &s);
  *ret_value = s.value;
  return err;
}

/* ---- values ---- */

Err bool_parse(const char *name, struct str text, bool *ret, struct diag *reterr)
{
  if (!str_eqc(text, "true") && !str_eqc(text, "false"))
    return diag_set(reterr, ERR_INVALID, "%s: wants true or false, found \"%.*s\"", name, STR_ARG(str_sub(text, 0, 64)));
  *ret = text.ptr[0] == 't';
  return OK;
}

/* `trim`: items of a file lose the white space around them, those of a variable do not. */
static Err env_list(const struct decode *d, const struct conf_key *key, const char *name, struct str text, bool trim,
                    yyjson_mut_val **ret)
{
  CLEANUP(texts_release) struct texts items = {0};
  texts_split(&items, text);
  *ret = yyjson_mut_arr(d->doc);
  for (size_t i = 0; i < items.count; i++) {
    struct str one = trim ? str_trim(str_of(items.at[i])) : str_of(items.at[i]);
    char network[NETWORK_MAX];
    if (key->kind == CONF_IP_LIST && !network_parse(str_trim(one), network)) {
      if (d->warnings)
        buf_printf(d->warnings, "%s: \"%.*s\" is skipped: wants an address or a network (10.0.0.0/8)\n", name, STR_ARG(one));
      continue;
    }
    if (!yyjson_mut_arr_append(*ret, mut_text(d->doc, key->kind == CONF_IP_LIST ? str_of(network) : one)))
      return diag_set(d->reterr, ERR_NOMEM, "%s", err_words(ERR_NOMEM));
  }
  return OK;
}

static Err env_value(const struct decode *d, const struct conf_key *key, const char *name, struct str text, bool is_file,
                     yyjson_mut_val **ret)
{
  uint64_t number;
  bool truth;
  if (!str_is_utf8(text))
    return diag_set(d->reterr, ERR_INVALID, "%s: is not UTF-8 text", name);
  switch (key->kind) {
  case CONF_TEXT: *ret = mut_text(d->doc, text); return OK;
  case CONF_LIST:
  case CONF_TEXT_LIST:
  case CONF_IP_LIST: return env_list(d, key, name, text, is_file, ret);
  case CONF_BOOL: {
    Err err = bool_parse(name, text, &truth, d->reterr);
    if (!err)
      *ret = yyjson_mut_bool(d->doc, truth);
    return err;
  }
  case CONF_U16:
  case CONF_U64:
    if (str_to_u64(text, &number) && number <= (key->kind == CONF_U16 ? UINT16_MAX : INT64_MAX))
      *ret = yyjson_mut_uint(d->doc, number);
    break;
  case CONF_NUMBER: {
    char *end = NULL;
    double real = text.len ? strtod(text.ptr, &end) : -1;   /* variables end in a zero byte */
    if (text.len && end == text.ptr + text.len && isfinite(real) && real >= 0)
      *ret = yyjson_mut_real(d->doc, real);
    break;
  }
  default:
    if (is_word_of(key->kind, text))
      *ret = mut_text(d->doc, text);
  }
  if (*ret)
    return OK;
  CLEANUP(buf_release) struct buf want = BUF_INIT(DIAG_MESSAGE_MAX);
  want_words(key->kind, &want);
  return diag_set(d->reterr, ERR_INVALID, "%s: wants %s, found \"%.*s\"", name, want.ptr, STR_ARG(str_sub(text, 0, 64)));
}

/* The content of the file that <VARIABLE>_FILE names, trimmed. */
static Err env_file(const struct decode *d, const char *name, struct str path, struct buf *out)
{
  struct diag why = {0};
  if (!path.len)
    return diag_set(d->reterr, ERR_INVALID, "%s: is empty; it wants the path of a file", name);
  if (file_read(path.ptr, out, &why))
    return diag_set(d->reterr, ERR_INVALID, "%s: the file %s %s", name, path.ptr, why.message);
  return OK;
}

static Err set(const struct decode *d, const struct conf_key *key, yyjson_mut_val *out, yyjson_mut_val *val)
{
  yyjson_mut_val *name = yyjson_mut_str(d->doc, key->name);
  if (!name || !val || !yyjson_mut_obj_replace(out, name, val))
    return diag_set(d->reterr, ERR_NOMEM, "%s", err_words(ERR_NOMEM));
  return OK;
}

static Err env_key(const struct decode *d, const struct conf_key *key, const char *prefixes, const struct env *env,
                   yyjson_mut_val *out, bool *ret_given)
{
  CLEANUP(buf_release) struct buf name = BUF_INIT(1024);
  CLEANUP(buf_release) struct buf content = BUF_INIT(CONF_FILE_MAX);
  struct str text = STR_NONE, path = STR_NONE;
  yyjson_mut_val *val = NULL;
  Err err = env_one(env, key, prefixes, "", &name, &text, d->reterr);
  if (!err && text.ptr)
    err = env_value(d, key, name.ptr, text, false, &val);
  if (!err && (key->flags & CONF_FILE_ENV)) {
    buf_clear(&name);
    err = env_one(env, key, prefixes, "_FILE", &name, &path, d->reterr);
    if (!err && path.ptr && !(err = env_file(d, name.ptr, path, &content)))
      err = env_value(d, key, name.ptr, str_trim(buf_str(&content)), true, &val);
  }
  if (content.len)
    mem_wipe(content.ptr, content.len);
  if (err || (!text.ptr && !path.ptr))
    return err;
  *ret_given = true;
  return set(d, key, out, val);
}

static Err env_table(const struct decode *d, const struct conf_key *shape, const char *prefixes, const char *up,
                     const struct env *env, yyjson_mut_val *out)
{
  for (const struct conf_key *key = shape; key->name; key++) {
    if (key->flags & CONF_NO_ENV)
      continue;
    CLEANUP(mem_free_at) char *dotted = mem_printf("%s%s%s", up, *up ? "." : "", key->name);
    bool given = false;
    Err err = key->kind == CONF_TABLE
                  ? env_table(d, key->shape, key->prefixes, dotted, env, yyjson_mut_obj_get(out, key->name))
                  : env_key(d, key, prefixes, env, out, &given);
    if (err)
      return err;
    if (given && d->given) {
      map_set(d->given, str_of(dotted), d->given);
      if (*up)
        map_set(d->given, str_of(up), d->given);
    }
  }
  return OK;
}

Err decode_env(const struct decode *d, const struct conf_key *shape, const char *prefixes, const struct env *env,
               yyjson_mut_val *out)
{
  return env_table(d, shape, prefixes, "", env, out);
}
