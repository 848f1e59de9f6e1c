/* static.h: a table and a folder. */
#include "net_test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/static.h"

enum { BIG = 3 << 20 };

struct fixture {
  struct test_loop loop;
  struct http_server *server;
  struct static_files *files;
  struct client client;
  bool stopped;
  char dir[32];
};

static void on_request(struct http_req *req, void *data) { static_respond(((struct fixture *)data)->files, req); }

static char style[6000];
static const char style_packed[] = "as cmake/embed.py made it";
static char huge[BIG];
static const struct embed_file table[] = {
    {.path = "index.html", .data = "<html>", .size = 6},
    {.path = "a/app.js", .data = "let a", .size = 5},
    {.path = "style.css", .data = style, .size = sizeof style, .packed = style_packed, .packed_size = sizeof style_packed - 1},
    {.path = "huge.bin", .data = huge, .size = sizeof huge},
    {.path = "empty.txt", .data = "", .size = 0},
    {0}};

static void start(struct fixture *f, struct static_config config)
{
  memset(style, ' ', sizeof style);
  for (size_t i = 0; i < sizeof huge; i++)
    huge[i] = (char)(i * 7 >> 3);
  loop_open(&f->loop);
  config.loop = &f->loop.op;
  f->files = static_new(&config);
  struct http_server_config server = {.loop = &f->loop.op, .bind_ip = "127.0.0.1", .on_request = on_request, .data = f};
  assert_int_equal(http_server_start(&server, &f->server, NULL), OK);
  client_open(&f->client, &f->loop, http_server_port(f->server));
}

static void on_stopped(void *data) { ((struct fixture *)data)->stopped = true; }

static void stop(struct fixture *f)
{
  client_close(&f->client);
  http_server_stop(f->server, on_stopped, f);
  RUN_UNTIL(&f->loop, f->stopped);
  static_close(f->files);
  loop_close(&f->loop);
}

struct answer {
  int status;
  char head[1024];
  struct str body;
};

static struct answer ask_as(struct fixture *f, const char *method, const char *path, const char *headers)
{
  struct answer a;
  char request[512];
  struct client *c = &f->client;
  snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: a\r\n%s\r\n", method, path, headers);
  buf_clear(&c->in);
  client_send(c, request);
  client_expect(c, "\r\n\r\n");
  size_t head = (size_t)(strstr(c->in.ptr, "\r\n\r\n") + 4 - c->in.ptr);
  snprintf(a.head, sizeof a.head, "%.*s", (int)head, c->in.ptr);
  a.status = (int)strtol(a.head + 9, NULL, 10);
  const char *length = strstr(a.head, "Content-Length: ");
  size_t len = length && strcmp(method, "HEAD") != 0 ? strtoul(length + 16, NULL, 10) : 0;
  RUN_UNTIL(c->loop, c->in.len >= head + len);
  assert_int_equal(c->in.len, head + len);
  a.body = str_make(c->in.ptr + head, len);
  return a;
}

static struct answer ask(struct fixture *f, const char *path, const char *headers) { return ask_as(f, "GET", path, headers); }

static void copy_header(const char *head, const char *name, char ret[128])
{
  const char *at = strstr(head, name);
  assert_non_null(at);
  at += strlen(name);
  snprintf(ret, 128, "%.*s", (int)strcspn(at, "\r"), at);
}

static void serves_a_table(void **state)
{
  (void)state;
  struct fixture f = {0};
  char etag[128], request[256];
  start(&f, (struct static_config){.table = table});
  struct answer a = ask(&f, "/", "");
  assert_int_equal(a.status, 200);
  assert_true(str_eqc(a.body, "<html>"));
  assert_non_null(strstr(a.head, "Content-Type: text/html; charset=utf-8\r\n"));
  a = ask(&f, "/a/app.js", "");
  assert_true(str_eqc(a.body, "let a"));
  assert_non_null(strstr(a.head, "Content-Type: text/javascript"));
  copy_header(a.head, "ETag: ", etag);
  snprintf(request, sizeof request, "If-None-Match: \"other\", W/%s\r\n", etag);
  a = ask(&f, "/a/app.js", request);
  assert_int_equal(a.status, 304);
  assert_non_null(strstr(a.head, etag));
  assert_int_equal(ask(&f, "/a/app.js", "If-None-Match: \"other\"\r\n").status, 200);
  assert_true(str_eqc(ask(&f, "/%61/app.js", "").body, "let a"));
  assert_int_equal(ask(&f, "/empty.txt", "Range: bytes=0-\r\n").status, 200);
  a = ask(&f, "/huge.bin", "");
  assert_int_equal(a.body.len, BIG);
  assert_memory_equal(a.body.ptr, huge, BIG);
  a = ask(&f, "/huge.bin", "Range: bytes=100000-2999999\r\n");
  assert_int_equal(a.status, 206);
  assert_memory_equal(a.body.ptr, huge + 100000, 2900000);
  assert_int_equal(ask_as(&f, "HEAD", "/huge.bin", "").status, 200);
  stop(&f);
}

