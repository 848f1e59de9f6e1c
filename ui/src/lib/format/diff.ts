// Line diff by the longest common subsequence of what differs; equal starts and ends are cut off first.

export interface DiffLine {
  kind: "same" | "add" | "drop";
  text: string;
  /** Line numbers before and after, from 1. */
  before?: number;
  after?: number;
}

/** Above this the middle is shown as one replaced block: the table of the comparison would grow too large. */
const CELLS = 4_000_000;

export function diffLines(before: string, after: string): DiffLine[] {
  const a = before === "" ? [] : before.replace(/\n$/, "").split("\n");
  const b = after === "" ? [] : after.replace(/\n$/, "").split("\n");
  let start = 0, endA = a.length, endB = b.length;
  while (start < endA && start < endB && a[start] === b[start]) start++;
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) { endA--; endB--; }

  const out: DiffLine[] = [];
  const same = (i: number, j: number): void => void out.push({ kind: "same", text: a[i]!, before: i + 1, after: j + 1 });
  const drop = (i: number): void => void out.push({ kind: "drop", text: a[i]!, before: i + 1 });
  const add = (j: number): void => void out.push({ kind: "add", text: b[j]!, after: j + 1 });

  for (let i = 0; i < start; i++) same(i, i);
  const n = endA - start, m = endB - start;
  if (n * m > CELLS) {
    for (let i = start; i < endA; i++) drop(i);
    for (let j = start; j < endB; j++) add(j);
  } else {
    const width = m + 1;
    const longest = new Uint32Array((n + 1) * width);
    for (let i = n - 1; i >= 0; i--)
      for (let j = m - 1; j >= 0; j--)
        longest[i * width + j] = a[start + i] === b[start + j]
          ? longest[(i + 1) * width + j + 1]! + 1
          : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!);
    let i = 0, j = 0;
    while (i < n || j < m) {
      if (i < n && j < m && a[start + i] === b[start + j]) same(start + i++, start + j++);
      else if (i < n && (j >= m || longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!)) drop(start + i++);
      else add(start + j++);
    }
  }
  for (let i = endA, j = endB; i < a.length; i++, j++) same(i, j);
  return out;
}

/** The lines worth showing: `around` equal ones beside each change; null stands for those left out. */
export function hunks(lines: readonly DiffLine[], around = 3): (DiffLine | null)[] {
  const keep = new Uint8Array(lines.length);
  lines.forEach((line, i) => {
    if (line.kind !== "same") keep.fill(1, Math.max(0, i - around), i + around + 1);
  });
  const out: (DiffLine | null)[] = [];
  lines.forEach((line, i) => {
    if (keep[i]) out.push(line);
    else if (out.length === 0 || out.at(-1) !== null) out.push(null);
  });
  return out.length === 1 && out[0] === null ? [] : out;
}
