/* Many agents in one process, for the benches: each dials the engine, logs in and answers PollStatus and GetVersion with an
 * answer prepared once; all else is refused. They share one private key, which the engine is told to trust
 * (KOMODO_PERIPHERY_PUBLIC_KEYS).
 *
 *   AGENT_KEY=<private key> agents ADDRESS COUNT PREFIX      e.g. agents ws://127.0.0.1:9120 1000 bench-
 *
 * Says "connected N" on stdout each time that a hundred more, or all, are logged in. Ends when its stdin does.
 */
#include <sys/resource.h>

#include "base/mem.h"
#include "base/version.h"
#include "link/serve.h"

enum { AGENTS_MAX = 20000, CONTAINERS = 10, ANSWER_MAX = 64 * 1024, DIALS_PER_TICK = 20, TICK_MS = 10 };

struct agents {
  struct op_loop loop;
  uv_pipe_t input;
  uv_timer_t timer;
  struct serve **serve;
  size_t count, started, connected, open;
  struct buf answer;
  const char *address[2];
  const char *prefix, *key;
};

static const char *const networks[] = {"bridge", "host", "none", "web", "db"};

/* A machine with ten containers, about eight kilobytes, in the shape of spec agent.md 17.1. */
static void write_docker(struct buf *b)
{
  buf_add_text(b, "{\"containers\":[");
  for (int i = 0; i < CONTAINERS; i++)
    buf_printf(b,
               "%s{\"name\":\"app-%d\",\"id\":\"%064d\",\"image\":\"registry.example.org/team/app-%d:1.%d\","
               "\"image_id\":\"sha256:%064d\",\"created\":17950000%02d,\"state\":\"running\",\"status\":\"Up 3 days\","
               "\"network_mode\":\"web\",\"networks\":[\"db\",\"web\"],\"ports\":[{\"IP\":\"0.0.0.0\",\"PrivatePort\":80,"
               "\"PublicPort\":80%02d,\"Type\":\"tcp\"}],\"volumes\":[\"data-%d\"],\"stats\":{\"name\":\"app-%d\",\"cpu_perc\":\"0.0%d%%\","
               "\"mem_perc\":\"1.2%d%%\",\"mem_usage\":\"98.%dMiB / 7.7GiB\",\"net_io\":\"1.2MB / 3.4MB\",\"block_io\":\"0B / 12MB\",\"pids\":\"1%d\"}}",
               i ? "," : "", i, i, i, i, i, i, i, i, i, i, i, i, i);
  buf_add_text(b, "],\"networks\":[");
  for (size_t i = 0; i < ARRAY_LEN(networks); i++)
    buf_printf(b,
               "%s{\"name\":\"%s\",\"id\":\"%064zu\",\"created\":\"2026-01-01T00:00:00Z\",\"scope\":\"local\",\"driver\":\"bridge\","
               "\"enable_ipv6\":false,\"ipam_driver\":\"default\",\"ipam_subnet\":\"172.2%zu.0.0/16\",\"ipam_gateway\":\"172.2%zu.0.1\","
               "\"internal\":false,\"attachable\":false,\"ingress\":false,\"in_use\":true}",
               i ? "," : "", networks[i], i, i, i);
  buf_add_text(b, "],\"images\":[");
  for (int i = 0; i < CONTAINERS; i++)
    buf_printf(b,
               "%s{\"id\":\"sha256:%064d\",\"parent_id\":\"\",\"name\":\"registry.example.org/team/app-%d:1.%d\",\"tags\":[\"1.%d\"],"
               "\"digests\":[],\"created\":1795000000,\"size\":198241000,\"in_use\":true}",
               i ? "," : "", i, i, i, i);
  buf_add_text(b, "],\"volumes\":[");
  for (int i = 0; i < CONTAINERS; i++)
    buf_printf(b,
               "%s{\"name\":\"data-%d\",\"driver\":\"local\",\"mountpoint\":\"/var/lib/docker/volumes/data-%d/_data\","
               "\"created\":\"2026-01-01T00:00:00Z\",\"scope\":\"local\",\"size\":null,\"in_use\":true}",
               i ? "," : "", i, i);
  buf_add_text(b, "],\"projects\":[]}");
}

