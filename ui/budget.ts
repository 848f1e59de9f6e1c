// Prints what a first visit loads, gzipped, and fails the build above the budget.
import { gzipSync } from "node:zlib";
import type { Plugin, Rollup } from "vite";

/** What may be loaded before the page shows: the entry, its static imports, their styles, and the first page. */
export function budget(maximum: number, firstPages: string[]): Plugin {
  return {
    name: "budget",
    apply: "build",
    generateBundle(_, bundle) {
      const chunks = new Map<string, Rollup.OutputChunk>();
      for (const file of Object.values(bundle)) if (file.type === "chunk") chunks.set(file.fileName, file);
      const seen = new Set<string>();
      const add = (name: string): void => {
        const chunk = chunks.get(name);
        if (!chunk || seen.has(name)) return;
        seen.add(name);
        for (const style of chunk.viteMetadata?.importedCss ?? []) seen.add(style);
        chunk.imports.forEach(add);
      };
      for (const chunk of chunks.values())
        if (chunk.isEntry || firstPages.some((page) => chunk.facadeModuleId?.endsWith(page))) add(chunk.fileName);
      let total = 0;
      const lines = [...seen].map((name) => {
        const file = bundle[name];
        const size = file ? gzipSync(file.type === "chunk" ? file.code : file.source).length : 0;
        total += size;
        return `  ${(size / 1024).toFixed(1).padStart(6)} KB  ${name}`;
      });
      const verdict = `first load ${(total / 1024).toFixed(1)} KB gzip of ${maximum} KB allowed`;
      if (total > maximum * 1024) this.error(`${verdict}\n${lines.join("\n")}`);
      this.info(`${verdict}\n${lines.join("\n")}`);
    },
  };
}
