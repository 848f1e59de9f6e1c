// Times: relative to now in a few letters, exact ones in full, lengths.

const UNITS: readonly [number, string][] = [[86_400_000, "d"], [3_600_000, "h"], [60_000, "min"], [1000, "s"]];

/** "now", "4 min", "in 3 h", "2 d"; days up to a month, then the date. */
export function relative(ms: number, now: number): string {
  const distance = Math.abs(now - ms);
  if (distance < 5000) return "now";
  if (distance > 45 * 86_400_000) return new Date(ms).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
  const [size, unit] = UNITS.find(([size]) => distance >= size)!;
  const text = `${Math.floor(distance / size)} ${unit}`;
  return ms > now ? `in ${text}` : text;
}

const pad = (n: number, width = 2): string => String(n).padStart(width, "0");

/** "2026-03-01 14:05:09", local. */
export function exact(ms: number): string {
  const d = new Date(ms);
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
}

/** "14:05:09.120", local: for lines of one run. */
export function clock(ms: number): string {
  const d = new Date(ms);
  return `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}.${pad(d.getMilliseconds(), 3)}`;
}

/** A place on a time axis, in one line: as fine as the `step` between places, in seconds, asks for. */
export function tickText(ms: number, step: number): string {
  const d = new Date(ms);
  if (step >= 86_400) return d.toLocaleDateString("en", { day: "numeric", month: "short" });
  const minutes = `${pad(d.getHours())}:${pad(d.getMinutes())}`;
  if (step >= 21_600 && minutes === "00:00") return d.toLocaleDateString("en", { day: "numeric", month: "short" });
  return step < 60 ? `${minutes}:${pad(d.getSeconds())}` : minutes;
}

/** "0.3 s", "41 s", "3 min 20 s", "2 h 5 min". */
export function duration(ms: number): string {
  if (ms < 10_000) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min${s % 60 ? ` ${s % 60} s` : ""}`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h${s % 3600 >= 60 ? ` ${Math.floor((s % 3600) / 60)} min` : ""}`;
  return `${Math.floor(s / 86_400)} d${s % 86_400 >= 3600 ? ` ${Math.floor((s % 86_400) / 3600)} h` : ""}`;
}

const LENGTHS: Record<string, number> = { sec: 1, min: 60, hr: 3600, day: 86_400, wk: 604_800 };

/** Seconds of a Timelength of the API, such as "5-sec"; 0 when it is none. */
export function secondsOf(length: string | undefined): number {
  const [, n, unit] = /^(\d+)-(\w+)$/.exec(length ?? "") ?? [];
  return Number(n ?? 0) * (LENGTHS[unit ?? ""] ?? 0);
}

/** "3 ms", "0.4 ms", and lengths above a second as `duration` has them. */
export const cost = (ms: number): string => (ms >= 1000 ? duration(ms) : `${ms < 10 && ms % 1 ? ms.toFixed(1) : Math.round(ms)} ms`);

/** Names of the time zones that this browser knows. */
export const zones = (): readonly string[] => ["UTC", ...Intl.supportedValuesOf("timeZone")];
