/* link/upgrade.h: the HTTP side of a login: what both listeners check before a WebSocket, and how they refuse.
 *
 * Wire     spec agent.md 1.3, 1.4.   Thread: the loop's thread.
 */
#ifndef LINK_UPGRADE_H
#define LINK_UPGRADE_H

#include "net/http_server.h"

/* The value of the query parameter `name` of an upgrade request, decoded into the request's arena. False: the request was
 * answered (400 without the parameter or upgrade headers, 401 without host or key). */
bool upgrade_check(struct http_req *req, const char *name, struct str *ret_value);

/* Answers with `{"error","trace"}`. */
void upgrade_refuse(struct http_req *req, int status, const struct diag *d);
void upgrade_refusef(struct http_req *req, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* "name=<percent-encoded value>", as it goes into the URL and the login; free with mem_free. */
char *upgrade_query(const char *name, struct str value) NODISCARD;

#endif
