import type { Plugin } from "vite";

/** Has tests take the browser's half of Svelte, as the page does; Node's own conditions would pick the server's. */
export function svelteTesting(): Plugin {
  return {
    name: "svelte-testing",
    config: () => (process.env["VITEST"] ? { resolve: { conditions: ["browser"] } } : {}),
  };
}
