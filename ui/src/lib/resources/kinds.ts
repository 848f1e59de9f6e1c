// The eleven resource types as one table: what is the same for all of them is written once, over this.
import type {
  ActionListItemInfo, AlerterListItemInfo, BuilderListItemInfo, BuildListItemInfo, DeploymentListItemInfo, ProcedureListItemInfo,
  RepoListItemInfo, ResourceSyncListItemInfo, ResourceTarget, ServerListItemInfo, StackListItemInfo, SwarmListItemInfo,
} from "$generated/types";
import { percent, rate, version } from "$lib/format/numbers";
import { secondsOf } from "$lib/format/time";
import { containerState, runState, stateOf, statusText, weight, type State } from "./states";

export type TypeName = Exclude<ResourceTarget["type"], "System">;

export interface Item<I = unknown> {
  id: string;
  type: string;
  name: string;
  template: boolean;
  tags: string[];
  info: I;
}

/** What a table shows in one place. `sort` orders, when the text does not. */
export interface Cell {
  text: string;
  sort?: number | string;
  href?: string;
  /** Milliseconds: shown relative, exact on hover. */
  time?: number | null;
  /** 0 to 100, with the percentages at which it turns yellow and red. */
  bar?: { value: number; warn: number; bad: number };
  mono?: boolean;
  /** Takes the room there is. */
  long?: boolean;
  hint?: string;
}

export interface Column<I> {
  id: string;
  label: string;
  num?: boolean;
  /** Not shown until somebody picks it. */
  spare?: boolean;
  cell(item: Item<I>): Cell;
}

export interface Execution<I> {
  /** Name of the request of /execute (or of /write, with `write`). */
  name: string;
  label: string;
  write?: boolean;
  /** What is lost: asks first, and says this. */
  loses?: string;
  /** On list pages it works on many at once. */
  batch?: boolean;
  /** Shown before the menu, when it makes sense in this state. */
  first?(info: I): boolean;
  /** Makes no sense otherwise. */
  when?(info: I): boolean;
}

export interface Kind<I = unknown> {
  name: TypeName;
  /** First part of its paths. */
  path: string;
  /** In names of list requests. */
  plural: string;
  /** Names one in parameters. */
  param: string;
  label: string;
  title: string;
  /** What it is, for empty lists. */
  about: string;
  icon: string;
  state(info: I): State;
  columns: Column<I>[];
  executions: Execution<I>[];
  /** What goes with it when it is deleted. */
  deletes: string;
}

/** What follows from the name of a type, unless it is given. */
type Named = "path" | "plural" | "param" | "label" | "title" | "icon";

function kind<I>(name: TypeName, rest: Omit<Kind<I>, "name" | Named> & Partial<Pick<Kind<I>, Named>>): Kind<I> {
  const label = name.toLowerCase();
  return { name, path: `${label}s`, plural: `${name}s`, param: label, label, title: `${name}s`, icon: label, ...rest };
}

const text = (value: string | null | undefined, more: Partial<Cell> = {}): Cell => ({ text: value || "–", ...(value ? {} : { sort: "~" }), ...more });

interface Hosted { server_id: string; server_name?: string | null; swarm_id: string; swarm_name?: string | null }

function hostCell(info: Hosted): Cell {
  if (info.swarm_id) return text(info.swarm_name, { href: `/swarms/${info.swarm_id}` });
  return info.server_id ? text(info.server_name ?? info.server_id, { href: `/servers/${info.server_id}` }) : text(null);
}

interface Sourced { files_on_host: boolean; linked_repo: string; linked_repo_name?: string | null; repo: string }

function sourceCell(info: Sourced): Cell {
  if (info.files_on_host) return text("files on host");
  if (info.linked_repo) return text(info.linked_repo_name ?? info.linked_repo, { href: `/repos/${info.linked_repo}` });
  return text(info.repo || "written here");
}

const commit = (hash: string | null | undefined): Cell => text(hash?.slice(0, 8), { mono: true });
const when = (ms: number | null | undefined): Cell => ({ text: "", time: ms ?? null, sort: ms ?? 0 });

interface Runs { state: string; last_run_at?: number | null; next_scheduled_run?: number | null; schedule_error?: string | null }

function runColumns<I extends Runs>(): Column<I>[] {
  return [
    { id: "last", label: "Last run", num: true, cell: ({ info }) => when(info.last_run_at) },
    { id: "next", label: "Next run", num: true,
      cell: ({ info }) => info.schedule_error ? text("schedule error", { hint: info.schedule_error }) : { ...when(info.next_scheduled_run), sort: info.next_scheduled_run ?? Infinity } },
  ];
}

