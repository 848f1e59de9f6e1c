// Tags by id and name: resources carry ids, people read names.
import type { Tag } from "$generated/types";

class Tags {
  list = $state.raw<Tag[]>([]);
  byId = $derived(new Map(this.list.map((tag) => [tag._id?.$oid ?? "", tag])));
  names(ids: readonly string[]): string[] { return ids.map((id) => this.byId.get(id)?.name ?? id); }
}
export const tags = new Tags();