static void sends_what_was_compressed_before(void **state)
{
  (void)state;
  struct fixture f = {0};
  char etag[128], request[256];
  start(&f, (struct static_config){.table = table});
  struct answer a = ask(&f, "/style.css", "Accept-Encoding: gzip\r\n");
  assert_non_null(strstr(a.head, "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n"));
  assert_true(str_eqc(a.body, style_packed));
  copy_header(a.head, "ETag: ", etag);
  assert_non_null(strstr(etag, "-gz\""));
  snprintf(request, sizeof request, "Accept-Encoding: gzip\r\nIf-None-Match: %s\r\n", etag);
  assert_int_equal(ask(&f, "/style.css", request).status, 304);
  a = ask(&f, "/style.css", "");
  assert_int_equal(a.body.len, sizeof style);
  stop(&f);
}

static void lets_browsers_keep_what_never_changes(void **state)
{
  (void)state;
  struct fixture f = {0};
  char etag[128], request[256];
  start(&f, (struct static_config){.table = table, .immutable = "a/", .page = {STR("X-Policy"), STR("strict")},
                                    .always = {STR("X-All"), STR("yes")}});
  struct answer a = ask(&f, "/a/app.js", "");
  assert_non_null(strstr(a.head, "Cache-Control: public, max-age=31536000, immutable\r\n"));
  assert_null(strstr(a.head, "X-Policy"));
  assert_non_null(strstr(a.head, "X-All: yes\r\n"));
  a = ask(&f, "/style.css", "");
  assert_null(strstr(a.head, "Cache-Control"));
  a = ask(&f, "/", "");
  assert_non_null(strstr(a.head, "Cache-Control: no-cache\r\n"));
  assert_non_null(strstr(a.head, "X-Policy: strict\r\n"));
  copy_header(a.head, "ETag: ", etag);
  snprintf(request, sizeof request, "If-None-Match: %s\r\n", etag);
  a = ask(&f, "/", request);
  assert_int_equal(a.status, 304);
  assert_non_null(strstr(a.head, "Cache-Control: no-cache\r\n"));
  a = ask(&f, "/servers/abc", "");
  assert_int_equal(a.status, 404);
  assert_non_null(strstr(a.head, "X-Policy: strict\r\nX-All: yes\r\n"));
  a = ask_as(&f, "POST", "/", "");
  assert_int_equal(a.status, 405);
  assert_non_null(strstr(a.head, "X-All: yes\r\n"));
  stop(&f);
}

static void answers_the_unknown_with_the_index(void **state)
{
  (void)state;
  static const char *const paths[] = {"/servers/abc", "/..", "/../etc/passwd", "/%2e%2e/etc/passwd", "/a/../index.html", "/a",
                                      "/a//app.js", "/./index.html", "/index.html/", "/%00", "/a%5capp.js", "/a/app.js%00"};
  struct fixture f = {0};
  start(&f, (struct static_config){.table = table});
  for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
    struct answer a = ask(&f, paths[i], "");
    assert_int_equal(a.status, 404);
    assert_true(str_eqc(a.body, "<html>"));
    /* printf '<html>' | sha256sum, in base64url */
    assert_non_null(strstr(a.head, "ETag: t9CC7hLpG3Vuoi6FE7hZTuvPXTn6uBPaPLVXlNyIitc=\r\n"));
    assert_null(strstr(a.head, "Cache-Control"));
  }
  struct answer a = ask_as(&f, "POST", "/nowhere", "Content-Length: 0\r\n");
  assert_int_equal(a.status, 405);
  assert_non_null(strstr(a.head, "Allow: GET,HEAD\r\n"));
  assert_int_equal(a.body.len, 0);
  stop(&f);
  struct fixture g = {0};
  start(&g, (struct static_config){.table = table, .fallback_no_cache = true});
  a = ask(&g, "/x", "");
  assert_non_null(strstr(a.head, "Cache-Control: no-cache\r\n"));
  assert_null(strstr(a.head, "ETag"));
  stop(&g);
}

static void reads_ranges(void **state)
{
  (void)state;
  static const struct { const char *range; int status; const char *body; } rows[] = {
      {"bytes=0-0", 206, "<"}, {"bytes=1-", 206, "html>"}, {"bytes=-2", 206, "l>"}, {"bytes=2-100", 206, "tml>"},
      {"bytes=-100", 206, "<html>"}, {"bytes=6-", 416, ""}, {"bytes=-0", 416, ""}, {"bytes=3-2", 200, "<html>"},
      {"bytes=a-b", 200, "<html>"}, {"bytes=-", 200, "<html>"}, {"bytes=0-1,3-4", 200, "<html>"}, {"lines=1-2", 200, "<html>"},
      {"bytes=99999999999999999999-", 200, "<html>"}, {"bytes=0-1\r\nIf-Range: \"old\"", 200, "<html>"}};
  struct fixture f = {0};
  start(&f, (struct static_config){.table = table});
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    char header[128];
    snprintf(header, sizeof header, "Range: %s\r\n", rows[i].range);
    struct answer a = ask(&f, "/", header);
    if (a.status != rows[i].status || !str_eqc(a.body, rows[i].body))
      fail_msg("%s: %s", rows[i].range, a.head);
  }
  stop(&f);
}

