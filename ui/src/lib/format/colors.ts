// Colours of tags: a hue and one of three shades, readable as a dot on either theme.
const hues: Record<string, [hue: number, chroma: number]> = {
  Slate: [250, .03], Red: [25, .19], Orange: [50, .17], Amber: [75, .16], Yellow: [95, .16], Lime: [125, .18], Green: [148, .18],
  Emerald: [163, .15], Teal: [183, .12], Cyan: [210, .12], Sky: [235, .14], Blue: [258, .18], Indigo: [275, .18], Violet: [290, .2],
  Purple: [303, .22], Fuchsia: [322, .24], Pink: [350, .2], Rose: [12, .2],
};

export function tagColor(name: string | undefined): string {
  const parts = /^(Light|Dark)?(.+)$/.exec(name ?? "Slate");
  const [hue, chroma] = hues[parts?.[2] ?? "Slate"] ?? hues["Slate"]!;
  const light = parts?.[1] === "Light" ? .78 : parts?.[1] === "Dark" ? .52 : .66;
  return `oklch(${light} ${chroma} ${hue})`;
}
