// Executions on many resources: how far each is. They go on while other pages are open; closing the panel stops nothing.

export interface BatchItem {
  id: string;
  name: string;
  state: "waiting" | "running" | "done" | "failed";
  update?: string | null;
  error?: string;
}

export class Batch {
  readonly title: string;
  items = $state<BatchItem[]>([]);
  cancelled = $state(false);

  constructor(title: string, items: readonly { id: string; name: string }[]) {
    this.title = title;
    this.items = items.map((item) => ({ ...item, state: "waiting" }));
  }

  set(id: string, change: Partial<BatchItem>): void {
    const item = this.items.find((i) => i.id === id);
    if (item) Object.assign(item, change);
  }

  count(state: BatchItem["state"]): number { return this.items.filter((item) => item.state === state).length; }
  get over(): boolean { return this.count("running") === 0 && (this.cancelled || this.count("waiting") === 0); }
}

class Batches {
  list = $state.raw<Batch[]>([]);
  begin(title: string, items: readonly { id: string; name: string }[]): Batch {
    const batch = new Batch(title, items);
    this.list = [batch, ...this.list];
    return batch;
  }
  drop(batch: Batch): void { this.list = this.list.filter((b) => b !== batch); }
}
export const batches = new Batches();