static void write_file(const char *dir, const char *name, const char *data, size_t len)
{
  char path[128];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, data, len), (ssize_t)len);
  close(fd);
}

static void start_folder(struct fixture *f)
{
  char path[128];
  snprintf(f->dir, sizeof f->dir, "/tmp/net-static-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  snprintf(path, sizeof path, "%s/sub", f->dir);
  assert_int_equal(mkdir(path, 0700), 0);
  start(f, (struct static_config){.folder = f->dir});
  write_file(f->dir, "index.html", "<disk>", 6);
  write_file(f->dir, "sub/a.css", "css", 3);
  write_file(f->dir, "big.bin", huge, BIG);
  snprintf(path, sizeof path, "%s/link", f->dir);
  assert_int_equal(symlink("/etc/passwd", path), 0);
  snprintf(path, sizeof path, "%s/dir", f->dir);
  assert_int_equal(symlink("/etc", path), 0);
}

static void stop_folder(struct fixture *f)
{
  static const char *const names[] = {"sub/a.css", "sub", "big.bin", "link", "dir", "index.html", ""};
  char path[128];
  stop(f);
  for (size_t i = 0; i < ARRAY_LEN(names); i++) {
    snprintf(path, sizeof path, "%s/%s", f->dir, names[i]);
    remove(path);
  }
}

static void serves_a_folder(void **state)
{
  (void)state;
  struct fixture f = {0};
  char modified[128], request[256];
  start_folder(&f);
  struct answer a = ask(&f, "/", "");
  assert_int_equal(a.status, 200);
  assert_true(str_eqc(a.body, "<disk>"));
  copy_header(a.head, "Last-Modified: ", modified);
  assert_null(strstr(a.head, "ETag"));
  snprintf(request, sizeof request, "If-Modified-Since: %s\r\n", modified);
  assert_int_equal(ask(&f, "/", request).status, 304);
  assert_int_equal(ask(&f, "/", "If-Modified-Since: Mon, 01 Jan 2001 00:00:00 GMT\r\n").status, 200);
  assert_true(str_eqc(ask(&f, "/sub/a.css", "").body, "css"));
  a = ask(&f, "/sub/a.css", "Range: bytes=1-1\r\n");
  assert_int_equal(a.status, 206);
  assert_true(str_eqc(a.body, "s"));
  assert_non_null(strstr(a.head, "Content-Range: bytes 1-1/3\r\n"));
  a = ask(&f, "/big.bin", "");
  assert_int_equal(a.body.len, BIG);
  assert_memory_equal(a.body.ptr, huge, BIG);
  a = ask(&f, "/big.bin", "Range: bytes=1000-2000000\r\n");
  assert_int_equal(a.body.len, 1999001);
  assert_memory_equal(a.body.ptr, huge + 1000, a.body.len);
  a = ask_as(&f, "HEAD", "/big.bin", "");
  assert_non_null(strstr(a.head, "Content-Length: 3145728\r\n"));
  stop_folder(&f);
}

static void stays_inside_its_folder(void **state)
{
  (void)state;
  static const char *const paths[] = {"/link", "/dir/passwd", "/sub", "/sub/", "/../etc/passwd", "/sub/../index.html", "/nothing",
                                      "/index.html/x"};
  struct fixture f = {0};
  start_folder(&f);
  for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
    struct answer a = ask(&f, paths[i], "");
    assert_int_equal(a.status, 404);
    assert_true(str_eqc(a.body, "<disk>"));
    assert_non_null(strstr(a.head, "ETag: "));
  }
  stop_folder(&f);
}

static void a_client_may_leave_in_the_middle(void **state)
{
  (void)state;
  struct fixture f = {0};
  start_folder(&f);
  client_send(&f.client, "GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n");
  client_expect(&f.client, "HTTP/1.1 200");
  uv_read_stop(&f.client.uv.stream);
  stop_folder(&f);
}

static void a_missing_folder_has_nothing(void **state)
{
  (void)state;
  struct fixture f = {0};
  start(&f, (struct static_config){.folder = "/nowhere"});
  assert_int_equal(ask(&f, "/", "").status, 404);
  stop(&f);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(serves_a_table),
      cmocka_unit_test(sends_what_was_compressed_before),
      cmocka_unit_test(lets_browsers_keep_what_never_changes),
      cmocka_unit_test(answers_the_unknown_with_the_index),
      cmocka_unit_test(reads_ranges),
      cmocka_unit_test(serves_a_folder),
      cmocka_unit_test(stays_inside_its_folder),
      cmocka_unit_test(a_client_may_leave_in_the_middle),
      cmocka_unit_test(a_missing_folder_has_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
