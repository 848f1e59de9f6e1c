// One clock for everything that says "4 min": it ticks every five seconds, while the page is seen.
class SharedClock {
  now = $state.raw(Date.now());
  constructor() {
    setInterval(() => { if (!document.hidden) this.now = Date.now(); }, 5000);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.now = Date.now(); });
  }
}
export const clock = new SharedClock();
