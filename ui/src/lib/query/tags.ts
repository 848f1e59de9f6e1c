// Which kept answers an update makes old. Both sides are told by tags, so that neither knows the other's list.
import type { UpdateListItem } from "$generated/types";
import { kinds } from "$lib/resources/kinds";

const byRequest = new Map<string, (params: Record<string, unknown>) => string[]>();

for (const kind of kinds) {
  const { name, param, plural } = kind;
  for (const list of [`List${plural}`, `ListFull${plural}`, `Get${plural}Summary`]) byRequest.set(list, () => [name]);
  const one = (params: Record<string, unknown>): string[] => [name, `${name}:${String(params[param])}`];
  for (const get of [`Get${name}`, `Get${name}ActionState`]) byRequest.set(get, one);
}
const docker = ["ListAllContainers", "ListContainers", "ListNetworks", "ListImages", "ListVolumes", "ListComposeProjects",
  "GetContainersSummary", "InspectContainer", "InspectNetwork", "InspectImage", "InspectVolume", "ListStackServices",
  "GetDeploymentContainer", "InspectDeploymentContainer", "InspectStackContainer", "GetResourceMatchingContainer"];
for (const name of docker) byRequest.set(name, () => ["docker"]);
byRequest.set("ListUpdates", () => ["updates"]);
byRequest.set("GetUpdate", (params) => [`update:${String(params["id"])}`]);
byRequest.set("ListAlerts", () => ["alerts"]);
byRequest.set("GetAlert", () => ["alerts"]);
byRequest.set("ListSchedules", () => ["schedules"]);
byRequest.set("ListVariables", () => ["variables"]);
byRequest.set("ListTags", () => ["tags"]);
byRequest.set("ListApiKeys", () => ["keys"]);
byRequest.set("ListGitProviderAccounts", () => ["accounts"]);
byRequest.set("ListImageRegistryAccounts", () => ["accounts"]);
byRequest.set("ListOnboardingKeys", () => ["onboarding"]);
byRequest.set("ListUsers", () => ["users"]);
byRequest.set("ListUserGroups", () => ["users"]);

/** What the answer of a request depends on; its own name is always among it. */
export function tagsOf(request: string, params: unknown): string[] {
  const tags = byRequest.get(request)?.((params ?? {}) as Record<string, unknown>) ?? [];
  return [`request:${request}`, ...tags];
}

/** What is old after this update. While something runs that is its target's state; afterwards everything it may have touched. */
export function touched(update: UpdateListItem): string[] {
  const { type } = update.target;
  const tags = ["updates", `update:${update.id}`, type];
  if (update.status !== "Complete") return tags;
  if (type === "System") tags.push("variables", "accounts", "tags", "alerts");
  if (type === "Server" || type === "Stack" || type === "Deployment") tags.push("docker", "alerts");
  if (type === "Procedure" || type === "Action") tags.push("schedules", "alerts");
  return tags;
}
