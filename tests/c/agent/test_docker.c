/* agent/docker, agent/shape, agent/docker_list: a daemon played by a thread on a unix socket, and what becomes of its answers. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/docker.h"
#include "agent/docker_list.h"
#include "agent/shape.h"
#include "base/mem.h"

struct answer {
  const char *path;      /* NULL: any; else answered by the first that fits */
  const char *bytes;
};

struct daemon {
  char dir[64], path[96], request[4096];
  const struct answer *answers;
  int fd;
  pthread_t thread;
};

static const char *pick(const struct daemon *d)
{
  for (const struct answer *a = d->answers; a->bytes; a++)
    if (!a->path || strstr(d->request, a->path))
      return a->bytes;
  return "HTTP/1.1 404 Not Found\r\ncontent-length: 17\r\n\r\n{\"message\":\"gone\"";
}

static void *daemon_run(void *data)
{
  struct daemon *d = data;
  int fd;
  while ((fd = accept(d->fd, NULL, NULL)) >= 0) {
    size_t len = 0;
    ssize_t n;
    while (len < sizeof d->request - 1 && (n = read(fd, d->request + len, sizeof d->request - 1 - len)) > 0) {
      len += (size_t)n;
      d->request[len] = 0;
      if (strstr(d->request, "\r\n\r\n"))
        break;
    }
    const char *bytes = pick(d);
    for (size_t at = 0; at < strlen(bytes); at++)   /* a byte at a time: answers arrive in pieces */
      if (send(fd, bytes + at, 1, MSG_NOSIGNAL) != 1)
        break;
    close(fd);
  }
  return NULL;
}

static void daemon_start(struct daemon *d, const struct answer *answers)
{
  *d = (struct daemon){.answers = answers, .dir = "/tmp/komodo-agent-XXXXXX"};
  assert_non_null(mkdtemp(d->dir));
  snprintf(d->path, sizeof d->path, "%s/docker.sock", d->dir);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, d->path, strlen(d->path));
  d->fd = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(bind(d->fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(d->fd, 8), 0);
  assert_int_equal(pthread_create(&d->thread, NULL, daemon_run, d), 0);
}

static void daemon_stop(struct daemon *d)
{
  shutdown(d->fd, SHUT_RDWR);
  pthread_join(d->thread, NULL);
  close(d->fd);
  unlink(d->path);
  rmdir(d->dir);
}

static void test_exchange(void **state)
{
  (void)state;
  static const struct { const char *bytes; Err err; const char *words; } rows[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\": 1 }", OK, NULL},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n4;x=y\r\n: 1}\r\n0\r\n\r\n", OK, NULL},
    {"HTTP/1.0 200 OK\r\n\r\n{\"a\":1}", OK, NULL},                                 /* until the connection ends */
    {"HTTP/1.1 404 Not Found\r\nContent-Length: 27\r\n\r\n{\"message\":\"no such thing\"}", ERR_REMOTE, "no such thing"},
    {"HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nbad", ERR_REMOTE, "500"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\"", ERR_PROTOCOL, "ends early"},
    {"SSH-2.0-nothing\r\n", ERR_PROTOCOL, "no HTTP"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nnope!", ERR_INVALID, "not JSON"},
    {"", ERR_PROTOCOL, "ends early"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct daemon d;
    const struct answer answers[] = {{NULL, rows[i].bytes}, {NULL, NULL}};
    daemon_start(&d, answers);
    struct docker docker = {.scheme = DOCKER_UNIX, .path = d.path};
    yyjson_doc *doc = NULL;
    struct diag diag = {0};
    Err err = docker_get(&docker, "/x?y=1", &doc, &diag);
    if (err != rows[i].err)
      print_message("row %zu: %s\n", i, diag.message);
    assert_int_equal(err, rows[i].err);
    if (!err)
      assert_int_equal(js_get_int(yyjson_doc_get_root(doc), "a", 0), 1);
    else
      assert_non_null(strstr(diag.message, rows[i].words));
    yyjson_doc_free(doc);
    daemon_stop(&d);
    assert_non_null(strstr(d.request, "GET /x?y=1 HTTP/1.1\r\n"));
  }
}

static void test_no_daemon(void **state)
{
  (void)state;
  char missing[] = "/no/such.sock", deaf[] = "/dev/null";
  struct docker docker = {.scheme = DOCKER_UNIX, .path = missing};
  yyjson_doc *doc;
  struct diag d = {0};
  assert_false(docker_connected(&docker));
  assert_int_equal(docker_get(&docker, "/x", &doc, &d), ERR_CLOSED);
  assert_string_equal(d.message, "Could not connect to docker client");
  docker.path = deaf;   /* a file, but nobody listens */
  assert_int_equal(docker_get(&docker, "/x", &doc, &d), ERR_IO);
}

