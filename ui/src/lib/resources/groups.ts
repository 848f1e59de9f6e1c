// How the fields of a config are grouped on its page. Fields that no group names come last, under "More": a new field of the
// schema shows by itself. `idle` says why a field has no effect now; it is dimmed and says so, and stays where it is.
import type { Values } from "$lib/schema/edits";

export interface Group {
  title: string;
  about?: string;
  fields: readonly string[];
}

const git: Group = { title: "Source", about: "Where the files come from.", fields: ["linked_repo", "git_provider", "git_https", "git_account", "repo", "branch", "commit", "clone_path", "reclone"] };
const webhook: Group = { title: "Webhook", fields: ["webhook_enabled", "webhook_secret", "webhook_force_deploy"] };
const schedule: Group = { title: "Schedule", fields: ["schedule", "schedule_format", "schedule_enabled", "schedule_timezone", "schedule_missed", "schedule_alert", "run_at_startup"] };
const alerts: Group = { title: "Alerts", fields: ["failure_alert", "send_alerts", "pending_alert", "send_unhealthy_alerts", "maintenance_windows"] };

export const groups: Record<string, readonly Group[]> = {
  ServerConfig: [
    { title: "Connection", fields: ["enabled", "address", "insecure_tls", "external_address", "region", "links"] },
    { title: "Monitoring", fields: ["stats_monitoring", "ignore_mounts", "auto_prune"] },
    { title: "Alerts", fields: ["send_unreachable_alerts", "send_version_mismatch_alerts", "send_cpu_alerts", "cpu_warning", "cpu_critical", "send_mem_alerts", "mem_warning", "mem_critical", "send_disk_alerts", "disk_warning", "disk_critical", "maintenance_windows"] },
    { title: "Keys", fields: ["auto_rotate_keys", "passkey"] },
  ],
  SwarmConfig: [{ title: "Managers", fields: ["server_ids", "links"] }, alerts],
  StackConfig: [
    { title: "Host", fields: ["server_id", "swarm_id"] },
    { title: "Compose file", about: "Written here; or leave it empty and take files from the host or git.", fields: ["file_contents", "files_on_host", "run_directory", "file_paths"] },
    git,
    { title: "Environment", fields: ["environment", "env_file_path", "additional_env_files", "skip_secret_interp"] },
    { title: "Updates", fields: ["poll_for_updates", "auto_update", "auto_update_all_services", "auto_update_skip_services"] },
    { title: "Deploy", fields: ["project_name", "auto_pull", "run_build", "destroy_before_deploy", "pre_deploy", "post_deploy", "extra_args", "build_extra_args", "ignore_services", "config_files"] },
    { title: "Registry", fields: ["registry_provider", "registry_account"] },
    webhook, { ...alerts, fields: ["send_alerts", "links"], title: "Alerts and links" },
  ],
  DeploymentConfig: [
    { title: "What and where", fields: ["image", "image_registry_account", "server_id", "swarm_id"] },
    { title: "Network", fields: ["network", "ports", "links"] },
    { title: "Environment", fields: ["environment", "skip_secret_interp"] },
    { title: "Storage", fields: ["volumes"] },
    { title: "Life", fields: ["restart", "termination_signal", "termination_timeout", "replicas", "redeploy_on_build", "poll_for_updates", "auto_update", "send_alerts"] },
    { title: "Advanced", fields: ["custom_name", "command", "labels", "extra_args", "term_signal_labels"] },
  ],
  BuildConfig: [
    { title: "Builder", fields: ["builder_id"] },
    { title: "Version and image", fields: ["version", "auto_increment_version", "image_name", "image_tag", "image_registry", "include_latest_tag", "include_version_tags", "include_commit_tag"] },
    { title: "Dockerfile", fields: ["dockerfile", "files_on_host", "build_path", "dockerfile_path"] },
    git,
    { title: "Build", fields: ["pre_build", "build_args", "secret_args", "skip_secret_interp", "extra_args", "use_buildx", "labels"] },
    webhook, { title: "Links", fields: ["links"] },
  ],
  RepoConfig: [
    { title: "Where", fields: ["server_id", "builder_id", "path"] }, git,
    { title: "Environment", fields: ["environment", "env_file_path", "skip_secret_interp"] },
    { title: "Commands", fields: ["on_clone", "on_pull"] }, webhook, { title: "Links", fields: ["links"] },
  ],
  ProcedureConfig: [{ title: "Stages", fields: ["stages"] }, schedule, { ...alerts, fields: ["failure_alert"] }, webhook],
  ActionConfig: [
    { title: "Script", fields: ["file_contents", "arguments", "arguments_format"] },
    { title: "Triggers", fields: ["triggers"] }, schedule,
    { title: "Rights and limits", fields: ["capabilities", "run_as", "concurrency", "limits", "library"] },
    { ...alerts, fields: ["failure_alert"] }, webhook,
    { ...git, title: "Script from a repository", fields: ["file_path", ...git.fields.slice(0, 7)] },
  ],
  ResourceSyncConfig: [
    { title: "Files", fields: ["file_contents", "files_on_host", "resource_path"] }, git,
    { title: "What it governs", fields: ["managed", "delete", "include_resources", "match_tags", "include_variables", "include_user_groups"] },
    alerts, webhook,
  ],
  AlerterConfig: [{ title: "Delivery", fields: ["enabled", "endpoint"] }, { title: "What it sends", fields: ["alert_types", "resources", "except_resources", "maintenance_windows"] }],
};

const text = (values: Values, name: string): string => String(values[name] ?? "");

/** Why this field has no effect with these values; null when it has. */
export function idle(owner: string, name: string, values: Values): string | null {
  if (name === "server_id" && text(values, "swarm_id")) return "The swarm wins over the server.";
  if (["git_provider", "git_https", "git_account", "repo", "branch", "commit"].includes(name) && text(values, "linked_repo")) return "Taken from the linked repo.";
  if (owner === "StackConfig") {
    const written = text(values, "file_contents").trim() !== "";
    if ((name === "run_directory" || name === "file_paths") && written && !values["files_on_host"] && !text(values, "repo") && !text(values, "linked_repo")) return "The compose file is written here.";
    if (name === "auto_update_all_services" && !values["auto_update"]) return "Only with auto update.";
    if (name === "poll_for_updates" && values["auto_update"]) return "Auto update looks for updates anyway.";
    if (name === "build_extra_args" && !values["run_build"]) return "Only with run build.";
  }
  if (owner === "ServerConfig") {
    if (name === "insecure_tls" && !text(values, "address").startsWith("wss")) return "Only for addresses that start with wss://.";
    const measure = /^(cpu|mem|disk)_(warning|critical)$/.exec(name)?.[1];
    if (measure && !values[`send_${measure}_alerts`]) return "These alerts are off.";
  }
  if (owner === "DeploymentConfig") {
    if (name === "ports" && ["host", "none"].includes(text(values, "network"))) return `The ${text(values, "network")} network publishes no ports.`;
    if (name === "replicas" && !text(values, "swarm_id")) return "Only on a swarm.";
  }
  if (owner === "MaintenanceWindow") {
    if (name === "day_of_week" && values["schedule_type"] !== "Weekly") return "Only for weekly windows.";
    if (name === "date" && values["schedule_type"] !== "OneTime") return "Only for windows that come once.";
  }
  if (owner === "ResourceSyncConfig" && name === "delete" && values["managed"]) return "A managed sync always deletes.";
  if (name.startsWith("schedule_") && "schedule" in values && !text(values, "schedule")) return "There is no schedule.";
  return null;
}
