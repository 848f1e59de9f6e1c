// Kept answers of /read: shown at once when asked again, fetched anew when old, shared by everybody who shows them.
//
//   const stack = useRead("GetStack", () => ({ stack: id }));      // in a component; null params: nothing is asked
//   {#if stack.data} … {:else if stack.error} … {:else} <Skeleton/> {/if}
//
// An answer is old when an update touched it (tags.ts), when `every` milliseconds have passed, or after invalidate().
import { onDestroy } from "svelte";
import type { ReadRequests } from "$generated/types";
import { callText } from "$lib/api/client";
import { asApiError, type ApiError } from "$lib/api/error";
import { coalesce } from "$lib/live/coalesce";
import { live } from "$lib/live/live.svelte";
import { tagsOf, touched } from "./tags";

/** Old answers are asked for again no more often than this, however many updates arrive. */
const REFETCH_MS = 1000;
/** How long an answer that nobody shows is kept. */
const KEEP_MS = 5 * 60_000;
/** An answer younger than this is not asked for again only because somebody else shows it. */
const FRESH_MS = 2000;

class Entry {
  data = $state.raw<unknown>();
  error = $state.raw<ApiError | null>(null);
  loading = $state.raw(false);
  users = 0;
  readonly tags: Set<string>;
  readonly request: string;
  readonly params: unknown;
  #text = "";
  #at = -Infinity;
  #stale = false;
  #flight: Promise<void> | null = null;
  idleSince = performance.now();

  constructor(request: string, params: unknown) {
    this.request = request;
    this.params = params;
    this.tags = new Set(tagsOf(request, params));
  }

  get old(): boolean { return this.#stale || performance.now() - this.#at > FRESH_MS; }

  markOld(): void {
    this.#stale = true;
    if (this.users > 0) void this.fetch();
  }

  /** At most one request is out; what became old meanwhile is fetched once more after it. */
  fetch(): Promise<void> {
    this.#flight ??= this.#fetch().finally(() => {
      this.#flight = null;
      if (this.#stale && this.users > 0) setTimeout(() => { if (this.#stale && this.users > 0) void this.fetch(); }, REFETCH_MS);
    });
    return this.#flight;
  }

  async #fetch(): Promise<void> {
    this.#stale = false;
    this.loading = true;
    try {
      const text = await callText("read", this.request, this.params);
      // The same answer keeps its object, so nothing is drawn again.
      if (text !== this.#text || this.data === undefined) {
        this.data = JSON.parse(text);
        this.#text = text;
      }
      this.error = null;
    } catch (thrown) {
      this.error = asApiError(thrown);
    } finally {
      this.#at = performance.now();
      this.loading = false;
    }
  }

  set(value: unknown): void {
    this.data = value;
    this.#text = "";
  }
}

const entries = new Map<string, Entry>();

function entryOf(request: string, params: unknown): Entry {
  const key = `${request} ${JSON.stringify(params)}`;
  let entry = entries.get(key);
  if (!entry) {
    for (const [old, kept] of entries) if (kept.users === 0 && performance.now() - kept.idleSince > KEEP_MS) entries.delete(old);
    entry = new Entry(request, params);
    entries.set(key, entry);
  }
  return entry;
}

const markOld = coalesce<string>(REFETCH_MS / 2, (tags) => {
  for (const entry of entries.values())
    for (const tag of entry.tags)
      if (tags.has(tag)) {
        entry.markOld();
        break;
      }
});

/** Makes kept answers old that depend on any of these tags, such as "Stack", "tags" or "request:GetCoreInfo". */
export function invalidate(...tags: string[]): void { markOld(tags); }

/** Forgets everything: another user must not see what this one saw. */
export function forgetAll(): void { entries.clear(); }

live.onUpdate((update) => markOld(touched(update)));
live.onReconnect(() => { for (const entry of entries.values()) entry.markOld(); });

export interface Query<T> {
  readonly data: T | undefined;
  readonly error: ApiError | null;
  /** Nothing to show yet. */
  readonly waiting: boolean;
  readonly loading: boolean;
  refresh(): Promise<void>;
}

export interface QueryOptions {
  /** Ask again after so many milliseconds, for what changes without an update. Not while the page is hidden. */
  every?: number;
  /** Show the last answer until that of the new parameters is there. */
  keep?: boolean;
}

/** A kept answer by the name of its request, for names made at run time. */
export function useReadByName<T>(get: () => { request: string; params: unknown } | null, options: QueryOptions = {}): Query<T> {
  const entry = $derived.by(() => {
    const wanted = get();
    return wanted ? entryOf(wanted.request, wanted.params) : null;
  });
  let last = $state.raw<unknown>();
  $effect(() => {
    const current = entry;
    if (!current) return;
    current.users++;
    if (current.old) void current.fetch();
    const timer = options.every
      ? setInterval(() => { if (!document.hidden) void current.fetch(); }, options.every)
      : undefined;
    return () => {
      clearInterval(timer);
      current.users--;
      current.idleSince = performance.now();
    };
  });
  if (options.keep) $effect(() => { if (entry?.data !== undefined) last = entry.data; });
  return {
    get data() { return (entry?.data ?? (options.keep ? last : undefined)) as T | undefined; },
    // While the engine is away the shell says so; what was there before stays as it is.
    get error() { return entry?.error && !(entry.error.offline && entry.data !== undefined) ? entry.error : null; },
    get waiting() { return entry !== null && entry.data === undefined && entry.error === null && !(options.keep && last !== undefined); },
    get loading() { return entry?.loading ?? false; },
    refresh: async () => { await entry?.fetch(); },
  };
}

export function useRead<N extends keyof ReadRequests>(
  request: N, params: () => ReadRequests[N]["params"] | null, options: QueryOptions = {},
): Query<ReadRequests[N]["result"]> {
  return useReadByName<ReadRequests[N]["result"]>(() => {
    const given = params();
    return given === null ? null : { request, params: given };
  }, options);
}

/** The kept answer, or a new one: for event handlers, which must not wait for what is known. */
export async function readOnce<N extends keyof ReadRequests>(request: N, params: ReadRequests[N]["params"]): Promise<ReadRequests[N]["result"]> {
  const entry = entryOf(request, params);
  if (entry.data === undefined || entry.old) await entry.fetch();
  if (entry.error) throw entry.error;
  return entry.data as ReadRequests[N]["result"];
}

/** Puts what a write answered where reads find it. */
export function put<N extends keyof ReadRequests>(request: N, params: ReadRequests[N]["params"], value: ReadRequests[N]["result"]): void {
  entryOf(request, params).set(value);
}

/** Runs `run` for each update that is complete or began, while the component lives. */
export function useUpdates(run: Parameters<typeof live.onUpdate>[0]): void { onDestroy(live.onUpdate(run)); }
