// Unsaved changes while another tab of the same page is open. Leaving the page drops them (the router asks first).
import type { Values } from "$lib/schema/edits";

const kept = new Map<string, { base: Values; edits: Values }>();

export const drafts = {
  keep(id: string, base: Values, edits: Values): void { kept.set(id, { base, edits }); },
  /** Gives the draft and forgets it. */
  take(id: string): { base: Values; edits: Values } | undefined {
    const draft = kept.get(id);
    kept.delete(id);
    return draft;
  },
};
