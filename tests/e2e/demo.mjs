// Something of everything, for screenshots and tests of the web page: resources of each type, updates that went well and
// badly, tags, variables, alerts. Containers when there is docker.
import { IMAGE, eventually } from "./harness.mjs";
import { bearer, caller, login } from "./tools.mjs";

const rollout = (print) => `-- Deploys what the group names, one after another.
local seen = 0
for _, d in ipairs(komodo.deployments.list()) do
  if komodo.glob(komodo.args.group, d.name) then
    komodo.stage(d.name, function()
      ${print}(d.name .. " is " .. d.info.state)
    end)
    seen = seen + 1
  end
end
assert(komodo.write("UpdateVariableValue", { name = "REGION", value = "eu-central-1" }))
return { group = komodo.args.group, seen = seen }
`;
const triggers = [
  { type: "http", path: "release", method: "POST", auth: "github" },
  { type: "event", on: ["update:DeployStack", "alert:StackStateChange"], filter: "alert or not update.success" },
];
const step = (type, params, more = {}) => ({ execution: { type, params }, enabled: true, ...more });
const releaseStages = (action) => [
  { name: "Build", enabled: true, executions: [
    step("RunAction", { action, args: {} }),
    step("RunAction", { action: "", file_contents: 'print("picking a version")\nreturn { version = "2.4.1" }\n', capabilities: ["read:*"] })] },
  { name: "Deploy", enabled: true, parallel: 2, executions: [
    step("Sleep", { duration_ms: 600_000 }), step("Sleep", { duration_ms: 20 }),
    step("RunAction", { action, args: { group: "web" } }), step("Sleep", { duration_ms: 30 }, { when: "not results.Build.ok" })] },
  { name: "Tell everybody", enabled: true, when: "results.Deploy.ok", executions: [step("SendAlert", { level: "OK", message: "2.4.1 is out", alerters: [] })] },
];

export async function fill(pair, { docker = false } = {}) {
  const as = caller(pair, bearer(await login(pair)));
  const { read, write, execute } = as;
  const id = (made) => made._id.$oid;
  const create = async (type, name, config = {}, meta = {}) => {
    const made = await write(`Create${type}`, { name, config });
    if (meta.tags || meta.description || meta.template) await write("UpdateResourceMeta", { target: { type, id: id(made) }, ...meta });
    return id(made);
  };
  for (const [name, color] of [["prod", "Green"], ["edge", "Sky"], ["jobs", "Amber"], ["db", "Violet"], ["preview", "Slate"]]) await write("CreateTag", { name, color });
  const [local] = await read("ListServers", {});
  const server = local?.id ?? "";
  if (server) await eventually("the server is reached", async () => (await read("GetServerState", { server })).status === "Ok");
  await create("Server", "fra-db-1", { enabled: true, address: "ws://127.0.0.1:9", region: "frankfurt" }, { tags: ["prod", "db"] });
  await create("Server", "hel-edge-1", { enabled: false, region: "helsinki" }, { tags: ["edge"] });
  if (server) await write("UpdateResourceMeta", { target: { type: "Server", id: server }, tags: ["prod"], description: "The machine everything runs on." });

  const names = ["api-gateway", "checkout", "billing-worker", "catalog", "mailer", "media-proxy", "metrics", "redis-sessions", "status-page", "web", "web-preview", "webhooks-in"];
  const deployments = {};
  for (const [i, name] of names.entries())
    deployments[name] = await create("Deployment", name, {
      server_id: server, image: { type: "Image", params: { image: docker ? IMAGE : `ghcr.io/acme/${name}:1.${i}.0` } }, network: docker ? "none" : "bridge",
      command: name === "billing-worker" ? "sh -c 'echo out of memory >&2; exit 1'" : "sh -c 'i=0; while true; do echo INFO request $i took $((i % 90)) ms; i=$((i+1)); sleep 1; done'", restart: "no",
      environment: `LOG_LEVEL = info\nNAME = ${name}\nTOKEN = [[API_TOKEN]]\n`, links: name === "web" ? ["https://example.com"] : [],
    }, { tags: ["prod", ...(i % 3 === 0 ? ["edge"] : []), ...(/worker|mailer/.test(name) ? ["jobs"] : [])] });
  await create("Deployment", "template-service", { image: { type: "Image", params: { image: "nginx:1.27" } } }, { template: true });
  const compose = `services:\n  web:\n    image: ${IMAGE}\n    command: ["sh", "-c", "while true; do echo serving; sleep 2; done"]\n    network_mode: none\n  cache:\n    image: ${IMAGE}\n    command: ["sleep", "100000"]\n    network_mode: none\n`;
  const stack = await create("Stack", "shop", { server_id: server, file_contents: compose, environment: "DEBUG = false\n" }, { tags: ["prod"], description: "Shop front and its cache." });
  await create("Stack", "observability", { server_id: server, files_on_host: true, run_directory: "/srv/obs" }, { tags: ["edge"] });
  const builder = await create("Builder", "builders", { type: "Server", params: { server_ids: server ? [server] : [] } });
  await create("Build", "web-image", { builder_id: builder, repo: "acme/web", branch: "main", image_name: "web" }, { tags: ["prod"] });
  await create("Repo", "infrastructure", { server_id: server, repo: "acme/infrastructure" });
  const action = await create("Action", "rollout-one-by-one", { schedule: "every day at 03:00", file_contents: rollout("print"), arguments: "group = web-*\n", webhook_secret: "s3cret", triggers }, { tags: ["prod"] });
  await write("UpdateAction", { id: action, config: { file_contents: rollout("komodo.log.info") } });
  const broken = await create("Action", "check-certificates", { file_contents: "error('certificate of example.com ends in 3 days')\n" });
  const procedure = await create("Procedure", "nightly", { schedule: "every day at 04:00", stages: [{ name: "Scripts", enabled: true, executions: [{ execution: { type: "RunAction", params: { action, args: {} } }, enabled: true }] }] });
  const release = await create("Procedure", "release", { stages: releaseStages(action) }, { tags: ["prod"] });
  await create("ResourceSync", "everything", { file_contents: "[[variable]]\nname = \"NEW_ONE\"\nvalue = \"1\"\n", include_variables: true });
  await create("Alerter", "ops-slack", { enabled: true, endpoint: { type: "Slack", params: { url: "https://hooks.slack.com/services/T/B/X" } } });
  await write("CreateVariable", { name: "API_TOKEN", value: "s3cret", is_secret: true, description: "Token of the public API." });
  await write("CreateVariable", { name: "REGION", value: "eu-central-1", description: "Where buckets are." });
  await write("UpdateDeployment", { id: deployments.web, config: { environment: "LOG_LEVEL = debug\nNAME = web\nTOKEN = [[API_TOKEN]]\nWORKERS = 4\n" } });

  const finish = async (update) => eventually("it is done", async () => { const u = await read("GetUpdate", { id: update._id.$oid }); return u.status === "Complete" && u; }, 60000);
  // What the engine cannot do yet is left out.
  const run = async (name, params) => execute(name, params).then(finish, (e) => { if (e.status !== 501) throw e; });
  await run("RunAction", { action });
  await run("RunAction", { action: broken });
  await run("RunProcedure", { procedure });
  if (docker) {
    for (const name of names.slice(0, 8)) await run("Deploy", { deployment: deployments[name] });
    await run("StopDeployment", { deployment: deployments.mailer });
    await run("DeployStack", { stack });
    await write("CreateTerminal", { target: { type: "Deployment", params: { deployment: deployments["api-gateway"] } }, name: "look", command: "sh" });
  }
  const updates = (await read("ListUpdates", {})).updates;
  const of = (operation, success) => updates.find((u) => u.operation === operation && u.success === success)?.id;
  return { as, server, stack, deployments, action, broken, procedure, release, builder,
    updates: { deploy: of("Deploy", true), failed: of("RunAction", false), config: updates.find((u) => u.operation === "UpdateDeployment")?.id } };
}

