// CodeMirror for a field of a form. A chunk of its own, beside that of the script editor; both share setup.ts and the library.
import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, closeCompletion, completionKeymap, startCompletion, type Completion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentLess, indentMore, toggleComment } from "@codemirror/commands";
import { bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { linter, type Diagnostic } from "@codemirror/lint";
import { closeSearchPanel, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, Prec, type Extension } from "@codemirror/state";
import { Decoration, EditorView, hoverTooltip, keymap, lineNumbers, MatchDecorator, placeholder, ViewPlugin, type DecorationSet, type ViewUpdate } from "@codemirror/view";
import type { TypeName } from "$lib/resources/kinds";
import { languages, type Language } from "$lib/schema/languages";
import { colours, setText, theme, tip } from "../setup";
import { languageOf } from "./languages";
import type { Offer, Offers, Problem } from "./offers";
import { explainVariable, INTERPOLATION, variableOffers, type VariableInfo } from "./variables";

export interface FieldOptions {
  parent: HTMLElement;
  text: string;
  language: Language;
  readOnly: boolean;
  /** Ids of the elements that name and describe it. */
  labelledBy: string;
  describedBy: string | null;
  variables: () => Promise<readonly VariableInfo[]>;
  names: (of: TypeName | "Tag") => Promise<readonly string[]>;
  onChange(text: string): void;
  onProblems(problems: readonly Problem[]): void;
}

export interface Field {
  text(): string;
  setText(text: string): void;
  setReadOnly(readOnly: boolean): void;
  setLanguage(language: Language): void;
  goTo(line: number, column: number): void;
  focus(from?: number, to?: number): void;
  destroy(): void;
}

const look = EditorView.theme({
  "&": { height: "auto", backgroundColor: "transparent" },
  // cm-focused comes some milliseconds after the focus.
  "&.cm-focused, &:focus-within": { outline: "2px solid var(--accent)", outlineOffset: "-1px", borderRadius: "var(--r2)" },
  ".cm-scroller": { maxHeight: "var(--most)", minHeight: "calc(var(--rows) * 20px + 12px)", overflow: "auto" },
  ".cm-content": { padding: "6px 0", minHeight: "calc(var(--rows) * 20px + 12px)" },
  ".cm-line": { padding: "0 8px" },
  ".cm-gutters": { backgroundColor: "transparent" },
  "&:not(.cm-focused) .cm-matchingBracket": { backgroundColor: "transparent", outline: "none" },
  ".cm-lineNumbers .cm-gutterElement": { minWidth: "34px", padding: "0 4px 0 6px" },
  ".cm-variable": { color: "var(--code-key)", backgroundColor: "color-mix(in srgb, var(--code-key) 12%, transparent)", borderRadius: "3px" },
  ".cm-variable *": { color: "inherit" },
  ".cm-variable-unknown": { color: "var(--warn)", textDecoration: "underline dotted", textUnderlineOffset: "3px", backgroundColor: "transparent" },
});

const kinds: Record<Offer["kind"], string> = { key: "property", value: "enum", name: "variable", variable: "constant" };
const completionOf = (offer: Offer): Completion => ({
  label: offer.label, type: kinds[offer.kind],
  ...(offer.detail ? { detail: offer.detail } : {}), ...(offer.doc ? { info: offer.doc } : {}), ...(offer.insert !== undefined ? { apply: offer.insert } : {}),
});
const resultOf = (offers: Offers): CompletionResult => ({ from: offers.from, options: offers.list.map(completionOf), validFor: /^[\w.-]*$/ });

/** `[[NAME]]` in colour; names nobody knows look otherwise, once the known ones are there. */
function marking(known: () => readonly VariableInfo[] | null): Extension {
  const fine = Decoration.mark({ class: "cm-variable" }), strange = Decoration.mark({ class: "cm-variable cm-variable-unknown" });
  const matcher = new MatchDecorator({ regexp: INTERPOLATION, decoration: (found) => (known()?.some((v) => v.name === found[1]) ?? true ? fine : strange) });
  return ViewPlugin.fromClass(class {
    marks: DecorationSet;
    #seen = known();
    constructor(view: EditorView) { this.marks = matcher.createDeco(view); }
    update(update: ViewUpdate): void {
      const changed = this.#seen !== known();
      this.#seen = known();
      this.marks = changed ? matcher.createDeco(update.view) : matcher.updateDeco(update, this.marks);
    }
  }, { decorations: (plugin) => plugin.marks });
}

export function createField(options: FieldOptions): Field {
  let known: readonly VariableInfo[] | null = null, now = options.language;
  const language = new Compartment(), writable = new Compartment();
  // An example in a field that cannot be written would look like its text.
  const locked = (readOnly: boolean, name: Language): Extension => [EditorState.readOnly.of(readOnly), readOnly ? [] : placeholder(languages[name].hint)];

  let leaving = false;
  const leave = (on: boolean): void => {
    leaving = on;
    view.setTabFocusMode(on);
  };
  const learn = async (): Promise<readonly VariableInfo[]> => {
    known = await options.variables().catch(() => []);
    view.dispatch({});
    return known;
  };

  function speaking(name: Language): Extension {
    const spoken = languageOf(name);
    const complete = async (context: CompletionContext): Promise<CompletionResult | null> => {
      const text = context.state.doc.toString();
      if (spoken.variables && variableOffers(text, context.pos, [])) {
        const offers = variableOffers(text, context.pos, known ?? await learn());
        return offers && resultOf(offers);
      }
      const offers = spoken.offers?.(text, context.pos);
      if (!offers || (!context.explicit && offers.from === context.pos && !/[\s"'[]/.test(text[context.pos - 1] ?? "x"))) return null;
      if (!context.explicit && offers.from === context.pos && !spoken.eager?.(text, context.pos)) return null;
      if (!offers.names) return resultOf(offers);
      const { names, wrap = ["", ""] } = offers;
      const found = await options.names(names).catch(() => []);
      return resultOf({ from: offers.from, list: [...offers.list, ...found.map((label): Offer => ({ label, kind: "name", detail: names === "Tag" ? "tag" : names, insert: wrap[0] + label + wrap[1] }))] });
    };
    const explain = hoverTooltip(async (at, pos) => {
      const text = at.state.doc.toString();
      const found = (spoken.variables && explainVariable(text, pos, [])) ? explainVariable(text, pos, known ?? await learn()) : spoken.explain?.(text, pos);
      return found ? { pos: found.from, end: found.to, above: true, create: () => ({ dom: tip(found.title, found.doc) }) } : null;
    }, { hoverTime: 350 });
    const { problems } = spoken;
    return [
      spoken.support,
      languages[name].structured ? lineNumbers() : [],
      spoken.variables ? marking(() => known) : [],
      autocompletion({ override: [complete], icons: false, maxRenderedOptions: 200, activateOnCompletion: (c) => typeof c.apply === "string" && /[\s.]$/.test(c.apply) }),
      explain,
      problems ? linter((at) => {
        const text = at.state.doc.toString();
        const found = text.trim() === "" ? [] : problems(text);
        options.onProblems(found);
        return found.map((p): Diagnostic => {
          const line = at.state.doc.line(Math.min(Math.max(1, p.line), at.state.doc.lines));
          const from = Math.min(line.to, line.from + p.column);
          const word = /^[\w.-]+|^\S/.exec(line.text.slice(from - line.from))?.[0].length ?? 0;
          return { from, to: from + word, severity: p.severity, message: p.message };
        });
      }, { delay: 400 }) : [],
      keymap.of(languages[name].structured ? [{ key: "Tab", run: indentMore, shift: indentLess }] : []),
    ];
  }

  const view: EditorView = new EditorView({
    parent: options.parent,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        Prec.highest(keymap.of([{ key: "Tab", run: acceptCompletion }, { key: "Mod-/", run: toggleComment },
          // What an Escape closes in here it does not close around it.
          { key: "Escape", run: (at) => closeCompletion(at) || closeSearchPanel(at), stopPropagation: true },
        ])),
        history(), bracketMatching(), closeBrackets(), search({ top: true }), syntaxHighlighting(colours), EditorView.lineWrapping,
        language.of(speaking(options.language)),
        keymap.of([
          ...closeBracketsKeymap, ...completionKeymap, ...searchKeymap, ...historyKeymap, { key: "Ctrl-Space", run: startCompletion },
          ...defaultKeymap.filter((binding) => binding.key !== "Escape" && binding.key !== "Mod-Enter"),
          // With nothing open Escape gives Tab back to the page, until one types or leaves. The next Escape is for what is around.
          { key: "Escape", run: () => !leaving && (leave(true), true), stopPropagation: true },
        ]),
        EditorView.domEventHandlers({ blur: () => leave(false), focus: () => { if (known === null && languageOf(now).variables) void learn(); } }),
        writable.of(locked(options.readOnly, options.language)),
        EditorView.contentAttributes.of({ "aria-labelledby": options.labelledBy, spellcheck: "false", autocapitalize: "off", ...(options.describedBy ? { "aria-describedby": options.describedBy } : {}) }),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          leave(false);
          options.onChange(update.state.doc.toString());
        }),
        look, theme,
      ],
    }),
  });
  if (languageOf(options.language).variables && options.text.includes("[[")) void learn();

  return {
    text: () => view.state.doc.toString(),
    setText: (text) => setText(view, text),
    setReadOnly: (readOnly) => view.dispatch({ effects: writable.reconfigure(locked(readOnly, now)) }),
    setLanguage(name) {
      now = name;
      view.dispatch({ effects: [language.reconfigure(speaking(name)), writable.reconfigure(locked(view.state.readOnly, name))] });
    },
    goTo(line, column) {
      const at = view.state.doc.line(Math.min(Math.max(1, line), view.state.doc.lines));
      const anchor = Math.min(at.to, at.from + column);
      view.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: "center" }) });
      view.focus();
    },
    focus(from, to) {
      if (from !== undefined) view.dispatch({ selection: { anchor: from, head: to ?? from } });
      view.focus();
    },
    destroy: () => view.destroy(),
  };
}
