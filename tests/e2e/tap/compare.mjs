// Recorded against played: the placeholders of golden/core/README.md, and where two values differ.

const TIME = 1700000000000;
const patterns = { "<public_key>": /^[A-Za-z0-9+/]{59}=$/, "<sha256>": /^[0-9a-f]{64}$/ };

const show = (v) => {
  const text = JSON.stringify(v) ?? "nothing";
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
};
const isObject = (v) => typeof v === "object" && v !== null && !Array.isArray(v);

function sameLeaf(want, got) {
  if (want === TIME) return Number.isInteger(got) && got > 0;
  if (want === "…") return typeof got === "string" && got.length > 0;   // Komodo's own words
  return want === got || (typeof got === "string" && patterns[want]?.test(got) === true);
}

/** Map(path -> what differs there). Keys may come in any order; none may be missing or new. */
export function differences(want, got, path = "", out = new Map()) {
  if (Array.isArray(want) && Array.isArray(got)) {
    if (want.length !== got.length) out.set(`${path}.length`, `recorded ${want.length}: ${show(want)}\n    played ${got.length}: ${show(got)}`);
    for (let i = 0; i < Math.min(want.length, got.length); i++) differences(want[i], got[i], `${path}[${i}]`, out);
  } else if (isObject(want) && isObject(got)) {
    for (const key of new Set([...Object.keys(want), ...Object.keys(got)])) {
      const at = path ? `${path}.${key}` : key;
      if (!(key in got)) out.set(at, `recorded ${show(want[key])}, is missing`);
      else if (!(key in want)) out.set(at, `not recorded: ${show(got[key])}`);
      else differences(want[key], got[key], at, out);
    }
  } else if (!sameLeaf(want, got)) {
    out.set(path, `recorded ${show(want)}, played ${show(got)}`);
  }
  return out;
}

/** Replaces text in every string (and key) of a value. `pairs`: [from, to]. */
export function translated(value, pairs) {
  let text = JSON.stringify(value);
  if (text === undefined) return undefined;
  for (const [from, to] of pairs) text = text.replaceAll(JSON.stringify(from).slice(1, -1), () => JSON.stringify(to).slice(1, -1));
  return JSON.parse(text);
}
