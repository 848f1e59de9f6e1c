/* agent/settings.h: the agent's effective configuration as its code uses it (spec agent.md 6).
 *
 * Thread   any, read only once loaded. Memory: texts are views into the document and the arena it owns.
 */
#ifndef AGENT_SETTINGS_H
#define AGENT_SETTINGS_H

#include "agent/js.h"
#include "base/arena.h"

#define AGENT_VERSION "2.3.2"   /* what engines are told: the protocol we speak */

struct settings {
  yyjson_doc *doc;                  /* owned */
  struct arena arena;
  yyjson_val *root;
  struct str root_directory, repo_dir, stack_dir, build_dir;
  struct str stats_polling_rate, container_stats_polling_rate;   /* as configured, e.g. "5-sec" */
  uint64_t stats_ms, container_stats_ms;
  bool disable_terminals, disable_container_terminals, legacy_compose_cli;
};

/* Takes the document over, also on failure. ERR_INVALID names the key. */
NODISCARD Err settings_load(struct settings *s, yyjson_doc *config, struct diag *reterr);
void settings_release(struct settings *s);

struct str settings_str(const struct settings *s, const char *key);      /* ptr NULL: unset */
/* Whether the list of texts under `key` has `item`. */
bool settings_lists(const struct settings *s, const char *key, struct str item);
/* The value of a secret; ptr NULL: no secret of that name. */
struct str settings_secret(const struct settings *s, struct str name);
/* The token of an account: in the first entry of `list` ("git_providers", "image_registries") with that domain. */
struct str settings_token(const struct settings *s, const char *list, struct str domain, struct str account);
/* The `docker compose` program: "docker compose" or "docker-compose". */
struct str settings_compose(const struct settings *s);

/* "5-sec", "10-min", "1-hr", "2-day", "1-wk" in milliseconds; 0: not a time length. */
uint64_t timelength_ms(struct str text);

#endif
