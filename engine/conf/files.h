/* conf/files.h: which files a program reads, and what one of them says. Blocks on the disk. */
#ifndef CONF_FILES_H
#define CONF_FILES_H

#include <yyjson.h>

#include "base/buf.h"

enum { CONF_FILE_MAX = 4 * 1024 * 1024, CONF_FILES_MAX = 1000, CONF_INCLUDE_DEPTH_MAX = 16 };

/* Appends the whole file; ERR_TOOBIG beyond the maximum of `out`. The words name no path. */
NODISCARD Err file_read(const char *path, struct buf *out, struct diag *reterr);

/* True when `pattern` (* any run, ? one character, \ escapes) is all of `name`. */
bool glob_match(struct str pattern, struct str name);
/* False: a \ at the end, or before a character other than * ? \. */
bool glob_valid(struct str pattern);

/* An ordered list of owned texts. */
struct texts {
  char **at;
  size_t count, cap;
};
void texts_release(struct texts *t);
void texts_add(struct texts *t, struct str text);
/* Splits at commas; items are not trimmed, an empty text is an empty list. */
void texts_split(struct texts *t, struct str text);

struct search {
  const struct texts *paths;
  const struct texts *keywords;
  const char *include_name;
  struct buf *warnings;     /* may be NULL */
};
/* The files to read, as canonical paths in order of application (spec auth.md 3.1). ERR_LIMIT: more than CONF_FILES_MAX. */
NODISCARD Err files_find(const struct search *search, struct texts *ret_files, struct diag *reterr);

/* Reads and parses a .toml, .yaml, .yml or .json file whose top level is a table. The words name no path. An empty YAML
 * file gives an empty table. Free with yyjson_mut_doc_free. */
NODISCARD Err file_parse(const char *path, yyjson_mut_doc **ret_doc, struct diag *reterr);
/* Strict JSON without repeated members, nested at most 64 deep. */
NODISCARD Err json_strict(struct str text, yyjson_mut_doc **ret_doc, struct diag *reterr);

#endif
