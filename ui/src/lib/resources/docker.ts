// Containers, images, networks and volumes: what tables show of them and what can be done with them.
import type { ContainerListItem, ContainerStats, ImageListItem, NetworkListItem, Port, VolumeListItem } from "$generated/types";
import type { TableColumn } from "$lib/components/table";
import { bytes, dockerBytes, percent } from "$lib/format/numbers";
import type { Cell } from "./kinds";
import { stateOf, statusText, weight } from "./states";

export type What = "containers" | "images" | "networks" | "volumes";

/** Something of docker, with the server it is on. */
export type On<T> = T & { server: string; serverName: string };
export type Thing = On<ContainerListItem | ImageListItem | NetworkListItem | VolumeListItem>;

const dash: Cell = { text: "–", sort: -1 };
const number = (text: string | undefined): number => Number.parseFloat(text ?? "") || 0;

/** What was measured last stays in the agent's memory for a while after a container has ended. */
type Measured = { state: string; stats?: ContainerStats | null } | null | undefined;

export const containerCells = {
  cpu: (c: Measured): Cell => (c?.stats && c.state === "running" ? { text: percent(number(c.stats.cpu_perc)), sort: number(c.stats.cpu_perc), bar: { value: number(c.stats.cpu_perc), warn: 75, bad: 95 } } : dash),
  mem: (c: Measured): Cell => (c?.stats && c.state === "running" ? { text: dockerBytes(c.stats.mem_usage).split(" / ")[0]!, sort: number(c.stats.mem_perc) } : dash),
  ports: (c: { ports?: Port[] } | null | undefined): Cell => {
    const list = portList(c?.ports ?? []);
    return list.length ? { text: list.slice(0, 3).join(", ") + (list.length > 3 ? ` +${list.length - 3}` : ""), hint: list.join("\n"), mono: true } : { text: "–", sort: "~" };
  },
};

/** Published ports, once each; neighbours become a range. */
export function portList(ports: readonly Port[]): string[] {
  const pairs = [...new Map(ports.filter((p) => p.PublicPort).map((p) => [`${p.PublicPort}:${p.PrivatePort}`, [p.PublicPort!, p.PrivatePort ?? p.PublicPort!] as const])).values()].sort((a, b) => a[0] - b[0]);
  const out: string[] = [];
  for (let i = 0; i < pairs.length; i++) {
    const [pub, priv] = pairs[i]!;
    let j = i;
    while (pairs[j + 1] && pairs[j + 1]![0] === pub + (j + 1 - i) && pairs[j + 1]![1] === priv + (j + 1 - i)) j++;
    out.push(j > i ? `${pub}–${pairs[j]![0]}→${priv}–${pairs[j]![1]}` : pub === priv ? String(pub) : `${pub}→${priv}`);
    i = j;
  }
  return out;
}

const used = (inUse: boolean): Cell => ({ text: inUse ? "in use" : "unused", sort: inUse ? 1 : 0 });
const when = (text: string | null | undefined): Cell => { const ms = text ? Date.parse(text) : NaN; return Number.isNaN(ms) ? dash : { text: "", time: ms, sort: ms }; };

const containers: TableColumn<On<ContainerListItem>>[] = [
  { id: "name", label: "Container", fixed: true, cell: (c) => ({ text: c.name }) },
  { id: "state", label: "State", beside: true, cell: (c) => { const s = stateOf(c.state); return { text: s.word, sort: weight[s.shape] }; } },
  { id: "image", label: "Image", cell: (c) => ({ text: c.image?.replace(/@sha256:.*/, "") ?? "–", mono: true, ...(c.image ? { hint: c.image } : {}) }) },
  { id: "cpu", label: "CPU", num: true, cell: containerCells.cpu },
  { id: "mem", label: "Memory", num: true, cell: containerCells.mem },
  { id: "net", label: "Net I/O", num: true, spare: true, cell: (c) => (c.stats ? { text: dockerBytes(c.stats.net_io), sort: number(c.stats.net_io) } : dash) },
  { id: "block", label: "Block I/O", num: true, spare: true, cell: (c) => (c.stats ? { text: dockerBytes(c.stats.block_io), sort: number(c.stats.block_io) } : dash) },
  { id: "ports", label: "Ports", cell: containerCells.ports },
  { id: "networks", label: "Networks", cell: (c) => ({ text: (c.networks?.join(", ") || c.network_mode || "–").replace(/^none$/, "no network") }) },
  { id: "volumes", label: "Volumes", spare: true, cell: (c) => ({ text: c.volumes?.join(", ") || "–", mono: true }) },
  { id: "status", label: "Status", cell: (c) => ({ text: statusText(c.status) || "–" }) },
];
const images: TableColumn<On<ImageListItem>>[] = [
  { id: "name", label: "Image", fixed: true, cell: (i) => ({ text: i.name || i.id.replace("sha256:", "").slice(0, 12), mono: true }) },
  { id: "used", label: "Use", beside: true, cell: (i) => used(i.in_use) },
  { id: "size", label: "Size", num: true, cell: (i) => ({ text: bytes(i.size), sort: i.size }) },
  { id: "created", label: "Made", num: true, cell: (i) => ({ text: "", time: i.created * 1000, sort: i.created }) },
  { id: "id", label: "Id", cell: (i) => ({ text: i.id.replace("sha256:", "").slice(0, 12), mono: true, hint: i.id }) },
];
const networks: TableColumn<On<NetworkListItem>>[] = [
  { id: "name", label: "Network", fixed: true, cell: (n) => ({ text: n.name ?? "–" }) },
  { id: "used", label: "Use", beside: true, cell: (n) => (isSystem(n) ? { text: "docker's own", sort: 2 } : used(n.in_use)) },
  { id: "driver", label: "Driver", cell: (n) => ({ text: n.driver ?? "–" }) },
  { id: "scope", label: "Scope", cell: (n) => ({ text: n.scope ?? "–" }) },
  { id: "subnet", label: "Subnet", cell: (n) => ({ text: n.ipam_subnet ?? "–", mono: true }) },
  { id: "created", label: "Made", num: true, cell: (n) => when(n.created) },
];
const volumes: TableColumn<On<VolumeListItem>>[] = [
  { id: "name", label: "Volume", fixed: true, cell: (v) => ({ text: v.name, mono: true }) },
  { id: "used", label: "Use", beside: true, cell: (v) => used(v.in_use) },
  { id: "driver", label: "Driver", cell: (v) => ({ text: v.driver }) },
  { id: "scope", label: "Scope", spare: true, cell: (v) => ({ text: v.scope }) },
  { id: "size", label: "Size", num: true, cell: (v) => (v.size ? { text: bytes(v.size), sort: v.size } : dash) },
  { id: "mount", label: "On the host", cell: (v) => ({ text: v.mountpoint, mono: true }) },
  { id: "created", label: "Made", num: true, cell: (v) => when(v.created) },
];

