// Keys of compose files after the compose specification, as a table. A line is `key: type | what it does`; types are
//
//   text, bool           a value              a,b,c      one of these values
//   @networks            the name of something declared at the top (in lists and maps as well)
//   {service}            the keys of a node   *{service} names, each with the keys of a node

export interface Key { name: string; values: readonly string[]; ref: string | null; node: string | null; each: string | null; doc: string }

const table: Record<string, string> = {
  root: `
name: text | Name of the project; the name of the stack when it is not set.
services: *{service} | Containers that make up the application.
networks: *{network} | Networks that services are attached to.
volumes: *{volume} | Volumes that outlive their containers.
configs: *{file} | Files that services may mount, for configuration.
secrets: *{file} | Files that services may mount, for what nobody else should read.
include: text | Other compose files that become part of this one.`,
  service: `
image: text | Image to run, as name:tag or name@digest.
build: {build} | How to build the image, or the folder to build from.
container_name: text | Name of the container; without it the project and service name it.
command: text | Replaces the command of the image.
entrypoint: text | Replaces the entrypoint of the image.
environment: text | Variables of the container, as a map or a list of KEY=value.
env_file: text | Files with variables of the container.
ports: {port} | Published ports, as "host:container" or in long form.
expose: text | Ports for other services only.
volumes: {mount} @volumes | What is mounted: a volume or a path, ":" and the path inside.
networks: {attachment} @networks | Networks the service is attached to.
network_mode: none,host,bridge,service: | Uses the network of the host, of another service, or none.
depends_on: {dependency} @services | Services that start before this one.
restart: no,always,on-failure,unless-stopped | What happens when the container ends.
healthcheck: {healthcheck} | How to see whether the service works.
labels: text | Labels of the container.
logging: {logging} | Where the log goes.
deploy: {deploy} | Replicas, limits and placement.
configs: @configs | Configs it may read.
secrets: @secrets | Secrets it may read.
profiles: text | It starts only when one of these profiles is active.
extends: {extends} | Takes over the settings of another service.
user: text | User, or user:group, that the process runs as.
group_add: text | Further groups of the user.
working_dir: text | Folder the command starts in.
hostname: text | Name of the host inside.
domainname: text | Domain name inside.
extra_hosts: text | Lines for /etc/hosts, as name=address.
dns: text | Name servers.
dns_search: text | Search domains.
dns_opt: text | Options of the resolver.
links: @services | Services under further names.
mac_address: text | Hardware address.
cap_add: text | Capabilities it gets.
cap_drop: text | Capabilities it loses; ALL for every one.
privileged: bool | All rights on the host: avoid it.
security_opt: text | Options of the security modules.
read_only: bool | The file system cannot be written, volumes apart.
tmpfs: text | Folders in memory.
devices: text | Devices of the host, as host:container:rights.
device_cgroup_rules: text | Rules of the device cgroup.
gpus: text | Graphics processors: all, or a list.
runtime: text | Runtime of the container.
init: bool | A small init process passes on signals and reaps children.
ipc: text | Whose shared memory it uses.
pid: text | Whose processes it sees: host, or service:NAME.
userns_mode: text | User name space.
uts: text | UTS name space.
cgroup: host,private | Control group name space.
cgroup_parent: text | Parent of its control group.
isolation: text | Isolation technology of the platform.
platform: text | Platform such as linux/arm64.
pull_policy: always,never,missing,build,daily,weekly | When the image is pulled.
stop_signal: text | Signal that ends it.
stop_grace_period: text | How long it may take to end, such as 30s.
stdin_open: bool | Standard input stays open.
tty: bool | Gives it a terminal.
attach: bool | Its log is part of what compose prints.
scale: text | How many containers.
shm_size: text | Size of /dev/shm.
sysctls: text | Kernel parameters.
ulimits: text | Limits of processes and files.
mem_limit: text | Most memory, such as 512m.
mem_reservation: text | Memory that is kept for it.
mem_swappiness: text | How eagerly its memory is swapped, 0 to 100.
memswap_limit: text | Memory and swap together.
cpus: text | How many CPUs it may use, such as 1.5.
cpu_shares: text | Weight against others.
cpu_quota: text | CPU quota in microseconds.
cpu_period: text | CPU period in microseconds.
cpuset: text | CPUs it may run on.
pids_limit: text | Most processes.
oom_kill_disable: bool | It is not killed when memory runs out.
oom_score_adj: text | How early it is killed when memory runs out.
blkio_config: text | Limits of disk access.
storage_opt: text | Options of the storage driver.
annotations: text | Annotations of the container.
develop: {develop} | What happens when sources change.
post_start: text | Commands after it has started.
pre_stop: text | Commands before it is stopped.
volumes_from: @services | Mounts all volumes of another service.
external_links: text | Containers outside of this project.
credential_spec: text | Credentials of a managed service account.
provider: text | A service that something other than compose looks after.
models: text | Models it uses.`,
  build: `
context: text | Folder or git address to build from.
dockerfile: text | Dockerfile inside the context.
dockerfile_inline: text | The Dockerfile itself.
args: text | Arguments of the build.
target: text | Stage to build.
tags: text | Further tags.
cache_from: text | Where to take the cache from.
cache_to: text | Where to put the cache.
no_cache: bool | Builds everything anew.
pull: bool | Pulls base images anew.
labels: text | Labels of the image.
network: text | Network during the build.
platforms: text | Platforms to build for.
secrets: @secrets | Secrets of the build.
ssh: text | SSH keys of the build.
shm_size: text | Size of /dev/shm.
additional_contexts: text | Further contexts by name.
extra_hosts: text | Lines for /etc/hosts.
privileged: bool | Builds with all rights.
isolation: text | Isolation technology.
ulimits: text | Limits of processes and files.
entitlements: text | Rights the build needs.`,
  port: `
target: text | Port inside.
published: text | Port on the host.
host_ip: text | Address of the host to bind.
protocol: tcp,udp | Protocol.
mode: host,ingress | How it is published in a swarm.
app_protocol: text | Protocol of the application.
name: text | A name for people.`,
  mount: `
type: volume,bind,tmpfs,npipe,cluster,image | Kind of mount.
source: @volumes | Volume or path on the host.
target: text | Path inside.
read_only: bool | Cannot be written.
bind: text | Options of a bind mount.
volume: text | Options of a volume.
tmpfs: text | Options of a tmpfs.
consistency: text | Consistency of the mount.`,
  attachment: `
aliases: text | Further names in this network.
ipv4_address: text | Fixed address.
ipv6_address: text | Fixed address.
link_local_ips: text | Link-local addresses.
mac_address: text | Hardware address.
driver_opts: text | Options of the driver.
gw_priority: text | Which network has the default route.
priority: text | In which order networks are attached.`,
  dependency: `
condition: service_started,service_healthy,service_completed_successfully | What is waited for.
restart: bool | Restarts with the other service.
required: bool | Without the other service this one does not start.`,
  healthcheck: `
test: text | Command; ["CMD", …] runs it directly, ["CMD-SHELL", "…"] in a shell.
interval: text | How often, such as 30s.
timeout: text | How long it may take.
retries: text | How many failures in a row make it unhealthy.
start_period: text | Failures in this time do not count.
start_interval: text | How often during that time.
disable: bool | No check, even when the image has one.`,
  logging: `
driver: json-file,local,journald,syslog,gelf,fluentd,awslogs,splunk,none | Where the log goes.
options: {logopts} | Options of the driver.`,
  logopts: `
max-size: text | Size of one file, such as 10m.
max-file: text | How many files are kept.
tag: text | Tag of each line.
labels: text | Labels to log.
env: text | Variables to log.
compress: bool | Old files are compressed.`,
  deploy: `
replicas: text | How many containers.
mode: replicated,global,replicated-job,global-job | Replicated or one on each node.
resources: {resources} | Limits and reservations.
restart_policy: {restart_policy} | What happens when it ends, in a swarm.
update_config: {rollout} | How updates roll out.
rollback_config: {rollout} | How a rollback goes.
placement: {placement} | Where it may run.
labels: text | Labels of the service.
endpoint_mode: vip,dnsrr | How clients find it.`,
  resources: `
limits: {limits} | It cannot use more.
reservations: {limits} | That much is kept for it.`,
  limits: `
cpus: text | CPUs, such as "0.5".
memory: text | Memory, such as 256M.
pids: text | Most processes.
devices: text | Devices it needs.`,
  restart_policy: `
condition: none,on-failure,any | When to restart.
delay: text | Pause before.
max_attempts: text | How often at most.
window: text | How long it must live to count as started.`,
  rollout: `
parallelism: text | How many at once.
delay: text | Pause between.
failure_action: continue,rollback,pause | What to do when one fails.
monitor: text | How long to watch each.
max_failure_ratio: text | How many may fail.
order: stop-first,start-first | Which comes first.`,
  placement: `
constraints: text | Conditions on nodes.
preferences: text | How to spread.
max_replicas_per_node: text | Most on one node.`,
  extends: `
service: @services | Service to take over.
file: text | File it is in.`,
  develop: `
watch: text | Paths and what a change does.`,
  network: `
driver: bridge,overlay,host,none,macvlan,ipvlan | Driver.
external: bool | It exists already and is not made here.
name: text | Its name outside of this project.
internal: bool | No way out.
attachable: bool | Other containers may join.
driver_opts: text | Options of the driver.
enable_ipv4: bool | IPv4 addresses.
enable_ipv6: bool | IPv6 addresses.
ipam: text | Addresses.
labels: text | Labels.`,
  volume: `
driver: text | Driver.
driver_opts: text | Options of the driver.
external: bool | It exists already and is not made here.
name: text | Its name outside of this project.
labels: text | Labels.`,
  file: `
file: text | Path of the file.
environment: text | Variable of the host with the contents.
content: text | The contents.
external: bool | It exists already.
name: text | Its name outside of this project.
template_driver: text | How contents are filled in.`,
};

const parsed = new Map<string, ReadonlyMap<string, Key>>();

/** The keys of a node by name. */
export function keysOf(node: string): ReadonlyMap<string, Key> {
  let keys = parsed.get(node);
  if (!keys) {
    keys = new Map((table[node] ?? "").trim().split("\n").map((line) => {
      const [, name, type, doc] = /^([\w-]+): (.*?) \| (.*)$/.exec(line)!;
      const values = type === "bool" ? ["true", "false"] : type === "text" || /[{@]/.test(type!) ? [] : type!.split(",");
      return [name!, { name: name!, values, ref: /@(\w+)/.exec(type!)?.[1] ?? null, node: /(?:^|[^*])\{(\w+)\}/.exec(type!)?.[1] ?? null, each: /\*\{(\w+)\}/.exec(type!)?.[1] ?? null, doc: doc! }];
    }));
    parsed.set(node, keys);
  }
  return keys;
}

export const nodes = (): readonly string[] => Object.keys(table);
