/* agent/requests.h: the handlers that are more than one command; the table that names them all is requests.c.
 * Each fills job->out and returns OK, or fills job->diag (agent/job.h). */
#ifndef AGENT_REQUESTS_H
#define AGENT_REQUESTS_H

#include "agent/job.h"

/* do_info.c */
request_fn do_poll_status, do_get_health, do_get_version, do_get_system_processes, do_get_latest_commit,
    do_list_providers, do_list_secrets;
/* do_docker.c */
request_fn do_inspect_container, do_full_container_stats, do_inspect_image, do_image_history, do_inspect_network,
    do_inspect_volume, do_container_stats, do_container_stats_list, do_all_containers, do_image_digest, do_pull_image;
/* do_containers.c */
request_fn do_stop_container, do_remove_container, do_run_container;
/* do_keys.c */
request_loop_fn do_rotate_private_key, do_rotate_core_public_key;
/* do_terminals.c */
request_loop_fn do_list_terminals, do_create_server_terminal, do_create_exec_terminal, do_create_attach_terminal,
    do_delete_terminal, do_delete_all_terminals, do_connect_terminal, do_disconnect_terminal, do_execute_terminal;

#endif
