/* net/http_req.c: reading a request, and helpers; see http_server.h. */
#include "base/codec.h"
#include "net/http_internal.h"

struct str http_req_method(const struct http_req *req)
{
  return str_of(llhttp_method_name((llhttp_method_t)req->conn->parser.method));
}

struct str http_req_path(const struct http_req *req) { return req->path; }
struct str http_req_query(const struct http_req *req) { return req->query; }
struct str http_req_body(const struct http_req *req) { return buf_str(&req->body); }

bool http_req_next_header(const struct http_req *req, size_t *at, struct http_header *ret)
{
  if (*at >= req->field_count)
    return false;
  const struct http_field *f = &req->fields[(*at)++];
  ret->name = str_make(req->head.ptr + f->name, f->name_len);
  ret->value = str_trim(str_make(req->head.ptr + f->value, f->value_len));
  return true;
}

struct str http_req_header(const struct http_req *req, const char *name)
{
  struct str wanted = str_of(name);
  for (size_t i = 0; i < req->field_count; i++) {
    const struct http_field *f = &req->fields[i];
    if (f->name_len == wanted.len && str_eq_nocase(str_make(req->head.ptr + f->name, f->name_len), wanted))
      return str_trim(str_make(req->head.ptr + f->value, f->value_len));
  }
  return STR_NONE;
}

struct str http_req_peer_ip(const struct http_req *req) { return str_of(req->conn->ip); }
bool http_req_is_tls(const struct http_req *req) { return req->conn->tls; }
bool http_req_is_gone(const struct http_req *req) { return !req->conn->stream; }
struct arena *http_req_arena(struct http_req *req) { return &req->arena; }
void http_req_set_data(struct http_req *req, void *data) { req->data = data; }
void *http_req_data(const struct http_req *req) { return req->data; }

const char *http_status_text(int status)
{
  static const struct { int status; const char *text; } table[] = {
      {200, "OK"}, {101, "Switching Protocols"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"},
      {206, "Partial Content"}, {301, "Moved Permanently"}, {302, "Found"}, {303, "See Other"}, {304, "Not Modified"},
      {307, "Temporary Redirect"}, {308, "Permanent Redirect"}, {400, "Bad Request"}, {401, "Unauthorized"},
      {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"}, {406, "Not Acceptable"},
      {408, "Request Timeout"}, {409, "Conflict"}, {410, "Gone"}, {411, "Length Required"},
      {412, "Precondition Failed"}, {413, "Payload Too Large"}, {414, "URI Too Long"}, {415, "Unsupported Media Type"},
      {416, "Range Not Satisfiable"}, {417, "Expectation Failed"}, {422, "Unprocessable Entity"},
      {426, "Upgrade Required"}, {429, "Too Many Requests"}, {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"}, {501, "Not Implemented"}, {502, "Bad Gateway"}, {503, "Service Unavailable"},
      {504, "Gateway Timeout"}, {505, "HTTP Version Not Supported"}, {507, "Insufficient Storage"}};
  for (size_t i = 0; i < ARRAY_LEN(table); i++)
    if (table[i].status == status)
      return table[i].text;
  return "Status";
}

/* `part` decoded; a copy is made only when there is something to decode. */
static struct str decoded(struct arena *arena, struct str part)
{
  if (str_find(part, '%') < 0 && str_find(part, '+') < 0)
    return str_make(arena_dup(arena, part), part.len);
  CLEANUP(buf_release) struct buf b = BUF_INIT(part.len + 1);
  percent_decode(&b, part, /* plus= */ true);
  return str_make(arena_dup(arena, buf_str(&b)), b.len);
}

struct str http_query_get(struct arena *arena, struct str query, const char *key)
{
  struct str wanted = str_of(key), part;
  while (str_split(&query, '&', &part)) {
    ptrdiff_t eq = str_find(part, '=');
    struct str name = eq < 0 ? part : str_sub(part, 0, (size_t)eq);
    struct str value = eq < 0 ? STR("") : str_sub(part, (size_t)eq + 1, part.len);
    bool plain = str_find(name, '%') < 0 && str_find(name, '+') < 0;
    if (str_eq(plain ? name : decoded(arena, name), wanted))
      return decoded(arena, value);
  }
  return STR_NONE;
}
