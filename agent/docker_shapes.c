/* agent/docker_shapes.c: the fields of docker's objects that engines know (spec agent.md 14; the published client's
 * types Container, Image, ImageHistoryResponseItem, Network, Volume, FullContainerStats). Data only. */
#include "agent/shape.h"

#define TEXT(name) {name, SHAPE_TEXT, NULL, NULL, MISSING_USUAL, NULL}
#define NUM(name) {name, SHAPE_NUMBER, NULL, NULL, MISSING_USUAL, NULL}
#define BOOL(name) {name, SHAPE_BOOL, NULL, NULL, MISSING_USUAL, NULL}
#define ENUM(name, otherwise) {name, SHAPE_ENUM, NULL, otherwise, MISSING_USUAL, NULL}
#define LIST(name) {name, SHAPE_LIST, NULL, NULL, MISSING_USUAL, NULL}
#define LIST_OR_NULL(name) {name, SHAPE_LIST, NULL, NULL, MISSING_NULL, NULL}
#define KEYS(name) {name, SHAPE_KEYS, NULL, NULL, MISSING_USUAL, NULL}
#define KEYS_OR_NULL(name) {name, SHAPE_KEYS, NULL, NULL, MISSING_NULL, NULL}
#define MAP(name) {name, SHAPE_MAP, NULL, NULL, MISSING_USUAL, NULL}
#define MAP_OR_NULL(name) {name, SHAPE_MAP, NULL, NULL, MISSING_NULL, NULL}
#define MAP_OR_OMIT(name) {name, SHAPE_MAP, NULL, NULL, MISSING_OMIT, NULL}
#define OBJECT(name, of) {name, SHAPE_OBJECT, &of, NULL, MISSING_USUAL, NULL}
#define OBJECT_OR_OMIT(name, of) {name, SHAPE_OBJECT, &of, NULL, MISSING_OMIT, NULL}
#define OBJECTS(name, of) {name, SHAPE_OBJECTS, &of, NULL, MISSING_USUAL, NULL}
#define OBJECTS_OR_NULL(name, of) {name, SHAPE_OBJECTS, &of, NULL, MISSING_NULL, NULL}
#define OBJECTS_OR_OMIT(name, of) {name, SHAPE_OBJECTS, &of, NULL, MISSING_OMIT, NULL}
#define MAP_OBJECTS(name, of) {name, SHAPE_MAP_OBJECTS, &of, NULL, MISSING_USUAL, NULL}
#define MAP_OBJECTS_OR_OMIT(name, of) {name, SHAPE_MAP_OBJECTS, &of, NULL, MISSING_OMIT, NULL}
#define MAP_LISTS(name, of) {name, SHAPE_MAP_LISTS, &of, NULL, MISSING_USUAL, NULL}
#define NAMED(name, of, key) {name, SHAPE_NAMED, &of, key, MISSING_USUAL, NULL}

