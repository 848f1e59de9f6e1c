// Theme and density, kept in this browser. public/theme.js applies them before the first paint.
const KEY = "komodo.look";
export type Theme = "system" | "light" | "dark";
export type Density = "dense" | "roomy";

class Look {
  theme = $state.raw<Theme>("system");
  density = $state.raw<Density>("dense");
  #dark = matchMedia("(prefers-color-scheme: dark)");

  constructor() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as { theme?: Theme; density?: Density };
      if (kept.theme === "light" || kept.theme === "dark") this.theme = kept.theme;
      if (kept.density === "roomy") this.density = kept.density;
    } catch { /* as if never chosen */ }
    this.#dark.addEventListener("change", () => this.#apply());
  }

  get isDark(): boolean { return this.theme === "dark" || (this.theme === "system" && this.#dark.matches); }

  set(change: { theme?: Theme; density?: Density }): void {
    this.theme = change.theme ?? this.theme;
    this.density = change.density ?? this.density;
    localStorage.setItem(KEY, JSON.stringify({ theme: this.theme, density: this.density }));
    this.#apply();
  }

  #apply(): void {
    document.documentElement.dataset["theme"] = this.isDark ? "dark" : "light";
    document.documentElement.dataset["density"] = this.density;
    dispatchEvent(new Event("komodo:look"));
  }
}
export const look = new Look();
