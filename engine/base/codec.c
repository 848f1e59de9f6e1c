/* base/codec.c: see codec.h. */
#include "base/codec.h"

static int hex_value(char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

void hex_encode(const void *src, size_t len, char *dst)
{
  static const char digits[] = "0123456789abcdef";
  const unsigned char *p = src;
  for (size_t i = 0; i < len; i++) {
    dst[2 * i] = digits[p[i] >> 4];
    dst[2 * i + 1] = digits[p[i] & 15];
  }
  dst[2 * len] = 0;
}

bool hex_decode(struct str text, void *dst, size_t len)
{
  unsigned char *p = dst;
  if (text.len != 2 * len)
    return false;
  for (size_t i = 0; i < len; i++) {
    int hi = hex_value(text.ptr[2 * i]), lo = hex_value(text.ptr[2 * i + 1]);
    if (hi < 0 || lo < 0)
      return false;
    p[i] = (unsigned char)(hi << 4 | lo);
  }
  return true;
}

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64_encode(struct buf *out, const void *src, size_t len, enum base64_kind kind)
{
  const char *set = kind == BASE64_STANDARD ? standard : url_safe;
  const unsigned char *p = src;
  for (size_t i = 0; i < len; i += 3) {
    size_t n = len - i < 3 ? len - i : 3;
    unsigned v = (unsigned)p[i] << 16 | (n > 1 ? (unsigned)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);
    char four[4] = {set[v >> 18], set[v >> 12 & 63], n > 1 ? set[v >> 6 & 63] : '=', n > 2 ? set[v & 63] : '='};
    buf_add(out, four, kind == BASE64_URL_NOPAD ? n + 1 : 4);
  }
}

static int base64_value(char c, enum base64_kind kind)
{
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  if (c == (kind == BASE64_STANDARD ? '+' : '-'))
    return 62;
  if (c == (kind == BASE64_STANDARD ? '/' : '_'))
    return 63;
  return -1;
}

Err base64_decode(struct buf *out, struct str text, enum base64_kind kind)
{
  size_t len = text.len;
  if (kind != BASE64_URL_NOPAD) {
    if (len % 4)
      return ERR_INVALID;
    for (int pad = 0; pad < 2 && len && text.ptr[len - 1] == '='; pad++)
      len--;
  }
  if (len % 4 == 1)
    return ERR_INVALID;
  for (size_t i = 0; i < len; i += 4) {
    size_t n = len - i < 4 ? len - i : 4;
    unsigned v = 0;
    for (size_t k = 0; k < 4; k++) {
      int d = k < n ? base64_value(text.ptr[i + k], kind) : 0;
      if (d < 0)
        return ERR_INVALID;
      v = v << 6 | (unsigned)d;
    }
    if ((n == 2 && (v & 0xFFFF)) || (n == 3 && (v & 0xFF)))
      return ERR_INVALID;   /* bits after the last byte must be zero, so that a text has one meaning */
    char three[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
    buf_add(out, three, n - 1);
  }
  return buf_err(out);
}

void percent_encode(struct buf *out, struct str text)
{
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.ptr[i];
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("-_.~", c)))
      buf_add_char(out, (char)c);
    else
      buf_printf(out, "%%%02X", c);
  }
}

void percent_decode(struct buf *out, struct str text, bool plus)
{
  for (size_t i = 0; i < text.len; i++) {
    unsigned char byte;
    if (text.ptr[i] == '%' && hex_decode(str_sub(text, i + 1, 2), &byte, 1)) {
      buf_add_char(out, (char)byte);
      i += 2;
    } else {
      buf_add_char(out, plus && text.ptr[i] == '+' ? ' ' : text.ptr[i]);
    }
  }
}
