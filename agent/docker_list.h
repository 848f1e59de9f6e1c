/* agent/docker_list.h: the lists of a status poll (spec agent.md 14.1).
 * Thread: worker threads (docker is asked). Memory: the arena. */
#ifndef AGENT_DOCKER_LIST_H
#define AGENT_DOCKER_LIST_H

#include "agent/docker.h"
#include "agent/settings.h"

struct container {
  struct str name, id, image_id, state, network_mode;
  const struct str *networks, *volumes;     /* sorted; in docker's order */
  size_t network_count, volume_count;
  bool skip;                                /* labelled komodo.skip: left alone by requests for all containers */
  yyjson_val *item;                         /* docker's own summary */
};
struct container_list {
  yyjson_doc *doc;                          /* owned */
  struct container *container;              /* in the order engines get them */
  size_t count;
};
NODISCARD Err container_list_get(struct arena *a, const struct docker *docker, struct container_list *ret,
                                 struct diag *reterr);
void container_list_release(struct container_list *list);

/* DockerLists: containers, networks, images, volumes, projects; a list that fails is empty. `stats` is ContainerStats[]
 * as JSON, may be empty. */
void docker_lists_write(struct arena *a, const struct docker *docker, const struct settings *settings, struct str stats,
                        struct buf *out);

#endif
