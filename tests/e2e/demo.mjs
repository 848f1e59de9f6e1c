// Something of everything, for screenshots and tests of the web page: resources of each type, updates that went well and
// badly, tags, variables, an alert. Containers when there is docker.
import { execFileSync } from "node:child_process";
import { IMAGE, eventually } from "./harness.mjs";
import { bearer, caller, login, store } from "./tools.mjs";

const RULE = `--- Alert rule: a disk of which little is left.
local disk = komodo.event.stats.disks[1]
local used = 100 * disk.used_gb / disk.total_gb
if used < (komodo.args.limit or 1) then return nil end
return { level = "WARNING", message = ("%s is %.0f %% full"):format(disk.mount, used) }
`;

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

export async function fill(pair, { docker = null } = {}) {
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

  // Every deployment has an image of its own name, all of them the same few bytes.
  const image = (name, i) => {
    const called = `ghcr.io/acme/${name}:1.${i}.0`;
    if (docker) execFileSync("docker", ["-H", docker.host, "tag", IMAGE, called]);
    return called;
  };
  const names = ["api-gateway", "checkout", "billing-worker", "catalog", "mailer", "media-proxy", "metrics", "redis-sessions", "status-page", "web", "web-preview", "webhooks-in"];
  const deployments = {};
  for (const [i, name] of names.entries())
    deployments[name] = await create("Deployment", name, {
      server_id: server, image: { type: "Image", params: { image: image(name, i) } }, network: docker ? "none" : "bridge",
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
  if (server) await create("Action", "disk-rule", { file_contents: RULE, triggers: [{ type: "poll" }] });
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
  if (docker) {
    for (const name of names.filter((n) => !["status-page", "web-preview"].includes(n))) await run("Deploy", { deployment: deployments[name] });
    await run("StopDeployment", { deployment: deployments.mailer });
    await run("DeployStack", { stack });
    await write("CreateTerminal", { target: { type: "Deployment", params: { deployment: deployments["api-gateway"] } }, name: "look", command: "sh" });
  }
  await run("RunAction", { action });
  await run("RunAction", { action: broken });
  await run("RunProcedure", { procedure });
  const alert = server && await eventually("the rule opened an alert", async () => (await read("ListAlerts", { query: { resolved: false } })).alerts.find((a) => a.data.type === "Custom")?._id.$oid);
  const updates = (await read("ListUpdates", {})).updates;
  const of = (operation, success) => updates.find((u) => u.operation === operation && u.success === success)?.id;
  return { as, server, stack, deployments, action, broken, procedure, release, builder, alert,
    updates: { deploy: of("Deploy", true), failed: of("RunAction", false), config: updates.find((u) => u.operation === "UpdateDeployment")?.id } };
}

/** Every page of the web page by a name, for what `fill` made. */
export function placesOf({ alert, server, stack, action, procedure, deployments, updates }) {
  const web = deployments.web;
  return {
    home: "/", servers: "/servers", server: `/servers/${server}`, "server-stats": `/servers/${server}?tab=stats`, "server-config": `/servers/${server}?tab=config`,
    "server-processes": `/servers/${server}?tab=processes`, "server-terminals": `/servers/${server}?tab=terminals`,
    containers: "/containers", container: `/servers/${server}/container/api-gateway`, images: "/images", networks: "/networks", volumes: "/volumes", stats: "/stats",
    stacks: "/stacks", stack: `/stacks/${stack}`, "stack-config": `/stacks/${stack}?tab=config`, deployments: "/deployments", "deployments-filtered": "/deployments?q=tag%3Ajobs",
    deployment: `/deployments/${web}`, "deployment-log": `/deployments/${deployments["api-gateway"]}?tab=log`, "deployment-terminals": `/deployments/${deployments["api-gateway"]}?tab=terminals`, "deployment-manage": `/deployments/${web}?tab=manage`, "deployment-toml": `/deployments/${web}?tab=toml`,
    builds: "/builds", repos: "/repos", swarms: "/swarms", actions: "/actions", action: `/actions/${action}`, "action-runs": `/actions/${action}?tab=runs`, procedures: "/procedures", procedure: `/procedures/${procedure}`,
    schedules: "/schedules", syncs: "/resource-syncs", alerts: "/alerts", ...(alert ? { alert: `/alerts/${alert}` } : {}), updates: "/updates", "update-deploy": `/updates/${updates.deploy ?? updates.config}`, "update-failed": `/updates/${updates.failed}`, "update-config": `/updates/${updates.config}`,
    alerters: "/alerters", builders: "/builders", variables: "/settings/variables", tags: "/settings/tags", providers: "/settings/providers", onboarding: "/settings/onboarding", users: "/settings/users", engine: "/settings/engine", account: "/profile",
    missing: "/nothing/here",
  };
}

/** An hour of stats for each of `servers` (ids), as if they had been polled all the time: charts have something to show. */
export function pretendHistory(pair, servers) {
  const now = Math.floor(Date.now() / 15_000) * 15_000, docs = {};
  servers.forEach((sid, s) => {
    const wave = (i, slow, fast) => Math.sin(i / slow + s) + 0.5 * Math.sin(i / fast + 2 * s) + 0.2 * Math.sin(i * i + s);
    for (let i = 0; i < 240; i++) {
      const ts = now - (240 - i) * 15_000, cpu = 38 + 9 * s + 9 * wave(i, 31, 11), disk = 170 + i / 400;
      docs[`${sid}-${ts}`] = {
        ts, sid, disk_used_gb: disk, disk_total_gb: 252, cpu_perc: Math.max(1, cpu), mem_used_gb: 1.8 + s / 2 + 0.1 * wave(i, 60, 13), mem_total_gb: 23.5,
        mem_buff_cache_gb: 2, mem_zfs_arc_gb: 0, swap_total_gb: 0, swap_used_gb: 0, network_ingress_bytes: 3e5 * Math.max(0.2, 1.6 + wave(i, 23, 9)), network_egress_bytes: 2e5 * Math.max(0.2, 1.6 + wave(i, 19, 8)),
        load_average: { one: cpu / 25, five: cpu / 27, fifteen: 1.2 + s / 3 }, disks: [{ mount: "/", file_system: "ext4", used_gb: disk, total_gb: 252 }],
      };
    }
  });
  store(pair, { Stats: docs });
}
