// What all editors of the page share: look, tooltips, folding, how text from outside comes in. In the chunk of the editors.
import { foldService, HighlightStyle } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags as t } from "@lezer/highlight";

/** The look of every editor, from the tokens. */
export const theme = EditorView.theme({
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

export const colours = HighlightStyle.define([
  { tag: t.keyword, color: "var(--code-key)" },
  { tag: [t.string, t.special(t.string)], color: "var(--ok)" },
  { tag: t.comment, color: "var(--tx3)", fontStyle: "italic" },
  { tag: [t.number, t.bool, t.null, t.atom], color: "var(--warn)" },
  { tag: [t.standard(t.variableName), t.standard(t.name), t.propertyName, t.definition(t.propertyName), t.heading], color: "var(--run)" },
  { tag: [t.labelName, t.typeName, t.meta], color: "var(--code-key)" },
]);

/** A tooltip: a title, a text, and rows below, all of it text. */
export function tip(title: Node | string, doc: string, rows: readonly { name: string; type: string; doc: string }[] = []): HTMLElement {
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
  if (rows.length) {
    const list = document.createElement("dl");
    for (const row of rows.slice(0, 24)) {
      const name = document.createElement("dt"), about = document.createElement("dd"), type = document.createElement("i");
      type.textContent = row.type.slice(0, 80);
      name.append(row.name, type);
      about.textContent = row.doc;
      list.append(name, about);
    }
    dom.append(list);
  }
  return dom;
}

/** A block folds from its first line to the line before the next that is indented as little. */
export const folding = foldService.of((state, start) => {
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

/** Replaces the text as one step that can be undone: only what differs, so that the cursor stays where it is. */
export function setText(view: EditorView, text: string): void {
  const old = view.state.doc.toString();
  if (text === old) return;
  let from = 0, to = old.length, end = text.length;
  while (from < to && from < end && old[from] === text[from]) from++;
  while (to > from && end > from && old[to - 1] === text[end - 1]) { to--; end--; }
  view.dispatch({ changes: { from, to, insert: text.slice(from, end) } });
}
