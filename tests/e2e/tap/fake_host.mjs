// What the fake agent has to say between the recorded answers: a host whose containers follow the executions.

const disks = [{ mount: "/", file_system: "ext4", used_gb: 10, total_gb: 50 }];

export class FakeHost {
  constructor(publicKey) {
    this.containers = new Map();   // name -> state
    this.images = [];
    this.seed = {};                // parts of the poll that a case wants as they were recorded
    this.fails = false;            // PollStatus answers with an error
    this.publicKey = publicKey;
  }

  /** The answer to a PollStatus. */
  poll({ include_stats }) {
    const containers = [...this.containers].map(([name, state]) => ({
      name, id: `id of ${name}`, image: "golden/busybox:1", image_id: "sha256:1", created: 1700000000, state, status: state,
      network_mode: "none", networks: ["none"],
    }));
    const seed = this.seed;
    return {
      periphery_info: seed.periphery_info ?? {
        version: "2.3.2", public_key: this.publicKey, terminals_disabled: false, container_terminals_disabled: false,
        stats_polling_rate: "5-sec", docker_connected: true, public_ip: null,
      },
      system_info: seed.system_info ?? {
        name: "Debian GNU/Linux", os: "Linux (Debian GNU/Linux 12)", kernel: "6.1", core_count: 2, logical_core_count: 2, host_name: "vm",
        cpu_brand: "fake", cpu_arch: "x86_64",
      },
      system_stats: !include_stats ? null : seed.system_stats ?? {
        cpu_perc: 1.5, load_average: { one: 0.1, five: 0.1, fifteen: 0.1 }, mem_free_gb: 4, mem_used_gb: 1, mem_total_gb: 5, mem_buff_cache_gb: 1,
        mem_zfs_arc_gb: 0, swap_total_gb: 0, swap_used_gb: 0, disks, network_ingress_bytes: 1, network_egress_bytes: 1, polling_rate: "5-sec",
        refresh_ts: 1700000000000, refresh_list_ts: 0,
      },
      docker: { containers, networks: [], images: this.images, volumes: [], projects: [], ...seed.docker },
    };
  }

  /** The answer to what nobody recorded: setting up, polls, checks. */
  answer({ type, params }) {
    const now = Date.now();
    const log = (stage) => ({ ok: { stage, command: type, stdout: "", stderr: "", success: true, start_ts: now, end_ts: now } });
    switch (type) {
      case "GetVersion": return { ok: { version: "2.3.2" } };
      case "PollStatus": return this.fails ? { error: { error: "docker is away", trace: [] } } : { ok: this.poll(params) };
      case "GetLatestCommit": return { ok: null };
      case "RunContainer": case "RenameContainer": {
        const answer = log(type);
        this.happened({ type, params }, answer.ok);
        return answer;
      }
      default: return { error: { error: `nobody recorded ${type}`, trace: [] } };
    }
  }

  /** Containers follow what was asked and how it went. */
  happened({ type, params }, reply) {
    const states = {
      StartContainer: "running", RestartContainer: "running", PauseContainer: "paused", UnpauseContainer: "running", StopContainer: "exited",
    };
    const ok = reply?.success === true;
    if (type === "RunContainer") {
      const { name, config, info } = params.deployment;
      const next = config.custom_name || name;
      this.containers.delete(info.deployed_name || next);
      if (ok) this.containers.set(next, "running");
    } else if (type === "RemoveContainer" && ok) {
      this.containers.delete(params.name);
    } else if (type === "RenameContainer" && ok) {
      this.containers.set(params.new_name, this.containers.get(params.curr_name) ?? "running");
      this.containers.delete(params.curr_name);
    } else if (states[type] && ok) {
      this.containers.set(params.name, states[type]);
    }
  }
}
