// Finding by a few letters: all must come in order; starts of words and runs count more. 0 means no match.

export function score(text: string, typed: string): number {
  if (!typed) return 1;
  const low = text.toLowerCase();
  const whole = low.indexOf(typed);
  if (whole >= 0) return 1000 - whole - low.length * 0.1 + (whole === 0 || !/[a-z0-9]/.test(low[whole - 1]!) ? 200 : 0);
  let at = -1, points = 0, run = 0;
  for (const letter of typed) {
    if (letter === " ") continue;
    const next = low.indexOf(letter, at + 1);
    if (next < 0) return 0;
    run = next === at + 1 ? run + 1 : 0;
    points += 1 + run * 3 + (next === 0 || !/[a-z0-9]/.test(low[next - 1]!) ? 8 : 0) - (next - at) * 0.1;
    at = next;
  }
  return Math.max(0.1, points);
}

export function best<T>(items: readonly T[], typed: string, text: (item: T) => string, limit: number): T[] {
  const wanted = typed.trim().toLowerCase();
  const scored: { item: T; points: number; i: number }[] = [];
  items.forEach((item, i) => {
    const points = score(text(item), wanted);
    if (points > 0) scored.push({ item, points, i });
  });
  scored.sort((a, b) => b.points - a.points || a.i - b.i);
  return scored.slice(0, limit).map((s) => s.item);
}
