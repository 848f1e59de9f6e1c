/* conf/decode_internal.h: shared by decode.c (files) and decode_env.c (variables). */
#ifndef CONF_DECODE_INTERNAL_H
#define CONF_DECODE_INTERNAL_H

#include "conf/decode.h"

/* Where in the document a value stands; names and list positions, innermost first. */
struct path {
  const struct path *up;
  const char *name;      /* NULL: position `index` of a list */
  size_t index;
};

void want_words(enum conf_kind kind, struct buf *out);
bool is_word_of(enum conf_kind kind, struct str text);
yyjson_mut_val *mut_text(yyjson_mut_doc *doc, struct str s);

/* "10.0.0.1" becomes "10.0.0.1/32"; false: neither an address nor a network. */
enum { NETWORK_MAX = 64 };
bool network_parse(struct str text, char ret_network[NETWORK_MAX]);

#endif