#define SHAPE(name, ...)                                               \
  static const struct shape_field name##_fields[] = {__VA_ARGS__};     \
  static const struct shape name = {name##_fields, ARRAY_LEN(name##_fields)}
#define SHAPE_PUBLIC(name, ...)                                        \
  static const struct shape_field name##_fields[] = {__VA_ARGS__};     \
  const struct shape name = {name##_fields, ARRAY_LEN(name##_fields)}

/* ---- containers */

SHAPE(health_result, TEXT("Start"), TEXT("End"), NUM("ExitCode"), TEXT("Output"));
SHAPE(health, ENUM("Status", ""), NUM("FailingStreak"), OBJECTS("Log", health_result));
SHAPE(container_state, ENUM("Status", ""), BOOL("Running"), BOOL("Paused"), BOOL("Restarting"), BOOL("OOMKilled"),
      BOOL("Dead"), NUM("Pid"), NUM("ExitCode"), TEXT("Error"), TEXT("StartedAt"), TEXT("FinishedAt"),
      OBJECT("Health", health));
SHAPE(weight_device, TEXT("Path"), NUM("Weight"));
SHAPE(throttle_device, TEXT("Path"), NUM("Rate"));
SHAPE(device_mapping, TEXT("PathOnHost"), TEXT("PathInContainer"), TEXT("CgroupPermissions"));
SHAPE(device_request, TEXT("Driver"), NUM("Count"), LIST("DeviceIDs"), LIST("Capabilities"), MAP("Options"));
SHAPE(ulimit, TEXT("Name"), NUM("Soft"), NUM("Hard"));
SHAPE(log_config, TEXT("Type"), MAP("Config"));
SHAPE(port_binding, TEXT("HostIp"), TEXT("HostPort"));
SHAPE(restart_policy, ENUM("Name", ""), NUM("MaximumRetryCount"));
SHAPE(bind_options, ENUM("Propagation", ""), BOOL("NonRecursive"), BOOL("CreateMountpoint"),
      BOOL("ReadOnlyNonRecursive"), BOOL("ReadOnlyForceRecursive"));
SHAPE(volume_driver, TEXT("Name"), MAP("Options"));
SHAPE(volume_options, BOOL("NoCopy"), MAP("Labels"), OBJECT("DriverConfig", volume_driver), TEXT("Subpath"));
SHAPE(tmpfs_options, NUM("SizeBytes"), NUM("Mode"));
SHAPE(mount, TEXT("Target"), TEXT("Source"), ENUM("Type", "bind"), BOOL("ReadOnly"), TEXT("Consistency"),
      OBJECT("BindOptions", bind_options), OBJECT("VolumeOptions", volume_options), OBJECT("TmpfsOptions", tmpfs_options));
SHAPE(host_config, NUM("CpuShares"), NUM("Memory"), TEXT("CgroupParent"), NUM("BlkioWeight"),
      OBJECTS("BlkioWeightDevice", weight_device), OBJECTS("BlkioDeviceReadBps", throttle_device),
      OBJECTS("BlkioDeviceWriteBps", throttle_device), OBJECTS("BlkioDeviceReadIOps", throttle_device),
      OBJECTS("BlkioDeviceWriteIOps", throttle_device), NUM("CpuPeriod"), NUM("CpuQuota"), NUM("CpuRealtimePeriod"),
      NUM("CpuRealtimeRuntime"), TEXT("CpusetCpus"), TEXT("CpusetMems"), OBJECTS("Devices", device_mapping),
      LIST("DeviceCgroupRules"), OBJECTS("DeviceRequests", device_request), NUM("MemoryReservation"), NUM("MemorySwap"),
      NUM("MemorySwappiness"), NUM("NanoCpus"), BOOL("OomKillDisable"), BOOL("Init"), NUM("PidsLimit"),
      OBJECTS("Ulimits", ulimit), NUM("CpuCount"), NUM("CpuPercent"), NUM("IOMaximumIOps"), NUM("IOMaximumBandwidth"),
      LIST("Binds"), TEXT("ContainerIDFile"), OBJECT("LogConfig", log_config), TEXT("NetworkMode"),
      MAP_LISTS("PortBindings", port_binding), OBJECT("RestartPolicy", restart_policy), BOOL("AutoRemove"),
      TEXT("VolumeDriver"), LIST("VolumesFrom"), OBJECTS("Mounts", mount), LIST("ConsoleSize"), MAP("Annotations"),
      LIST("CapAdd"), LIST("CapDrop"), ENUM("CgroupnsMode", ""), LIST("Dns"), LIST("DnsOptions"), LIST("DnsSearch"),
      LIST("ExtraHosts"), LIST("GroupAdd"), TEXT("IpcMode"), TEXT("Cgroup"), LIST("Links"), NUM("OomScoreAdj"),
      TEXT("PidMode"), BOOL("Privileged"), BOOL("PublishAllPorts"), BOOL("ReadonlyRootfs"), LIST("SecurityOpt"),
      MAP("StorageOpt"), MAP("Tmpfs"), TEXT("UTSMode"), TEXT("UsernsMode"), NUM("ShmSize"), MAP("Sysctls"),
      TEXT("Runtime"), ENUM("Isolation", ""), LIST("MaskedPaths"), LIST("ReadonlyPaths"));
SHAPE(graph_driver, TEXT("Name"), MAP("Data"));
SHAPE(mount_point, TEXT("Type"), TEXT("Name"), TEXT("Source"), TEXT("Destination"), TEXT("Driver"), TEXT("Mode"),
      BOOL("RW"), TEXT("Propagation"));
SHAPE(healthcheck, LIST("Test"), NUM("Interval"), NUM("Timeout"), NUM("Retries"), NUM("StartPeriod"),
      NUM("StartInterval"));
SHAPE(container_config, TEXT("Hostname"), TEXT("Domainname"), TEXT("User"), BOOL("AttachStdin"), BOOL("AttachStdout"),
      BOOL("AttachStderr"), KEYS("ExposedPorts"), BOOL("Tty"), BOOL("OpenStdin"), BOOL("StdinOnce"), LIST("Env"),
      LIST("Cmd"), OBJECT("Healthcheck", healthcheck), BOOL("ArgsEscaped"), TEXT("Image"), KEYS("Volumes"),
      TEXT("WorkingDir"), LIST("Entrypoint"), BOOL("NetworkDisabled"), LIST("OnBuild"), MAP("Labels"),
      TEXT("StopSignal"), NUM("StopTimeout"), LIST("Shell"));
SHAPE(endpoint_ipam, TEXT("IPv4Address"), TEXT("IPv6Address"), LIST("LinkLocalIPs"));
SHAPE(endpoint, OBJECT("IPAMConfig", endpoint_ipam), LIST("Links"), TEXT("MacAddress"), LIST("Aliases"),
      TEXT("NetworkID"), TEXT("EndpointID"), TEXT("Gateway"), TEXT("IPAddress"), NUM("IPPrefixLen"), TEXT("IPv6Gateway"),
      TEXT("GlobalIPv6Address"), NUM("GlobalIPv6PrefixLen"), MAP("DriverOpts"), LIST("DNSNames"));
SHAPE(network_settings, TEXT("SandboxID"), MAP_LISTS("Ports", port_binding), TEXT("SandboxKey"),
      MAP_OBJECTS("Networks", endpoint));
SHAPE_PUBLIC(shape_container, TEXT("Id"), TEXT("Created"), TEXT("Path"), LIST("Args"), OBJECT("State", container_state),
             TEXT("Image"), TEXT("ResolvConfPath"), TEXT("HostnamePath"), TEXT("HostsPath"), TEXT("LogPath"), TEXT("Name"),
             NUM("RestartCount"), TEXT("Driver"), TEXT("Platform"), TEXT("MountLabel"), TEXT("ProcessLabel"),
             TEXT("AppArmorProfile"), LIST("ExecIDs"), OBJECT("HostConfig", host_config),
             OBJECT("GraphDriver", graph_driver), NUM("SizeRw"), NUM("SizeRootFs"), OBJECTS("Mounts", mount_point),
             OBJECT("Config", container_config), OBJECT("NetworkSettings", network_settings));

/* ---- images */

SHAPE(oci_platform, TEXT("architecture"), TEXT("os"),
      {"os_version", SHAPE_TEXT, NULL, NULL, MISSING_USUAL, "os.version"},
      {"os_features", SHAPE_LIST, NULL, NULL, MISSING_USUAL, "os.features"}, TEXT("variant"));
SHAPE(oci_descriptor, TEXT("mediaType"), TEXT("digest"), NUM("size"), LIST("urls"), MAP_OR_NULL("annotations"),
      TEXT("data"), OBJECT("platform", oci_platform), TEXT("artifactType"));
SHAPE(manifest_size, NUM("Total"), NUM("Content"));
SHAPE(manifest_data_size, NUM("Unpacked"));
SHAPE(manifest_data, OBJECT("Platform", oci_platform), LIST("Containers"), OBJECT("Size", manifest_data_size));
SHAPE(manifest_attestation, TEXT("For"));
SHAPE(manifest, TEXT("ID"), OBJECT("Descriptor", oci_descriptor), BOOL("Available"), OBJECT("Size", manifest_size),
      ENUM("Kind", ""), OBJECT("ImageData", manifest_data), OBJECT("AttestationData", manifest_attestation));
SHAPE(image_config, TEXT("User"), KEYS_OR_NULL("ExposedPorts"), LIST_OR_NULL("Env"), LIST_OR_NULL("Cmd"),
      OBJECT("Healthcheck", healthcheck), BOOL("ArgsEscaped"), KEYS("Volumes"), TEXT("WorkingDir"),
      LIST_OR_NULL("Entrypoint"), LIST_OR_NULL("OnBuild"), MAP_OR_NULL("Labels"), TEXT("StopSignal"),
      LIST_OR_NULL("Shell"));
SHAPE(image_rootfs, TEXT("Type"), LIST("Layers"));
SHAPE(image_metadata, TEXT("LastTagTime"));
SHAPE_PUBLIC(shape_image, TEXT("Id"), OBJECT("Descriptor", oci_descriptor), OBJECTS_OR_NULL("Manifests", manifest),
             LIST("RepoTags"), LIST("RepoDigests"), TEXT("Comment"), TEXT("Created"), TEXT("Author"),
             OBJECT("Config", image_config), TEXT("Architecture"), TEXT("Variant"), TEXT("Os"), TEXT("OsVersion"),
             NUM("Size"), OBJECT("GraphDriver", graph_driver), OBJECT("RootFS", image_rootfs),
             OBJECT("Metadata", image_metadata));
SHAPE_PUBLIC(shape_image_history, TEXT("Id"), NUM("Created"), TEXT("CreatedBy"), LIST("Tags"), NUM("Size"),
             TEXT("Comment"));

/* ---- networks and volumes */

SHAPE(ipam_config, TEXT("Subnet"), TEXT("IPRange"), TEXT("Gateway"), MAP("AuxiliaryAddresses"));
SHAPE(ipam, TEXT("Driver"), OBJECTS("Config", ipam_config), MAP("Options"));
SHAPE(network_container, TEXT("Name"), TEXT("EndpointID"), TEXT("MacAddress"), TEXT("IPv4Address"), TEXT("IPv6Address"));
SHAPE_PUBLIC(shape_network, TEXT("Name"), TEXT("Id"), TEXT("Created"), TEXT("Scope"), TEXT("Driver"), BOOL("EnableIPv6"),
             OBJECT("IPAM", ipam), BOOL("Internal"), BOOL("Attachable"), BOOL("Ingress"),
             NAMED("Containers", network_container, "ContainerID"), MAP("Options"), MAP("Labels"));

SHAPE(object_version, NUM("Index"));
SHAPE(topology, MAP_OR_OMIT("Segments"));
SHAPE(access_secret, TEXT("Key"), TEXT("Secret"));
SHAPE(accessibility, OBJECTS("Requisite", topology), OBJECTS("Preferred", topology));
SHAPE(capacity_range, NUM("RequiredBytes"), NUM("LimitBytes"));
SHAPE(access_mode, ENUM("Scope", ""), ENUM("Sharing", ""), OBJECTS("Secrets", access_secret),
      OBJECT("AccessibilityRequirements", accessibility), OBJECT("CapacityRange", capacity_range),
      ENUM("Availability", ""));
SHAPE(cluster_spec, TEXT("Group"), OBJECT("AccessMode", access_mode));
SHAPE(cluster_info, NUM("CapacityBytes"), MAP("VolumeContext"), TEXT("VolumeID"), OBJECTS("AccessibleTopology", topology));
SHAPE(publish_status, TEXT("NodeID"), ENUM("State", ""), MAP("PublishContext"));
SHAPE(cluster_volume, TEXT("ID"), OBJECT("Version", object_version), TEXT("CreatedAt"), TEXT("UpdatedAt"),
      OBJECT("Spec", cluster_spec), OBJECT("Info", cluster_info), OBJECTS("PublishStatus", publish_status));
SHAPE(volume_usage, NUM("Size"), NUM("RefCount"));
SHAPE_PUBLIC(shape_volume, TEXT("Name"), TEXT("Driver"), TEXT("Mountpoint"), TEXT("CreatedAt"), KEYS_OR_NULL("Status"),
             MAP("Labels"), ENUM("Scope", ""), OBJECT("ClusterVolume", cluster_volume), MAP("Options"),
             OBJECT("UsageData", volume_usage));

/* ---- statistics of one container */

SHAPE(pids_stats, NUM("current"), NUM("limit"));
SHAPE(blkio_entry, NUM("major"), NUM("minor"), TEXT("op"), NUM("value"));
SHAPE(blkio_stats, OBJECTS_OR_OMIT("io_service_bytes_recursive", blkio_entry),
      OBJECTS_OR_OMIT("io_serviced_recursive", blkio_entry), OBJECTS_OR_OMIT("io_queue_recursive", blkio_entry),
      OBJECTS_OR_OMIT("io_service_time_recursive", blkio_entry), OBJECTS_OR_OMIT("io_wait_time_recursive", blkio_entry),
      OBJECTS_OR_OMIT("io_merged_recursive", blkio_entry), OBJECTS_OR_OMIT("io_time_recursive", blkio_entry),
      OBJECTS_OR_OMIT("sectors_recursive", blkio_entry));
SHAPE(storage_stats, NUM("read_count_normalized"), NUM("read_size_bytes"), NUM("write_count_normalized"),
      NUM("write_size_bytes"));
SHAPE(cpu_usage, NUM("total_usage"), LIST("percpu_usage"), NUM("usage_in_kernelmode"), NUM("usage_in_usermode"));
SHAPE(throttling, NUM("periods"), NUM("throttled_periods"), NUM("throttled_time"));
SHAPE(cpu_stats, OBJECT("cpu_usage", cpu_usage), NUM("system_cpu_usage"), NUM("online_cpus"),
      OBJECT("throttling_data", throttling));
SHAPE(memory_stats, NUM("usage"), NUM("max_usage"), MAP("stats"), NUM("failcnt"), NUM("limit"), NUM("commitbytes"),
      NUM("commitpeakbytes"), NUM("privateworkingset"));
SHAPE(network_stats, NUM("rx_bytes"), NUM("rx_packets"), NUM("rx_errors"), NUM("rx_dropped"), NUM("tx_bytes"),
      NUM("tx_packets"), NUM("tx_errors"), NUM("tx_dropped"), TEXT("endpoint_id"), TEXT("instance_id"));
SHAPE_PUBLIC(shape_full_stats, TEXT("name"), TEXT("id"), TEXT("read"), TEXT("preread"), OBJECT("pids_stats", pids_stats),
             OBJECT("blkio_stats", blkio_stats), NUM("num_procs"), OBJECT_OR_OMIT("storage_stats", storage_stats),
             OBJECT_OR_OMIT("cpu_stats", cpu_stats), OBJECT_OR_OMIT("precpu_stats", cpu_stats),
             OBJECT_OR_OMIT("memory_stats", memory_stats), MAP_OBJECTS_OR_OMIT("networks", network_stats));
