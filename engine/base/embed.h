/* base/embed.h: files compiled into the program (cmake/Embed.cmake writes the tables). */
#ifndef BASE_EMBED_H
#define BASE_EMBED_H

#include <stddef.h>

struct embed_file {
  const char *path;   /* relative, '/' separated; NULL ends a table */
  const char *data;   /* followed by a zero byte that `size` does not count */
  size_t size;
  const char *packed;   /* the same, gzipped when the program was built; NULL: it was not worth it, or not asked for */
  size_t packed_size;
};

#endif