static void test_endpoints(void **state)
{
  (void)state;
  static const struct { const char *host, *verify; enum docker_scheme scheme; const char *name, *port; } rows[] = {
    {"unix:///x/y.sock", NULL, DOCKER_UNIX, "/x/y.sock", NULL},
    {"tcp://10.0.0.5:2375", NULL, DOCKER_TCP, "10.0.0.5", "2375"},
    {"tcp://10.0.0.5", NULL, DOCKER_TCP, "10.0.0.5", "2375"},
    {"tcp://10.0.0.5", "1", DOCKER_TLS, "10.0.0.5", "2376"},
    {"http://host:1/", "1", DOCKER_TCP, "host", "1"},
    {"https://[::1]:2376/x", NULL, DOCKER_TLS, "::1", "2376"},
    {"tcp://[::1]", NULL, DOCKER_TCP, "::1", "2375"},
    {"ssh://host", NULL, DOCKER_NONE, NULL, NULL},
    {"tcp://:99", NULL, DOCKER_NONE, NULL, NULL},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    setenv("DOCKER_HOST", rows[i].host, 1);
    if (rows[i].verify)
      setenv("DOCKER_TLS_VERIFY", rows[i].verify, 1);
    else
      unsetenv("DOCKER_TLS_VERIFY");
    struct docker d;
    struct diag diag = {0};
    assert_int_equal(docker_open(&d, &diag), rows[i].scheme ? OK : ERR_INVALID);
    assert_int_equal(d.scheme, rows[i].scheme);
    if (rows[i].name)
      assert_string_equal(d.scheme == DOCKER_UNIX ? d.path : d.host, rows[i].name);
    if (rows[i].port)
      assert_string_equal(d.port, rows[i].port);
    docker_close(&d);
  }
  unsetenv("DOCKER_HOST");
  unsetenv("DOCKER_TLS_VERIFY");
}

#define JSON(body) "HTTP/1.0 200 OK\r\n\r\n" body

static void test_lists(void **state)
{
  (void)state;
  static const struct answer answers[] = {
    {"/containers/json", JSON(
      "[{\"Id\":\"1\",\"Names\":[\"/b/alias\",\"/web\"],\"Image\":\"i\",\"ImageID\":\"sha:1\",\"State\":\"exited\",\"Labels\":"
      "{\"komodo.skip\":\"\"},\"HostConfig\":{\"NetworkMode\":\"container:2\"},\"Ports\":[{\"PrivatePort\":80,\"Type\":\"tcp\"}]},"
      "{\"Id\":\"2\",\"Names\":[\"/app\"],\"State\":\"running\",\"HostConfig\":{\"NetworkMode\":\"net\"},\"NetworkSettings\":"
      "{\"Networks\":{\"z\":{},\"net\":{}}},\"Mounts\":[{\"Name\":\"vol\"},{\"Source\":\"/x\"}],\"Labels\":{\"komodo.skip\":\"false\"}},"
      "{\"Id\":\"3\",\"Names\":[],\"State\":\"running\"},{\"Id\":\"4\",\"Names\":[\"/x\"]}]")},
    {"/networks", JSON("[{\"Name\":\"net\",\"Id\":\"n1\"},{\"Name\":\"b\",\"Id\":\"n2\"},{\"Name\":\"a\",\"Id\":\"n3\"}]")},
    {"/images/json", JSON("[{\"Id\":\"sha:1\",\"RepoTags\":null,\"Created\":5,\"Size\":6}]")},
    {"/volumes", JSON("{\"Volumes\":[{\"Name\":\"vol\",\"Driver\":\"local\",\"Mountpoint\":\"/m\",\"Scope\":\"local\"}]}")},
    {NULL, NULL},
  };
  struct daemon d;
  daemon_start(&d, answers);
  struct docker docker = {.scheme = DOCKER_UNIX, .path = d.path};
  struct settings settings;
  struct arena a = {0};
  struct buf out = BUF_INIT(1 << 20);
  yyjson_doc *doc;
  assert_int_equal(js_parse(STR("{}"), &doc, NULL), OK);
  assert_int_equal(settings_load(&settings, doc, NULL), OK);
  docker_lists_write(&a, &docker, &settings, STR("[{\"name\":\"web\",\"cpu_perc\":\"1%\"}]"), &out);
  static const char want[] =
    "{\"containers\":["
    "{\"name\":\"app\",\"id\":\"2\",\"state\":\"running\",\"network_mode\":\"net\",\"networks\":[\"net\",\"z\"],\"volumes\":[\"vol\"]},"
    "{\"name\":\"web\",\"id\":\"1\",\"image\":\"i\",\"image_id\":\"sha:1\",\"state\":\"exited\",\"network_mode\":\"net\","
    "\"ports\":[{\"IP\":null,\"PrivatePort\":80,\"PublicPort\":null,\"Type\":\"tcp\"}],"
    "\"stats\":{\"name\":\"web\",\"cpu_perc\":\"1%\"}}],\"networks\":[{\"name\":\"a\",";
  assert_int_equal(strncmp(out.ptr, want, strlen(want)), 0);
  assert_non_null(strstr(out.ptr, "{\"name\":\"net\",\"id\":\"n1\",\"created\":null"));
  assert_non_null(strstr(out.ptr, "\"ingress\":null,\"in_use\":true}]"));
  assert_non_null(strstr(out.ptr, "\"images\":[{\"id\":\"sha:1\",\"parent_id\":\"\",\"name\":\"sha:1\",\"tags\":[],\"digests\":[],"
                                  "\"created\":5,\"size\":6,\"in_use\":true}]"));
  assert_non_null(strstr(out.ptr, "\"mountpoint\":\"/m\",\"created\":null,\"scope\":\"local\",\"size\":null,\"in_use\":true}]"));
  struct container_list list;
  assert_int_equal(container_list_get(&a, &docker, &list, NULL), OK);
  assert_int_equal(list.count, 2);
  assert_false(list.container[0].skip);
  assert_true(list.container[1].skip);
  container_list_release(&list);
  buf_release(&out);
  arena_release(&a);
  settings_release(&settings);
  daemon_stop(&d);
}

