/* net/static.c: which file answers a request, and files of a table; see static.h. */
#include <fcntl.h>
#include <openssl/sha.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/mem.h"
#include "net/static_internal.h"

/* ---- facts about files ---- */

void static_hash(struct str data, char ret[STATIC_HASH_LEN + 1])
{
  unsigned char hash[SHA256_DIGEST_LENGTH];
  CLEANUP(buf_release) struct buf b = BUF_INIT(STATIC_HASH_LEN + 1);
  SHA256((const unsigned char *)data.ptr, data.len, hash);
  base64_encode(&b, hash, sizeof hash, BASE64_URL);
  snprintf(ret, STATIC_HASH_LEN + 1, "%s", b.ptr);
}

struct str static_type(struct str path)
{
  static const struct { const char *end, *type; } table[] = {
      {".html", "text/html; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"}, {".css", "text/css; charset=utf-8"},
      {".json", "application/json"}, {".map", "application/json"}, {".webmanifest", "application/manifest+json"},
      {".svg", "image/svg+xml"}, {".png", "image/png"}, {".ico", "image/x-icon"}, {".jpg", "image/jpeg"},
      {".jpeg", "image/jpeg"}, {".gif", "image/gif"}, {".webp", "image/webp"}, {".avif", "image/avif"},
      {".woff2", "font/woff2"}, {".woff", "font/woff"}, {".ttf", "font/ttf"}, {".wasm", "application/wasm"},
      {".txt", "text/plain; charset=utf-8"}, {".md", "text/markdown; charset=utf-8"},
      {".ts", "text/plain; charset=utf-8"}, {".lua", "text/plain; charset=utf-8"}, {".xml", "application/xml"},
      {".toml", "application/toml"}, {".yaml", "application/yaml"}, {".yml", "application/yaml"},
      {".pdf", "application/pdf"}, {".mp4", "video/mp4"}};
  for (size_t i = 0; i < ARRAY_LEN(table); i++)
    if (str_ends(path, str_of(table[i].end)))
      return str_of(table[i].type);
  return STR("application/octet-stream");
}

void static_add_headers(const struct static_files *files, struct str path, struct http_header *headers, size_t *count)
{
  bool page = str_ends(path, STR(".html"));
  if (files->always.name.len)
    headers[(*count)++] = files->always;
  if (files->immutable && str_starts(path, str_of(files->immutable)))
    headers[(*count)++] = (struct http_header){STR("Cache-Control"), STR("public, max-age=31536000, immutable")};
  else if (files->immutable && page)   /* it names the others, so it must be asked for every time */
    headers[(*count)++] = (struct http_header){STR("Cache-Control"), STR("no-cache")};
  if (page && files->page.name.len)
    headers[(*count)++] = files->page;
}

size_t static_fallback_headers(const struct static_files *files, const char *hash, struct http_header headers[4])
{
  size_t count = 0;
  headers[count++] = (struct http_header){STR("Content-Type"), static_type(STR("index.html"))};
  headers[count++] = files->no_cache ? (struct http_header){STR("Cache-Control"), STR("no-cache")}
                                     : (struct http_header){STR("ETag"), str_of(hash)};
  if (files->page.name.len)
    headers[count++] = files->page;
  if (files->always.name.len)
    headers[count++] = files->always;
  return count;
}

