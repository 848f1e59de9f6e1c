// Unsaved changes while another tab of the same page is open. Leaving the page drops them (the router asks first).
import type { Values } from "$lib/schema/edits";
import { router } from "$routes/router.svelte";

interface Draft { base: Values; edits: Values }
const kept = new Map<string, Draft>();

/** The draft of a tab that begins, which is given once, and how the tab leaves one when it ends. */
export function draftOf(id: string): { draft: Draft | undefined; keep(base: Values, edits: Values): void } {
  const page = router.place.path, draft = kept.get(id);
  kept.delete(id);
  return { draft, keep(base, edits) { if (router.place.path === page) kept.set(id, { base, edits }); } };
}
