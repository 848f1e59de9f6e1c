// The user who is logged in, and what the engine says about itself. Set by the shell before any page shows.
import type { GetCoreInfoResponse, User } from "$generated/types";
import { secondsOf } from "$lib/format/time";

class Me {
  user = $state.raw<User | null>(null);
  core = $state.raw<GetCoreInfoResponse | null>(null);
  get admin(): boolean { return this.user?.admin ?? false; }
  /** Whether the page offers changes at all. */
  get writes(): boolean { return !this.core?.ui_write_disabled; }
  /** The shortest time between stats that are kept: that of the polls, but not below 15 seconds. */
  get finestHistory(): "15-sec" | "1-min" {
    const seconds = secondsOf(this.core?.monitoring_interval);
    return seconds && seconds <= 15 ? "15-sec" : "1-min";
  }
  mayCreate(type: string): boolean {
    if (!this.writes || !this.user) return false;
    if (this.user.admin) return true;
    if (type === "Server") return this.user.create_server_permissions;
    if (type === "Build") return this.user.create_build_permissions;
    return !["Alerter", "Builder", "Procedure", "Action"].includes(type) && !this.core?.disable_non_admin_create;
  }
}
export const me = new Me();
