// CodeMirror for Lua: what it shows comes from lua/ (pure) and the engine. A chunk of its own: only pages with an editor load it.
import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, startCompletion, type Completion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentLess, indentMore, toggleComment } from "@codemirror/commands";
import { bracketMatching, foldGutter, foldKeymap, indentService, indentUnit, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { lua } from "@codemirror/legacy-modes/mode/lua";
import { forceLinting, lintGutter, lintKeymap, linter, type Diagnostic } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, Prec, StateEffect, StateField, type Extension } from "@codemirror/state";
import { Decoration, EditorView, highlightActiveLine, highlightActiveLineGutter, hoverTooltip, keymap, lineNumbers, placeholder, showTooltip, type DecorationSet, type Tooltip } from "@codemirror/view";
import { check, columnOf, definitions, type Problem } from "./engine";
import { explain, offers, signature, type Offer } from "./lua/complete";
import { shortType, type Definitions, type Field } from "./lua/definitions";
import { indent } from "./lua/indent";
import { colours, folding, setText, theme, tip } from "./setup";

export interface MirrorOptions {
  parent: HTMLElement;
  text: string;
  label: string;
  readOnly: boolean;
  capabilities: () => readonly string[] | null;
  onChange(text: string): void;
  onProblems(problems: readonly Problem[]): void;
  onRun(dry: boolean): void;
  onSave(): void;
  /** Escape with nothing open: the focus goes on to what is behind the editor. */
  onLeave(): void;
  onCursor(line: number, column: number): void;
}

export interface Mirror {
  text(): string;
  /** Replaces the text, as one step that can be undone. */
  setText(text: string): void;
  format(): void;
  goTo(line: number, column?: number): void;
  /** Marks the line a run failed at; null takes the mark away. */
  mark(line: number | null): void;
  recheck(): void;
  setReadOnly(readOnly: boolean): void;
  insert(text: string): void;
  focus(): void;
  destroy(): void;
}

// ---- tooltips ----

const rows = (fields: readonly Field[]): { name: string; type: string; doc: string }[] =>
  fields.map((f) => ({ name: f.name, type: `${f.optional ? "?" : ""}: ${shortType(f.type)}`, doc: f.doc }));

const hover = (defs: () => Definitions | null): Extension => hoverTooltip((view, pos) => {
  const known = defs();
  const found = known && explain(known, view.state.doc.toString(), pos);
  return found ? { pos: found.from, end: found.to, above: true, create: () => ({ dom: tip(found.title, found.doc, rows(found.fields)) }) } : null;
}, { hoverTime: 350 });

const hideSignature = StateEffect.define<null>();

function signatureHelp(defs: () => Definitions | null): Extension {
  const at = (state: EditorState): Tooltip | null => {
    const known = defs(), { head, empty } = state.selection.main;
    const found = known && empty ? signature(known, state.doc.toString(), head) : null;
    if (!found) return null;
    const title = document.createElement("span");
    title.append(`${found.name}(`);
    found.parameters.forEach((name, i) => {
      const part = document.createElement(i === found.active ? "b" : "span");
      part.textContent = name;
      title.append(i ? ", " : "", part);
    });
    title.append(")");
    return { pos: found.at, above: true, create: () => ({ dom: tip(title, found.doc, rows(found.fields.filter((f) => !f.optional))) }) };
  };
  const field = StateField.define<Tooltip | null>({
    create: () => null,
    update(now, transaction) {
      if (transaction.effects.some((e) => e.is(hideSignature))) return null;
      // It appears while one types, and stays while the cursor moves inside the call.
      if (transaction.docChanged) return transaction.isUserEvent("input") || transaction.isUserEvent("delete") || now ? at(transaction.state) : null;
      return transaction.selection && now ? at(transaction.state) : now;
    },
    provide: (f) => showTooltip.from(f),
  });
  const blurred = EditorView.domEventHandlers({ blur: (_, view) => { if (view.state.field(field)) view.dispatch({ effects: hideSignature.of(null) }); } });
  return [field, blurred, keymap.of([{ key: "Escape", run: (view) => view.state.field(field) !== null && (view.dispatch({ effects: hideSignature.of(null) }), true) }])];
}

// ---- completion ----

const types: Record<Offer["kind"], string> = { function: "function", property: "property", request: "method", keyword: "keyword", variable: "variable", enum: "enum", namespace: "namespace" };
const boost: Record<Offer["kind"], number> = { variable: 3, namespace: 2, property: 1, request: 1, enum: 1, function: 0, keyword: -1 };

const completing = (defs: () => Definitions | null) => (context: CompletionContext): CompletionResult | null => {
  const known = defs();
  if (!known) return null;
  const found = offers(known, context.state.sliceDoc(0, context.pos), context.pos, context.explicit);
  if (!found) return null;
  const options = found.list.map((o): Completion => ({
    label: o.label, type: types[o.kind], boost: boost[o.kind],
    ...(o.detail ? { detail: o.detail } : {}), ...(o.doc ? { info: o.doc } : {}), ...(o.insert ? { apply: o.insert } : {}),
  }));
  return { from: found.from, options, validFor: /^\w*$/ };
};

// ---- diagnostics ----

const severityOf = (p: Problem): Diagnostic["severity"] => (p.severity === "error" ? "error" : "warning");

