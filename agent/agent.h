/* agent/agent.h: what all requests share.
 *
 * Thread   made and released on the loop thread; its parts are safe to use from jobs as their headers say.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/container_stats.h"
#include "agent/docker.h"
#include "agent/job.h"
#include "agent/public_ip.h"
#include "agent/recent.h"
#include "agent/settings.h"
#include "agent/stats.h"
#include "agent/terminal.h"

struct serve;

struct agent {
  struct settings settings;
  struct docker docker;
  struct stats stats;
  struct container_stats container_stats;
  struct public_ip public_ip;
  struct recent pulls;              /* image pulls, by image name */
  struct buf system_info;           /* SystemInformation as JSON, once at start */
  struct shared_text public_key;    /* ours, as engines see it */
  struct jobs jobs;
  struct terminals terminals;
  struct serve *serve;              /* loop thread; set once the links are up */
};

#endif
