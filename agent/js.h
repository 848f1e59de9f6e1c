/* agent/js.h: reading yyjson values without surprises, writing JSON into a buffer.
 *
 * Readers accept NULL and values of the wrong type and answer with "absent". Writers put the comma themselves: it is
 * due unless the text so far ends in `{`, `[` or `:`. Thread: any (documents are never changed once parsed).
 */
#ifndef AGENT_JS_H
#define AGENT_JS_H

#include <yyjson.h>

#include "base/buf.h"

/* Strict parse (RFC 8259, valid UTF-8); ERR_INVALID with the position in words. Free with yyjson_doc_free. */
NODISCARD Err js_parse(struct str text, yyjson_doc **ret_doc, struct diag *reterr);
void js_doc_free(yyjson_doc **doc);                                  /* for CLEANUP */

struct str js_str(yyjson_val *value);                                /* ptr NULL for anything but a string */
struct str js_get_str(yyjson_val *object, const char *key);
bool js_get_bool(yyjson_val *object, const char *key, bool otherwise);
int64_t js_get_int(yyjson_val *object, const char *key, int64_t otherwise);
bool js_present(yyjson_val *object, const char *key);                /* there and not null */

void js_sep(struct buf *b);                                          /* a comma where one is due */
void js_open(struct buf *b, char bracket);                           /* comma if due, then '{' or '[' */
void js_key(struct buf *b, const char *key);
void js_item_str(struct buf *b, struct str value);                   /* ptr NULL: null. Not UTF-8: repaired with U+FFFD */
void js_item_value(struct buf *b, yyjson_val *value);                /* compact copy; NULL: null */
void js_put_str(struct buf *b, const char *key, struct str value);
void js_put_text(struct buf *b, const char *key, const char *value); /* NULL: null */
void js_put_int(struct buf *b, const char *key, int64_t value);
void js_put_bool(struct buf *b, const char *key, bool value);
void js_put_num(struct buf *b, const char *key, double value);       /* always with a point or exponent; NaN gives 0.0 */
void js_put_value(struct buf *b, const char *key, yyjson_val *value);
void js_put_raw(struct buf *b, const char *key, struct str json);    /* ready JSON; empty: null */

#endif
