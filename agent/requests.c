/* agent/requests.c: every request an engine may send, one row each (spec agent.md 8).
 *
 * A row without a handler is known and not supported yet: its answer says so. Commands: see command.h. */
#include "agent/requests.h"

#include "agent/command.h"

#define PARAMS(...) (const struct param[]){__VA_ARGS__, {NULL, 0}}
enum { OPT = PARAM_OPTIONAL };

/* One command: {name} is the parameter every such request has. */
#define ON_NAME(name, stage, command) {name, run_request_command, NULL, PARAMS({"name", PARAM_TEXT}), stage, command, RUN_STANDARD, 0}
#define PLAIN(name, stage, command) {name, run_request_command, NULL, NULL, stage, command, RUN_STANDARD, 0}
#define DO(name, run, params) {name, run, NULL, params, NULL, NULL, 0, 0}
#define ON_LOOP(name, run, params) {name, NULL, run, params, NULL, NULL, 0, 0}
#define LATER(name) {name, NULL, NULL, NULL, NULL, NULL, 0, 0}

static const struct request requests[] = {
  /* 8.1 info */
  DO("PollStatus", do_poll_status, PARAMS({"include_stats", PARAM_BOOL}, {"include_docker", PARAM_BOOL})),
  DO("GetHealth", do_get_health, NULL),
  DO("GetVersion", do_get_version, NULL),
  DO("GetSystemProcesses", do_get_system_processes, NULL),
  DO("GetLatestCommit", do_get_latest_commit, PARAMS({"name", PARAM_TEXT}, {"path", PARAM_TEXT | OPT})),
  {"ListGitProviders", do_list_providers, NULL, NULL, NULL, "git_providers", 0, 0},
  {"ListImageRegistries", do_list_providers, NULL, NULL, NULL, "image_registries", 0, 0},
  DO("ListSecrets", do_list_secrets, NULL),

  /* 8.2 containers */
  DO("InspectContainer", do_inspect_container, PARAMS({"name", PARAM_TEXT})),
  {"GetContainerLog", run_request_command, NULL,
   PARAMS({"name", PARAM_TEXT}, {"tail", PARAM_UINT | OPT}, {"timestamps", PARAM_BOOL | OPT}), "Get container log",
   "docker logs --tail {tail:50}[timestamps| --timestamps] -- {name}", RUN_STANDARD, 3000},
  {"GetContainerLogSearch", run_request_command, NULL,
   PARAMS({"name", PARAM_TEXT}, {"terms", PARAM_TEXTS}, {"combinator", PARAM_COMBINATOR | OPT},
          {"invert", PARAM_BOOL | OPT}, {"timestamps", PARAM_BOOL | OPT}), "Get container log grep",
   "docker logs {name!} --tail 5000[timestamps| --timestamps] 2>&1 | {GREP}", RUN_SHELL, 3000},
  DO("GetContainerStats", do_container_stats, PARAMS({"name", PARAM_TEXT})),
  DO("GetContainerStatsList", do_container_stats_list, NULL),
  DO("GetFullContainerStats", do_full_container_stats, PARAMS({"name", PARAM_TEXT})),
  DO("RunContainer", do_run_container,
     PARAMS({"deployment", PARAM_OBJECT}, {"stop_signal", PARAM_SIGNAL | OPT}, {"stop_time", PARAM_INT | OPT},
            {"registry_token", PARAM_TEXT | OPT}, {"replacers", PARAM_LIST | OPT})),
  ON_NAME("StartContainer", "Docker Start", "docker start -- {name}"),
  ON_NAME("RestartContainer", "Docker Restart", "docker restart -- {name}"),
  ON_NAME("PauseContainer", "Docker Pause", "docker pause -- {name}"),
  ON_NAME("UnpauseContainer", "Docker Unpause", "docker unpause -- {name}"),
  DO("StopContainer", do_stop_container,
     PARAMS({"name", PARAM_TEXT}, {"signal", PARAM_SIGNAL | OPT}, {"time", PARAM_INT | OPT})),
  DO("RemoveContainer", do_remove_container,
     PARAMS({"name", PARAM_TEXT}, {"signal", PARAM_SIGNAL | OPT}, {"time", PARAM_INT | OPT})),
  {"RenameContainer", run_request_command, NULL, PARAMS({"curr_name", PARAM_TEXT}, {"new_name", PARAM_TEXT}), "Docker Rename",
   "docker rename -- {curr_name} {new_name}", RUN_STANDARD, 0},
  /* `docker <command> -- NAME` for each container; the stage is `<stage> NAME`, or the whole command */
  {"StartAllContainers", do_all_containers, NULL, NULL, NULL, "start", 0, 0},
  {"RestartAllContainers", do_all_containers, NULL, NULL, NULL, "restart", 0, 0},
  {"PauseAllContainers", do_all_containers, NULL, NULL, NULL, "pause", 0, 0},
  {"UnpauseAllContainers", do_all_containers, NULL, NULL, NULL, "unpause", 0, 0},
  {"StopAllContainers", do_all_containers, NULL, NULL, "Docker stop", "stop", 0, 0},
  PLAIN("PruneContainers", "Prune Containers", "docker container prune -f"),

  /* 8.2 images, networks, volumes, prune */
  DO("InspectImage", do_inspect_image, PARAMS({"name", PARAM_TEXT})),
  DO("ImageHistory", do_image_history, PARAMS({"name", PARAM_TEXT})),
  DO("GetLatestImageDigest", do_image_digest,
     PARAMS({"name", PARAM_TEXT}, {"account", PARAM_TEXT | OPT}, {"token", PARAM_TEXT | OPT})),
  DO("PullImage", do_pull_image,
     PARAMS({"name", PARAM_TEXT}, {"account", PARAM_TEXT | OPT}, {"token", PARAM_TEXT | OPT})),
  ON_NAME("DeleteImage", "Delete Image", "docker image rm -- {name}"),
  PLAIN("PruneImages", "Prune Images", "docker image prune -a -f"),
  DO("InspectNetwork", do_inspect_network, PARAMS({"name", PARAM_TEXT})),
  {"CreateNetwork", run_request_command, NULL, PARAMS({"name", PARAM_TEXT}, {"driver", PARAM_TEXT | OPT}), "Create Network",
   "docker network create[driver| -d {driver}] -- {name}", RUN_STANDARD, 0},
  ON_NAME("DeleteNetwork", "Delete Network", "docker network rm -- {name}"),
  PLAIN("PruneNetworks", "Prune Networks", "docker network prune -f"),
  DO("InspectVolume", do_inspect_volume, PARAMS({"name", PARAM_TEXT})),
  ON_NAME("DeleteVolume", "Delete Volume", "docker volume rm -- {name}"),
  PLAIN("PruneVolumes", "Prune Volumes", "docker volume prune -a -f"),
  PLAIN("PruneBuilders", "Prune Builders", "docker builder prune -a -f"),
  PLAIN("PruneBuildx", "Prune Buildx", "docker buildx prune -a -f"),
  PLAIN("PruneSystem", "Prune System", "docker system prune -a -f --volumes"),

  /* 8.3 to 8.6 */
  LATER("CloneRepo"), LATER("PullRepo"), LATER("PullOrCloneRepo"), LATER("RenameRepo"), LATER("DeleteRepo"),
  LATER("Build"), LATER("CancelBuild"), LATER("GetDockerfileContentsOnHost"), LATER("WriteDockerfileContentsToHost"),
  LATER("GetComposeContentsOnHost"), LATER("GetComposeLog"), LATER("GetComposeLogSearch"),
  LATER("WriteComposeContentsToHost"), LATER("WriteCommitComposeContents"), LATER("ComposePull"), LATER("ComposeUp"),
  LATER("ComposeExecution"), LATER("ComposeRun"),
  LATER("PollSwarmStatus"), LATER("InspectSwarmNode"), LATER("UpdateSwarmNode"), LATER("RemoveSwarmNodes"),
  LATER("InspectSwarmStack"), LATER("DeploySwarmStack"), LATER("RemoveSwarmStacks"), LATER("InspectSwarmService"),
  LATER("GetSwarmServiceLog"), LATER("GetSwarmServiceLogSearch"), LATER("CreateSwarmService"),
  LATER("UpdateSwarmService"), LATER("RollbackSwarmService"), LATER("RemoveSwarmServices"), LATER("InspectSwarmTask"),
  LATER("InspectSwarmConfig"), LATER("CreateSwarmConfig"), LATER("RotateSwarmConfig"), LATER("RemoveSwarmConfigs"),
  LATER("InspectSwarmSecret"), LATER("CreateSwarmSecret"), LATER("RotateSwarmSecret"), LATER("RemoveSwarmSecrets"),

  /* 8.7 terminals and keys */
  ON_LOOP("ListTerminals", do_list_terminals, PARAMS({"target", PARAM_TARGET | OPT})),
  ON_LOOP("CreateServerTerminal", do_create_server_terminal,
          PARAMS({"name", PARAM_TEXT | OPT}, {"command", PARAM_TEXT | OPT}, {"recreate", PARAM_RECREATE | OPT})),
  ON_LOOP("CreateContainerExecTerminal", do_create_exec_terminal,
          PARAMS({"name", PARAM_TEXT | OPT}, {"target", PARAM_TARGET}, {"container", PARAM_TEXT},
                 {"command", PARAM_TEXT | OPT}, {"recreate", PARAM_RECREATE | OPT})),
  ON_LOOP("CreateContainerAttachTerminal", do_create_attach_terminal,
          PARAMS({"name", PARAM_TEXT | OPT}, {"target", PARAM_TARGET}, {"container", PARAM_TEXT},
                 {"recreate", PARAM_RECREATE | OPT})),
  ON_LOOP("DeleteTerminal", do_delete_terminal, PARAMS({"terminal", PARAM_TEXT}, {"target", PARAM_TARGET})),
  ON_LOOP("DeleteAllTerminals", do_delete_all_terminals, NULL),
  ON_LOOP("ConnectTerminal", do_connect_terminal, PARAMS({"terminal", PARAM_TEXT}, {"target", PARAM_TARGET})),
  ON_LOOP("DisconnectTerminal", do_disconnect_terminal, PARAMS({"channel", PARAM_UUID})),
  ON_LOOP("ExecuteTerminal", do_execute_terminal,
          PARAMS({"terminal", PARAM_TEXT}, {"target", PARAM_TARGET}, {"command", PARAM_TEXT})),
  ON_LOOP("RotatePrivateKey", do_rotate_private_key, NULL),
  ON_LOOP("RotateCorePublicKey", do_rotate_core_public_key, PARAMS({"public_key", PARAM_TEXT})),
};

const struct request *request_find(struct str name)
{
  for (size_t i = 0; i < ARRAY_LEN(requests); i++)
    if (str_eqc(name, requests[i].name))
      return &requests[i];
  return NULL;
}