/** Of what runs as a whole and can be stopped. */
const runs = <I extends Runs>(name: string, when?: Execution<I>["when"]): Execution<I>[] => [
  { name: `Run${name}`, label: "Run", batch: true, first: () => true, ...(when ? { when } : {}) },
  { name: `Cancel${name}`, label: "Cancel run", when: (info) => info.state === "Running", first: () => true },
];

const server = kind<ServerListItemInfo>("Server", {
  about: "A server is a host that runs the agent. Everything else happens on one.",
  state: (info) => stateOf(info.state),
  columns: [
    { id: "cpu", label: "CPU", num: true, cell: ({ info }) => use(info.stats?.cpu_perc, info.alerting_thresholds.cpu_warning, info.alerting_thresholds.cpu_critical) },
    { id: "mem", label: "Memory", num: true, cell: ({ info }) => use(share(info.stats?.mem_used_gb, info.stats?.mem_total_gb), info.alerting_thresholds.mem_warning, info.alerting_thresholds.mem_critical) },
    { id: "disk", label: "Disk", num: true, cell: ({ info }) => use(share(...disks(info)), info.alerting_thresholds.disk_warning, info.alerting_thresholds.disk_critical) },
    { id: "load", label: "Load", num: true, cell: ({ info }) => info.stats ? { text: info.stats.load_average.one.toFixed(2), sort: info.stats.load_average.one } : text(null, { sort: -1 }) },
    { id: "net", label: "Network", num: true, spare: true, cell: ({ info }) => info.stats
      ? { text: rate(info.stats.network_ingress_bytes + info.stats.network_egress_bytes, secondsOf(info.stats.polling_rate)), sort: info.stats.network_ingress_bytes + info.stats.network_egress_bytes } : text(null, { sort: -1 }) },
    { id: "region", label: "Region", cell: ({ info }) => text(info.region) },
    { id: "version", label: "Agent", cell: ({ info }) => text(info.version) },
    { id: "address", label: "Address", spare: true, cell: ({ info }) => text(info.address, { mono: true }) },
  ],
  executions: [
    { name: "StartAllContainers", label: "Start all containers", batch: true },
    { name: "RestartAllContainers", label: "Restart all containers", batch: true, loses: "Every container of the server is interrupted." },
    { name: "PauseAllContainers", label: "Pause all containers", loses: "Every container of the server stops answering until it is unpaused." },
    { name: "UnpauseAllContainers", label: "Unpause all containers" },
    { name: "StopAllContainers", label: "Stop all containers", batch: true, loses: "Every container of the server is stopped." },
    { name: "PruneContainers", label: "Prune containers", batch: true, loses: "All stopped containers, and what they wrote outside volumes." },
    { name: "PruneImages", label: "Prune images", batch: true, loses: "All images that no container uses." },
    { name: "PruneNetworks", label: "Prune networks", batch: true, loses: "All networks that no container uses." },
    { name: "PruneVolumes", label: "Prune volumes", batch: true, loses: "All volumes that no container uses, with their data." },
    { name: "PruneBuildx", label: "Prune build cache", loses: "The build cache: the next builds take longer." },
    { name: "PruneSystem", label: "Prune everything", batch: true, loses: "All stopped containers, unused images, networks, volumes and the build cache." },
  ],
  deletes: "The agent on the host is not touched, but it is no longer watched, and its stats and alerts are gone.",
});

function use(value: number | undefined, warn: number, bad: number): Cell {
  return value === undefined ? text(null, { sort: -1 }) : { text: percent(value), sort: value, bar: { value, warn, bad } };
}

/** Used and total as a percentage; nothing while the total is not known. */
export function share(used: number | undefined, total: number | undefined): number | undefined {
  return used === undefined || !total ? undefined : (100 * used) / total;
}

function disks(info: ServerListItemInfo): [number | undefined, number | undefined] {
  return [info.stats?.disk_used_gb, info.stats?.disk_total_gb];
}

const swarm = kind<SwarmListItemInfo>("Swarm", {
  about: "A swarm joins docker engines; stacks and deployments can run on it instead of one server.",
  state: (info) => stateOf(info.state),
  columns: [{ id: "managers", label: "Managers", num: true, cell: ({ info }) => ({ text: String(info.server_ids.length), sort: info.server_ids.length }) }],
  executions: [],
  deletes: "The docker swarm itself goes on; stacks and deployments on it are no longer managed.",
});

