/* agent/text.h: the small text rules that commands are made of (spec agent.md 7.1, 7.2).
 * Results live in the arena given. Thread: any.
 */
#ifndef AGENT_TEXT_H
#define AGENT_TEXT_H

#include "base/arena.h"
#include "base/buf.h"

enum { TEXT_MAX = 16 << 20 };   /* bytes of one command or list made from a request (a request is at most 64 MiB) */

struct str text_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct str text_copy(struct arena *a, struct str s);
/* The buffer's text as the arena's; the buffer is released. */
struct str text_keep(struct arena *a, struct buf *b);

/* A folder name from a resource name: trimmed, blanks and newlines become '_'. */
struct str text_path_name(struct arena *a, struct str name);
/* Joins as a file system does: an absolute `right` stands alone, `.` components are dropped. */
struct str text_path_join(struct arena *a, struct str left, struct str right);
/* The text in double quotes as error messages show paths. */
struct str text_quoted(struct arena *a, struct str s);

/* One word of a POSIX shell. */
void text_shell_escape(struct buf *out, struct str s);
struct str text_escaped(struct arena *a, struct str s);
/* ` KEY="value"`-style argument: a value already in quotes of its own is kept as it is. */
void text_quoted_arg(struct buf *out, struct str key, struct str value);

struct text_words {
  const char **word;   /* NULL-ended, argv style */
  size_t count;
};
/* Splits as a POSIX shell splits a line, without expanding anything; a word that starts with '#' begins a comment.
 * No words when a quote is left open. */
struct text_words text_split_words(struct arena *a, struct str line);

struct text_pair {
  struct str key, value;
};
struct text_pairs {
  struct text_pair *pair;
  size_t count;
};
/* A key-value list: environment, labels, ports, volumes. ERR_INVALID "line N missing assignment character ...". */
NODISCARD Err text_parse_pairs(struct arena *a, struct str list, struct text_pairs *ret, struct diag *reterr);

/* A user's command field of several lines as one line of shell: comments dropped, lines joined by " && ". */
struct str text_multi_line(struct arena *a, struct str command);

/* `grep …` for a log search: any term (-E) or all (-P), -v when inverted. */
struct str text_grep(struct arena *a, const struct str *terms, size_t count, bool all, bool invert);

#endif