static void assert_shape(const struct shape *shape, const char *in, const char *part)
{
  yyjson_doc *doc;
  struct buf out = BUF_INIT(1 << 20);
  assert_int_equal(js_parse(str_of(in), &doc, NULL), OK);
  shape_write(shape, yyjson_doc_get_root(doc), &out);
  yyjson_doc *back = NULL;
  assert_int_equal(js_parse(buf_str(&out), &back, NULL), OK);
  if (!strstr(out.ptr, part))
    print_message("%s\nnot in\n%s\n", part, out.ptr);
  assert_non_null(strstr(out.ptr, part));
  yyjson_doc_free(back);
  yyjson_doc_free(doc);
  buf_release(&out);
}

static void test_shapes(void **state)
{
  (void)state;
  assert_shape(&shape_network, "{\"Name\":\"n\",\"Extra\":1,\"Containers\":{\"c1\":{\"Name\":\"x\"}}}",
               "\"Ingress\":null,\"Containers\":[{\"ContainerID\":\"c1\",\"Name\":\"x\",\"EndpointID\":null,");
  assert_shape(&shape_network, "{}", "\"IPAM\":null,\"Internal\":null,\"Attachable\":null,\"Ingress\":null,\"Containers\":[],"
                                     "\"Options\":{},\"Labels\":{}}");
  assert_shape(&shape_container, "{\"Config\":{\"ExposedPorts\":{\"80/tcp\":{}},\"Labels\":{\"a\":\"b\"}}}",
               "\"ExposedPorts\":[\"80/tcp\"]");
  assert_shape(&shape_container, "{\"NetworkSettings\":{\"Ports\":{\"80/tcp\":null,\"81/tcp\":[{\"HostPort\":\"8\"}]}}}",
               "\"Ports\":{\"80/tcp\":[],\"81/tcp\":[{\"HostIp\":null,\"HostPort\":\"8\"}]}");
  assert_shape(&shape_container, "{\"HostConfig\":{\"Mounts\":[{}],\"RestartPolicy\":{}}}", "\"Type\":\"bind\"");
  assert_shape(&shape_image, "{\"Config\":{}}", "\"ExposedPorts\":null,\"Env\":null");
  assert_shape(&shape_volume, "{\"Name\":\"v\",\"Status\":{\"k\":1}}", "\"Status\":[\"k\"],\"Labels\":{},\"Scope\":\"\"");
  assert_shape(&shape_full_stats, "{\"name\":\"/x\",\"blkio_stats\":{\"io_serviced_recursive\":null}}",
               "\"blkio_stats\":{},\"num_procs\":null}");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_exchange), cmocka_unit_test(test_no_daemon), cmocka_unit_test(test_endpoints),
    cmocka_unit_test(test_lists), cmocka_unit_test(test_shapes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
