// The tabs of resource pages. A new tab is a row here and a component that takes TabProps.
import type { Component } from "svelte";
import type { Item, Kind, TypeName } from "$lib/resources/kinds";
import type { Values } from "$lib/schema/edits";

/** A resource as Get<Type> answers. */
export interface Resource {
  _id?: { $oid: string };
  name: string;
  description: string;
  template: boolean;
  tags: string[];
  config: Values;
  info: Values | null;
}

export interface TabProps extends Record<string, unknown> {
  kind: Kind;
  item: Item<Record<string, unknown>>;
  resource: Resource;
  /** "Write", "Execute" or "Read", with the specific permissions. */
  may: { write: boolean; execute: boolean; has(specific: string): boolean };
}

export interface TabRow {
  id: string;
  label: string;
  types?: readonly TypeName[];
  when?(item: Item<Record<string, unknown>>, resource: Resource): boolean;
  load: () => Promise<{ default: unknown }>;
  props?: Record<string, string>;
}
export type TabComponent = Component<TabProps>;

const docker = () => import("./DockerTab.svelte");
// The editor itself is fetched beside the tab rather than after it; CodeEditor says it when that fails.
const script = () => {
  import("../../editor/mirror").catch(() => {});
  return import("../../editor/ScriptTab.svelte");
};

export const tabRows: readonly TabRow[] = [
  { id: "containers", label: "Containers", types: ["Server"], load: docker, props: { what: "containers" } },
  { id: "services", label: "Services", types: ["Stack"], load: () => import("./ServicesTab.svelte") },
  { id: "changes", label: "Changes", types: ["ResourceSync"], load: () => import("./ChangesTab.svelte") },
  { id: "script", label: "Script", types: ["Action"], load: script },
  { id: "stages", label: "Stages", types: ["Procedure"], load: () => import("../../procedure/StagesTab.svelte") },
  { id: "config", label: "Config", load: () => import("./ConfigTab.svelte") },
  { id: "log", label: "Log", types: ["Stack", "Deployment"], load: () => import("./LogTab.svelte") },
  { id: "files", label: "Files", types: ["Stack", "Build", "ResourceSync"], load: () => import("./FilesTab.svelte") },
  { id: "stats", label: "Stats", types: ["Server"], load: () => import("./StatsTab.svelte") },
  { id: "images", label: "Images", types: ["Server"], load: docker, props: { what: "images" } },
  { id: "networks", label: "Networks", types: ["Server"], load: docker, props: { what: "networks" } },
  { id: "volumes", label: "Volumes", types: ["Server"], load: docker, props: { what: "volumes" } },
  { id: "processes", label: "Processes", types: ["Server"], load: () => import("./ProcessesTab.svelte") },
  { id: "versions", label: "Versions", types: ["Build"], load: () => import("./VersionsTab.svelte") },
  { id: "inspect", label: "Inspect", types: ["Deployment"], load: () => import("./InspectTab.svelte") },
  { id: "terminals", label: "Terminals", types: ["Server", "Stack", "Deployment"], load: () => import("./TerminalsTab.svelte") },
  { id: "runs", label: "Runs", types: ["Action"], load: () => import("./RunsTab.svelte") },
  { id: "updates", label: "Updates", load: () => import("./UpdatesTab.svelte") },
  { id: "toml", label: "TOML", load: () => import("./TomlTab.svelte") },
  { id: "manage", label: "Manage", load: () => import("./ManageTab.svelte") },
];

export const tabsOf = (type: TypeName): TabRow[] => tabRows.filter((tab) => !tab.types || tab.types.includes(type));
