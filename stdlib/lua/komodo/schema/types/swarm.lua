--- Swarms: docker swarms, reached through their managers.

local S = require("komodo.schema.dsl")
local F = require("komodo.schema.fields")

return {
  S.struct("SwarmConfig", "How a Swarm is reached.", {
    S.list("server_ids", "string", "Servers that are managers, tried in order.", { aliases = { "servers" } }),
    F.links(),
    S.flag("send_unhealthy_alerts", true, "Alert when it is not healthy."),
    F.maintenance_windows(),
  }),
  S.struct("SwarmInfo", "Nothing is kept about a Swarm.", {}),
  S.enum("SwarmState", "Health of a swarm, or of a service or stack in it.", { "Healthy", "Unhealthy", "Down", "Unknown" }),
  S.struct("SwarmListItemInfo", "State of a Swarm and what lists show of it.", {
    S.must("server_ids", { "list", "string" }, "Its managers."),
    S.must("state", "SwarmState", "Its health."),
    S.opt("err", "Serror", "Why no manager could be reached."),
  }),
  S.struct("SwarmQuerySpecifics", "Filters of Swarms.", {
    S.must("servers", { "list", "string" }, "Only those that one of these Servers manages (ids)."),
  }),
  S.enum("SwarmSortBy", "What a list of Swarms is sorted by.", { "Name", "State" }),
  S.struct("SwarmActionState", "Nothing marks a Swarm as busy.", {}),
  S.struct("GetSwarmsSummaryResponse", "Counts of Swarms.", {
    S.must("total", "uint", "All that the caller can read."),
    S.must("healthy", "uint", "All nodes ready."),
    S.must("unhealthy", "uint", "Some node not ready."),
    S.must("down", "uint", "Down."),
    S.must("unknown", "uint", "No manager reached."),
  }),
}
