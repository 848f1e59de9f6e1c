// Keys of the page. Single keys do nothing while somebody types.

export interface Shortcut {
  keys: string;
  label: string;
}

/** Two keys after another: g, then where. */
export const places: Record<string, [path: string, label: string]> = {
  h: ["/", "Home"], s: ["/servers", "Servers"], c: ["/containers", "Containers"], t: ["/stacks", "Stacks"], d: ["/deployments", "Deployments"],
  b: ["/builds", "Builds"], r: ["/repos", "Repos"], p: ["/procedures", "Procedures"], a: ["/actions", "Actions"], y: ["/resource-syncs", "Syncs"],
  u: ["/updates", "Updates"], l: ["/alerts", "Alerts"], e: ["/schedules", "Schedules"], v: ["/settings/variables", "Variables"],
};

export const shortcuts: readonly Shortcut[] = [
  { keys: "Ctrl K", label: "Search, or run a command" },
  { keys: "?", label: "This list" },
  { keys: "/", label: "Filter the list" },
  { keys: "c", label: "Create one of what the page lists" },
  { keys: "u", label: "Updates" },
  { keys: "l", label: "Alerts" },
  { keys: "j k", label: "Next or previous row" },
  { keys: "x", label: "Select the row" },
  { keys: "Ctrl S", label: "Review and save changes" },
  { keys: "Esc", label: "Close, or clear the selection" },
];

export function isTyping(event: KeyboardEvent): boolean {
  const at = event.target;
  return at instanceof HTMLElement && (at.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName) || at.getAttribute("role") === "textbox")
    && !(at instanceof HTMLInputElement && at.type === "checkbox");
}
