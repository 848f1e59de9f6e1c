// Running executions: one at once, many a few at a time with progress. What they do shows in their updates.
import type { Update } from "$generated/types";
import { callByName, read } from "$lib/api/client";
import { asApiError } from "$lib/api/error";
import { words } from "$lib/format/names";
import { live } from "$lib/live/live.svelte";
import { invalidate } from "$lib/query/query.svelte";
import { batches } from "$lib/state/batches.svelte";
import { confirm } from "$lib/state/confirm.svelte";
import { toasts } from "$lib/state/toasts.svelte";
import type { Execution, Item, Kind } from "./kinds";

/** Ends when the update is complete: told over the socket, asked for now and then in case it is down. */
export function completion(id: string): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (success: boolean): void => {
      stop();
      clearInterval(timer);
      resolve(success);
    };
    const stop = live.onUpdate((update) => { if (update.id === id && update.status === "Complete") end(update.success); });
    const look = (): void => void read("GetUpdate", { id }).then((u) => { if (u.status === "Complete") end(u.success); }, () => {});
    const timer = setInterval(look, 5000);
    look();
  });
}

async function start(kind: Kind, execution: Execution<unknown>, item: Item): Promise<string | null> {
  const answer = await callByName<Update>(execution.write ? "write" : "execute", execution.name, { [kind.param]: item.id });
  return answer?._id?.$oid ?? null;
}

/** Asks first when something is lost; then runs it on each of `items`. */
export async function runOn(kind: Kind, execution: Execution<unknown>, items: readonly Item[]): Promise<void> {
  const [only] = items;
  if (!only) return;
  const whom = items.length === 1 ? only.name : `${items.length} ${kind.title.toLowerCase()}`;
  if (execution.loses && !(await confirm.ask({
    title: `${execution.label}: ${whom}`, loses: execution.loses, items: items.map((item) => item.name), action: execution.label,
  }))) return;
  if (items.length > 1) {
    void runMany(kind, execution, items);
    return;
  }
  try {
    const id = await start(kind, execution, only);
    invalidate(kind.name, "updates");
    if (!id) toasts.ok(`${execution.label}: ${only.name}`);
    else {
      const done = await completion(id);
      if (done) toasts.ok(`${words(execution.name)}: ${only.name}`, { href: `/updates/${id}` });
      else toasts.add({ tone: "bad", title: `${words(execution.name)} failed: ${only.name}`, text: "Open the update to see why.", href: `/updates/${id}` });
    }
  } catch (thrown) { toasts.fail(`${execution.label}: ${only.name}`, thrown); }
}

/** So many run at once. */
const AT_ONCE = 4;

async function runMany(kind: Kind, execution: Execution<unknown>, items: readonly Item[]): Promise<void> {
  const batch = batches.begin(`${execution.label} ${items.length} ${kind.title.toLowerCase()}`, items.map((item) => ({ id: item.id, name: item.name })));
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item && !batch.cancelled; item = waiting.shift()) {
      batch.set(item.id, { state: "running" });
      try {
        const update = await start(kind, execution, item);
        batch.set(item.id, { update });
        const success = update ? await completion(update) : true;
        batch.set(item.id, { state: success ? "done" : "failed" });
      } catch (thrown) {
        batch.set(item.id, { state: "failed", error: asApiError(thrown).error });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  invalidate(kind.name, "updates");
}
