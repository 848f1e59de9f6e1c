/* api/ws_login.c: what the WebSocket routes of clients begin with: the upgrade, and a first frame that logs in (spec api.md 13.1). */
#include "api/api.h"

static bool refuse(struct http_req *req, int status, const struct diag *d)
{
  http_answer_error(req, status, d);
  return false;
}

bool ws_login_begin(struct http_req *req, char ip[CLIENT_IP_MAX])
{
  struct diag d;
  if (!ws_is_upgrade(req)) {
    diag_set(&d, ERR_INVALID, "Connection header did not include 'upgrade': this route is a WebSocket");
    return refuse(req, 400, &d);
  }
  if (client_ip(http_req_header(req, "X-Forwarded-For"), http_req_header(req, "X-Real-IP"), http_req_peer_ip(req), NULL, 0, ip, &d))
    return refuse(req, 401, &d);
  return true;
}

bool ws_login_accept(struct http_req *req, const struct ws_config *config, struct ws **ret_ws)
{
  struct diag d;
  if (ws_accept(req, config, ret_ws) == OK)
    return true;
  diag_set(&d, ERR_INVALID, "The WebSocket upgrade is not valid");
  return refuse(req, 400, &d);
}

static bool read_login(yyjson_val *root, struct http_credentials *ret)
{
  struct str type = json_get_str(root, "type");
  yyjson_val *params = yyjson_obj_get(root, "params");
  *ret = (struct http_credentials){0};
  if (str_eq(type, STR("Jwt")))
    ret->authorization = json_get_str(params, "jwt");
  else if (str_eq(type, STR("ApiKeys"))) {
    ret->key = json_get_str(params, "key");
    ret->secret = json_get_str(params, "secret");
    return ret->key.ptr && ret->secret.ptr;
  }
  return ret->authorization.ptr != NULL;
}

void ws_login_check(struct api *api, struct str message, const char *ip, credentials_fn *on_login, void *data)
{
  CLEANUP(json_doc_free) yyjson_doc *doc = NULL;
  struct http_credentials given;
  struct diag d;
  if (json_parse(message, &doc, &d) == OK && read_login(yyjson_doc_get_root(doc), &given)) {
    credentials_check(api, &given, str_of(ip), /* need_enabled= */ true, on_login, data);
    return;
  }
  diag_set(&d, ERR_INVALID, "Invalid login message: expected {\"type\":\"Jwt\",\"params\":{\"jwt\":…}} or "
                            "{\"type\":\"ApiKeys\",\"params\":{\"key\":…,\"secret\":…}}");
  on_login(data, ERR_INVALID, &d, /* caller= */ NULL);
}

void ws_login_refusal(Err err, const struct diag *d, struct buf *out)
{
  int status = err_status(err);
  buf_printf(out, "[%d %s]: %s", status, http_status_text(status), d->message);
  struct str rest = d->trace[0] ? str_of(d->trace) : STR_NONE, line;
  while (str_split(&rest, '\n', &line)) {
    buf_add_text(out, ": ");
    buf_add_str(out, line);
  }
}
