/* base/codec.h: hex, base64 (RFC 4648) and percent encoding (RFC 3986). Thread: any. */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/buf.h"

void hex_encode(const void *src, size_t len, char *dst);                       /* 2*len + 1 bytes, lower case */
bool hex_decode(struct str text, void *dst, size_t len);                       /* exactly 2*len digits */

enum base64_kind { BASE64_STANDARD, BASE64_URL, BASE64_URL_NOPAD };
void base64_encode(struct buf *out, const void *src, size_t len, enum base64_kind kind);
/* Strict: alphabet of `kind`, padding as it says, no white space. ERR_INVALID otherwise. */
Err base64_decode(struct buf *out, struct str text, enum base64_kind kind);

/* Encodes all but A-Z a-z 0-9 - _ . ~ as upper-case %XX. */
void percent_encode(struct buf *out, struct str text);
/* `plus` also turns '+' into a space (form encoding). A '%' without two hex digits stays as it is. */
void percent_decode(struct buf *out, struct str text, bool plus);

#endif
