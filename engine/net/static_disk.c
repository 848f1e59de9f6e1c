/* net/static_disk.c: files of a folder. Everything that touches the disk runs on a thread of the pool.
 *
 *   open_work -> opened -> one answer                      small files, read at once
 *                       -> read_work -> was_read -> ...    large ones: the next piece when the client took the last
 */
#include <curl/curl.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/static_internal.h"

enum { WHOLE_MAX = 1024 * 1024, PIECE = 256 * 1024 };

struct job {
  uv_work_t work;
  struct static_files *files;
  struct http_req *req;
  char *path;
  int fd;                    /* -1: neither the file nor the fallback is there */
  bool fallback;
  bool reading;              /* read_work is out */
  uint64_t size, at, end;
  int64_t modified;
  struct buf data;
  char hash[STATIC_HASH_LEN + 1];
  Err err;
};

static void job_free(struct job *job)
{
  if (job->fd >= 0)
    close(job->fd);   /* it was only read: no delay, no error that matters */
  buf_release(&job->data);
  static_unref(job->files);
  mem_free(job->path);
  mem_free(job);
}

/* ---- on a thread of the pool ---- */

/* Opens a regular file below the folder without following any link on the way. */
static int open_below(int folder, const char *path)
{
  int at = dup(folder);
  struct str rest = str_of(path), part;
  while (at >= 0 && str_split(&rest, '/', &part)) {
    CLEANUP(mem_free_at) char *name = str_dup(part);
    int flags = rest.ptr ? O_PATH | O_DIRECTORY : O_RDONLY | O_NONBLOCK;
    int next = openat(at, name, flags | O_NOFOLLOW | O_CLOEXEC);
    close(at);
    at = next;
  }
  struct stat info;
  if (at >= 0 && (fstat(at, &info) < 0 || !S_ISREG(info.st_mode))) {
    close(at);
    at = -1;
  }
  return at;
}

static Err read_piece(struct job *job, size_t len)
{
  buf_clear(&job->data);
  job->data.max = len;
  if (buf_reserve(&job->data, len))
    return ERR_NOMEM;
  while (job->data.len < len) {
    ssize_t n = pread(job->fd, job->data.ptr + job->data.len, len - job->data.len, (off_t)(job->at + job->data.len));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return ERR_IO;   /* shorter than it was: what was promised cannot be kept */
    job->data.len += (size_t)n;
  }
  return OK;
}

static void open_work(uv_work_t *work)
{
  struct job *job = CONTAINER_OF(work, struct job, work);
  struct stat info;
  job->fd = job->path[0] ? open_below(job->files->folder, job->path) : -1;
  if (job->fd < 0) {
    job->fallback = true;
    job->fd = open_below(job->files->folder, "index.html");
  }
  if (job->fd < 0 || fstat(job->fd, &info) < 0)
    return;
  job->size = job->end = (uint64_t)info.st_size;
  job->modified = info.st_mtime;
  if (job->size > WHOLE_MAX && !job->fallback)
    return;
  job->err = job->size > WHOLE_MAX ? ERR_TOOBIG : read_piece(job, job->size);
  if (job->fallback && !job->err)
    static_hash(buf_str(&job->data), job->hash);
}

static void read_work(uv_work_t *work)
{
  struct job *job = CONTAINER_OF(work, struct job, work);
  uint64_t left = job->end - job->at;
  job->err = read_piece(job, left < PIECE ? left : PIECE);
}

/* ---- on the loop ---- */

static void was_read(uv_work_t *work, int status);

static void read_next(struct job *job)
{
  job->reading = true;
  uv_queue_work(job->files->loop->loop, &job->work, read_work, was_read);
}

static void on_drain(struct http_req *req, void *data)
{
  struct job *job = data;
  (void)req;
  if (!job->reading)   /* the client may also leave while a piece is being read: was_read will notice */
    read_next(job);
}

