// What the user may do with resources that a page lists. Asked for once each, when something looks; admins are never asked.
import { SvelteMap } from "svelte/reactivity";
import type { ResourceTarget, SpecificPermission } from "$generated/types";
import { read } from "$lib/api/client";
import { me } from "./me.svelte";

interface Right { level: string; specific: readonly SpecificPermission[] }

class Rights {
  #known = new SvelteMap<string, Right>();
  #asked = new Set<string>();

  /** Undefined while it is not known yet. */
  #of(target: ResourceTarget): Right | undefined {
    const key = `${target.type} ${target.id}`;
    if (!this.#asked.has(key)) {
      this.#asked.add(key);
      read("GetPermission", { target }).then(
        (answer: unknown) => this.#known.set(key, typeof answer === "string" ? { level: answer, specific: [] } : answer as Right),
        () => this.#asked.delete(key));
    }
    return this.#known.get(key);
  }

  execute(target: ResourceTarget): boolean { return me.writes && (me.admin || ["Execute", "Write"].includes(this.#of(target)?.level ?? "")); }
  write(target: ResourceTarget): boolean { return me.writes && (me.admin || this.#of(target)?.level === "Write"); }
  has(target: ResourceTarget, specific: SpecificPermission): boolean { return me.admin || (this.#of(target)?.specific.includes(specific) ?? false); }
  forget(): void {
    this.#asked.clear();
    this.#known.clear();
  }
}
export const rights = new Rights();
