/* api/http_internal.h: what the files share that answer HTTP requests: http.c (routes and API groups), inbound.c, documents.c.
 *
 * Thread   loop thread.
 * Memory   a call lives in the arena of its request: it is gone, as that is, once the request was answered.
 */
#ifndef API_HTTP_INTERNAL_H
#define API_HTTP_INTERNAL_H

#include "api/api.h"

/* A request on its way through the API. */
struct api_call {
  struct api *api;
  struct http_req *req;
  enum schema_group group;
  struct str name;            /* from the path; empty: form 1 */
  struct str request;         /* its name in either form, once it is known */
  struct str ip;
  struct rate_limit *limit;   /* failures count there; NULL: nowhere */
  struct rate_attempt attempt;
};

/* NULL: the client's address is none, and the request was answered with that. */
struct api_call *api_call_new(struct http_req *req, enum schema_group group, struct str name);
/* Answers with what is in `a`, and releases it. An error counts in the call's limit. */
void api_call_answer(struct api_call *call, struct answer *a);

/* Headers that http_answer takes; CORS comes on top. */
enum { HTTP_ANSWER_HEADERS_MAX = 32 };
void http_answer(struct http_req *req, int status, const struct http_header *headers, size_t count, struct str body);
/* The same with a Content-Type alone; an empty one is none. */
void http_answer_text(struct http_req *req, int status, struct str type, struct str body);
/* An error in one sentence, with the status of its code. */
void http_answer_refusal(struct http_req *req, Err err, const char *message);
/* 405; `allow`: the methods there are. */
void http_answer_method(struct http_req *req, const char *allow);
bool http_req_is_post(struct http_req *req);

/* Each looks at the path: false when it is none of theirs, else the request is answered, now or later. */
bool inbound_route(struct http_req *req);     /* /listener, /hook */
bool documents_route(struct http_req *req);   /* /docs/openapi.json, /lua/komodo.lua, … */

#endif
