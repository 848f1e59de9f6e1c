/* agent/docker.h: the Docker Engine API, from a worker thread.
 *
 * A small HTTP/1.1 client of its own, since the docker socket is all the agent needs HTTP for and libcurl would more
 * than double its resident memory. One connection per request.
 *
 * Wire     Docker Engine API, unversioned paths (spec agent.md 14): the daemon answers in its newest form.
 * Thread   any but the loop's: calls block. The endpoint is read once, at start.
 * Time     a request takes at most DOCKER_TIMEOUT_MS, whatever the daemon does.
 */
#ifndef AGENT_DOCKER_H
#define AGENT_DOCKER_H

#include <yyjson.h>

#include "base/buf.h"

enum { DOCKER_TIMEOUT_MS = 120 * 1000, DOCKER_BODY_MAX = 64 << 20, DOCKER_HEAD_MAX = 64 << 10 };

enum docker_scheme { DOCKER_NONE, DOCKER_UNIX, DOCKER_TCP, DOCKER_TLS };

struct docker {
  enum docker_scheme scheme;
  char *path;                /* unix: of the socket */
  char *host, *port;         /* tcp */
  char *cert_dir;            /* TLS: folder of ca.pem, cert.pem, key.pem; NULL: the system's trust store, no client key */
  bool verify;
};

/* From DOCKER_HOST (unix://, tcp://, http://, https://), DOCKER_TLS_VERIFY and DOCKER_CERT_PATH. Without DOCKER_HOST:
 * /var/run/docker.sock, or podman's socket where only that exists; then DOCKER_HOST is set for the commands we run.
 * Start only (it may change the environment). ERR_INVALID: no form we know; the rest of the agent works without docker. */
NODISCARD Err docker_open(struct docker *d, struct diag *reterr);
void docker_close(struct docker *d);

/* Whether there is an endpoint to talk to: for a unix socket, that its file exists. */
bool docker_connected(const struct docker *d);

/* GET `path` (with query, already encoded), JSON back. ERR_CLOSED "Could not connect to docker client" without an
 * endpoint · ERR_REMOTE the daemon's own words · ERR_TIMEOUT · ERR_TOOBIG · ERR_IO · ERR_PROTOCOL. */
NODISCARD Err docker_get(const struct docker *d, const char *path, yyjson_doc **ret_doc, struct diag *reterr);

#endif
