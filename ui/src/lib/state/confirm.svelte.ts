// Asks before something is lost: `if (await confirm.ask({ … })) …`. One dialog in the page shows it (components/Confirm.svelte).

export interface Question {
  title: string;
  /** What will be lost, in words. */
  loses: string;
  /** Names of what it happens to. */
  items?: readonly string[];
  /** Must be typed first; for what cannot be undone. */
  typed?: string;
  action: string;
}

class Confirm {
  question = $state.raw<Question | null>(null);
  #answer: ((yes: boolean) => void) | null = null;

  ask(question: Question): Promise<boolean> {
    this.#answer?.(false);
    this.question = question;
    return new Promise((resolve) => { this.#answer = resolve; });
  }

  answer(yes: boolean): void {
    const answer = this.#answer;
    this.#answer = null;
    this.question = null;
    answer?.(yes);
  }
}
export const confirm = new Confirm();
