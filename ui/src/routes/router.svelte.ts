// Where we are: paths without hashes, pages loaded when they are needed, links that stay ordinary links.
import type { Component } from "svelte";

export interface Place {
  path: string;
  search: string;
}

/** A page gets the named parts of its path. */
export type Page = Component<Record<string, string>>;

export interface Route {
  /** "/servers/:id": a part that starts with ":" is named; "/:x*" takes the rest. */
  pattern: string;
  load: () => Promise<{ default: unknown }>;
  title: string;
  /** Further props of the page. */
  props?: Record<string, string>;
}

/** The named parts of `path`, or null when it is another page. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const want = pattern.split("/"), have = path.replace(/(.)\/+$/, "$1").split("/");
  const params: Record<string, string> = {};
  for (let i = 0; i < want.length; i++) {
    const part = want[i]!;
    const given = have[i];
    if (given === undefined) return null;
    if (part.startsWith(":")) {
      if (given === "") return null;
      try { params[part.slice(1)] = decodeURIComponent(given); } catch { return null; }
    } else if (part !== given) return null;
  }
  return want.length === have.length ? params : null;
}

const here = (): Place => ({ path: location.pathname, search: location.search });

class Router {
  place = $state.raw<Place>(here());
  #guards = new Set<() => boolean>();
  #index = (history.state as { index?: number } | null)?.index ?? 0;
  #returning = false;

  constructor() {
    history.replaceState({ index: this.#index }, "");
    addEventListener("popstate", (event) => {
      const index = (event.state as { index?: number } | null)?.index ?? 0;
      if (this.#returning) {
        this.#returning = false;
        return;
      }
      if (!this.#mayLeave()) {
        this.#returning = true;
        history.go(this.#index - index);
        return;
      }
      this.#index = index;
      this.place = here();
    });
    addEventListener("beforeunload", (event) => { if ([...this.#guards].some((dirty) => dirty())) event.preventDefault(); });
    document.addEventListener("click", (event) => this.#onClick(event));
  }

  get query(): URLSearchParams { return new URLSearchParams(this.place.search); }

  go(to: string, options: { replace?: boolean; force?: boolean } = {}): void {
    const url = new URL(to, location.href);
    const moves = url.pathname !== location.pathname;
    if (moves && !options.force && !this.#mayLeave()) return;
    if (options.replace) history.replaceState({ index: this.#index }, "", url);
    else history.pushState({ index: ++this.#index }, "", url);
    this.place = here();
    if (moves) scrollTo(0, 0);
  }

  /** Changes parts of the query in place; null or "" removes one. */
  setQuery(parts: Record<string, string | null>): void {
    const query = this.query;
    for (const [name, value] of Object.entries(parts)) {
      if (value) query.set(name, value);
      else query.delete(name);
    }
    const text = query.toString();
    this.go(`${this.place.path}${text ? `?${text}` : ""}`, { replace: true });
  }

  /** `dirty` says whether leaving would lose something; gives the function that takes it away again. */
  guard(dirty: () => boolean): () => void {
    this.#guards.add(dirty);
    return () => this.#guards.delete(dirty);
  }

  #mayLeave(): boolean {
    return ![...this.#guards].some((dirty) => dirty()) || confirm("Leave without saving? Your changes on this page will be lost.");
  }

  #onClick(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link?.href || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (link.pathname.startsWith("/docs")) return;   // served by the engine itself
    event.preventDefault();
    this.go(link.href);
  }
}

export const router = new Router();