static void was_read(uv_work_t *work, int status)
{
  struct job *job = CONTAINER_OF(work, struct job, work);
  bool full = false;
  job->reading = false;
  job->at += job->data.len;
  if (status < 0 || job->err || !http_respond_write(job->req, buf_str(&job->data), &full)) {
    http_respond_abort(job->req);
    job_free(job);
  } else if (job->at == job->end) {
    http_respond_end(job->req);
    job_free(job);
  } else if (!full) {
    read_next(job);
  }
}

static struct str http_date(struct arena *arena, int64_t when)
{
  static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  struct tm tm = {0};
  time_t t = (time_t)when;
  gmtime_r(&t, &tm);
  return str_of(arena_printf(arena, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday, tm.tm_mday,
                             months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec));
}

static bool is_unchanged(const struct job *job)
{
  struct str since = http_req_header(job->req, "if-modified-since");
  if (!since.ptr)
    return false;
  CLEANUP(mem_free_at) char *text = str_dup(since);
  time_t t = curl_getdate(text, NULL);
  return t != -1 && job->modified <= (int64_t)t;
}

static void respond_fallback(struct job *job)
{
  struct http_header headers[4];
  size_t count = static_fallback_headers(job->files, job->hash, headers);
  http_respond_take(job->req, 404, headers, count, &job->data);
  job_free(job);
}

/* Sends bytes at..end; they are in `data` already, all of the file that is, or come piece by piece. */
static void send_part(struct job *job, int status, struct http_header *headers, size_t count)
{
  if (job->size <= WHOLE_MAX) {
    if (status == 200)
      http_respond_take(job->req, status, headers, count, &job->data);
    else
      http_respond(job->req, status, headers, count, str_sub(buf_str(&job->data), job->at, job->end - job->at));
    job_free(job);
    return;
  }
  unsigned long long len = job->end - job->at;
  headers[count++] = (struct http_header){STR("Content-Length"),
                                          str_of(arena_printf(http_req_arena(job->req), "%llu", len))};
  http_respond_begin(job->req, status, headers, count, on_drain, job);
  if (str_eqc(http_req_method(job->req), "HEAD")) {
    http_respond_end(job->req);
    job_free(job);
  } else {
    read_next(job);
  }
}

static void opened(uv_work_t *work, int status)
{
  struct job *job = CONTAINER_OF(work, struct job, work);
  struct http_req *req = job->req;
  struct arena *arena = http_req_arena(req);
  if (job->fd < 0 || status < 0 || job->err) {
    http_respond(req, job->fd < 0 ? 404 : 500, NULL, 0, STR(""));
    job_free(job);
    return;
  }
  if (job->fallback) {
    respond_fallback(job);
    return;
  }
  struct http_header headers[8] = {
      {STR("Last-Modified"), http_date(arena, job->modified)},
      {STR("Content-Type"), static_type(str_of(job->path))},
  };
  size_t count = 2;
  static_add_headers(job->files, str_of(job->path), headers, &count);
  uint64_t from, len;
  if (is_unchanged(job)) {
    http_respond(req, 304, headers, 1, STR(""));
    job_free(job);
    return;
  }
  enum static_range range = static_range(req, headers[0].value, job->size, &from, &len);
  if (range == STATIC_RANGE_BAD) {
    static_respond_bad_range(req, job->size);
    job_free(job);
  } else if (range == STATIC_RANGE_PART) {
    job->at = from;
    job->end = from + len;
    headers[count++] = (struct http_header){
        STR("Content-Range"), str_of(arena_printf(arena, "bytes %llu-%llu/%llu", (unsigned long long)from,
                                                  (unsigned long long)(from + len - 1), (unsigned long long)job->size))};
    send_part(job, 206, headers, count);
  } else {
    send_part(job, 200, headers, count);
  }
}

void static_disk_respond(struct static_files *files, struct http_req *req, const char *path)
{
  struct job *job = mem_new(sizeof *job);
  job->files = files;
  files->refs++;
  job->req = req;
  job->path = mem_strdup(path);
  job->fd = -1;
  uv_queue_work(files->loop->loop, &job->work, open_work, opened);
}
