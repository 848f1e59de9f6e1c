// Who is logged in: one token, kept in this browser, shared by its tabs.
const KEY = "komodo.token";

class Session {
  #token = $state.raw<string | null>(localStorage.getItem(KEY));
  /** The token was refused while the page was open: say so on the login page. */
  expired = $state.raw(false);

  constructor() {
    addEventListener("storage", (event) => { if (event.key === KEY) this.#token = event.newValue; });
  }

  get token(): string | null { return this.#token; }

  start(token: string): void {
    localStorage.setItem(KEY, token);
    this.expired = false;
    this.#token = token;
  }

  end(): void {
    localStorage.removeItem(KEY);
    this.#token = null;
  }

  /** `token` was refused. Nothing happens when another was taken since. */
  expire(token: string): void {
    if (this.#token !== token) return;
    this.expired = true;
    this.end();
  }
}

export const session = new Session();
