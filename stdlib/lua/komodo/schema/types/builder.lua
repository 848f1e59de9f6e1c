--- Builders: where Builds and Repos are built.

local S = require("komodo.schema.dsl")

return {
  S.struct("UrlBuilderConfig", "An agent at a fixed address.", {
    S.text("address", "https://periphery:8120", "Address of the agent."),
    S.text("periphery_public_key", "", "Key it must have; empty accepts any."),
    S.flag("insecure_tls", true, "Accept any certificate."),
    S.text("passkey", "", "Passkey of agents before 2.0."),
  }),
  S.struct("ServerBuilderConfig", "One of several Servers.", {
    S.strlist("server_ids", "Servers to choose from; the least busy one is taken.", { aliases = { "server_id", "server", "servers" } }),
  }),
  S.struct("AwsBuilderConfig", "An EC2 instance started for each build.", {
    S.text("region", "us-east-1", "AWS region."),
    S.text("instance_type", "c5.2xlarge", "Instance type."),
    S.int("volume_gb", 20, "Size of the disk."),
    S.text("ami_id", "", "Machine image with an agent in it."),
    S.text("subnet_id", "", "Subnet."),
    S.text("key_pair_name", "", "Key pair for ssh."),
    S.flag("assign_public_ip", false, "Give it a public address."),
    S.flag("use_public_ip", false, "Reach it by that address."),
    S.strlist("security_group_ids", "Security groups."),
    S.text("user_data", "", "Script run at boot."),
    S.int("port", 8120, "Port of the agent."),
    S.flag("use_https", true, "Use TLS."),
    S.text("periphery_public_key", "", "Key the agent must have; empty accepts any."),
    S.flag("insecure_tls", true, "Accept any certificate."),
    S.list("git_providers", "GitProvider", "Git accounts that the image's agent has."),
    S.list("image_registries", "ImageRegistry", "Registry accounts that the image's agent has."),
    S.strlist("secrets", "Names of the secrets that the image's agent has."),
  }),
  S.union("BuilderConfig", "Where to build.", { "type", "params" }, {
    { "Url", "UrlBuilderConfig" },
    { "Server", "ServerBuilderConfig" },
    { "Aws", "AwsBuilderConfig" },
  }),
  S.struct("BuilderListItemInfo", "What lists show of a Builder.", {
    S.must("builder_type", "string", "Url, Server or Aws."),
    S.opt("instance_type", "string", "Aws: instance type; Server: ids of the Servers."),
  }),
  S.struct("BuilderQuerySpecifics", "Filters of Builders; there are none.", {}),
  S.enum("BuilderSortBy", "What a list of Builders is sorted by.", { "Name", "Provider", "InstanceType" }),
  S.struct("GetBuildersSummaryResponse", "Counts of Builders.", {
    S.must("total", "uint", "All that the caller can read."),
  }),
}
