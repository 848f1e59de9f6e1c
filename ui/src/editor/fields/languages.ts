// The languages that fields have: how each is coloured, what completes, explains and checks it.
import { json } from "@codemirror/lang-json";
import { yaml } from "@codemirror/lang-yaml";
import { StreamLanguage, indentUnit, type StreamParser } from "@codemirror/language";
import { dockerFile } from "@codemirror/legacy-modes/mode/dockerfile";
import { lua } from "@codemirror/legacy-modes/mode/lua";
import { shell } from "@codemirror/legacy-modes/mode/shell";
import { toml } from "@codemirror/legacy-modes/mode/toml";
import type { Extension } from "@codemirror/state";
import type { Language } from "$lib/schema/languages";
import type { TypeName } from "$lib/resources/kinds";
import { jsonProblems } from "./json";
import type { Explained, Offers, Problem } from "./offers";
import { explainSync, syncOffers, syncProblems } from "./sync";
import { tomlProblems } from "./toml";
import { composeOffers, composeProblems, explainCompose, yamlProblems } from "./yaml";

/** `names` of resources are added by who can ask for them, written between `wrap`. */
export interface FieldOffers extends Offers { names?: TypeName | "Tag" | null; wrap?: [before: string, after: string] }

export interface Spoken {
  support: Extension;
  /** `[[NAME]]` is replaced in it. */
  variables: boolean;
  offers?: (text: string, pos: number) => FieldOffers | null;
  /** Offers show before anything was typed. */
  eager?: (text: string, pos: number) => boolean;
  explain?: (text: string, pos: number) => Explained | null;
  problems?: (text: string) => Problem[];
}

/** Lines `KEY = value` or `key: value`, comments, nothing else. */
const keyvalue: StreamParser<{ value: boolean }> = {
  startState: () => ({ value: false }),
  token(stream, state) {
    if (stream.sol()) state.value = false;
    if (stream.eatSpace()) return null;
    if (!state.value) {
      if (stream.match(/^#.*/)) return "comment";
      if (stream.match(/^[=:]/)) { state.value = true; return "operator"; }
      stream.match(/^[^=:\s]+/) || stream.next();
      return "propertyName";
    }
    if (stream.match(/^ #.*/)) return "comment";
    if (stream.match(/^"(?:[^"\\]|\\.)*"|^'[^']*'/)) return "string";
    stream.match(/^(?:(?! #|"|').)+/) || stream.next();
    return "string";
  },
  languageData: { commentTokens: { line: "#" } },
};

const stream = <S>(parser: StreamParser<S>, comment = "#"): Extension => StreamLanguage.define({ ...parser, languageData: { ...parser.languageData, commentTokens: { line: comment } } });
const two = indentUnit.of("  ");
const afterColon = (text: string, pos: number): boolean => /(?::|-|=) $/.test(text.slice(Math.max(0, pos - 2), pos)) || /["']$/.test(text.slice(0, pos).slice(-1));

const made = new Map<Language, Spoken>();
const make: Record<Language, () => Spoken> = {
  text: () => ({ support: [], variables: true }),
  keyvalue: () => ({ support: StreamLanguage.define(keyvalue), variables: true }),
  shell: () => ({ support: stream(shell), variables: true }),
  dockerfile: () => ({ support: stream(dockerFile), variables: false }),
  lua: () => ({ support: [stream(lua, "--"), two], variables: false }),
  json: () => ({ support: [json(), two], variables: false, problems: jsonProblems }),
  toml: () => ({ support: [stream(toml), two], variables: false, problems: tomlProblems }),
  sync: () => ({ support: [stream(toml), two], variables: false, offers: syncOffers, eager: afterColon, explain: explainSync, problems: syncProblems }),
  yaml: () => ({ support: [yaml(), two], variables: false, problems: yamlProblems }),
  compose: () => ({ support: [yaml(), two], variables: true, offers: composeOffers, eager: afterColon, explain: explainCompose, problems: composeProblems }),
};

export function languageOf(name: Language): Spoken {
  let spoken = made.get(name);
  if (!spoken) made.set(name, spoken = make[name]());
  return spoken;
}