const stack = kind<StackListItemInfo>("Stack", {
  about: "A stack is a compose project: containers that are deployed together.",
  state: (info) => stateOf(info.state, info.project_missing ? "project missing" : undefined),
  columns: [
    { id: "host", label: "Host", cell: ({ info }) => hostCell(info) },
    { id: "services", label: "Services", num: true, cell: ({ info }) => ({ text: String(info.services.length), sort: info.services.length, hint: info.services.map((s) => `${s.service}: ${s.image}`).join("\n") }) },
    { id: "source", label: "Source", cell: ({ info }) => sourceCell(info) },
    { id: "update", label: "Update", spare: true, cell: ({ info }) => info.services.some((s) => s.update_available) ? { text: "available", sort: 0 } : { text: "", sort: 1 } },
    { id: "status", label: "Status", spare: true, cell: ({ info }) => text(info.status) },
    { id: "commit", label: "Deployed", spare: true, cell: ({ info }) => commit(info.deployed_hash) },
  ],
  executions: [
    { name: "DeployStack", label: "Deploy", batch: true, first: () => true },
    { name: "PullStack", label: "Pull images", batch: true, when: (info) => !info.swarm_id },
    { name: "RestartStack", label: "Restart", batch: true, when: (info) => ["running", "unhealthy"].includes(info.state), first: () => true },
    { name: "PauseStack", label: "Pause", when: (info) => info.state === "running" },
    { name: "UnpauseStack", label: "Unpause", when: (info) => info.state === "paused", first: () => true },
    { name: "StartStack", label: "Start", batch: true, when: (info) => !["running", "down", "unknown"].includes(info.state) },
    { name: "StopStack", label: "Stop", batch: true, when: (info) => !["stopped", "down", "unknown"].includes(info.state), loses: "Its containers stop; their data stays." },
    { name: "CheckStackForUpdate", label: "Check for updates", batch: true, write: true },
    { name: "DestroyStack", label: "Destroy", batch: true, when: (info) => !["down", "unknown"].includes(info.state), loses: "Its containers and networks are removed; named volumes stay." },
  ],
  deletes: "Its containers are destroyed too when the host can be reached; named volumes stay.",
});

const deployment = kind<DeploymentListItemInfo>("Deployment", {
  about: "A deployment is one container with its settings.",
  state: (info) => containerState(info.state, info.status),
  columns: [
    { id: "host", label: "Host", cell: ({ info }) => hostCell(info) },
    { id: "image", label: "Image", cell: ({ info }) => text(info.image, { mono: true }) },
    { id: "update", label: "Update", spare: true, cell: ({ info }) => info.update_available ? { text: "available", sort: 0 } : { text: "", sort: 1 } },
    { id: "status", label: "Status", spare: true, cell: ({ info }) => text(statusText(info.status)) },
  ],
  executions: [
    { name: "Deploy", label: "Deploy", batch: true, first: () => true },
    { name: "PullDeployment", label: "Pull image", batch: true, when: (info) => !info.swarm_id },
    { name: "RestartDeployment", label: "Restart", batch: true, when: (info) => info.state === "running", first: () => true },
    { name: "PauseDeployment", label: "Pause", when: (info) => info.state === "running" },
    { name: "UnpauseDeployment", label: "Unpause", when: (info) => info.state === "paused", first: () => true },
    { name: "StartDeployment", label: "Start", batch: true, when: (info) => info.state === "exited", first: () => true },
    { name: "StopDeployment", label: "Stop", batch: true, when: (info) => !["exited", "not_deployed", "unknown"].includes(info.state), loses: "Its container stops; what it wrote stays." },
    { name: "CheckDeploymentForUpdate", label: "Check for updates", batch: true, write: true },
    { name: "DestroyDeployment", label: "Destroy", batch: true, when: (info) => info.state !== "not_deployed", loses: "Its container is removed, with everything it wrote outside volumes." },
  ],
  deletes: "Its container is destroyed too when the host can be reached, with everything it wrote outside volumes.",
});

const build = kind<BuildListItemInfo>("Build", {
  about: "A build makes a container image from a Dockerfile and pushes it to registries.",
  state: (info) => stateOf(info.state),
  columns: [
    { id: "version", label: "Version", num: true, cell: ({ info }) => ({ text: version(info.version), sort: info.version.major * 1e8 + info.version.minor * 1e4 + info.version.patch }) },
    { id: "source", label: "Source", cell: ({ info }) => sourceCell(info) },
    { id: "branch", label: "Branch", cell: ({ info }) => text(info.branch) },
    { id: "built", label: "Last built", num: true, cell: ({ info }) => when(info.last_built_at) },
    { id: "commit", label: "Built commit", spare: true, cell: ({ info }) => commit(info.built_hash) },
  ],
  executions: [
    { name: "RunBuild", label: "Build", batch: true, when: (info) => info.state !== "Building", first: () => true },
    { name: "CancelBuild", label: "Cancel build", batch: true, when: (info) => info.state === "Building", first: () => true },
  ],
  deletes: "Images that were built stay in their registries.",
});

