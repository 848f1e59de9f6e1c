/* model/status.h: what the last poll of each server said. Memory only (spec monitoring.md 2).
 *
 * Thread   loop thread. Memory: a `struct server_status` is valid until the next status_* call for the same server.
 */
#ifndef MODEL_STATUS_H
#define MODEL_STATUS_H

#include "doc/json.h"
#include "model/model.h"

enum server_state { SERVER_OK, SERVER_NOT_OK, SERVER_DISABLED };

struct server_status {
  enum server_state state;
  yyjson_doc *doc;               /* {periphery_info, system_info, system_stats, docker}; NULL unless Ok */
  yyjson_val *root;
  struct diag *err;              /* why it is not Ok; NULL: no words */
  uint64_t docker_hash;          /* of the docker part, to see a change */
};

struct status;
struct status *status_new(struct model *model);
void status_free(struct status *status);

/* NULL before the first poll. */
const struct server_status *status_get(const struct status *status, struct str server_id);
const char *server_state_name(enum server_state state);

/* Takes in the reply of a PollStatus: stamps server id and name into the containers, drops the disks that `config` hides
 * (ignore_mounts, docker's volumes). Touches the list items that show it. ERR_INVALID: the reply is no object. */
NODISCARD Err status_set_ok(struct status *status, const struct row *server, struct str reply);
/* Not reachable (state SERVER_NOT_OK with words) or disabled. */
void status_set_down(struct status *status, struct str server_id, enum server_state state, const struct diag *why);
void status_remove(struct status *status, struct str server_id);

/* The `info` of a server's list item (types: ServerListItemInfo). `ret_bucket`: the state its summary counts. */
bool status_server_info(const struct status *status, const struct row *server, struct buf *out, char ret_bucket[16]);
/* {"error","trace"} of a diag. */
void status_write_error(const struct diag *d, struct buf *out);

#endif