export const isSystem = (n: { name?: string | null }): boolean => ["none", "host", "bridge"].includes(n.name ?? "");

interface Doing { name: string; label: string; loses?: string; when?: (thing: Thing) => boolean }

export interface WhatRow {
  one: string;
  title: string;
  icon: string;
  about: string;
  request: string;
  columns: readonly TableColumn<Thing>[];
  /** Requests of /execute on one of them; the parameter that names it. */
  param: "container" | "name";
  does: readonly Doing[];
  prune?: { name: string; loses: string };
}

const stateIs = (...states: string[]) => (thing: Thing): boolean => "state" in thing && states.includes(thing.state);
const unused = (thing: Thing): boolean => !("in_use" in thing && thing.in_use) && !(("ipam_driver" in thing) && isSystem(thing as NetworkListItem));

export const whats: Record<What, WhatRow> = {
  containers: {
    one: "container", title: "Containers", icon: "container", about: "Containers show here as soon as a server has some.", request: "ListContainers", columns: containers as unknown as TableColumn<Thing>[], param: "container",
    does: [
      { name: "StartContainer", label: "Start", when: stateIs("exited", "created", "dead") },
      { name: "RestartContainer", label: "Restart", when: stateIs("running") },
      { name: "PauseContainer", label: "Pause", when: stateIs("running") },
      { name: "UnpauseContainer", label: "Unpause", when: stateIs("paused") },
      { name: "StopContainer", label: "Stop", when: stateIs("running", "restarting", "paused") },
      { name: "DestroyContainer", label: "Destroy", loses: "The container, with everything it wrote outside volumes." },
    ],
    prune: { name: "PruneContainers", loses: "All stopped containers, and what they wrote outside volumes." },
  },
  images: { one: "image", title: "Images", icon: "image", about: "Images show here once a server has pulled or built some.", request: "ListImages", columns: images as unknown as TableColumn<Thing>[], param: "name",
    does: [{ name: "DeleteImage", label: "Delete", loses: "The image; it is pulled or built again when it is needed.", when: unused }], prune: { name: "PruneImages", loses: "All images that no container uses." } },
  networks: { one: "network", title: "Networks", icon: "network", about: "Networks of docker on the servers.", request: "ListNetworks", columns: networks as unknown as TableColumn<Thing>[], param: "name",
    does: [{ name: "DeleteNetwork", label: "Delete", loses: "The network.", when: unused }], prune: { name: "PruneNetworks", loses: "All networks that no container uses." } },
  volumes: { one: "volume", title: "Volumes", icon: "volume", about: "Volumes show here once a container uses one.", request: "ListVolumes", columns: volumes as unknown as TableColumn<Thing>[], param: "name",
    does: [{ name: "DeleteVolume", label: "Delete", loses: "The volume, with all its data. It cannot be brought back.", when: unused }], prune: { name: "PruneVolumes", loses: "All volumes that no container uses, with their data." } },
};

export const nameOf = (thing: Thing): string => thing.name || ("id" in thing ? thing.id ?? "" : "");
export const keyOf = (thing: Thing): string => `${thing.server}/${"id" in thing && thing.id ? thing.id : nameOf(thing)}`;
export const hrefOf = (what: What, thing: Thing): string => `/servers/${thing.server}/${whats[what].one}/${encodeURIComponent(nameOf(thing))}`;
