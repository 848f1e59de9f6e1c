// Short messages at the edge: they go by themselves, errors stay longer.
import { asApiError } from "$lib/api/error";

export interface Toast {
  id: number;
  tone: "ok" | "bad" | "plain";
  title: string;
  text?: string;
  href?: string;
}

class Toasts {
  list = $state<Toast[]>([]);
  #next = 0;

  add(toast: Omit<Toast, "id">, ms = toast.tone === "bad" ? 12_000 : 4000): void {
    const id = this.#next++;
    this.list = [...this.list.slice(-3), { ...toast, id }];
    setTimeout(() => this.drop(id), ms);
  }

  drop(id: number): void { this.list = this.list.filter((toast) => toast.id !== id); }

  ok(title: string, more: { text?: string; href?: string } = {}): void { this.add({ tone: "ok", title, ...more }); }

  /** `what` was tried and failed. What the engine cannot do is said quietly. */
  fail(what: string, thrown: unknown): void {
    const error = asApiError(thrown);
    if (error.unsupported) this.add({ tone: "plain", title: "This engine cannot do that yet", text: error.error });
    else this.add({ tone: "bad", title: what, text: [error.error, ...error.trace].join(" · ") });
  }
}
export const toasts = new Toasts();
