/* agent/public_ip.c: see public_ip.h. OpenDNS answers the name myip.opendns.com with the asker's own address. */
#include "agent/public_ip.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"

enum { LIMIT_MS = 1000, TYPE_A = 1, TYPE_AAAA = 28, CLASS_IN = 1, HEADER = 12 };

static const char *const resolvers[] = {"208.67.220.220", "208.67.222.222"};
static const unsigned char question_name[] = "\4myip\7opendns\3com";   /* with its root label, the literal's zero byte */

static uint16_t u16_at(struct str p, size_t at)
{
  return (uint16_t)((unsigned char)p.ptr[at] << 8 | (unsigned char)p.ptr[at + 1]);
}

/* Steps over a name; false when it leaves the packet. A compression pointer ends it. */
static bool skip_name(struct str p, size_t *at)
{
  while (*at < p.len) {
    unsigned char label = (unsigned char)p.ptr[*at];
    if (label >= 0xC0) {
      *at += 2;
      return *at <= p.len;
    }
    *at += 1 + (size_t)label;
    if (!label)
      return *at <= p.len;
  }
  return false;
}

bool dns_parse_address(struct str p, uint16_t id, uint16_t type, char ret_text[46])
{
  if (p.len < HEADER || u16_at(p, 0) != id || !(u16_at(p, 2) & 0x8000) || (u16_at(p, 2) & 0x000F))
    return false;
  size_t at = HEADER;
  for (unsigned n = u16_at(p, 4); n; n--) {
    if (!skip_name(p, &at))
      return false;
    at += 4;
  }
  for (unsigned n = u16_at(p, 6); n; n--) {
    if (!skip_name(p, &at) || at + 10 > p.len)
      return false;
    uint16_t got = u16_at(p, at), class = u16_at(p, at + 2), len = u16_at(p, at + 8);
    at += 10;
    if (at + len > p.len)
      return false;
    bool good = got == type && class == CLASS_IN && len == (type == TYPE_A ? 4 : 16);
    if (good && inet_ntop(type == TYPE_A ? AF_INET : AF_INET6, p.ptr + at, ret_text, 46))
      return true;
    at += len;
  }
  return false;
}

static void ask(int fd, uint16_t id, uint16_t type)
{
  unsigned char q[64] = {(unsigned char)(id >> 8), (unsigned char)id, 1, 0, 0, 1};   /* recursion desired, one question */
  size_t len = HEADER;
  memcpy(q + len, question_name, sizeof question_name);
  len += sizeof question_name;
  q[len + 1] = (unsigned char)type;
  q[len + 3] = CLASS_IN;
  for (size_t i = 0; i < ARRAY_LEN(resolvers); i++) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
    inet_pton(AF_INET, resolvers[i], &to.sin_addr);
    ssize_t n = sendto(fd, q, len + 4, MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof to);
    (void)n;   /* no network is no error: the wait below ends the matter */
  }
}

/* An answer counts when it comes from whom we asked. */
static bool from_resolver(const struct sockaddr_in *from)
{
  struct in_addr known;
  for (size_t i = 0; i < ARRAY_LEN(resolvers); i++)
    if (inet_pton(AF_INET, resolvers[i], &known) == 1 && known.s_addr == from->sin_addr.s_addr && from->sin_port == htons(53))
      return true;
  return false;
}

static void resolve(char ret_text[46])
{
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return;
  uint16_t id;
  id_random(&id, sizeof id);
  ask(fd, id, TYPE_A);
  ask(fd, id, TYPE_AAAA);
  uint64_t end = clock_mono_ms() + LIMIT_MS;
  for (uint64_t now; !ret_text[0] && (now = clock_mono_ms()) < end;) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, (int)(end - now)) != 1)
      continue;
    char packet[1500];
    struct sockaddr_in from = {0};
    socklen_t size = sizeof from;
    ssize_t n = recvfrom(fd, packet, sizeof packet, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
    struct str answer = str_make(packet, n > 0 ? (size_t)n : 0);
    if (!from_resolver(&from) || (!dns_parse_address(answer, id, TYPE_A, ret_text) &&
                                  !dns_parse_address(answer, id, TYPE_AAAA, ret_text)))
      ret_text[0] = 0;
    if (n < 0)
      break;
  }
  close(fd);
}

void public_ip_init(struct public_ip *p)
{
  *p = (struct public_ip){0};
  uv_mutex_init(&p->lock);
}

void public_ip_release(struct public_ip *p) { uv_mutex_destroy(&p->lock); }

struct str public_ip_get(struct public_ip *p)
{
  uv_mutex_lock(&p->lock);
  if (!p->asked)
    resolve(p->text);
  p->asked = true;
  uv_mutex_unlock(&p->lock);
  return p->text[0] ? str_of(p->text) : STR_NONE;
}
