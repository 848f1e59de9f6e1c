// Numbers as people read them. Widths stay the same while values change: that is what the fixed digits are for.

export const percent = (value: number): string => `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;

export function bytes(value: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let at = 0;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1024;
    at++;
  }
  return `${at === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[at]}`;
}

const dockerUnits: Record<string, number> = { B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** Sizes as docker writes them ("836KiB / 23.5GiB", "1.2kB / 0B") as the rest of the page does. */
export const dockerBytes = (text: string): string =>
  text.trim().replace(/([\d.]+)\s*([kKMGT]?i?B)/g, (all, number: string, unit: string) => (dockerUnits[unit] ? bytes(Number(number) * dockerUnits[unit]) : all));

/** Bytes that were counted over `seconds`, as a rate. */
export const rate = (value: number, seconds: number): string => `${bytes(value / (seconds || 1))}/s`;

export const gigabytes = (value: number): string => bytes(value * 1024 ** 3);

export const version = (v: { major: number; minor: number; patch: number }): string =>
  v.major || v.minor || v.patch ? `${v.major}.${v.minor}.${v.patch}` : "–";

export const count = (n: number, one: string, many = `${one}s`): string => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
