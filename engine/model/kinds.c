/* model/kinds.c: see kinds.h. The states, filters, sort keys and buckets are those of spec api.md 8.2, 8.4 and 17. */
#include "model/kinds.h"

#define LIST(...) (const char *const[]){__VA_ARGS__, NULL}
#define FILTERS(...) (const struct kind_filter[]){__VA_ARGS__, {0}}
#define SORTS(...) (const struct kind_sort[]){__VA_ARGS__, {0}}
#define BUCKETS(...) (const struct kind_bucket[]){__VA_ARGS__, {0}}

#define SORT_BY_STATE {"State", {{SORT_STATE, "info.state", NULL}}, false}
#define SORT_BY_STATE_AND_UPDATE {"State", {{SORT_STATE, "info.state", NULL}, {SORT_FLAG_DESC, "info.update_available", NULL}}, false}
#define SORT_BY_SOURCE {"Source", {{SORT_FLAG, "info.files_on_host", NULL}, {SORT_TEXT, "info.linked_repo_name", NULL}, {SORT_TEXT, "info.repo", NULL}}, false}
#define SORT_BY_HOST {"Host", {{SORT_TEXT, "info.swarm_name", "info.server_name"}}, false}

const struct kind_info kinds[KIND_COUNT] = {
  [KIND_SWARM] = {"Swarm", "Swarms", "Swarm", "swarm", "SwarmConfig",
    LIST("Healthy", "Unhealthy", "Down", "Unknown"),
    FILTERS({"servers", FILTER_ANY, "config.server_ids"}),
    SORTS(SORT_BY_STATE),
    BUCKETS({"healthy", {"Healthy"}, false}, {"unhealthy", {"Unhealthy"}, false}, {"down", {"Down"}, false}, {"unknown", {"*"}, false}),
    true},
  [KIND_SERVER] = {"Server", "Servers", "Server", "server", "ServerConfig",
    LIST("Ok", "NotOk", "Disabled"),
    FILTERS({"states", FILTER_STATE, NULL}),
    SORTS(SORT_BY_STATE, {"Region", {{SORT_TEXT, "config.region", NULL}}, true}, {"Version", {{SORT_TEXT, "info.version", NULL}}, false},
          {"Cpu", {{SORT_NUMBER, "info.stats.cpu_perc", NULL}}, false},
          {"Memory", {{SORT_RATIO, "info.stats.mem_used_gb", "info.stats.mem_total_gb"}}, false},
          {"Disk", {{SORT_RATIO, "info.stats.disk_used_gb", "info.stats.disk_total_gb"}}, false},
          {"LoadAverage", {{SORT_NUMBER, "info.stats.load_average.one", NULL}}, false},
          {"Network", {{SORT_SUM, "info.stats.network_ingress_bytes", "info.stats.network_egress_bytes"}}, false}),
    /* "Warning" is the Ok of an agent of another version (spec api.md 17.3). */
    BUCKETS({"healthy", {"Ok"}, false}, {"warning", {"Warning"}, false}, {"unhealthy", {"NotOk"}, false}, {"disabled", {"Disabled"}, true}),
    true},
  [KIND_STACK] = {"Stack", "Stacks", "Stack", "stack", "StackConfig",
    LIST("deploying", "running", "paused", "stopped", "created", "restarting", "dead", "removing", "unhealthy", "down", "unknown"),
    FILTERS({"server_ids", FILTER_IN, "config.server_id"}, {"swarm_ids", FILTER_IN, "config.swarm_id"},
            {"linked_repos", FILTER_IN, "config.linked_repo"}, {"repos", FILTER_IN, "config.repo"},
            {"update_available", FILTER_UPDATE, NULL}, {"states", FILTER_STATE, NULL}),
    SORTS(SORT_BY_STATE_AND_UPDATE, SORT_BY_SOURCE, SORT_BY_HOST),
    BUCKETS({"running", {"running"}, false}, {"stopped", {"stopped", "paused"}, false}, {"down", {"down"}, false},
            {"unknown", {"unknown"}, true}, {"unhealthy", {"*"}, false}),
    true},
  [KIND_DEPLOYMENT] = {"Deployment", "Deployments", "Deployment", "deployment", "DeploymentConfig",
    LIST("deploying", "running", "created", "restarting", "stopping", "removing", "paused", "exited", "dead", "unhealthy", "not_deployed", "unknown"),
    FILTERS({"server_ids", FILTER_IN, "config.server_id"}, {"swarm_ids", FILTER_IN, "config.swarm_id"},
            {"build_ids", FILTER_IN, "config.image.params.build_id"}, {"update_available", FILTER_UPDATE, NULL}, {"states", FILTER_STATE, NULL}),
    SORTS(SORT_BY_STATE_AND_UPDATE, {"Image", {{SORT_TEXT, "info.image", NULL}}, false}, SORT_BY_HOST),
    BUCKETS({"running", {"running"}, false}, {"stopped", {"exited", "paused"}, false}, {"not_deployed", {"not_deployed"}, false},
            {"unknown", {"unknown"}, true}, {"unhealthy", {"*"}, false}),
    true},
  [KIND_BUILD] = {"Build", "Builds", "Build", "build", "BuildConfig",
    LIST("Building", "Ok", "Failed", "Unknown"),
    FILTERS({"builder_ids", FILTER_IN, "config.builder_id"}, {"repos", FILTER_IN, "config.repo"}, {"linked_repos", FILTER_IN, "config.linked_repo"},
            {"built_since", FILTER_SINCE, "info.last_built_at"}, {"states", FILTER_STATE, NULL}),
    SORTS(SORT_BY_STATE, SORT_BY_SOURCE),
    BUCKETS({"ok", {"Ok"}, false}, {"failed", {"Failed"}, false}, {"building", {"Building"}, false}, {"unknown", {"*"}, false}),
    true},
  [KIND_REPO] = {"Repo", "Repos", "Repo", "repo", "RepoConfig",
    LIST("Cloning", "Pulling", "Building", "Ok", "Failed", "Unknown"),
    FILTERS({"repos", FILTER_IN, "config.repo"}, {"server_ids", FILTER_IN, "config.server_id"}, {"states", FILTER_STATE, NULL}),
    SORTS(SORT_BY_STATE, {"Repo", {{SORT_TEXT, "config.repo", NULL}}, true}, {"Branch", {{SORT_TEXT, "config.branch", NULL}}, true}),
    BUCKETS({"ok", {"Ok"}, false}, {"cloning", {"Cloning"}, false}, {"pulling", {"Pulling"}, false}, {"building", {"Building"}, false},
            {"failed", {"Failed"}, false}, {"unknown", {"*"}, true}),
    true},
  [KIND_PROCEDURE] = {"Procedure", "Procedures", "Procedure", "procedure", "ProcedureConfig",
    LIST("Running", "Ok", "Failed", "Unknown"),
    FILTERS({"states", FILTER_STATE, NULL}, {"scheduled", FILTER_TEXT, "config.schedule"}),
    SORTS(SORT_BY_STATE, {"NextRun", {{SORT_NUMBER, "info.next_scheduled_run", NULL}}, false}),
    BUCKETS({"ok", {"Ok"}, false}, {"running", {"Running"}, false}, {"failed", {"Failed"}, false}, {"unknown", {"*"}, false}),
    true},
  [KIND_ACTION] = {"Action", "Actions", "Action", "action", "ActionConfig",
    LIST("Running", "Ok", "Failed", "Unknown"),
    FILTERS({"states", FILTER_STATE, NULL}, {"scheduled", FILTER_TEXT, "config.schedule"}),
    SORTS(SORT_BY_STATE, {"NextRun", {{SORT_NUMBER, "info.next_scheduled_run", NULL}}, false}),
    BUCKETS({"ok", {"Ok"}, false}, {"running", {"Running"}, false}, {"failed", {"Failed"}, false}, {"unknown", {"*"}, false}),
    true},
  [KIND_BUILDER] = {"Builder", "Builders", "Builder", "builder", "BuilderConfig", NULL,
    FILTERS({0}),
    SORTS({"Provider", {{SORT_TEXT, "config.type", NULL}}, true}, {"InstanceType", {{SORT_TEXT, "info.instance_type", NULL}}, false}),
    BUCKETS({0}), false},
  [KIND_ALERTER] = {"Alerter", "Alerters", "Alerter", "alerter", "AlerterConfig", NULL,
    FILTERS({"enabled", FILTER_BOOL, "config.enabled"}, {"types", FILTER_IN, "config.endpoint.type"}),
    SORTS({"Type", {{SORT_TEXT, "config.endpoint.type", NULL}}, true}, {"Enabled", {{SORT_FLAG, "config.enabled", NULL}}, true}),
    BUCKETS({0}), false},
  [KIND_RESOURCE_SYNC] = {"ResourceSync", "ResourceSyncs", "ResourceSync", "sync", "ResourceSyncConfig",
    LIST("Syncing", "Pending", "Ok", "Failed", "Unknown"),
    FILTERS({"repos", FILTER_IN, "config.repo"}, {"linked_repos", FILTER_IN, "config.linked_repo"}),
    SORTS(SORT_BY_STATE, SORT_BY_SOURCE, {"Branch", {{SORT_TEXT, "info.branch", NULL}}, false}),
    BUCKETS({"ok", {"Ok"}, false}, {"syncing", {"Syncing"}, false}, {"pending", {"Pending"}, false}, {"failed", {"Failed"}, false}, {"unknown", {"*"}, false}),
    true},
};

enum kind kind_of(struct str type)
{
  for (int i = 0; i < KIND_COUNT; i++)
    if (str_eqc(type, kinds[i].type))
      return (enum kind)i;
  return KIND_NONE;
}
