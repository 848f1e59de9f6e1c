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

export const gigabytes = (value: number): string => bytes(value * 1024 ** 3);

export const version = (v: { major: number; minor: number; patch: number }): string =>
  v.major || v.minor || v.patch ? `${v.major}.${v.minor}.${v.patch}` : "–";

export const count = (n: number, one: string, many = `${one}s`): string => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
