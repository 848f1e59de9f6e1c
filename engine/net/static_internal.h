/* net/static_internal.h: what static.c (requests, tables) and static_disk.c (folders) share. */
#ifndef NET_STATIC_INTERNAL_H
#define NET_STATIC_INTERNAL_H

#include "base/map.h"
#include "net/http_internal.h"
#include "net/static.h"

enum { STATIC_HASH_LEN = 44 };

struct static_entry {
  const struct embed_file *file;
  char hash[STATIC_HASH_LEN + 1]; /* empty: not asked for yet */
};

struct static_files {
  struct op_loop *loop;
  unsigned refs;
  bool no_cache;
  const char *immutable;
  struct http_header page, always;
  int folder;                     /* descriptor; -1: a table, or the folder does not exist */
  struct map by_path;             /* of entries */
  struct static_entry *entries;
  size_t count;
};

void static_unref(struct static_files *files);
void static_hash(struct str data, char ret[STATIC_HASH_LEN + 1]);   /* base64url, padded, of SHA-256 */
struct str static_type(struct str path);
/* Adds what the configuration says of answers with this file; at most three headers. */
void static_add_headers(const struct static_files *files, struct str path, struct http_header *headers, size_t *count);

/* Headers of the index that answers an unknown path (spec api.md 6.4). */
size_t static_fallback_headers(const struct static_files *files, const char *hash, struct http_header headers[4]);

/* One `Range: bytes=a-b` of a body of `size` bytes. NONE: serve it whole. */
enum static_range { STATIC_RANGE_NONE, STATIC_RANGE_PART, STATIC_RANGE_BAD };
/* `tag` is what If-Range must hold for the range to count. */
enum static_range static_range(const struct http_req *req, struct str tag, uint64_t size, uint64_t *ret_from, uint64_t *ret_len);
void static_respond_bad_range(struct http_req *req, uint64_t size);

/* `path` is confined, relative and copied; the folder's index.html is the fallback. */
void static_disk_respond(struct static_files *files, struct http_req *req, const char *path);

#endif
