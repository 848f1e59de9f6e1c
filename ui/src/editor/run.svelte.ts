// One run of an Action as the page follows it: its Update while it goes on, its record when it is over.
import type { ActionRun, Update } from "$generated/types";
import { execute, read } from "$lib/api/client";
import { asApiError, type ApiError } from "$lib/api/error";
import { invalidate } from "$lib/query/query.svelte";
import { live } from "$lib/live/live.svelte";
import type { Args } from "./args";

/** Lines that come without a message (the socket is down) show after this. */
const LOOK_MS = 1500;

export class Run {
  update = $state.raw<Update | null>(null);
  record = $state.raw<ActionRun | null>(null);
  error = $state.raw<ApiError | null>(null);
  starting = $state(false);
  cancelling = $state(false);
  readonly going = $derived(this.starting || (this.update !== null && this.update.status !== "Complete"));
  /** Told when a run ends while it is followed. */
  onEnd: (() => void) | null = null;
  #asking = false;
  #again = false;
  #stop: () => void;
  #timer: ReturnType<typeof setInterval>;
  readonly action: string;

  constructor(action: string) {
    this.action = action;
    this.#stop = live.onUpdate((u) => { if (u.id === this.id) void this.#look(); });
    this.#timer = setInterval(() => { if (this.going) void this.#look(); }, LOOK_MS);
  }

  get id(): string | null { return this.update?._id?.$oid ?? null; }

  close(): void {
    this.#stop();
    clearInterval(this.#timer);
  }

  /** `event`: what the script is told has happened, made up to try a trigger. */
  async start(args: Args, dryRun: boolean, event?: Record<string, unknown>): Promise<void> {
    if (this.going) return;
    this.starting = true;
    this.error = null;
    this.record = null;
    try {
      this.update = await execute("RunAction", { action: this.action, args, ...(dryRun ? { dry_run: true } : {}), ...(event ? { event } : {}) } as never);
    } catch (thrown) {
      this.update = null;
      this.error = asApiError(thrown);
    } finally { this.starting = false; }
    invalidate("updates", "Action");
    await this.#look();
  }

  async cancel(): Promise<void> {
    if (!this.id || this.cancelling) return;
    this.cancelling = true;
    try {
      await execute("CancelAction", { action: this.action, update_id: this.id } as never);
    } catch (thrown) { this.error = asApiError(thrown); } finally { this.cancelling = false; }
    await this.#look();
  }

  /** Shows a run of before, or one that somebody else started. */
  async show(id: string): Promise<void> {
    if (this.starting) return;
    this.error = null;
    this.record = null;
    try {
      this.update = await read("GetUpdate", { id });
      await this.#look();
    } catch (thrown) { this.error = asApiError(thrown); }
  }

  async #look(): Promise<void> {
    const id = this.id;
    if (!id) return;
    if (this.#asking) { this.#again = true; return; }
    this.#asking = true;
    try {
      const was = this.update?.status;
      const update = await read("GetUpdate", { id });
      if (this.id !== id) return;
      if (update.status === "Complete" && this.record?.id !== id) {
        // A run that did not begin (busy, a deleted user) has no record: its log says why.
        const record = await read("GetActionRun", { id }).catch(() => null);
        // The record is written a moment after the Update is complete.
        if (record?.status === "running") this.#again = true;
        else if (this.id === id) this.record = record;
      }
      this.update = update;
      if (was !== "Complete" && update.status === "Complete") this.onEnd?.();
    } catch (thrown) {
      this.error = asApiError(thrown);
    } finally {
      this.#asking = false;
      if (this.#again) {
        this.#again = false;
        setTimeout(() => void this.#look(), 150);
      }
    }
  }
}
