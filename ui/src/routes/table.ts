// Every page of the application. A new page is one row here and a component in pages/.
import { kinds } from "$lib/resources/kinds";
import type { Route } from "./router.svelte";

const list = () => import("./pages/ResourceList.svelte");
const resource = () => import("./pages/ResourcePage.svelte");
const dockerObject = () => import("./pages/DockerObject.svelte");
const fleet = () => import("./pages/Fleet.svelte");

export const routes: readonly Route[] = [
  { pattern: "/", title: "Home", load: () => import("./pages/Dashboard.svelte") },
  { pattern: "/containers", title: "Containers", load: fleet, props: { what: "containers" } },
  { pattern: "/images", title: "Images", load: fleet, props: { what: "images" } },
  { pattern: "/networks", title: "Networks", load: fleet, props: { what: "networks" } },
  { pattern: "/volumes", title: "Volumes", load: fleet, props: { what: "volumes" } },
  { pattern: "/stats", title: "Stats", load: () => import("./pages/Stats.svelte") },
  { pattern: "/schedules", title: "Schedules", load: () => import("./pages/Schedules.svelte") },
  { pattern: "/updates", title: "Updates", load: () => import("./pages/Updates.svelte") },
  { pattern: "/updates/:id", title: "Update", load: () => import("./pages/UpdatePage.svelte") },
  { pattern: "/alerts", title: "Alerts", load: () => import("./pages/Alerts.svelte") },
  { pattern: "/alerts/:id", title: "Alert", load: () => import("./pages/AlertPage.svelte") },
  { pattern: "/settings", title: "Settings", load: () => import("./pages/Settings.svelte") },
  { pattern: "/settings/:tab", title: "Settings", load: () => import("./pages/Settings.svelte") },
  { pattern: "/profile", title: "Account", load: () => import("./pages/Profile.svelte") },
  ...kinds.flatMap(({ path, name, title }): Route[] => [
    { pattern: `/${path}`, title, load: list, props: { type: name } },
    { pattern: `/${path}/:id`, title, load: resource, props: { type: name } },
  ]),
  ...["container", "image", "network", "volume"].map((what): Route => ({ pattern: `/servers/:server/${what}/:object`, title: what, load: dockerObject, props: { what } })),
  ...(import.meta.env.DEV ? [{ pattern: "/dev/components", title: "Components", load: () => import("./pages/Components.svelte") }] : []),
];
