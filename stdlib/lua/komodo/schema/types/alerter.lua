--- Alerters and the alerts they send.

local S = require("komodo.schema.dsl")
local F = require("komodo.schema.fields")

local endpoint = S.union("AlerterEndpoint", "Where alerts go.", { "type", "params" }, {
  { "Custom", "CustomAlerterEndpoint" },
  { "Slack", "SlackAlerterEndpoint" },
  { "Discord", "DiscordAlerterEndpoint" },
  { "Ntfy", "NtfyAlerterEndpoint" },
  { "Pushover", "PushoverAlerterEndpoint" },
})

local function data(name, doc, ...)
  return S.struct("AlertData" .. name, doc, F.join(...))
end

local function named(what)
  return { S.must("id", "string", "Id of the " .. what .. "."), S.must("name", "string", "Name of the " .. what .. ".") }
end

local region = S.opt("region", "string", "Where the Server stands.")

local function host()
  return {
    S.opt("server_id", "string", "Its Server."),
    S.opt("server_name", "string", "Name of that Server."),
    S.opt("swarm_id", "string", "Its Swarm."),
    S.opt("swarm_name", "string", "Name of that Swarm."),
  }
end

local function change(state)
  return { S.must("from", state, "State before."), S.must("to", state, "State now.") }
end

local alert_data = S.union("AlertData", "What an alert is about.", { "type", "data" }, {
  { "None", "NoData" },
  { "Test", data("Test", "An alerter is being tried out.", named("Alerter")) },
  { "SwarmUnhealthy", data("SwarmUnhealthy", "A Swarm is not healthy.", named("Swarm"), S.opt("err", "Serror", "What is wrong.")) },
  { "ServerUnreachable", data("ServerUnreachable", "A Server cannot be reached.", named("Server"), region,
    S.opt("err", "Serror", "Why.")) },
  { "ServerCpu", data("ServerCpu", "Cpu use of a Server is high.", named("Server"), region,
    S.must("percentage", "number", "How much of the cpu is used.")) },
  { "ServerMem", data("ServerMem", "Memory use of a Server is high.", named("Server"), region,
    S.must("used_gb", "number", "Memory used."), S.must("total_gb", "number", "Memory there is.")) },
  { "ServerDisk", data("ServerDisk", "A disk of a Server is getting full.", named("Server"), region,
    S.must("path", "string", "Mount of the disk."), S.must("used_gb", "number", "Space used."),
    S.must("total_gb", "number", "Space there is.")) },
  { "ServerVersionMismatch", data("ServerVersionMismatch", "Agent and engine differ in version.", named("Server"), region,
    S.must("server_version", "string", "Version of the agent."), S.must("core_version", "string", "Version of the engine.")) },
  { "ContainerStateChange", data("ContainerStateChange", "A Deployment changed its state.", named("Deployment"), host(),
    change("DeploymentState")) },
  { "DeploymentImageUpdateAvailable", data("DeploymentImageUpdateAvailable", "A newer image exists.", named("Deployment"), host(),
    S.must("image", "string", "The image.")) },
  { "DeploymentAutoUpdated", data("DeploymentAutoUpdated", "A Deployment was redeployed with a newer image.", named("Deployment"),
    host(), S.must("image", "string", "The image.")) },
  { "StackStateChange", data("StackStateChange", "A Stack changed its state.", named("Stack"), host(), change("StackState")) },
  { "StackImageUpdateAvailable", data("StackImageUpdateAvailable", "A newer image exists for a service.", named("Stack"), host(),
    S.must("service", "string", "The service."), S.must("image", "string", "The image.")) },
  { "StackAutoUpdated", data("StackAutoUpdated", "A Stack was redeployed with newer images.", named("Stack"), host(),
    S.must("images", { "list", "string" }, "The images.")) },
  { "AwsBuilderTerminationFailed", data("AwsBuilderTerminationFailed", "An EC2 instance could not be ended.",
    S.must("instance_id", "string", "The instance."), S.must("message", "string", "Why.")) },
  { "ResourceSyncPendingUpdates", data("ResourceSyncPendingUpdates", "Resource files differ from what is there.",
    named("Resource Sync")) },
  { "BuildFailed", data("BuildFailed", "A build failed.", named("Build"), S.must("version", "Version", "Version being built.")) },
  { "RepoBuildFailed", data("RepoBuildFailed", "The build of a Repo failed.", named("Repo")) },
  { "ProcedureFailed", data("ProcedureFailed", "A Procedure failed.", named("Procedure")) },
  { "ActionFailed", data("ActionFailed", "An Action failed.", named("Action")) },
  { "ScheduleRun", data("ScheduleRun", "A schedule started a run.",
    S.must("resource_type", "ResourceTargetVariant", "Procedure or Action."), named("resource")) },
  { "Custom", data("Custom", "Anything else, sent by a user, script or alert rule.", S.must("message", "string", "What happened."),
    S.text("details", "", "More about it.")) },
})

