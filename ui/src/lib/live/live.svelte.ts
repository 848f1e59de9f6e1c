// The stream of updates over /ws/update (spec api.md 13.2): logs in, reconnects, tells who listens.
import type { UpdateListItem } from "$generated/types";
import { session } from "$lib/api/session.svelte";
import { backoff } from "./coalesce";

export type LiveState = "off" | "connecting" | "live" | "lost";

class Live {
  state = $state.raw<LiveState>("off");
  #socket: WebSocket | null = null;
  #attempt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #listeners = new Set<(update: UpdateListItem) => void>();
  #reconnected = new Set<() => void>();

  constructor() {
    const retry = (): void => { if (this.state === "lost") this.reconnect(); };
    addEventListener("online", retry);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) retry(); });
  }

  onUpdate(run: (update: UpdateListItem) => void): () => void {
    this.#listeners.add(run);
    return () => this.#listeners.delete(run);
  }

  /** Something may have been missed: whoever keeps answers asks again. */
  onReconnect(run: () => void): () => void {
    this.#reconnected.add(run);
    return () => this.#reconnected.delete(run);
  }

  start(): void { if (this.state === "off") this.#connect(); }

  stop(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#attempt = 0;
    this.state = "off";
  }

  /** Now rather than when the wait is over. */
  reconnect(): void {
    this.stop();
    this.#connect();
  }

  #connect(): void {
    const token = session.token;
    if (!token) return;
    this.state = this.#attempt ? "lost" : "connecting";
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/update`);
    this.#socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ type: "Jwt", params: { jwt: token } }));
    socket.onmessage = (event) => { if (this.#socket === socket && typeof event.data === "string") this.#take(event.data); };
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.state = "lost";
      this.#timer = setTimeout(() => this.#connect(), backoff(this.#attempt++));
    };
  }

  #take(text: string): void {
    if (text === "LOGGED_IN") {
      const again = this.#attempt > 0;
      this.#attempt = 0;
      this.state = "live";
      if (again) for (const run of this.#reconnected) run();
      return;
    }
    if (!text.startsWith("{")) return;   // a refusal; the socket closes and is tried again later
    const message = JSON.parse(text) as UpdateListItem | { type: "INVALID_USER" };
    if ("operation" in message) for (const run of this.#listeners) run(message);
  }
}

export const live = new Live();