static void write_answer(struct buf *b)
{
  buf_add_text(b,
               "{\"periphery_info\":{\"version\":\"" KOMODO_API_VERSION "\",\"public_key\":\"\",\"terminals_disabled\":false,"
               "\"container_terminals_disabled\":false,\"stats_polling_rate\":\"5-sec\",\"docker_connected\":true,\"public_ip\":null},"
               "\"system_info\":{\"name\":\"Debian GNU/Linux\",\"os\":\"Linux (Debian GNU/Linux 12)\",\"kernel\":\"6.1.0\","
               "\"core_count\":4,\"logical_core_count\":8,\"host_name\":\"box\",\"cpu_brand\":\"bench\",\"cpu_arch\":\"x86_64\"},"
               "\"system_stats\":{\"cpu_perc\":3.1,\"load_average\":{\"one\":0.1,\"five\":0.2,\"fifteen\":0.3},\"mem_free_gb\":1.5,"
               "\"mem_used_gb\":2.5,\"mem_total_gb\":8.0,\"mem_buff_cache_gb\":1.0,\"mem_zfs_arc_gb\":0.0,\"swap_total_gb\":0.0,"
               "\"swap_used_gb\":0.0,\"disks\":[{\"mount\":\"/\",\"file_system\":\"ext4\",\"used_gb\":10.0,\"total_gb\":50.0}],"
               "\"network_ingress_bytes\":1200.0,\"network_egress_bytes\":900.0,\"polling_rate\":\"5-sec\","
               "\"refresh_ts\":1795000000001,\"refresh_list_ts\":0},\"docker\":");
  write_docker(b);
  buf_add_char(b, '}');
}

static void on_request(struct serve_call *call, struct str type, yyjson_val *params, void *data)
{
  (void)params;
  struct agents *a = data;
  struct diag d;
  if (str_eq(type, STR("PollStatus")))
    serve_call_ok(call, buf_str(&a->answer));
  else if (str_eq(type, STR("GetVersion")))
    serve_call_ok(call, STR("{\"version\":\"" KOMODO_API_VERSION "\"}"));
  else {
    diag_set(&d, ERR_UNSUPPORTED, "a simulated agent does not do %.*s", STR_ARG(type));
    serve_call_error(call, &d);
  }
}

static void on_state(struct str who, bool connected, void *data)
{
  (void)who;
  struct agents *a = data;
  a->connected += connected ? 1 : (size_t)-1;
  if (connected && (a->connected % 100 == 0 || a->connected == a->count)) {
    printf("connected %zu\n", a->connected);
    fflush(stdout);
  }
}

static int start_one(struct agents *a)
{
  struct diag d = {0};
  CLEANUP(mem_free_at) char *name = mem_printf("%s%04zu", a->prefix, a->started);
  struct serve_config config = {.loop = &a->loop, .private_key = str_of(a->key), .core_addresses = a->address,
                                .connect_as = str_of(name), .on_request = on_request, .on_state = on_state, .data = a};
  if (serve_new(&config, &a->serve[a->started], &d)) {
    fprintf(stderr, "agents: %s\n", d.message);
    return 1;
  }
  serve_start(a->serve[a->started++]);
  a->open++;
  return 0;
}

static void on_closed(void *data)
{
  struct agents *a = data;
  if (!--a->open)
    op_loop_close(&a->loop);
}

static void stop(struct agents *a)
{
  if (uv_is_closing((uv_handle_t *)&a->input))
    return;
  uv_close((uv_handle_t *)&a->input, NULL);
  uv_close((uv_handle_t *)&a->timer, NULL);
  if (!a->open)
    op_loop_close(&a->loop);
  for (size_t i = 0; i < a->started; i++)
    serve_close(a->serve[i], on_closed, a);
}

/* A few at a time: the engine takes a bounded number of logins at once. */
static void on_tick(uv_timer_t *timer)
{
  struct agents *a = timer->data;
  for (int i = 0; i < DIALS_PER_TICK && a->started < a->count; i++)
    if (start_one(a)) {
      stop(a);
      return;
    }
  if (a->started == a->count)
    uv_timer_stop(timer);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
  static char ignored[64];
  (void)handle, (void)size;
  *buf = uv_buf_init(ignored, sizeof ignored);
}

static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
  (void)buf;
  if (n < 0)
    stop(stream->data);
}

static void raise_file_limit(void)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

int main(int argc, char **argv)
{
  struct agents a = {.answer = BUF_INIT(ANSWER_MAX), .key = getenv("AGENT_KEY")};
  if (argc != 4 || !a.key) {
    fputs("usage: AGENT_KEY=<private key> agents ADDRESS COUNT PREFIX\n", stderr);
    return 2;
  }
  a.address[0] = argv[1];
  a.count = strtoul(argv[2], NULL, 10);
  a.prefix = argv[3];
  if (!a.count || a.count > AGENTS_MAX)
    return 2;
  raise_file_limit();
  uv_loop_t loop;
  uv_loop_init(&loop);
  op_loop_init(&a.loop, &loop);
  a.serve = mem_new_array(a.count, sizeof *a.serve);
  write_answer(&a.answer);
  uv_pipe_init(&loop, &a.input, /* ipc= */ 0);
  uv_timer_init(&loop, &a.timer);
  a.input.data = a.timer.data = &a;
  uv_pipe_open(&a.input, 0);
  uv_read_start((uv_stream_t *)&a.input, on_alloc, on_input);
  uv_timer_start(&a.timer, on_tick, 0, TICK_MS);
  uv_run(&loop, UV_RUN_DEFAULT);
  mem_free(a.serve);
  buf_release(&a.answer);
  return uv_loop_close(&loop) ? 1 : 0;
}
