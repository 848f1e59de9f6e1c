/* api/credentials.c: who asks (spec api.md 3, auth.md 1.3). The first kind of credentials that is there counts.
 *
 *   JWT      signature and expiry (remembered), then the user
 *   API key  row of the key, then its secret: remembered, or checked with bcrypt off the loop
 *
 * Wrong ones count against the client's address; a hot request of either kind costs two lookups. */
#include "api/api.h"
#include "base/clock.h"
#include "base/mem.h"

enum { SWEEP_MS = 60 * 1000 };

void credentials_open(struct api *api)
{
  struct rate_limit_config limit = {conf_bool(api->conf, "auth_rate_limit_disabled"), conf_int(api->conf, "auth_rate_limit_max_attempts"),
                                    conf_int(api->conf, "auth_rate_limit_window_seconds") * 1000};
  api->limit_login = rate_limit_new(&limit);
  api->limit_general = rate_limit_new(&limit);
  api->passwords = passwords_new(api->loop, /* config= */ NULL);
  api->api_keys = apikeys_new(api->loop, api->passwords);
}

void credentials_drain(struct api *api, void (*on_done)(void *data), void *data)
{
  api->on_checks_done = on_done;
  api->checks_data = data;
  if (!api->checks)
    on_done(data);
}

void credentials_close(struct api *api, void (*on_closed)(void *data), void *data)
{
  rate_limit_free(api->limit_login);
  rate_limit_free(api->limit_general);
  if (!api->passwords) {
    on_closed(data);
    return;
  }
  apikeys_free(api->api_keys);
  passwords_close(api->passwords, on_closed, data);
}

/* A check that waits for bcrypt. The texts it needs afterwards are its own. */
struct check {
  struct api *api;
  bool need_enabled;
  struct rate_attempt attempt;
  char *ip, *user_id;
  credentials_fn *done;
  void *data;
};

static void check_free(struct check *c)
{
  mem_free(c->ip);
  mem_free(c->user_id);
  mem_free(c);
}

static void refuse(struct api *api, struct str ip, const struct rate_attempt *attempt, credentials_fn *done, void *data)
{
  struct diag d;
  diag_set(&d, ERR_AUTH, "Invalid user credentials");
  rate_limit_fail(api->limit_general, ip, attempt, &d);
  done(data, ERR_AUTH, &d, /* caller= */ NULL);
}

/* The credentials are right: the user they name must exist, and be enabled where that is asked. */
static void admit(struct api *api, struct str user_id, bool need_enabled, struct str ip, const struct rate_attempt *attempt,
                   credentials_fn *done, void *data)
{
  struct caller caller;
  if (caller_find(api, user_id, &caller) && (caller.enabled || !need_enabled))
    done(data, OK, /* d= */ NULL, &caller);
  else
    refuse(api, ip, attempt, done, data);
}

static void on_checked(struct op *op, void *data)
{
  struct check *c = data;
  if (op->err)
    refuse(c->api, str_of(c->ip), &c->attempt, c->done, c->data);
  else
    admit(c->api, str_of(c->user_id), c->need_enabled, str_of(c->ip), &c->attempt, c->done, c->data);
  struct api *api = c->api;
  op_unref(op);
  check_free(c);
  api->checks--;
  if (!api->checks && api->on_checks_done)
    api->on_checks_done(api->checks_data);
}

static void check_key(struct api *api, const struct http_credentials *given, struct str ip, bool need_enabled,
                      const struct rate_attempt *attempt, credentials_fn *done, void *data)
{
  struct str key = str_trim(given->key), secret = str_trim(given->secret);
  const struct row *row = table_get(api->model->tables[TABLE_API_KEY], key);
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
  struct apikey stored = {0};
  bool known = row && json_parse(row->json, &doc, /* reterr= */ NULL) == OK && apikey_parse(yyjson_doc_get_root(doc), &stored);
  Err err = apikeys_recall(api->api_keys, known ? &stored : NULL, secret, clock_unix_ms());
  if (err == OK) {
    admit(api, stored.user_id, need_enabled, ip, attempt, done, data);
    return;
  }
  struct op *op = NULL;
  struct diag d;
  if (err != ERR_BUSY) {
    refuse(api, ip, attempt, done, data);
    return;
  }
  err = apikeys_check(api->api_keys, &stored, secret, &op, &d);
  if (err) {
    done(data, err, &d, /* caller= */ NULL);
    return;
  }
  struct check *c = mem_new(sizeof *c);
  api->checks++;
  *c = (struct check){api, need_enabled, *attempt, str_dup(ip), str_dup(stored.user_id), done, data};
  op_wait(op, on_checked, c);
}

static void check_jwt(struct api *api, struct str token, struct str ip, bool need_enabled, const struct rate_attempt *attempt,
                      credentials_fn *done, void *data)
{
  token = str_trim(token);
  if (str_starts(token, STR("Bearer ")))
    token = str_trim(str_sub(token, 7, token.len));
  struct jwt_claims claims;
  struct diag d;
  if (jwt_verify(api->jwt, token, clock_unix_ms(), &claims, &d)) {
    /* A token cannot be guessed, so a stale one is no attempt that counts. */
    diag_set(&d, ERR_AUTH, "Invalid user credentials");
    done(data, ERR_AUTH, &d, /* caller= */ NULL);
    return;
  }
  admit(api, str_of(claims.sub), need_enabled, ip, attempt, done, data);
}

void credentials_check(struct api *api, const struct http_credentials *given, struct str client_ip, bool need_enabled,
                       credentials_fn *done, void *data)
{
  struct diag d;
  struct rate_attempt attempt;
  if (api->on_checks_done) {
    diag_set(&d, ERR_CLOSED, "The engine is stopping");
    done(data, ERR_CLOSED, &d, /* caller= */ NULL);
    return;
  }
  uint64_t now = clock_mono_ms();
  if (now - api->swept_ms > SWEEP_MS) {
    rate_limit_sweep(api->limit_login, now);
    rate_limit_sweep(api->limit_general, now);
    api->swept_ms = now;
  }
  Err err = rate_limit_check(api->limit_general, client_ip, now, &attempt, &d);
  if (err)
    done(data, err, &d, /* caller= */ NULL);
  else if (given->authorization.len)
    check_jwt(api, given->authorization, client_ip, need_enabled, &attempt, done, data);
  else if (given->key.len && given->secret.len)
    check_key(api, given, client_ip, need_enabled, &attempt, done, data);
  else {
    diag_set(&d, ERR_AUTH, "%s", given->key.len ? "Request headers have X-API-KEY but missing X-API-SECRET" : "Invalid client credentials");
    done(data, ERR_AUTH, &d, /* caller= */ NULL);
  }
}