const repo = kind<RepoListItemInfo>("Repo", {
  about: "A repo is a git repository that is cloned on a server, or built on a builder.",
  state: (info) => stateOf(info.state),
  columns: [
    { id: "repo", label: "Repository", cell: ({ info }) => text(info.repo, info.repo_link ? { href: info.repo_link } : {}) },
    { id: "branch", label: "Branch", cell: ({ info }) => text(info.branch) },
    { id: "commit", label: "Commit", cell: ({ info }) => commit(info.cloned_hash ?? info.latest_hash) },
    { id: "pulled", label: "Pulled", num: true, cell: ({ info }) => when(info.last_pulled_at) },
  ],
  executions: [
    { name: "PullRepo", label: "Pull", batch: true, first: () => true },
    { name: "CloneRepo", label: "Clone", batch: true },
    { name: "BuildRepo", label: "Build", batch: true, when: (info) => info.state !== "Building" },
    { name: "CancelRepoBuild", label: "Cancel build", when: (info) => info.state === "Building", first: () => true },
  ],
  deletes: "Its clone on the server is deleted too when the server can be reached.",
});

const procedure = kind<ProcedureListItemInfo>("Procedure", {
  about: "A procedure runs executions in stages, by hand, on a schedule or from a webhook.",
  state: (info) => runState(info.state),
  columns: [
    { id: "stages", label: "Stages", num: true, cell: ({ info }) => ({ text: String(info.stages), sort: info.stages }) },
    ...runColumns<ProcedureListItemInfo>(),
  ],
  executions: runs("Procedure", (info) => info.state !== "Running"),
  deletes: "Its stages and schedule are gone; updates of past runs stay.",
});

const action = kind<ActionListItemInfo>("Action", {
  about: "An action is a Lua script that can do everything the API can.",
  state: (info) => runState(info.state),
  columns: runColumns<ActionListItemInfo>(),
  executions: runs("Action"),
  deletes: "Its script, triggers and schedule are gone; updates of past runs stay.",
});

const sync = kind<ResourceSyncListItemInfo>("ResourceSync", {
  path: "resource-syncs", param: "sync", label: "sync", title: "Syncs", icon: "sync",
  about: "A sync keeps resources in agreement with TOML files, from a repository, the host or written here.",
  state: (info) => stateOf(info.state),
  columns: [
    { id: "source", label: "Source", cell: ({ info }) => sourceCell(info) },
    { id: "branch", label: "Branch", cell: ({ info }) => text(info.branch) },
    { id: "last", label: "Last sync", num: true, cell: ({ info }) => when(info.last_sync_ts) },
    { id: "commit", label: "Commit", spare: true, cell: ({ info }) => commit(info.last_sync_hash) },
  ],
  executions: [
    { name: "RefreshResourceSyncPending", label: "Refresh", batch: true, write: true, first: () => true },
    { name: "RunSync", label: "Sync", batch: true, when: (info) => info.state !== "Syncing", first: () => true },
    { name: "CommitSync", label: "Commit", batch: true, write: true, when: (info) => info.managed, loses: "What the files hold now is overwritten." },
  ],
  deletes: "Resources that it made stay; its files are not touched.",
});

const builder = kind<BuilderListItemInfo>("Builder", {
  about: "A builder is where builds happen: some servers, an agent at an address, or an EC2 instance for each build.",
  state: (info) => ({ shape: "off", word: info.builder_type }),
  columns: [{ id: "type", label: "Instance", cell: ({ info }) => text(info.builder_type === "Server" ? null : info.instance_type) }],
  executions: [],
  deletes: "Builds and repos that use it have no builder then.",
});

const alerter = kind<AlerterListItemInfo>("Alerter", {
  about: "An alerter sends alerts on: to Slack, Discord, ntfy, Pushover or any address.",
  state: (info) => stateOf(info.enabled ? "enabled" : "disabled"),
  columns: [{ id: "type", label: "Sends to", cell: ({ info }) => text(info.endpoint_type) }],
  executions: [{ name: "TestAlerter", label: "Send a test", batch: true, first: () => true }],
  deletes: "Alerts are no longer sent there.",
});

/** In the order of menus. */
export const kinds: readonly Kind[] = [
  server, swarm, stack, deployment, build, repo, procedure, action, sync, builder, alerter,
] as unknown as readonly Kind[];

const byName = new Map<string, Kind>(kinds.map((kind) => [kind.name, kind]));
const byPath = new Map<string, Kind>(kinds.map((kind) => [kind.path, kind]));

export const kindOf = (name: string): Kind | undefined => byName.get(name);
export const kindAt = (path: string): Kind | undefined => byPath.get(path);

/** The page of a target; System has none. */
export function pathOf(target: { type: string; id: string }): string | null {
  const kind = byName.get(target.type);
  return kind ? `/${kind.path}/${target.id}` : null;
}

/** The cell every list has besides its own columns. */
export const stateCell = (kind: Kind, item: Item): { state: State; sort: number } => {
  const state = kind.state(item.info);
  return { state, sort: weight[state.shape] };
};