/** Every page of the web page by a name, for what `fill` made. */
export function placesOf({ server, stack, action, procedure, deployments, updates }) {
  const web = deployments.web;
  return {
    home: "/", servers: "/servers", server: `/servers/${server}`, "server-stats": `/servers/${server}?tab=stats`, "server-config": `/servers/${server}?tab=config`,
    "server-processes": `/servers/${server}?tab=processes`, "server-terminals": `/servers/${server}?tab=terminals`,
    containers: "/containers", container: `/servers/${server}/container/api-gateway`, images: "/images", networks: "/networks", volumes: "/volumes", stats: "/stats",
    stacks: "/stacks", stack: `/stacks/${stack}`, "stack-config": `/stacks/${stack}?tab=config`, deployments: "/deployments", "deployments-filtered": "/deployments?q=tag%3Ajobs",
    deployment: `/deployments/${web}`, "deployment-log": `/deployments/${deployments["api-gateway"]}?tab=log`, "deployment-terminals": `/deployments/${deployments["api-gateway"]}?tab=terminals`, "deployment-manage": `/deployments/${web}?tab=manage`, "deployment-toml": `/deployments/${web}?tab=toml`,
    builds: "/builds", repos: "/repos", swarms: "/swarms", actions: "/actions", action: `/actions/${action}`, "action-runs": `/actions/${action}?tab=runs`, procedures: "/procedures", procedure: `/procedures/${procedure}`,
    schedules: "/schedules", syncs: "/resource-syncs", alerts: "/alerts", updates: "/updates", "update-deploy": `/updates/${updates.deploy ?? updates.config}`, "update-failed": `/updates/${updates.failed}`, "update-config": `/updates/${updates.config}`,
    alerters: "/alerters", builders: "/builders", variables: "/settings/variables", tags: "/settings/tags", providers: "/settings/providers", onboarding: "/settings/onboarding", users: "/settings/users", engine: "/settings/engine", account: "/profile",
    missing: "/nothing/here",
  };
}
