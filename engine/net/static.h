/* net/static.h: answers with files: a table compiled into the program, or a folder on disk read off the loop.
 *
 *   GET /           index.html
 *   GET /a/b.js     that file: ETag (table) or Last-Modified (folder), conditional and single-range requests; kept for ever
 *                   when its name changes with its content (`immutable`)
 *   GET /unknown    index.html with status 404, so that deep links of a single-page application work; with
 *                   `ETag: <base64url of its SHA-256>` or `Cache-Control: no-cache` (spec api.md 6.4)
 *   others          405 with Allow
 *
 * Paths are confined: no "..", no symbolic link below the folder. Files of a table were compressed when it was made.
 * Thread: the loop's thread. Memory: static_close() waits for nothing, requests in progress keep what they need.
 */
#ifndef NET_STATIC_H
#define NET_STATIC_H

#include "base/embed.h"
#include "net/http_server.h"

struct static_files;

struct static_config {
  struct op_loop *loop;
  const struct embed_file *table;   /* ended by a NULL path, borrowed for ever; or NULL and */
  const char *folder;
  bool fallback_no_cache;           /* Cache-Control: no-cache instead of an ETag on the 404 page */
  const char *immutable;            /* start of the paths whose names hold a hash, such as "assets/"; NULL: none */
  struct http_header page;          /* also sent with every page of type text/html; no name: nothing */
  struct http_header always;        /* also sent with every answer; no name: nothing */
};

struct static_files *static_new(const struct static_config *config);
void static_close(struct static_files *files);   /* NULL is fine */
/* Answers the request, now or later. */
void static_respond(struct static_files *files, struct http_req *req);

#endif
