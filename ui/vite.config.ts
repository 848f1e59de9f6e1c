import { svelte } from "@sveltejs/vite-plugin-svelte";
import { fileURLToPath } from "node:url";
import { svelteTesting } from "./testing.ts";
import { defineConfig } from "vitest/config";
import { budget } from "./budget.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
// `npm run dev` shows the sources and sends the rest to an engine.
const engine = process.env["KOMODO_URL"] ?? "http://127.0.0.1:9120";
const groups = ["/auth", "/user", "/read", "/write", "/execute", "/version", "/docs", "/lua", "/terminal"];

export default defineConfig({
  plugins: [svelte(), svelteTesting(), budget(120, ["pages/Dashboard.svelte"])],
  resolve: { alias: { $lib: at("./src/lib"), $routes: at("./src/routes"), $generated: at("./src/generated") } },
  build: {
    outDir: process.env["KOMODO_UI_OUT"] ?? at("../build/ui"),
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,   // the content security policy allows files alone
    chunkSizeWarningLimit: 1200,
  },
  server: {
    proxy: Object.fromEntries([...groups.map((path) => [path, { target: engine }]), ["/ws", { target: engine, ws: true }]]),
  },
  test: { environment: "jsdom", include: ["src/**/*.test.ts"], setupFiles: ["test-setup.ts"] },
});