/* RFC 9110 14.1.2; several ranges are answered with the whole, as is allowed. */
enum static_range static_range(const struct http_req *req, struct str tag, uint64_t size, uint64_t *ret_from, uint64_t *ret_len)
{
  struct str range = http_req_header(req, "range"), condition = http_req_header(req, "if-range");
  if (size == 0 || !str_starts(range, STR("bytes=")) || str_find(range, ',') >= 0 || (condition.ptr && !str_eq(condition, tag)))
    return STATIC_RANGE_NONE;
  range = str_sub(range, 6, range.len);
  ptrdiff_t dash = str_find(range, '-');
  if (dash < 0)
    return STATIC_RANGE_NONE;
  struct str first = str_sub(range, 0, (size_t)dash), last = str_sub(range, (size_t)dash + 1, range.len);
  uint64_t from = 0, to = size - 1;
  if ((first.len && !str_to_u64(first, &from)) || (last.len && !str_to_u64(last, &to)) || (!first.len && !last.len))
    return STATIC_RANGE_NONE;
  if (!first.len) {                 /* the last `to` bytes */
    from = to < size ? size - to : 0;
    if (to == 0)
      return STATIC_RANGE_BAD;
    to = size - 1;
  }
  if (from >= size)
    return STATIC_RANGE_BAD;
  if (from > to)
    return STATIC_RANGE_NONE;
  *ret_from = from;
  *ret_len = (to < size ? to + 1 : size) - from;
  return STATIC_RANGE_PART;
}

void static_respond_bad_range(struct http_req *req, uint64_t size)
{
  struct http_header h = {STR("Content-Range"),
                          str_of(arena_printf(http_req_arena(req), "bytes */%llu", (unsigned long long)size))};
  http_respond(req, 416, &h, 1, STR(""));
}

/* ---- a table ---- */

/* What is still to be sent of a large file. The table stays, so a client that reads slowly costs no copy of it. */
struct sending {
  struct str rest;
};

static void send_more(struct http_req *req, void *data)
{
  struct sending *sending = data;
  bool full = false;
  while (sending->rest.len && !full) {
    struct str piece = str_sub(sending->rest, 0, HTTP_QUEUE_LOW);
    if (!http_respond_write(req, piece, &full))
      break;
    sending->rest = str_sub(sending->rest, piece.len, sending->rest.len);
  }
  if (!full)
    http_respond_end(req);
}

/* `headers` has room for one more. */
static void send_body(struct http_req *req, int status, struct http_header *headers, size_t count, struct str body)
{
  if (body.len <= HTTP_QUEUE_HIGH) {
    http_respond(req, status, headers, count, body);
    return;
  }
  struct arena *arena = http_req_arena(req);
  struct sending *sending = arena_new(arena, sizeof *sending);
  sending->rest = body;
  headers[count++] = (struct http_header){STR("Content-Length"), str_of(arena_printf(arena, "%zu", body.len))};
  http_respond_begin(req, status, headers, count, send_more, sending);
  send_more(req, sending);
}

static const char *hash_of(struct static_entry *e)
{
  if (!e->hash[0])
    static_hash(str_make(e->file->data, e->file->size), e->hash);
  return e->hash;
}

static void respond_entry(struct static_files *files, struct http_req *req, struct static_entry *e)
{
  struct arena *arena = http_req_arena(req);
  struct str body = str_make(e->file->data, e->file->size), known = http_req_header(req, "if-none-match");
  const char *hash = hash_of(e);
  struct http_header headers[8] = {
      {STR("Content-Type"), static_type(str_of(e->file->path))},
      {STR("ETag"), str_of(arena_printf(arena, "\"%s\"", hash))},
  };
  size_t count = 2;
  static_add_headers(files, str_of(e->file->path), headers, &count);
  /* The hash is long enough to be looked for anywhere in the list: weak or compressed, it is the same file. */
  if (str_eqc(known, "*") || (known.ptr && memmem(known.ptr, known.len, hash, STATIC_HASH_LEN))) {
    http_respond(req, 304, headers + 1, count - 1, STR(""));
    return;
  }
  uint64_t from, len;
  enum static_range range = static_range(req, headers[1].value, body.len, &from, &len);
  if (range == STATIC_RANGE_BAD) {
    static_respond_bad_range(req, body.len);
  } else if (range == STATIC_RANGE_PART) {
    headers[count++] = (struct http_header){STR("Content-Range"),
                                            str_of(arena_printf(arena, "bytes %llu-%llu/%zu", (unsigned long long)from,
                                                                (unsigned long long)(from + len - 1), body.len))};
    send_body(req, 206, headers, count, str_sub(body, from, len));
  } else if (e->file->packed && http_gzip_choose(req, headers, 1, body.len) == HTTP_GZIP_YES) {
    headers[1].value = str_of(arena_printf(arena, "\"%s-gz\"", hash));
    headers[count++] = (struct http_header){STR("Content-Encoding"), STR("gzip")};
    headers[count++] = (struct http_header){STR("Vary"), STR("Accept-Encoding")};
    send_body(req, 200, headers, count, str_make(e->file->packed, e->file->packed_size));
  } else {
    send_body(req, 200, headers, count, body);
  }
}

