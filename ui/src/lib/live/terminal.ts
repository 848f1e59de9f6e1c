// A viewer of one terminal over /ws/terminal (spec api.md 13.3): logs in, passes bytes, comes back when the connection breaks.
import type { TerminalTarget } from "$generated/types";
import { session } from "$lib/api/session.svelte";
import { backoff } from "./coalesce";

export type LinkState = "connecting" | "connected" | "lost" | "ended";

export interface Viewer {
  /** What was kept comes again: forget what is shown. */
  reset(): void;
  show(data: Uint8Array | string): void;
  state(state: LinkState): void;
}

/** The last byte of a message says what it is. */
const STDIN = 0x01, RESIZE = 0xff;
const encoder = new TextEncoder();

export function framed(text: string, kind: "stdin" | "resize"): Uint8Array<ArrayBuffer> {
  const bytes = encoder.encode(text);
  const frame = new Uint8Array(bytes.length + 1);
  frame.set(bytes);
  frame[bytes.length] = kind === "stdin" ? STDIN : RESIZE;
  return frame;
}

export function terminalPath(target: TerminalTarget, terminal: string): string {
  const parts = Object.entries(target.params).flatMap(([name, value]) => (typeof value === "string" ? [`target[params][${name}]=${encodeURIComponent(value)}`] : []));
  return `/ws/terminal?target[type]=${target.type}&${parts.join("&")}&terminal=${encodeURIComponent(terminal)}`;
}

/** Whether a text frame says that the terminal is over, rather than that the way to it broke. */
export const isOver = (text: string): boolean => /^\s*(?:\x1b\[[\d;]*m)*(?:pty exited|ERROR)/.test(text);

export class TerminalLink {
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #ready = false;
  #size: { rows: number; cols: number } | null = null;
  readonly #path: string;
  readonly #viewer: Viewer;

  constructor(target: TerminalTarget, terminal: string, viewer: Viewer) {
    this.#path = terminalPath(target, terminal);
    this.#viewer = viewer;
    this.#connect();
  }

  type(text: string): void { this.#send(framed(text, "stdin")); }

  resize(rows: number, cols: number): void {
    this.#size = { rows, cols };
    this.#send(framed(JSON.stringify(this.#size), "resize"));
  }

  /** Now rather than when the wait is over. */
  reconnect(): void {
    this.close();
    this.#attempt = 0;
    this.#connect();
  }

  /** Leaves; the terminal goes on without viewers. */
  close(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    this.#ready = false;
    socket?.close();
  }

  #send(frame: Uint8Array<ArrayBuffer>): void { if (this.#ready) this.#socket?.send(frame); }

  #connect(): void {
    const token = session.token;
    if (!token) return;
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${this.#path}`);
    let over = false;
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#viewer.state("connecting");
    socket.onopen = () => socket.send(JSON.stringify({ type: "Jwt", params: { jwt: token } }));
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (this.#socket !== socket) return;
      if (data === "LOGGED_IN") {
        this.#ready = true;
        this.#attempt = 0;
        this.#viewer.reset();
        this.#viewer.state("connected");
        if (this.#size) this.resize(this.#size.rows, this.#size.cols);
      } else if (typeof data === "string") {
        over = isOver(data);
        this.#viewer.show(data);
      } else this.#viewer.show(new Uint8Array(data));
    };
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#ready = false;
      this.#viewer.state(over ? "ended" : "lost");
      if (!over) this.#timer = setTimeout(() => this.#connect(), backoff(this.#attempt++));
    };
  }
}
