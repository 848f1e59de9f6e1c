/* conf/files.c: finding the files; see files.h. */
#include "conf/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"

Err file_read(const char *path, struct buf *out, struct diag *reterr)
{
  struct stat st;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return diag_set(reterr, err_from_errno(errno), "cannot be read: %s", strerror(errno));
  if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
    close(fd);
    return diag_set(reterr, ERR_INVALID, "cannot be read: it is a folder");
  }
  for (;;) {
    if (buf_reserve(out, 4096) && out->len < out->max && out->err == ERR_TOOBIG) {
      /* The last piece before the maximum is smaller than the step. */
      out->err = OK;
      if (buf_reserve(out, out->max - out->len))
        break;
    }
    if (buf_err(out))
      break;
    ssize_t n = read(fd, out->ptr + out->len, out->cap - out->len - 1);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      int failed = n < 0 ? errno : 0;
      close(fd);
      out->ptr[out->len] = 0;
      return failed ? diag_set(reterr, ERR_IO, "cannot be read: %s", strerror(failed)) : OK;
    }
    out->len += (size_t)n;
    if (out->len > out->max)
      break;
  }
  close(fd);
  return diag_set(reterr, ERR_TOOBIG, "larger than %zu KB", out->max / 1024);
}

/* ---- patterns ---- */

bool glob_valid(struct str p)
{
  for (size_t i = 0; i < p.len; i++) {
    if (p.ptr[i] != '\\')
      continue;
    if (++i == p.len || (p.ptr[i] != '*' && p.ptr[i] != '?' && p.ptr[i] != '\\'))
      return false;
  }
  return true;
}

/* Length of the character at `at`: its UTF-8 bytes. */
static size_t char_len(struct str s, size_t at)
{
  size_t n = 1;
  while (at + n < s.len && ((unsigned char)s.ptr[at + n] & 0xC0) == 0x80)
    n++;
  return n;
}

bool glob_match(struct str p, struct str s)
{
  size_t pi = 0, si = 0, star = SIZE_MAX, star_si = 0;
  while (si < s.len) {
    char c = pi < p.len ? p.ptr[pi] : 0;
    if (pi < p.len && c == '*') {
      star = ++pi;
      star_si = si;
    } else if (pi < p.len && c == '?') {
      pi++;
      si += char_len(s, si);
    } else if (pi < p.len && (c == '\\' && pi + 1 < p.len ? p.ptr[pi + 1] : c) == s.ptr[si]) {
      pi += c == '\\' && pi + 1 < p.len ? 2 : 1;
      si++;
    } else if (star != SIZE_MAX) {
      pi = star;
      si = ++star_si;
    } else {
      return false;
    }
  }
  while (pi < p.len && p.ptr[pi] == '*')
    pi++;
  return pi == p.len;
}

/* ---- lists of texts ---- */

void texts_release(struct texts *t)
{
  for (size_t i = 0; i < t->count; i++)
    mem_free(t->at[i]);
  mem_free(t->at);
  *t = (struct texts){0};
}

void texts_add(struct texts *t, struct str text)
{
  if (t->count == t->cap) {
    t->cap = t->cap ? t->cap * 2 : 8;
    t->at = mem_resize(t->at, t->cap * sizeof *t->at);
  }
  t->at[t->count++] = str_dup(text);
}

void texts_split(struct texts *t, struct str text)
{
  for (;;) {
    ptrdiff_t comma = str_find(text, ',');
    if (text.len == 0 && t->count == 0)
      return;
    texts_add(t, comma < 0 ? text : str_sub(text, 0, (size_t)comma));
    if (comma < 0)
      return;
    text = str_sub(text, (size_t)comma + 1, text.len);
  }
}

static size_t texts_find(const struct texts *t, const char *text)
{
  for (size_t i = 0; i < t->count; i++)
    if (strcmp(t->at[i], text) == 0)
      return i;
  return SIZE_MAX;
}

static void texts_remove(struct texts *t, size_t at)
{
  mem_free(t->at[at]);
  memmove(t->at + at, t->at + at + 1, (t->count - at - 1) * sizeof *t->at);
  t->count--;
}

/* ---- folders ---- */

struct found {
  size_t rank;
  char *path;
};

struct scan {
  const struct texts *keywords;    /* valid ones alone */
  const char *include_name;
  struct found *files;
  size_t count, cap;
  struct map folders;              /* canonical paths seen: includes may point at each other */
};

static void scan_release(struct scan *s)
{
  for (size_t i = 0; i < s->count; i++)
    mem_free(s->files[i].path);
  mem_free(s->files);
  map_release(&s->folders);
}

static Err scan_add(struct scan *s, size_t rank, const char *path, struct diag *reterr)
{
  if (s->count == CONF_FILES_MAX)
    return diag_set(reterr, ERR_LIMIT, "more than %d config files", CONF_FILES_MAX);
  if (s->count == s->cap) {
    s->cap = s->cap ? s->cap * 2 : 8;
    s->files = mem_resize(s->files, s->cap * sizeof *s->files);
  }
  s->files[s->count++] = (struct found){rank, mem_strdup(path)};
  return OK;
}

