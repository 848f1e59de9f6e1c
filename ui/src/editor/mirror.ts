// CodeMirror for Lua: what it shows comes from lua/ (pure) and the engine. A chunk of its own: only pages with an editor load it.
import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, startCompletion, type Completion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentLess, indentMore, toggleComment } from "@codemirror/commands";
import { bracketMatching, foldGutter, foldKeymap, foldService, HighlightStyle, indentService, indentUnit, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { lua } from "@codemirror/legacy-modes/mode/lua";
import { forceLinting, lintGutter, lintKeymap, linter, type Diagnostic } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, Prec, StateEffect, StateField, type Extension } from "@codemirror/state";
import { Decoration, EditorView, highlightActiveLine, highlightActiveLineGutter, hoverTooltip, keymap, lineNumbers, placeholder, showTooltip, type DecorationSet, type Tooltip } from "@codemirror/view";
import { tags as t } from "@lezer/highlight";
import { check, columnOf, definitions, type Problem } from "./engine";
import { explain, offers, signature, type Offer } from "./lua/complete";
import { shortType, type Definitions, type Field } from "./lua/definitions";
import { indent } from "./lua/indent";

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

const theme = EditorView.theme({
  "&": { height: "100%", color: "var(--tx)", backgroundColor: "var(--bg1)", fontSize: "13px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "20px" },
  ".cm-content": { caretColor: "var(--accent)", padding: "8px 0" },
  ".cm-cursor": { borderLeftColor: "var(--accent)", borderLeftWidth: "2px" },
  ".cm-gutters": { backgroundColor: "var(--bg1)", color: "var(--tx3)", border: "0" },
  ".cm-lineNumbers .cm-gutterElement": { minWidth: "34px", padding: "0 6px 0 8px" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--bg3) 40%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "transparent", color: "var(--tx)" },
  ".cm-selectionMatch": { backgroundColor: "color-mix(in srgb, var(--run) 22%, transparent)" },
  "& ::selection": { backgroundColor: "color-mix(in srgb, var(--accent) 30%, transparent)" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--bg3)", outline: "1px solid var(--line2)" },
  ".cm-foldGutter span": { color: "var(--tx3)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--bg3)", border: "0", color: "var(--tx2)", padding: "0 4px" },
  ".cm-placeholder": { color: "var(--tx3)" },
  ".cm-failed": { backgroundColor: "var(--bad-bg)" },
  ".cm-gutter-lint": { width: "14px" },
  ".cm-lint-marker": { width: "10px", height: "10px", margin: "5px 0 0 2px" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--bad)", textDecorationSkipInk: "none", textUnderlineOffset: "3px" },
  ".cm-lintRange-warning": { backgroundImage: "none", textDecoration: "underline wavy var(--warn)", textDecorationSkipInk: "none", textUnderlineOffset: "3px" },
  ".cm-diagnostic": { padding: "4px 8px", borderLeft: "0", fontFamily: "var(--font)", fontSize: "var(--t-s)" },
  ".cm-diagnostic-error": { color: "var(--bad)" },
  ".cm-diagnostic-warning": { color: "var(--warn)" },
  ".cm-tooltip": { zIndex: "var(--z-float)", border: "1px solid var(--line2)", borderRadius: "var(--r2)", backgroundColor: "var(--bg2)", color: "var(--tx)", boxShadow: "var(--shadow)", maxWidth: "min(560px, 90vw)", overflow: "hidden" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", fontSize: "var(--t-s)", maxHeight: "260px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "2px 8px", lineHeight: "20px", display: "flex", gap: "8px", alignItems: "baseline" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent-bg)", color: "var(--tx)" },
  ".cm-completionMatchedText": { textDecoration: "none", color: "var(--accent)", fontWeight: "600" },
  ".cm-completionDetail": { marginLeft: "auto", fontStyle: "normal", color: "var(--tx3)", overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap", maxWidth: "280px" },
  ".cm-completionIcon": { width: "10px", opacity: "1", color: "var(--tx3)", paddingRight: "0" },
  // Where there is no room beside the list it would lie over it.
  ".cm-completionInfo-left-narrow, .cm-completionInfo-right-narrow": { display: "none" },
  ".cm-completionInfo": { padding: "8px 10px", maxWidth: "320px", fontFamily: "var(--font)", fontSize: "var(--t-s)", lineHeight: "17px" },
  ".tip": { padding: "8px 10px", fontSize: "var(--t-s)", lineHeight: "17px", maxHeight: "300px", overflow: "auto" },
  ".tip-title": { fontFamily: "var(--mono)", whiteSpace: "pre-wrap", overflowWrap: "anywhere" },
  ".tip-title b": { color: "var(--accent)", fontWeight: "600" },
  ".tip p": { margin: "4px 0 0", color: "var(--tx2)" },
  ".tip dl": { display: "grid", gridTemplateColumns: "auto 1fr", gap: "2px 12px", margin: "6px 0 0" },
  ".tip dt": { fontFamily: "var(--mono)" },
  ".tip dt i": { fontStyle: "normal", color: "var(--tx3)" },
  ".tip dd": { margin: "0", color: "var(--tx2)" },
  ".cm-panels": { backgroundColor: "var(--bg2)", color: "var(--tx)", borderTop: "1px solid var(--line)" },
  ".cm-panels.cm-panels-top": { borderBottom: "1px solid var(--line)", borderTop: "0" },
  ".cm-search": { padding: "6px 8px", fontFamily: "var(--font)", fontSize: "var(--t-s)" },
  ".cm-textfield": { border: "1px solid var(--line2)", borderRadius: "var(--r1)", backgroundColor: "var(--bg1)", color: "var(--tx)", fontSize: "var(--t-s)", padding: "2px 6px" },
  ".cm-button": { backgroundImage: "none", backgroundColor: "var(--bg1)", border: "1px solid var(--line2)", borderRadius: "var(--r1)", color: "var(--tx)", fontSize: "var(--t-s)" },
  ".cm-search [name=close]": { color: "var(--tx2)", fontSize: "16px" },
  ".cm-searchMatch": { backgroundColor: "var(--warn-bg)", outline: "1px solid var(--warn)" },
  ".cm-searchMatch-selected": { backgroundColor: "color-mix(in srgb, var(--warn) 45%, transparent)" },
});

const colours = HighlightStyle.define([
  { tag: t.keyword, color: "var(--code-key)" },
  { tag: [t.string, t.special(t.string)], color: "var(--ok)" },
  { tag: t.comment, color: "var(--tx3)", fontStyle: "italic" },
  { tag: [t.number, t.bool, t.null, t.atom], color: "var(--warn)" },
  { tag: [t.standard(t.variableName), t.standard(t.name)], color: "var(--run)" },
]);

// ---- tooltips ----

function fieldList(fields: readonly Field[]): HTMLElement {
  const list = document.createElement("dl");
  for (const f of fields.slice(0, 24)) {
    const name = document.createElement("dt"), doc = document.createElement("dd"), type = document.createElement("i");
    type.textContent = `${f.optional ? "?" : ""}: ${shortType(f.type).slice(0, 80)}`;
    name.append(f.name, type);
    doc.textContent = f.doc;
    list.append(name, doc);
  }
  return list;
}

function tip(title: Node | string, doc: string, fields: readonly Field[]): HTMLElement {
  const dom = document.createElement("div"), head = document.createElement("div");
  dom.className = "tip";
  head.className = "tip-title";
  head.append(title);
  dom.append(head);
  if (doc) {
    const p = document.createElement("p");
    p.textContent = doc;
    dom.append(p);
  }
  if (fields.length) dom.append(fieldList(fields));
  return dom;
}

const hover = (defs: () => Definitions | null): Extension => hoverTooltip((view, pos) => {
  const known = defs();
  const found = known && explain(known, view.state.doc.toString(), pos);
  return found ? { pos: found.from, end: found.to, above: true, create: () => ({ dom: tip(found.title, found.doc, found.fields) }) } : null;
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
    return { pos: found.at, above: true, create: () => ({ dom: tip(title, found.doc, found.fields.filter((f) => !f.optional)) }) };
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

/** A block folds from its first line to the line before the next that is indented as little. */
const folding = foldService.of((state, start) => {
  const line = state.doc.lineAt(start);
  const depth = /^\s*/.exec(line.text)![0].length;
  if (!line.text.trim()) return null;
  let last = line.number;
  for (let n = line.number + 1; n <= state.doc.lines; n++) {
    const { text } = state.doc.line(n);
    if (!text.trim()) continue;
    if (/^\s*/.exec(text)![0].length <= depth) break;
    last = n;
  }
  return last > line.number ? { from: line.to, to: state.doc.line(last).to } : null;
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

  const replace = (text: string): void => {
    const old = view.state.doc.toString();
    if (text === old) return;
    // Only what differs, so that the cursor stays where it is.
    let from = 0, to = old.length, end = text.length;
    while (from < to && from < end && old[from] === text[from]) from++;
    while (to > from && end > from && old[to - 1] === text[end - 1]) { to--; end--; }
    view.dispatch({ changes: { from, to, insert: text.slice(from, end) } });
  };
  return {
    text: () => view.state.doc.toString(),
    setText: replace,
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
