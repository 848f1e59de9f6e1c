// What is wrong in the controls of a form, for who saves it. Controls find the list of the form they stand in by themselves.
import { getContext, setContext } from "svelte";
import { SvelteMap } from "svelte/reactivity";

export interface FieldProblem {
  /** Label of the control. */
  field: string;
  message: string;
  /** The text cannot be a value: saving would leave it out without a word. Others may be saved all the same. */
  blocks: boolean;
}

/** By id of the control. */
export type Problems = SvelteMap<string, FieldProblem>;
export const newProblems = (): Problems => new SvelteMap();

const KEY = Symbol("problems");
export const provideProblems = (problems: Problems): Problems => setContext(KEY, problems);
export const problemsAround = (): Problems | undefined => getContext<Problems | undefined>(KEY);
