/* link/address.c: see address.h. */
#include "link/address.h"

#include <arpa/inet.h>
#include <string.h>

enum { IP_MAX = INET6_ADDRSTRLEN };

static bool is_ip(struct str text, int family)
{
  char name[IP_MAX];
  unsigned char bytes[16];
  if (text.len == 0 || text.len >= sizeof name || memchr(text.ptr, 0, text.len))
    return false;
  memcpy(name, text.ptr, text.len);
  name[text.len] = 0;
  return inet_pton(family, name, bytes) == 1;
}

static bool is_port(struct str text)
{
  uint64_t port;
  return text.len && text.len <= 5 && str_to_u64(text, &port) && port <= 65535;
}

/* Cuts `host`, `host:port`, `[v6]` or `[v6]:port`; the brackets stay with the host. False: neither. */
static bool cut_port(struct str authority, struct str *ret_host, struct str *ret_port)
{
  size_t end = authority.len;
  if (str_starts(authority, STR("["))) {
    ptrdiff_t close = str_find(authority, ']');
    if (close < 0 || !is_ip(str_sub(authority, 1, (size_t)close - 1), AF_INET6))
      return false;
    end = (size_t)close + 1;
  } else if (str_find(authority, ':') >= 0) {
    end = (size_t)str_find(authority, ':');
  }
  *ret_host = str_sub(authority, 0, end);
  *ret_port = str_sub(authority, end + 1, authority.len);
  return end == authority.len || (authority.ptr[end] == ':' && (end + 1 == authority.len || is_port(*ret_port)));
}

bool address_is_ip(struct str text)
{
  struct str host, port;
  if (is_ip(text, AF_INET) || is_ip(text, AF_INET6))
    return true;
  if (!cut_port(text, &host, &port) || !port.len)
    return false;
  return host.ptr[0] == '[' || is_ip(host, AF_INET);
}

static struct str authority_of(struct str rest)
{
  size_t n = 0;
  while (n < rest.len && !strchr("/?#", rest.ptr[n]))
    n++;
  return str_sub(rest, 0, n);
}

struct str address_host(struct str address)
{
  for (size_t i = 0; i + 3 <= address.len; i++)
    if (memcmp(address.ptr + i, "://", 3) == 0) {
      address = str_sub(address, i + 3, address.len);
      break;
    }
  struct str authority = authority_of(address), host, port;
  return cut_port(authority, &host, &port) ? host : authority;
}

static bool host_is_good(struct str host)
{
  if (host.len == 0 || host.len > 255)
    return false;
  if (host.ptr[0] == '[')
    return true;   /* cut_port has looked at it */
  for (size_t i = 0; i < host.len; i++) {
    char c = host.ptr[i];
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
      return false;
  }
  return true;
}

static bool is_plain(struct str text)
{
  for (size_t i = 0; i < text.len; i++)
    if ((unsigned char)text.ptr[i] <= ' ' || (unsigned char)text.ptr[i] >= 0x7F || text.ptr[i] == '#')
      return false;
  return true;
}

Err address_url(struct str address, struct str tail, struct buf *ret_url, struct buf *ret_host, struct diag *reterr)
{
  static const struct { const char *from, *to; } schemes[] = {
      {"ws://", "ws://"}, {"wss://", "wss://"}, {"http://", "ws://"}, {"https://", "wss://"}};
  const char *scheme = NULL;
  struct str rest = address, host, port;
  for (size_t i = 0; i < ARRAY_LEN(schemes) && !scheme; i++)
    if (str_starts(address, str_of(schemes[i].from))) {
      scheme = schemes[i].to;
      rest = str_sub(address, strlen(schemes[i].from), address.len);
    }
  bool bare_v6 = !scheme && is_ip(address, AF_INET6);
  bool other_scheme = !scheme && address.len && memmem(address.ptr, address.len, "://", 3);
  if (!scheme)
    scheme = address_is_ip(address) ? "ws://" : "wss://";
  struct str authority = authority_of(rest), after = str_sub(rest, authority.len, rest.len);
  bool good = !other_scheme && is_plain(after) && address.len + tail.len <= ADDRESS_MAX;
  if (bare_v6)
    host = authority, port = STR_NONE;
  else
    good = good && cut_port(authority, &host, &port) && host_is_good(host);
  if (!good)
    return diag_set(reterr, ERR_INVALID, "Address is not a URL, host:port or IP: write it like https://host:8120");

  size_t from = ret_host->len;
  if (bare_v6)
    buf_add_char(ret_host, '[');
  for (size_t i = 0; i < host.len; i++) {
    char c = host.ptr[i];
    buf_add_char(ret_host, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
  }
  if (bare_v6)
    buf_add_char(ret_host, ']');
  uint64_t number = 0, usual = strcmp(scheme, "ws://") == 0 ? 80 : 443;
  if (port.len && str_to_u64(port, &number) && number != usual)
    buf_printf(ret_host, ":%u", (unsigned)number);
  buf_add_text(ret_url, scheme);
  buf_add_str(ret_url, str_sub(buf_str(ret_host), from, ret_host->len));
  buf_add_str(ret_url, after);
  buf_add_str(ret_url, tail);
  Err err = buf_err(ret_host) ? buf_err(ret_host) : buf_err(ret_url);
  return err ? diag_set(reterr, err, "Address could not be read: %s", err_words(err)) : OK;
}
