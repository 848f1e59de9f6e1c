// How logs are shown, kept in this browser: wrapped or not, with which times.
const KEY = "komodo.logs";
export type Times = "off" | "relative" | "exact";

class Logs {
  wrap = $state.raw(false);
  times = $state.raw<Times>("off");

  constructor() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as { wrap?: boolean; times?: Times };
      this.wrap = kept.wrap === true;
      if (kept.times === "relative" || kept.times === "exact") this.times = kept.times;
    } catch { /* as if never chosen */ }
  }

  set(change: { wrap?: boolean; times?: Times }): void {
    this.wrap = change.wrap ?? this.wrap;
    this.times = change.times ?? this.times;
    localStorage.setItem(KEY, JSON.stringify({ wrap: this.wrap, times: this.times }));
  }
}
export const logs = new Logs();