return {
  S.struct("CustomAlerterEndpoint", "Any HTTP endpoint; gets the alert as JSON.", {
    S.text("url", "http://localhost:7000", "Address to post to."),
  }),
  S.struct("SlackAlerterEndpoint", "A Slack app.", {
    S.text("url", "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX", "Address of its incoming webhook."),
  }),
  S.struct("DiscordAlerterEndpoint", "A Discord channel.", {
    S.text("url", "https://discord.com/api/webhooks/XXXXXXXXXXXX/XXXX-XXXXXXXXXX", "Address of its webhook."),
  }),
  S.struct("NtfyAlerterEndpoint", "An ntfy topic.", {
    S.text("url", "http://localhost:8080/komodo", "Address of the topic."),
    S.opt("email", "string", "Also mail it to this address (the ntfy server needs SMTP)."),
  }),
  S.struct("PushoverAlerterEndpoint", "A Pushover application.", {
    S.text("url", "https://api.pushover.net/1/messages.json?token=XXXXXXXXXXXXX&user=XXXXXXXXXXXXX", "Address with token and user."),
  }),
  endpoint,
  S.variants_of("AlerterEndpointVariant", "Name of an endpoint type.", endpoint),
  S.struct("AlerterConfig", "What an Alerter sends, and where to.", {
    S.flag("enabled", false, "Whether it sends anything."),
    S.with("endpoint", "AlerterEndpoint", { type = "Custom", params = { url = "http://localhost:7000" } }, "Where alerts go."),
    S.list("alert_types", "AlertDataVariant", "Only these kinds of alert; empty for all."),
    S.list("resources", "ResourceTarget", "Only alerts about these; empty for all."),
    S.list("except_resources", "ResourceTarget", "No alerts about these."),
    F.maintenance_windows(),
  }),
  S.struct("AlerterListItemInfo", "What lists show of an Alerter.", {
    S.must("enabled", "bool", "Whether it sends anything."),
    S.must("endpoint_type", "AlerterEndpointVariant", "Where it sends to."),
  }),
  S.struct("AlerterQuerySpecifics", "Filters of Alerters.", {
    S.opt("enabled", "bool", "Only enabled (true) or disabled (false) ones."),
    S.must("types", { "list", "AlerterEndpointVariant" }, "Only these endpoint types; empty for all."),
  }),
  S.enum("AlerterSortBy", "What a list of Alerters is sorted by.", { "Name", "Type", "Enabled" }),
  S.struct("GetAlertersSummaryResponse", "Counts of Alerters.", {
    S.must("total", "uint", "All that the caller can read."),
  }),
  S.enum("SeverityLevel", "How bad it is.", { "OK", "WARNING", "CRITICAL" }),
  alert_data,
  S.variants_of("AlertDataVariant", "Kind of an alert.", alert_data),
  S.struct("Alert", "Something people should know about.", {
    S.skip("_id", "MongoId", "Id; absent when it was only sent."),
    S.must("ts", "int", "When it was raised, in milliseconds."),
    S.must("resolved", "bool", "It is over."),
    S.must("level", "SeverityLevel", "How bad it is."),
    S.must("target", "ResourceTarget", "What it is about."),
    S.must("data", "AlertData", "What happened."),
    S.opt("resolved_ts", "int", "When it was over, in milliseconds."),
    S.ours(S.skip("rule", "AlertOfRule", "The alert rule that opened it.")),
  }),
  S.ours(S.struct("AlertOfRule", "Where an alert of a rule comes from.", {
    S.must("action", "string", "Id of the Action."),
    S.text("key", "", "Which of the alerts of its target it is."),
    S.number("resolve_after", 0.0, "Seconds it must be fine before it is over."),
  })),
  S.struct("ListAlertsResponse", "A page of alerts.", {
    S.must("alerts", { "list", "Alert" }, "Newest first."),
    S.opt("next_page", "int", "Page after this one; null for the last."),
  }),
}