/* 1 + the index of the first keyword that fits; 0 without keywords; SIZE_MAX when none fits. */
static size_t rank_of(const struct texts *keywords, const char *name)
{
  for (size_t i = 0; i < keywords->count; i++)
    if (glob_match(str_of(keywords->at[i]), str_of(name)))
      return i + 1;
  return keywords->count ? SIZE_MAX : 0;
}

static NODISCARD Err scan_folder(struct scan *s, const char *folder, unsigned depth, struct diag *reterr);

static Err scan_includes(struct scan *s, const char *folder, unsigned depth, struct diag *reterr)
{
  CLEANUP(mem_free_at) char *list = mem_printf("%s/%s", folder, s->include_name);
  CLEANUP(buf_release) struct buf text = BUF_INIT(CONF_FILE_MAX);
  if (file_read(list, &text, NULL))
    return OK;
  struct str rest = buf_str(&text), line;
  while (str_split(&rest, '\n', &line)) {
    ptrdiff_t comment = str_find(line, '#');
    line = str_trim(comment < 0 ? line : str_sub(line, 0, (size_t)comment));
    if (!line.len)
      continue;
    CLEANUP(mem_free_at) char *path = mem_printf("%s%s%.*s", line.ptr[0] == '/' ? "" : folder,
                                                 line.ptr[0] == '/' ? "" : "/", STR_ARG(line));
    char real[PATH_MAX];
    struct stat st;
    if (!realpath(path, real) || stat(real, &st) != 0)
      continue;
    Err err = OK;
    if (S_ISREG(st.st_mode))
      err = scan_add(s, 0, real, reterr);
    else if (S_ISDIR(st.st_mode) && depth < CONF_INCLUDE_DEPTH_MAX)
      err = scan_folder(s, real, depth + 1, reterr);
    if (err)
      return err;
  }
  return OK;
}

static Err scan_folder(struct scan *s, const char *folder, unsigned depth, struct diag *reterr)
{
  if (map_set(&s->folders, str_of(folder), s))
    return OK;
  DIR *dir = opendir(folder);
  if (!dir)
    return OK;
  Err err = OK;
  for (struct dirent *entry; !err && (entry = readdir(dir));) {
    size_t rank = rank_of(s->keywords, entry->d_name);
    if (rank == SIZE_MAX)
      continue;
    CLEANUP(mem_free_at) char *path = mem_printf("%s/%s", folder, entry->d_name);
    char real[PATH_MAX];
    struct stat st;
    if (realpath(path, real) && stat(real, &st) == 0 && S_ISREG(st.st_mode))
      err = scan_add(s, rank, real, reterr);
  }
  closedir(dir);
  return err ? err : scan_includes(s, folder, depth, reterr);
}

static int by_rank(const void *a, const void *b)
{
  const struct found *x = a, *y = b;
  if (x->rank != y->rank)
    return x->rank < y->rank ? -1 : 1;
  return strcmp(x->path, y->path);
}

static Err add_folder(const struct search *search, const struct texts *keywords, const char *folder,
                      struct texts *files, struct diag *reterr)
{
  struct scan scan = {.keywords = keywords, .include_name = search->include_name};
  Err err = scan_folder(&scan, folder, 0, reterr);
  if (!err && scan.count)
    qsort(scan.files, scan.count, sizeof *scan.files, by_rank);
  for (size_t i = 0; !err && i < scan.count; i++)
    if (texts_find(files, scan.files[i].path) == SIZE_MAX)
      texts_add(files, str_of(scan.files[i].path));
  scan_release(&scan);
  return err;
}

Err files_find(const struct search *search, struct texts *ret_files, struct diag *reterr)
{
  CLEANUP(texts_release) struct texts keywords = {0};
  for (size_t i = 0; i < search->keywords->count; i++) {
    struct str keyword = str_of(search->keywords->at[i]);
    if (glob_valid(keyword))
      texts_add(&keywords, keyword);
    else if (search->warnings)
      buf_printf(search->warnings, "keyword \"%.*s\" is ignored: a \\ stands only before *, ? and \\\n", STR_ARG(keyword));
  }
  for (size_t i = 0; i < search->paths->count; i++) {
    const char *path = search->paths->at[i];
    char real[PATH_MAX];
    struct stat st;
    Err err = OK;
    if (str_starts(str_of(path), STR("cicada:"))) {
      if (search->warnings)
        buf_printf(search->warnings, "%s is skipped: no Cicada client in this program\n", path);
    } else if (realpath(path, real) && stat(real, &st) == 0) {
      if (S_ISDIR(st.st_mode)) {
        err = add_folder(search, &keywords, real, ret_files, reterr);
      } else {
        size_t before = texts_find(ret_files, real);
        if (before != SIZE_MAX)
          texts_remove(ret_files, before);
        texts_add(ret_files, str_of(real));
      }
    }
    if (!err && ret_files->count > CONF_FILES_MAX)
      err = diag_set(reterr, ERR_LIMIT, "more than %d config files", CONF_FILES_MAX);
    if (err)
      return err;
  }
  return OK;
}
