// What a measure will do if it goes on like this: "full in about 19 days". Says nothing when it is not clear.

/** A few minutes say nothing about days. */
const LEAST_MS = 30 * 60_000;

export function trend(times: readonly number[], values: readonly (number | null)[], full = 100): string {
  const points = times.map((t, i) => [t, values[i]] as const).filter((p): p is readonly [number, number] => p[1] !== null && p[1] !== undefined);
  if (points.length < 10 || points.at(-1)![0] - points[0]![0] < LEAST_MS) return "";
  const n = points.length;
  const meanT = points.reduce((sum, p) => sum + p[0], 0) / n, meanV = points.reduce((sum, p) => sum + p[1], 0) / n;
  let up = 0, down = 0, spread = 0;
  for (const [t, v] of points) {
    up += (t - meanT) * (v - meanV);
    down += (t - meanT) ** 2;
    spread += (v - meanV) ** 2;
  }
  if (!down || !spread) return "";
  const slope = up / down;
  const fit = (up * up) / (down * spread);   // how much of the movement the line explains
  const last = points.at(-1)![1];
  if (slope <= 0 || fit < 0.5) return "";
  const days = (full - last) / slope / 86_400_000;
  if (days > 365) return "";
  return days < 2 ? `full in about ${Math.max(1, Math.round(days * 24))} hours` : `full in about ${Math.round(days)} days`;
}