static void respond_table(struct static_files *files, struct http_req *req, const char *path)
{
  struct static_entry *e = map_get(&files->by_path, str_of(path));
  if (e) {
    respond_entry(files, req, e);
    return;
  }
  e = map_get(&files->by_path, STR("index.html"));
  if (!e) {
    http_respond(req, 404, NULL, 0, STR(""));
    return;
  }
  struct http_header headers[4];
  size_t count = static_fallback_headers(files, hash_of(e), headers);
  http_respond(req, 404, headers, count, str_make(e->file->data, e->file->size));
}

/* ---- requests ---- */

/* The path as a relative file name, decoded; NULL when it is none. */
static const char *file_name(struct http_req *req)
{
  struct arena *arena = http_req_arena(req);
  struct str raw = http_req_path(req);
  CLEANUP(buf_release) struct buf b = BUF_INIT(raw.len + 1);
  percent_decode(&b, raw, /* plus= */ false);
  struct str path = buf_str(&b), rest, part;
  if (!str_starts(path, STR("/")) || str_find(path, 0) >= 0 || str_find(path, '\\') >= 0)
    return NULL;
  path = str_sub(path, 1, path.len);
  if (path.len == 0)
    return "index.html";
  for (rest = path; str_split(&rest, '/', &part);)
    if (part.len == 0 || str_eqc(part, ".") || str_eqc(part, ".."))
      return NULL;
  return arena_dup(arena, path);
}

void static_respond(struct static_files *files, struct http_req *req)
{
  struct str method = http_req_method(req);
  if (!str_eqc(method, "GET") && !str_eqc(method, "HEAD")) {
    http_respond(req, 405, (struct http_header[]){{STR("Allow"), STR("GET,HEAD")}, files->always}, files->always.name.len ? 2 : 1,
                 STR(""));
    return;
  }
  const char *path = file_name(req);
  if (files->count)
    respond_table(files, req, path ? path : "");
  else
    static_disk_respond(files, req, path ? path : "");
}

/* ---- life ---- */

void static_unref(struct static_files *files)
{
  if (--files->refs)
    return;
  mem_free(files->entries);
  map_release(&files->by_path);
  if (files->folder >= 0)
    close(files->folder);
  mem_free(files);
}

static void load_table(struct static_files *files, const struct embed_file *table)
{
  while (table[files->count].path)
    files->count++;
  files->entries = mem_new_array(files->count, sizeof *files->entries);
  for (size_t i = 0; i < files->count; i++) {
    struct static_entry *e = &files->entries[i];
    e->file = &table[i];
    map_set(&files->by_path, str_of(table[i].path), e);
  }
}

struct static_files *static_new(const struct static_config *config)
{
  struct static_files *files = mem_new(sizeof *files);
  files->loop = config->loop;
  files->refs = 1;
  files->no_cache = config->fallback_no_cache;
  files->immutable = config->immutable;
  files->page = config->page;
  files->always = config->always;
  files->folder = -1;
  if (config->table)
    load_table(files, config->table);
  else
    files->folder = open(config->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return files;
}

void static_close(struct static_files *files)
{
  if (files)
    static_unref(files);
}