function checking(options: MirrorOptions): Extension {
  return linter(async (view) => {
    const source = view.state.doc.toString();
    let problems: Problem[];
    try { problems = source.trim() === "" ? [] : await check(source, options.capabilities()); } catch { return []; }   // the state of the connection is shown elsewhere
    if (view.state.doc.toString() !== source) return [];
    options.onProblems(problems);
    return problems.map((p): Diagnostic => {
      const line = view.state.doc.line(Math.min(Math.max(1, p.line), view.state.doc.lines));
      const from = Math.min(line.to, line.from + columnOf(line.text, p.column));
      const word = /^(?:\w+|"[^"]*"|'[^']*'|\S)/.exec(line.text.slice(from - line.from))?.[0].length ?? 0;
      return { from, to: from + word, severity: severityOf(p), message: p.message, source: p.code };
    });
  }, { delay: 350 });
}

// ---- the line of a failure ----

const setFailed = StateEffect.define<number | null>();
const failedLine = Decoration.line({ class: "cm-failed" });
const failed = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(now, transaction) {
    for (const effect of transaction.effects) if (effect.is(setFailed)) {
      const { doc } = transaction.state;
      return effect.value === null || effect.value > doc.lines ? Decoration.none : Decoration.set([failedLine.range(doc.line(effect.value).from)]);
    }
    return now.map(transaction.changes);
  },
  provide: (f) => EditorView.decorations.from(f),
});

export function createMirror(options: MirrorOptions): Mirror {
  let defs: Definitions | null = null;
  const known = (): Definitions | null => defs;
  const writable = new Compartment();
  const locked = (readOnly: boolean): Extension => [EditorState.readOnly.of(readOnly)];
  const format = (view: EditorView): boolean => {
    const before = view.state.doc.toString(), after = indent(before);
    if (before === after) return true;
    const line = view.state.doc.lineAt(view.state.selection.main.head).number;
    // Line by line, so that the cursor and undo stay where one works.
    const old = before.split("\n"), now = after.split("\n");
    let from = 0;
    const changes: { from: number; to: number; insert: string }[] = [];
    old.forEach((text, i) => {
      if (text !== now[i]) changes.push({ from, to: from + text.length, insert: now[i]! });
      from += text.length + 1;
    });
    view.dispatch({ changes, userEvent: "format" });
    const target = view.state.doc.line(line);
    view.dispatch({ selection: { anchor: target.from + /^\s*/.exec(target.text)![0].length } });
    return true;
  };
  const view = new EditorView({
    parent: options.parent,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        Prec.highest(keymap.of([
          { key: "Mod-Enter", run: () => (options.onRun(false), true) },
          { key: "Mod-Shift-Enter", run: () => (options.onRun(true), true) },
          { key: "Mod-s", run: () => (options.onSave(), true), preventDefault: true },
          { key: "Shift-Alt-f", run: format },
          { key: "Mod-/", run: toggleComment },
          { key: "Tab", run: acceptCompletion },
        ])),
        lineNumbers(), highlightActiveLineGutter(), highlightActiveLine(), lintGutter(), foldGutter({ openText: "⌄", closedText: "›" }), folding, failed,
        history(), bracketMatching(), closeBrackets(), search({ top: true }), highlightSelectionMatches(),
        StreamLanguage.define({ ...lua, languageData: { ...lua.languageData, commentTokens: { line: "--" } } }), syntaxHighlighting(colours), indentUnit.of("  "),
        indentService.of((context, pos) => {
          const text = context.state.sliceDoc(0, pos);
          const line = context.lineAt(pos, 1).text;
          // The line as it would stand: what is before it, and its own words.
          return /^\s*/.exec(indent(`${text.slice(0, text.lastIndexOf("\n") + 1)}${line.trim() || "x"}`).split("\n").at(-1)!)![0].length;
        }),
        EditorState.languageData.of(() => [{ indentOnInput: /^\s*(?:end|else|elseif\b.*|until|\}|\))$/ }]),
        autocompletion({ override: [completing(known)], activateOnTypingDelay: 60, icons: false, maxRenderedOptions: 200 }),
        hover(known), signatureHelp(known), checking(options),
        placeholder("return komodo.servers.list()"),
        keymap.of([
          ...closeBracketsKeymap, ...completionKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap,
          { key: "Tab", run: indentMore, shift: indentLess }, { key: "Ctrl-Space", run: startCompletion },
          ...defaultKeymap.filter((binding) => binding.key !== "Escape"),
          { key: "Escape", run: () => (options.onLeave(), true) },
        ]),
        writable.of(locked(options.readOnly)),
        EditorView.contentAttributes.of({ "aria-label": options.label, tabindex: "0", spellcheck: "false", autocapitalize: "off" }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) options.onChange(update.state.doc.toString());
          if (update.docChanged || update.selectionSet) {
            const { head } = update.state.selection.main, line = update.state.doc.lineAt(head);
            options.onCursor(line.number, head - line.from + 1);
          }
        }),
        theme,
      ],
    }),
  });
  definitions().then((made) => { defs = made; }, () => { /* the editor works without them */ });

  return {
    text: () => view.state.doc.toString(),
    setText: (text) => setText(view, text),
    format: () => void format(view),
    goTo(line, column = 1) {
      const { doc } = view.state;
      const at = doc.line(Math.min(Math.max(1, line), doc.lines));
      const anchor = Math.min(at.to, at.from + columnOf(at.text, column));
      view.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: "center" }) });
      view.focus();
    },
    mark: (line) => view.dispatch({ effects: setFailed.of(line) }),
    recheck: () => forceLinting(view),
    setReadOnly: (readOnly) => view.dispatch({ effects: writable.reconfigure(locked(readOnly)) }),
    insert: (text) => view.dispatch(view.state.replaceSelection(text)),
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}
