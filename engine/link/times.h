/* link/times.h: the timers of a link. One set for engine and agent; tests shorten them.
 *
 * Source   spec agent.md 1.5, 1.6, 3, 5. Milliseconds.
 */
#ifndef LINK_TIMES_H
#define LINK_TIMES_H

#include <stdint.h>

struct link_times {
  uint64_t connect_ms;          /* DNS, TCP, TLS and upgrade of a dial */
  uint64_t login_ms;            /* each login message */
  uint64_t ping_ms;             /* a Ping after so long without an outgoing message */
  uint64_t receive_ms;          /* a data frame or a Ping must come within */
  uint64_t redial_first_ms;     /* after a failed dial or login; doubles, with jitter, up to ... */
  uint64_t redial_max_ms;
  uint64_t session_min_ms;      /* a session that lived shorter is redialled only when this time is over */
  uint64_t silence_ms;          /* engine: a request without any message on its channel fails */
  uint64_t wait_ms;             /* engine: a request waits so long for a connection */
  uint64_t away_ms;             /* engine: how long a terminal waits for the connection to come back */
  uint64_t pending_ms;          /* agent: between two Pending messages */
};

#define LINK_TIMES_DEFAULT                                                                                             \
  ((struct link_times){.connect_ms = 10000, .login_ms = 2000, .ping_ms = 5000, .receive_ms = 10000,                   \
                       .redial_first_ms = 1000, .redial_max_ms = 5000, .session_min_ms = 1000, .silence_ms = 10000,   \
                       .wait_ms = 1500, .away_ms = 10000, .pending_ms = 4000})

#endif
