// Names of resources by id, learned from every list that was read: updates and alerts carry ids alone.
import { untrack } from "svelte";
import { readOnce } from "$lib/query/query.svelte";
import { kindOf, type Item } from "$lib/resources/kinds";

class Names {
  // A plain map and one version of it: lists teach a thousand names at once.
  #known = new Map<string, string>();
  #version = $state(0);
  #asked = new Map<string, number>();

  learn(items: readonly { id: string; name: string }[]): void {
    let changed = false;
    for (const { id, name } of items)
      if (this.#known.get(id) !== name) {
        this.#known.set(id, name);
        changed = true;
      }
    if (changed) untrack(() => { this.#version++; });
  }

  /** The name, or a few letters of the id until it is known or when there is no such resource any more. */
  of(target: { type: string; id: string }): string {
    if (target.type === "System") return "the engine";
    void this.#version;
    const name = this.#known.get(target.id);
    if (name !== undefined) return name;
    this.#ask(target.type);
    return `${target.type} ${target.id.slice(-6)}`;
  }

  #ask(type: string): void {
    const kind = kindOf(type);
    if (!kind || performance.now() - (this.#asked.get(type) ?? -Infinity) < 10_000) return;
    this.#asked.set(type, performance.now());
    queueMicrotask(() => void readOnce(`List${kind.plural}` as "ListServers", { limit: 0 }).then((list) => this.learn(list as unknown as Item[]), () => {}));
  }
}
export const names = new Names();
